// A rule as a form, with the sentence that it makes and what it would have sent; kept, or let go.
import { useMemo, useState } from "preact/hooks";
import { ask, Refused, type Problem } from "../api.ts";
import { useShared } from "../context.ts";
import { language, t } from "../language.ts";
import { CATEGORIES, SEVERITIES } from "../pure/incidents.ts";
import { bodyOf, BREAKS, NAME, quietOf, same, textOf, timeOf, toldOf, type Rule, type RuleShown } from "../pure/rules.ts";
import { BackTest } from "./back_test.tsx";
import { Around } from "./around.tsx";
import { Chips } from "./chips.tsx";
import { countries, languages, zones } from "./codes.ts";
import { categoryName, severityName } from "./incident_names.tsx";
import { channelName, sentence } from "./rule_sentence.ts";
import { Failed } from "./states.tsx";

const JSON_BODY = { "Content-Type": "application/json" };

type Set = (change: Partial<Rule>) => void;

export function RuleEditor({ rule, first, rules, changed }: { rule: RuleShown | null; first: Rule; rules: RuleShown[]; changed: () => void }) {
  const { go } = useShared();
  const [draft, setDraft] = useState<Rule>(first);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState("");
  const set: Set = (change) => { setDraft((old) => ({ ...old, ...change })); setSaid(""); setProblem(null); };
  const named = NAME.test(draft.name), taken = !rule && rules.some((each) => each.name === draft.name);
  const edited = !same(draft, first), of_file = rule?.origin === "file";
  const keep = () => {
    setBusy(true);
    ask(`/api/v1/rules/${encodeURIComponent(draft.name)}`, { method: "PUT", headers: JSON_BODY, body: JSON.stringify(bodyOf(draft)) }, 0).then(
      () => { setProblem(null); setSaid(t("rule.kept")); changed(); if (!rule) go({ rule: draft.name }, true); },
      (refused) => setProblem(refused instanceof Refused ? refused.problem : null),
    ).finally(() => setBusy(false));
  };
  return (
    <section class="panel ruleEditor" aria-labelledby="rule-title">
      <header>
        <h2 id="rule-title">{rule ? <bdi>{rule.name}</bdi> : t("rules.new")}</h2>
        <button type="button" id="close-rule" onClick={() => go({ rule: "" })}>{t("rules.close")}</button>
      </header>
      <p class="sentence" id="sentence">{sentence(draft)}</p>
      {of_file && <p class="partly">{t("rule.ofFile")}</p>}
      <form onSubmit={(event) => { event.preventDefault(); if (named && !taken && !of_file && !busy) keep(); }}>
        <Fields draft={draft} set={set} rules={rules} fresh={!rule} taken={taken} />
        {problem && <Failed problem={problem} />}
        <div class="formFoot">
          <button type="submit" class="main" id="keep-rule" disabled={busy || !named || taken || of_file || (!!rule && !edited)}>{t("rule.keep")}</button>
          {rule && edited && <button type="button" onClick={() => set(first)}>{t("rule.undo")}</button>}
          {rule && !of_file && <Remove name={rule.name} removed={() => { changed(); go({ rule: "" }, true); }} failed={setProblem} />}
          <span role="status" id="rule-said">{said}</span>
        </div>
      </form>
      <BackTest draft={draft} stored={!!rule && !edited} />
    </section>
  );
}

function Fields({ draft, set, rules, fresh, taken }: { draft: Rule; set: Set; rules: RuleShown[]; fresh: boolean; taken: boolean }) {
  return (
    <div class="ruleFields">
      {fresh && (
        <label class="line">{t("rule.name")}
          <input id="rule-name" value={draft.name} maxLength={100} spellcheck={false} autoComplete="off" aria-invalid={!!draft.name && (!NAME.test(draft.name) || taken)} onInput={(event) => set({ name: event.currentTarget.value.trim() })} />
          <small>{taken ? t("rule.taken") : t("rule.nameNote")}</small>
        </label>
      )}
      <What draft={draft} set={set} />
      <Where draft={draft} set={set} />
      <Whom draft={draft} set={set} rules={rules} />
      <HowOften draft={draft} set={set} />
    </div>
  );
}

function What({ draft, set }: { draft: Rule; set: Set }) {
  const spoken = useMemo(languages, [language()]);
  return (
    <fieldset>
      <legend>{t("rule.what")}</legend>
      <div class="checks">
        {CATEGORIES.map((each) => (
          <label key={each}><input type="checkbox" name="category" value={each} checked={draft.categories.includes(each)} onChange={(event) => set({ categories: CATEGORIES.filter((one) => (one === each ? event.currentTarget.checked : draft.categories.includes(one))) })} />{categoryName(each)}</label>
        ))}
      </div>
      <small>{t("rule.whatNote")}</small>
      <div class="pair">
        <label>{t("rule.state")}<select id="rule-state" value={draft.state} onChange={(event) => set({ state: event.currentTarget.value as Rule["state"] })}>{(["possible", "confirmed"] as const).map((each) => <option key={each} value={each}>{t(`incident.state.${each}`)}</option>)}</select></label>
        <label>{t("rule.severity")}<select id="rule-severity" value={draft.severity} onChange={(event) => set({ severity: event.currentTarget.value as Rule["severity"] })}>{SEVERITIES.map((each) => <option key={each} value={each}>{severityName(each)}</option>)}</select></label>
      </div>
      <div class="line"><span>{t("rule.languages")}</span><Chips id="rule-languages" label={t("rule.addLanguage")} values={draft.languages} choices={spoken} free={(text) => (/^[A-Za-z]{2,3}$/.test(text) ? text.toLowerCase() : null)} change={(values) => set({ languages: values })} /></div>
      <div class="line"><span>{t("rule.words")}</span><Chips id="rule-words" label={t("rule.addWord")} values={draft.words} free={(text) => text} change={(values) => set({ words: values })} /></div>
    </fieldset>
  );
}

