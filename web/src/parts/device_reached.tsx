// How this device is reached, what is missing for that, a test, and the way out.
import { useEffect, useState } from "preact/hooks";
import type { Problem } from "../api.ts";
import { leave, problemOf, subscribe, test, unsubscribe, type Channel, type Device } from "../device/device.ts";
import { t } from "../language.ts";
import { shown } from "../pure/hostile.ts";
import type { Lack } from "../pure/receiver.ts";
import { Failed } from "./states.tsx";

const LINES = '[[channel]]\ntype = "webpush"\ncontact = "mailto:you@example.org"';

interface Install extends Event { prompt: () => Promise<unknown> }

/** The browser's own question whether to install the page, once it offers to ask it. */
function useInstall(): (() => void) | null {
  const [offer, setOffer] = useState<Install | null>(null);
  useEffect(() => {
    const offered = (event: Event) => { event.preventDefault(); setOffer(event as Install); };
    addEventListener("beforeinstallprompt", offered);
    return () => removeEventListener("beforeinstallprompt", offered);
  }, []);
  return offer && (() => void offer.prompt().finally(() => setOffer(null)));
}

export function Reached({ mine, channels, lacks, set }: { mine: Device; channels: Channel[] | null; lacks: Lack[]; set: (mine: Device) => void }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [said, setSaid] = useState("");
  const [busy, setBusy] = useState(false);
  const install = useInstall();
  const channel = channels?.find((each) => each.public_key !== null);
  const broken = channels?.find((each) => each.problem !== null && each.type === "webpush");
  const permitted = "Notification" in window && Notification.permission === "granted";
  const reached = mine.push && mine.reachable && permitted;
  const doing = (work: Promise<unknown>, done: string) => {
    setBusy(true);
    work.then(() => { setProblem(null); setSaid(done); }, (refused) => { setProblem(problemOf(refused)); setSaid(""); }).finally(() => setBusy(false));
  };
  const turnOn = async () => {
    if ((await Notification.requestPermission()) !== "granted") throw new Error(t("lack.denied"));
    if (channel) set(await subscribe(channel));
  };
  const may = !lacks.some((each) => each !== "channel");
  return (
    <section class="panel reached" aria-labelledby="reached-title">
      <header><h2 id="reached-title"><bdi>{shown(mine.name)}</bdi></h2></header>
      <p id="reached"><span class={`state ${reached && mine.rule ? "good" : "working"}`}><i aria-hidden="true" />{t(!mine.rule ? "receiver.nothingYet" : reached ? "receiver.always" : permitted ? "receiver.openLoud" : "receiver.openOnly")}</span></p>
      {lacks.map((each) => <Lacks key={each} lack={each} />)}
      {broken && <p class="problem"><span aria-hidden="true">▲ </span>{shown(broken.problem ?? "")}</p>}
      {problem && <Failed problem={problem} />}
      <div class="formFoot">
        {may && !reached && (channel || !permitted) && <button type="button" class="main" id="turn-on" disabled={busy} onClick={() => doing(turnOn(), t("receiver.on"))}>{t("receiver.turnOn")}</button>}
        {reached && <button type="button" id="turn-off" disabled={busy} onClick={() => doing(unsubscribe().then(set), t("receiver.off"))}>{t("receiver.turnOff")}</button>}
        <button type="button" id="test" disabled={busy} onClick={() => doing(test(), t("receiver.tested"))}>{t("receiver.test")}</button>
        {install && <button type="button" id="install" onClick={install}>{t("receiver.install")}</button>}
        <Leave left={(work) => doing(work, "")} />
      </div>
      <span role="status" id="reached-said" class="soft">{said}</span>
    </section>
  );
}

function Lacks({ lack }: { lack: Lack }) {
  return (
    <div class="partly" data-lack={lack}>
      <strong>{t(`lack.${lack}`)}</strong>
      <p>{t(`lack.${lack}Next`)}</p>
      {lack === "channel" && <pre>{LINES}</pre>}
    </div>
  );
}

function Leave({ left }: { left: (work: Promise<unknown>) => void }) {
  const [sure, setSure] = useState(false);
  if (!sure) return <button type="button" id="leave" onClick={() => setSure(true)}>{t("receiver.leave")}</button>;
  return <span class="sure" role="group" aria-label={t("receiver.leave")}>{t("receiver.leaveSure")} <button type="button" class="main" id="leave-sure" onClick={() => { setSure(false); left(leave()); }}>{t("receiver.leave")}</button> <button type="button" onClick={() => setSure(false)}>{t("decide.not")}</button></span>;
}
