// What is decided about an incident: written down at once, and taken up by the process that follows incidents.
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, Refused, type Problem } from "../api.ts";
import { n, t } from "../language.ts";
import type { Card, Incident } from "../pure/incidents.ts";
import { nameOfIncident } from "./incident_names.tsx";
import { Failed } from "./states.tsx";

type Kind = "confirm" | "dismiss" | "merge" | "mute" | "unmute";

const AGAIN_MS = 1_500;
const PATIENCE_MS = 20_000;

const DONE: Record<Kind, (card: Card) => boolean> = {
  confirm: (card) => card.confirmed_by !== null,
  dismiss: (card) => card.reason === "dismissed",
  merge: (card) => card.reason === "merged",
  mute: (card) => card.muted,
  unmute: (card) => !card.muted,
};

export function Decisions({ card, others, again }: { card: Card; others: Incident[]; again: () => void }) {
  const [sure, setSure] = useState<Exclude<Kind, "confirm" | "unmute"> | null>(null);
  const [into, setInto] = useState("");
  const [written, setWritten] = useState<{ kind: Kind; at: number } | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [late, setLate] = useState(false);
  const done = written !== null && DONE[written.kind](card);
  const rest = others.filter((each) => each.id !== card.id && each.state !== "closed");
  const near = [...rest].sort((a, b) => Number(b.category === card.category) - Number(a.category === card.category));
  const asked = useRef(false), safe = useRef<HTMLButtonElement>(null);
  useEffect(() => { // the keyboard is where the question is, on the answer that changes nothing; and back at the card after it
    if (sure) safe.current?.focus();
    else if (asked.current) document.getElementById("incident-title")?.focus({ preventScroll: true });
    asked.current = sure !== null;
  }, [sure]);
  const escape = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    setSure(null);
  };
  useEffect(() => {
    if (!written || done) return;
    const timer = setInterval(() => {
      setLate(Date.now() - written.at > PATIENCE_MS);
      again();
    }, AGAIN_MS);
    return () => clearInterval(timer);
  }, [written, done]);
  const decide = (kind: Kind) => {
    setBusy(true);
    setProblem(null);
    const body = kind === "merge" ? { body: JSON.stringify({ into }), headers: { "Content-Type": "application/json" } } : {};
    ask(`/api/v1/incidents/${card.id}/${kind}`, { method: "POST", ...body }, 0).then(
      () => { setWritten({ kind, at: Date.now() }); setLate(false); setSure(null); again(); },
      (refused) => setProblem(refused instanceof Refused ? refused.problem : null),
    ).finally(() => setBusy(false));
  };
  const closed = card.state === "closed";
  return (
    <div class="decisions">
      {sure === null ? (
        <div class="buttons">
          <button type="button" class="main" disabled={busy || closed || card.confirmed_by !== null} onClick={() => decide("confirm")}>{t("decide.confirm")}</button>
          <button type="button" disabled={busy || closed} onClick={() => setSure("dismiss")}>{t("decide.dismiss")}</button>
          <button type="button" disabled={busy || closed || !rest.length} onClick={() => { setInto(near[0]?.id ?? ""); setSure("merge"); }}>{t("decide.merge")}</button>
          {card.muted
            ? <button type="button" disabled={busy || closed} onClick={() => decide("unmute")}>{t("decide.unmute")}</button>
            : <button type="button" disabled={busy || closed} onClick={() => setSure("mute")}>{t("decide.mute")}</button>}
        </div>
      ) : (
        <div class="sure" role="group" aria-label={t(`decide.${sure}`)} onKeyDown={escape}>
          <p>{t(`sure.${sure}`)}</p>
          {sure === "merge" && (
            <select id="merge-into" aria-label={t("decide.into")} value={into} onChange={(event) => setInto(event.currentTarget.value)}>
              {near.map((each) => <option key={each.id} value={each.id}>{nameOfIncident(each)} · {t("incident.people", { count: n(each.people) })}</option>)}
            </select>
          )}
          <span class="buttons">
            <button type="button" class="main" id="sure" disabled={busy} onClick={() => decide(sure)}>{t(`decide.${sure}`)}</button>
            <button type="button" id="not-sure" ref={safe} onClick={() => setSure(null)}>{t("decide.not")}</button>
          </span>
        </div>
      )}
      <p role="status" id="decided">{written && (done ? t(`decided.${written.kind}`) : late ? t("decided.late") : t("decided.written"))}</p>
      {problem && <Failed problem={problem} />}
    </div>
  );
}
