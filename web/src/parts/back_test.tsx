// What a rule would have sent in the range of the page, had it been there: asked for once, and then with every change.
import { useEffect, useRef, useState } from "preact/hooks";
import { address, ask, Refused, type Problem } from "../api.ts";
import { useShared } from "../context.ts";
import { language, n, t } from "../language.ts";
import type { State } from "../pure/incidents.ts";
import { bodyOf, NAME, type Item, type Rule, type Sent, type Tested } from "../pure/rules.ts";
import { iso, lasting, moment } from "../pure/time.ts";
import { moved, write } from "../pure/view.ts";
import { useTimes } from "../pages/now_data.ts";
import { nameOfIncident, severityName, Sign } from "./incident_names.tsx";
import { Failed, Loading } from "./states.tsx";

const REST_MS = 600;
/** Under this name a rule without one is tested; nothing is kept of it. */
const UNNAMED = "unnamed";

export function BackTest({ draft, stored }: { draft: Rule; stored: boolean }) {
  const times = useTimes();
  const [wanted, setWanted] = useState(false);
  const [found, setFound] = useState<{ tested: Tested; about: string } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const first = useRef(true);
  const name = NAME.test(draft.name) ? draft.name : UNNAMED;
  const span = times && { since: iso(times.span.from), until: iso(times.span.to) };
  const body = JSON.stringify(bodyOf({ ...draft, channels: [] }));
  const about = `${body} ${span?.since} ${span?.until}`;
  useEffect(() => {
    if (!wanted || !span) return;
    const gone = new AbortController();
    const timer = setTimeout(() => {
      first.current = false;
      ask<Tested>(address(`rules/${encodeURIComponent(name)}/test`, span), { method: "POST", signal: gone.signal, headers: { "Content-Type": "application/json" }, body }, 1).then(
        (tested) => { setFound({ tested, about }); setProblem(null); },
        (refused) => gone.signal.aborted || setProblem(refused instanceof Refused ? refused.problem : null),
      );
    }, first.current ? 0 : REST_MS);
    return () => { clearTimeout(timer); gone.abort(); };
  }, [wanted, about]);
  const running = wanted && found?.about !== about && !problem;
  return (
    <section class="backTest" aria-labelledby="test-title" aria-busy={running}>
      <header>
        <h3 id="test-title">{t("test.title")}</h3>
        {!wanted && <button type="button" id="test-rule" onClick={() => setWanted(true)}>{t("test.go")}</button>}
      </header>
      {!wanted && <p class="soft">{t(stored ? "test.why" : "test.whyDraft")}</p>}
      {problem && <Failed problem={problem} again={() => { setProblem(null); setFound(null); first.current = true; setWanted(false); }} />}
      {wanted && !found && !problem && <Loading lines={4} />}
      {found && <div class={running ? "stale" : ""}><Result tested={found.tested} /></div>}
    </section>
  );
}

function Result({ tested }: { tested: Tested }) {
  const { view } = useShared();
  const time = lasting((Date.parse(tested.until) - Date.parse(tested.since)) / 1000);
  const empty = !tested.sent.length && !tested.waiting.length;
  return (
    <>
      <p class="verdict" id="tested" role="status">{t("test.verdict", { count: n(tested.sent.length), time })}</p>
      <p class="facts"><span>{t("test.interrupts", { count: n(tested.interrupts) })}</span><span>{t("test.incidents", { count: n(tested.incidents) })}</span>{tested.in_digests > 0 && <span>{t("test.inDigests", { count: n(tested.in_digests) })}</span>}{tested.held > 0 && <span>{t("test.held", { count: n(tested.held) })}</span>}</p>
      {empty && <p class="soft">{t("test.nothing")}</p>}
      <ol class="sentList">
        {tested.sent.map((each, i) => <SentRow key={i} sent={each} when={moment(Date.parse(each.at), view.zone, language())} />)}
      </ol>
    </>
  );
}

function SentRow({ sent, when }: { sent: Sent; when: string }) {
  return (
    <li>
      <time dateTime={sent.at}>{when}</time>
      <span class="kind">{t(`alert.kind.${sent.kind}` as "alert.kind.possible")}{!sent.counts && <small>{t("test.free")}</small>}</span>
      <span class="items">{sent.incidents.map((each) => <ItemLink key={each.id} item={each} />)}</span>
    </li>
  );
}

function ItemLink({ item }: { item: Item }) {
  const { view, go } = useShared();
  const there = { ...moved(view, "incidents"), incident: item.id, range: view.range };
  const name = item.category ? nameOfIncident({ category: item.category, place: item.place as never, country: item.country }) : t("incident.one");
  return (
    <a href={write(there)} onClick={(event) => { if (event.ctrlKey || event.metaKey || event.button) return; event.preventDefault(); go(there); }}>
      <Sign state={item.state as State} /><bdi>{name}</bdi><span class="soft"> · {severityName(item.severity)} · {t("incident.people", { count: n(item.people) })}</span>
    </a>
  );
}
