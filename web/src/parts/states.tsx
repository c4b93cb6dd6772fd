// Loading, empty, stale and failed: each says what is so and what to do.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Problem } from "../api.ts";
import { percent } from "../pure/counts.ts";
import type { Answer } from "../hooks.ts";
import { t } from "../language.ts";
import { useShared } from "../context.ts";
import { clock } from "../pure/time.ts";

const SHAPE_AFTER_MS = 300;

/** The shape of what will be here, once it is worth showing. */
export function Loading({ lines = 3 }: { lines?: number }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), SHAPE_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="loading" role="status" aria-label={t("state.loading")}>
      {late && Array.from({ length: lines }, (_, i) => <span class="shape" key={i} />)}
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="empty">{children}</div>;
}

export function Failed({ problem, again }: { problem: Problem; again?: () => void }) {
  const nobody = problem.status === 0;
  return (
    <div class="failed" role="alert">
      <strong>{nobody ? t("state.noAnswer") : problem.detail || problem.title}</strong>
      <span>{nobody ? t("state.noAnswerNext") : (problem.next_step ?? "")}</span>
      {again && <button type="button" onClick={again}>{t("state.again")}</button>}
    </div>
  );
}

/** A section of a page: its title, and its content or what stands in for it. Old content greys while nobody answers. */
export function Panel(given: {
  title: string; answer?: Answer<unknown>; name: string; aside?: ComponentChildren; children: ComponentChildren; lines?: number;
}) {
  const { refresh, view, downSince } = useShared();
  const { answer } = given;
  const missing = answer && answer.data === null;
  const old = answer?.at && answer.data !== null && (answer.problem || downSince !== null);
  return (
    <section class={`panel ${given.name}${old ? " stale" : ""}`} aria-labelledby={`title-${given.name}`} aria-busy={answer?.loading ?? false}>
      <header>
        <h2 id={`title-${given.name}`}>{given.title}</h2>
        {old ? <span class="asOf">{t("state.stale", { time: clock(answer.at!, view.zone, true) })}</span> : null}
        {given.aside}
      </header>
      {missing ? (answer.problem ? <Failed problem={answer.problem} again={refresh} /> : <Loading lines={given.lines} />) : given.children}
    </section>
  );
}

/** How complete something is: a number and a shape, never a colour alone. */
export function Complete({ share, words = true }: { share: number | null; words?: boolean }) {
  if (share === null) return <span class="complete unknown" title={t("complete.unknownWhy")}><i aria-hidden="true" />{t("complete.unknown")}</span>;
  const kind = share >= 1 ? "whole" : "partial";
  return <span class={`complete ${kind}`}><i aria-hidden="true" />{words ? t("complete.share", { share: percent(share) }) : percent(share)}</span>;
}
