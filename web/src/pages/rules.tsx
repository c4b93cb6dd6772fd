// Rules: who is told of what, how useful it was, what another rule would have sent, and what was sent.
import { useState } from "preact/hooks";
import { address } from "../api.ts";
import { useShared } from "../context.ts";
import { useAnswer } from "../hooks.ts";
import { n, t } from "../language.ts";
import { shown } from "../pure/hostile.ts";
import { draftOf, EMPTY, type AlertsPage, type RuleShown, type Share } from "../pure/rules.ts";
import { NEW_RULE, write } from "../pure/view.ts";
import { Alerts } from "../parts/alerts.tsx";
import { shareSaid } from "../parts/precision.ts";
import { Devices } from "../parts/devices.tsx";
import { RuleEditor } from "../parts/rule_editor.tsx";
import { sentence } from "../parts/rule_sentence.ts";
import { Empty, Panel } from "../parts/states.tsx";
import { Anchor } from "./now.tsx";
import "../style/incidents.css";
import "../style/rules.css";

interface Rules { rules: RuleShown[] }
const ALERTS = 20;

export function Rules() {
  const { view, go, tick } = useShared();
  const [again, setAgain] = useState(0);
  const [counted, setCounted] = useState(ALERTS);
  const slow = again + Math.floor(tick / 6) * 1000;
  const answer = useAnswer<Rules>(address("rules"), slow, 2);
  const told = useAnswer<AlertsPage>(address("alerts", { limit: counted }), slow, 3);
  const rules = answer.data?.rules ?? [];
  const chosen = rules.find((each) => each.name === view.rule);
  const making = view.rule === NEW_RULE;
  const changed = () => setAgain((i) => i + 1);
  return (
    <main class={`rules${view.rule ? " chosen" : ""}`} id="main" tabIndex={-1}>
      <h1 class="hidden">{t("page.rules")}</h1>
      <Anchor />
      <div class="rulesGrid">
        <Panel title={t("rules.title", { count: n(rules.length) })} name="ruleList" answer={answer} aside={<button type="button" class="main" id="new-rule" onClick={() => go({ rule: NEW_RULE })}>{t("rules.new")}</button>}>
          {rules.length ? rules.map((each) => <RuleRow key={each.name} rule={each} share={told.data?.precision.rules[each.name] ?? null} />) : <Empty><h2>{t("rules.none")}</h2><p>{t("rules.noneNext")}</p></Empty>}
        </Panel>
        <div class="ruleSide">
          {making || chosen ? (
            <RuleEditor key={view.rule} rule={chosen ?? null} first={chosen ? draftOf(chosen) : EMPTY} rules={rules} changed={changed} />
          ) : view.rule && answer.data ? <Empty><h2>{t("rules.gone")}</h2><button type="button" onClick={() => go({ rule: "" })}>{t("rules.close")}</button></Empty> : <Hint />}
        </div>
      </div>
      <Devices changed={changed} />
      <Alerts answer={told} changed={changed} more={() => setCounted(counted + 50)} />
    </main>
  );
}

function Hint() {
  return <div class="ruleHint"><h2>{t("rules.hint")}</h2><p class="soft">{t("rules.hintNext")}</p></div>;
}

function RuleRow({ rule, share }: { rule: RuleShown; share: Share | null }) {
  const { view, go } = useShared();
  const there = { ...view, rule: rule.name };
  const follow = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(there);
  };
  return (
    <a class="ruleRow" href={write(there)} data-rule={rule.name} aria-current={view.rule === rule.name ? "true" : undefined} onClick={follow}>
      <span class="ruleName"><bdi>{shown(rule.name)}</bdi>{rule.paused && <span class="chipText">{t("rule.paused")}</span>}{rule.origin === "file" && <span class="chipText">{t("rule.file")}</span>}</span>
      <span class="sentence">{sentence(rule)}</span>
      <span class="figures soft"><span>{t("rule.readers", { count: n(rule.readers) })}</span><span class="precision">{shareSaid(share)}</span></span>
      {rule.problem && <span class="problem"><span aria-hidden="true">▲ </span>{shown(rule.problem)}</span>}
      {rule.hides_kept && <span class="problem">{t("rule.hides")}</span>}
    </a>
  );
}
