// What was sent, the newest first, whether it arrived, and whether it was useful.
import { useState } from "preact/hooks";
import { ask, Refused, type Problem } from "../api.ts";
import { useShared } from "../context.ts";
import type { Answer } from "../hooks.ts";
import { language, n, t } from "../language.ts";
import { shown } from "../pure/hostile.ts";
import type { Alert, AlertsPage } from "../pure/rules.ts";
import { moment } from "../pure/time.ts";
import { moved, write } from "../pure/view.ts";
import { shareSaid } from "./precision.ts";
import { Empty, Failed, Panel } from "./states.tsx";

const DELIVERIES = ["waiting", "sent", "failed", "retired"];

export function Alerts({ answer, changed, more }: { answer: Answer<AlertsPage>; changed: () => void; more: () => void }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [said, setSaid] = useState("");
  const say = (alert: Alert, useful: boolean) => {
    ask("/api/v1/feedback", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ alert: alert.id, useful, reader: alert.reader }) }, 0).then(
      () => { setProblem(null); setSaid(t("alert.thanks")); changed(); },
      (refused) => setProblem(refused instanceof Refused ? refused.problem : null),
    );
  };
  const alerts = answer.data?.alerts ?? [];
  return (
    <Panel title={t("alerts.title")} name="alertList" answer={answer} aside={answer.data && <span class="facts" id="precision">{shareSaid(answer.data.precision.all)}</span>}>
      <p role="status" class="note soft" id="feedback-said">{said}</p>
      {problem && <Failed problem={problem} />}
      {alerts.length ? (
        <div class="scroll" tabIndex={0} role="region" aria-label={t("alerts.title")}>
          <table class="stack alerts">
            <thead><tr>{(["when", "what", "rule", "delivery", "useful"] as const).map((each) => <th scope="col" key={each}>{t(`alert.${each}`)}</th>)}</tr></thead>
            <tbody>{alerts.map((each) => <AlertRow key={`${each.id} ${each.channel} ${each.reader}`} alert={each} say={(useful) => say(each, useful)} />)}</tbody>
          </table>
        </div>
      ) : <Empty><h3>{t("alerts.none")}</h3><p>{t("alerts.noneNext")}</p></Empty>}
      {answer.data?.next && <button type="button" onClick={more}>{t("more")}</button>}
    </Panel>
  );
}

function AlertRow({ alert, say }: { alert: Alert; say: (useful: boolean) => void }) {
  const { view, go } = useShared();
  const delivery = DELIVERIES.includes(alert.delivery) ? t(`delivery.${alert.delivery}` as "delivery.sent") : alert.delivery;
  return (
    <tr data-alert={alert.id}>
      <td><time dateTime={alert.sent_at}>{moment(Date.parse(alert.sent_at), view.zone, language())}</time></td>
      <th scope="row">
        <bdi>{shown(alert.title ?? t("alert.expired"))}</bdi>
        {alert.body && <small class="alertBody"><bdi>{shown(alert.body)}</bdi></small>}
        <small>{t(`alert.kind.${alert.kind}` as "alert.kind.possible")}{alert.incidents.map((id, i) => {
          const there = { ...moved(view, "incidents"), incident: id, range: { kind: "last" as const, span: 30 * 86_400_000, end: "auto" as const } };
          return <span key={id}> · <a href={write(there)} onClick={(event) => { if (event.ctrlKey || event.metaKey || event.button) return; event.preventDefault(); go(there); }}>{t("alert.incident", { number: alert.incidents.length > 1 ? n(i + 1) : "" }).trim()}</a></span>;
        })}</small>
      </th>
      <td data-label={t("alert.rule")}><bdi>{shown(alert.rule)}</bdi><small>{shown(alert.channel)} · {alert.reader}</small></td>
      <td data-label={t("alert.delivery")}>{delivery}{alert.reason && <small><bdi>{shown(alert.reason)}</bdi></small>}</td>
      <td class="doing">
        <button type="button" aria-pressed={alert.useful === true} onClick={() => say(true)}>{t("alert.yes")}</button>
        <button type="button" aria-pressed={alert.useful === false} onClick={() => say(false)}>{t("alert.no")}</button>
      </td>
    </tr>
  );
}
