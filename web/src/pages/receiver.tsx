// The receiver: alerts on this device. What it was told, what it wants to be told of, how it is reached, and what is missing for that.
import { useEffect, useState } from "preact/hooks";
import { address, type Problem } from "../api.ts";
import { useShared } from "../context.ts";
import { facts, mended, problemOf, say, useMine, worker, type Channels } from "../device/device.ts";
import { useAnswer } from "../hooks.ts";
import { t } from "../language.ts";
import { shown } from "../pure/hostile.ts";
import { behindHash, lacking } from "../pure/receiver.ts";
import type { Alert } from "../pure/rules.ts";
import { History } from "../parts/device_history.tsx";
import { Join } from "../parts/device_join.tsx";
import { Reached } from "../parts/device_reached.tsx";
import { Wanted } from "../parts/device_wanted.tsx";
import { Failed } from "../parts/states.tsx";
import "../style/incidents.css";
import "../style/rules.css";
import "../style/receiver.css";

/** What the address brought along, once: a code never stays where histories keep it. */
function useBehindHash(): ReturnType<typeof behindHash> {
  const [said] = useState(() => behindHash(location.hash));
  useEffect(() => { if (location.hash) history.replaceState(null, "", location.pathname + location.search); }, []);
  return said;
}

export function Receiver() {
  const { downSince } = useShared();
  const [notice, setNotice] = useState<Alert | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const mine = useMine(setNotice);
  const channels = useAnswer<Channels>(mine.added === null ? null : address("devices/channels"), mine.added ? 1 : 0, 1);
  const brought = useBehindHash();
  const opine = (alert: string, useful: boolean) => say(alert, useful).then(() => { setProblem(null); mine.refresh(); }, (refused) => setProblem(problemOf(refused)));
  useEffect(() => { void worker(); }, []);
  useEffect(() => { if (mine.added && brought.alert && brought.useful !== null) void opine(brought.alert, brought.useful); }, [mine.added]);
  useEffect(() => {
    if (mine.mine && channels.data) mended(mine.mine, channels.data.channels).then(mine.set, () => undefined);
  }, [mine.mine?.id, mine.mine?.reachable, channels.data]);
  const lacks = lacking(facts(channels.data?.channels ?? null, mine.mine));
  const old = mine.at !== undefined && (downSince !== null || mine.problem !== null);
  return (
    <main class="receiver" id="main" tabIndex={-1}>
      <h1 class="hidden">{t("page.receiver")}</h1>
      {notice && <Notice alert={notice} close={() => setNotice(null)} />}
      {problem && <Failed problem={problem} />}
      {mine.added === false && <Join code={brought.code} needed={channels.data?.code_needed ?? true} removed={mine.removed} />}
      {mine.added && !mine.mine && mine.problem && <Failed problem={mine.problem} again={mine.refresh} />}
      {mine.added && mine.mine && (
        <div class="receiverGrid">
          {!mine.mine.rule && <Wanted mine={mine.mine} set={mine.set} />}
          <History alerts={mine.alerts ?? []} precision={mine.precision ?? null} at={mine.at ?? null} old={old} say={(alert, useful) => void opine(alert, useful)} />
          <div class="receiverSide">
            <Reached mine={mine.mine} channels={channels.data?.channels ?? null} lacks={lacks} set={mine.set} />
            {mine.mine.rule && <Wanted mine={mine.mine} set={mine.set} />}
          </div>
        </div>
      )}
    </main>
  );
}

const CALM = ["all-clear", "digest", "test"];

function Notice({ alert, close }: { alert: Alert; close: () => void }) {
  const calm = CALM.includes(alert.kind);
  return (
    <div class={`notice${calm ? " calm" : ""}`} role="alert" id="notice">
      <strong><span aria-hidden="true">{calm ? "○" : "▲"} </span><bdi>{shown(alert.title ?? "")}</bdi></strong>
      <span><bdi>{shown(alert.body ?? "")}</bdi></span>
      <button type="button" onClick={close}>{t("close")}</button>
    </div>
  );
}
