// Dead letters: records that could not be read, why, what they are, and reading them again.
import { useState } from "preact/hooks";
import { address, ask, Refused, type Problem } from "../api.ts";
import { useShared } from "../context.ts";
import { useAnswer } from "../hooks.ts";
import { language, n, t } from "../language.ts";
import { shown } from "../pure/hostile.ts";
import { moment } from "../pure/time.ts";
import { Failed, Panel } from "./states.tsx";

interface Letter { id: number; source: string; topic: string; reason: string; received_at: string; refused_at: string }
interface Page { errors: Letter[]; next: string | null }
interface Whole extends Letter { record: string | { base64: string } }

const SHOWN = 20;
const RECORD_MAX = 20_000;

export function Letters({ total }: { total: number }) {
  const { tick } = useShared();
  const [count, setCount] = useState(SHOWN);
  const [again, setAgain] = useState(0);
  const [said, setSaid] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const answer = useAnswer<Page>(address("errors", { limit: count }), again + Math.floor(tick / 6) * 1000, 6);
  const order = <T,>(path: string, done: (answer: T) => string) => {
    setBusy(true);
    setSaid("");
    ask<T>(path, { method: "POST" }, 0, 60_000).then(
      (found) => { setProblem(null); setSaid(done(found)); setAgain((i) => i + 1); },
      (refused) => setProblem(refused instanceof Refused ? refused.problem : null),
    ).finally(() => setBusy(false));
  };
  const retry = (path: string) => order<{ moved: number; refused: number }>(path, ({ moved, refused }) => t("letters.done", { moved: n(moved), refused: n(refused) }));
  const discard = (id: number) => order(`/api/v1/errors/${id}/discard`, () => t("letters.discarded", { number: id }));
  const rows = answer.data?.errors ?? [];
  return (
    <Panel title={t("letters.title", { count: n(total) })} name="letters" answer={answer} aside={rows.length > 0 && <button type="button" id="retry-all" disabled={busy} onClick={() => retry("/api/v1/errors/retry-all")}>{t("letters.retryAll")}</button>}>
      <p role="status" id="letters-said">{busy ? t("letters.busy") : said}</p>
      {problem && <Failed problem={problem} />}
      {!rows.length ? <p class="empty">{t("letters.none")}</p> : (
        <div class="scroll" tabIndex={0} role="region" aria-label={t("letters.title", { count: n(total) })}>
          <table class="stack">
            <thead><tr>{(["number", "reason", "source", "when", "do"] as const).map((each) => <th scope="col" key={each}>{t(`letter.${each}`)}</th>)}</tr></thead>
            <tbody>{rows.map((each) => <LetterRow key={each.id} letter={each} busy={busy} retry={() => retry(`/api/v1/errors/${each.id}/retry`)} discard={() => discard(each.id)} />)}</tbody>
          </table>
        </div>
      )}
      {answer.data?.next && <button type="button" onClick={() => setCount(count + 50)}>{t("more")}</button>}
    </Panel>
  );
}

function LetterRow({ letter, retry, discard, busy }: { letter: Letter; retry: () => void; discard: () => void; busy: boolean }) {
  const { view } = useShared();
  const [record, setRecord] = useState<string | null>(null);
  const [sure, setSure] = useState(false);
  const show = () => {
    if (record !== null) return setRecord(null);
    ask<Whole>(address(`errors/${letter.id}`)).then(
      (whole) => setRecord(shown(typeof whole.record === "string" ? whole.record : `base64: ${whole.record.base64}`).slice(0, RECORD_MAX)),
      () => setRecord(t("letters.gone")),
    );
  };
  return (
    <>
      <tr data-letter={letter.id}>
        <td class="number">{letter.id}</td>
        <td class="reason"><bdi>{shown(letter.reason)}</bdi></td>
        <td>{letter.source}</td>
        <td>{moment(Date.parse(letter.received_at), view.zone, language())}</td>
        <td class="doing">
          <button type="button" onClick={show} aria-expanded={record !== null}>{t(record === null ? "letters.show" : "letters.hide")}<span class="hidden"> {letter.id}</span></button>
          <button type="button" onClick={retry} disabled={busy}>{t("letters.retry")}<span class="hidden"> {letter.id}</span></button>
          <button type="button" onClick={() => (sure ? discard() : setSure(true))} onBlur={() => setSure(false)} disabled={busy}>{t(sure ? "letters.discardSure" : "letters.discard")}<span class="hidden"> {letter.id}</span></button>
        </td>
      </tr>
      {record !== null && <tr><td colSpan={5}><pre class="record" tabIndex={0}><bdi>{record}</bdi></pre></td></tr>}
    </>
  );
}
