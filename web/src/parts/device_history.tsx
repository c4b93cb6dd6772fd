// What this device was told, the newest first: one row for each incident, with how it went on.
import { useShared } from "../context.ts";
import { language, t } from "../language.ts";
import { shown } from "../pure/hostile.ts";
import { rowsOf, type Told } from "../pure/receiver.ts";
import type { Alert, Share } from "../pure/rules.ts";
import { clock, moment } from "../pure/time.ts";
import { moved, write } from "../pure/view.ts";
import { shareSaid } from "./precision.ts";
import { Empty } from "./states.tsx";

const MONTH_MS = 30 * 86_400_000;

export function History({ alerts, precision, at, old, say }: { alerts: Alert[]; precision: Share | null; at: number | null; old: boolean; say: (alert: string, useful: boolean) => void }) {
  const { view } = useShared();
  const rows = rowsOf(alerts);
  return (
    <section class={`panel told${old ? " stale" : ""}`} aria-labelledby="told-title">
      <header>
        <h2 id="told-title">{t("receiver.told")}</h2>
        {old && at !== null ? <span class="asOf" id="as-of">{t("receiver.asOf", { time: moment(at, view.zone, language()) })}</span> : null}
        {precision?.of ? <span class="facts" id="precision">{shareSaid(precision)}</span> : null}
      </header>
      {rows.length ? <ul class="toldList">{rows.map((each) => <Row key={each.key} told={each} say={say} />)}</ul> : <Empty><h3>{t("receiver.none")}</h3><p>{t("receiver.noneNext")}</p></Empty>}
    </section>
  );
}

const SIGNS: Record<string, string> = { "all-clear": "○", digest: "≡", test: "✓", possible: "△" };

function Row({ told, say }: { told: Told; say: (alert: string, useful: boolean) => void }) {
  const { view, go } = useShared();
  const newest = told.alerts[0]!, judged = newest.kind !== "test" && newest.kind !== "digest";
  const words = told.alerts.find((each) => each.useful !== null) ?? newest;
  const there = told.incident ? { ...moved(view, "incidents"), incident: told.incident, range: { kind: "last" as const, span: MONTH_MS, end: "auto" as const } } : null;
  const follow = (event: MouseEvent) => {
    if (!there || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(there);
  };
  const title = <bdi>{shown(newest.title ?? t("alert.expired"))}</bdi>;
  return (
    <li class={`toldRow${told.over ? " over" : ""}`} data-told={told.key} data-kind={newest.kind}>
      <h3><span class="sign" aria-hidden="true">{SIGNS[newest.kind] ?? "▲"}</span>{there ? <a href={write(there)} onClick={follow}>{title}</a> : title}</h3>
      {newest.body && <p class="alertBody"><bdi>{shown(newest.body)}</bdi></p>}
      <ol class="course">{[...told.alerts].reverse().map((each) => <li key={each.id} data-step={each.kind}><time dateTime={each.sent_at} title={moment(Date.parse(each.sent_at), view.zone, language())}>{clock(Date.parse(each.sent_at), view.zone)}</time> {t(`alert.kind.${each.kind}` as "alert.kind.possible")}</li>)}</ol>
      {judged && (
        <span class="doing" role="group" aria-label={t("alert.useful")}>
          <button type="button" aria-pressed={words.useful === true} onClick={() => say(newest.id, true)}>{t("alert.yes")}</button>
          <button type="button" aria-pressed={words.useful === false} onClick={() => say(newest.id, false)}>{t("alert.no")}</button>
        </span>
      )}
      <time class="soft" dateTime={newest.sent_at}>{moment(Date.parse(newest.sent_at), view.zone, language())}</time>
    </li>
  );
}