function Where({ draft, set }: { draft: Rule; set: Set }) {
  const all = useMemo(countries, [language()]);
  return (
    <fieldset>
      <legend>{t("rule.where")}</legend>
      <Around id="rule" draft={draft} change={set} />
      <div class="line"><span>{t("rule.countries")}</span><Chips id="rule-countries" label={t("incident.addCountry")} values={draft.countries} choices={all} change={(values) => set({ countries: values })} /></div>
      {draft.polygon ? <p class="line"><span>{t("rule.polygon")}</span><button type="button" onClick={() => set({ polygon: null })}>{t("rule.dropPolygon")}</button></p> : null}
      <small>{t("rule.whereNote")}</small>
    </fieldset>
  );
}

/** Channels have no list of their own over HTTP: those of other rules are offered, and a wrong one is refused with the right ones. */
function Whom({ draft, set, rules }: { draft: Rule; set: Set; rules: RuleShown[] }) {
  const known = useMemo(() => [...new Set(rules.flatMap((each) => each.channels.map(textOf)))].sort().map((value) => ({ value, label: channelName(value) })), [rules]);
  return (
    <fieldset>
      <legend>{t("rule.whom")}</legend>
      <div class="line"><span>{t("rule.channels")}</span><Chips id="rule-channels" label={t("rule.addChannel")} values={draft.channels.map(textOf)} choices={known} free={(text) => text} nameOf={channelName} change={(values) => set({ channels: values.map(toldOf) })} /></div>
      <small>{t("rule.channelsNote")}</small>
      <label class="check"><input type="checkbox" id="rule-paused" checked={draft.paused} onChange={(event) => set({ paused: event.currentTarget.checked })} />{t("rule.pause")}</label>
    </fieldset>
  );
}

function HowOften({ draft, set }: { draft: Rule; set: Set }) {
  const all = useMemo(() => [...new Set([...zones(), draft.zone])].sort(), [draft.zone]);
  return (
    <fieldset>
      <legend>{t("rule.often")}</legend>
      <label class="line">{t("rule.budget")}<input id="rule-budget" class="short" type="number" min={1} max={1000} step={1} value={draft.budget} onInput={(event) => { const count = event.currentTarget.valueAsNumber; if (count >= 1) set({ budget: Math.floor(count) }); }} /></label>
      <div class="line"><span>{t("rule.digests")}</span><Chips id="rule-digests" label={t("rule.addTime")} hint="08:00" values={draft.digests} free={timeOf} change={(values) => set({ digests: [...values].sort() })} /></div>
      <div class="line"><span>{t("rule.quiet")}</span><Chips id="rule-quiet" label={t("rule.addQuiet")} hint="22:00-06:00" values={draft.quiet} free={quietOf} change={(values) => set({ quiet: values })} /></div>
      <label class="line">{t("rule.breaks")}<select id="rule-breaks" value={draft.breaks_through} onChange={(event) => set({ breaks_through: event.currentTarget.value as Rule["breaks_through"] })}>{BREAKS.map((each) => <option key={each} value={each}>{severityName(each)}</option>)}</select></label>
      <label class="line">{t("rule.zone")}<select id="rule-zone" value={draft.zone} onChange={(event) => set({ zone: event.currentTarget.value })}>{all.map((each) => <option key={each} value={each}>{each}</option>)}</select></label>
    </fieldset>
  );
}

function Remove({ name, removed, failed }: { name: string; removed: () => void; failed: (problem: Problem | null) => void }) {
  const [sure, setSure] = useState(false);
  const remove = () => ask(`/api/v1/rules/${encodeURIComponent(name)}`, { method: "DELETE" }, 0).then(removed, (refused) => { setSure(false); failed(refused instanceof Refused ? refused.problem : null); });
  if (!sure) return <button type="button" id="remove-rule" onClick={() => setSure(true)}>{t("rule.remove")}</button>;
  return <span class="sure" role="group" aria-label={t("rule.remove")}>{t("rule.removeSure")} <button type="button" class="main" id="remove-sure" onClick={() => void remove()}>{t("rule.remove")}</button> <button type="button" onClick={() => setSure(false)}>{t("decide.not")}</button></span>;
}
