// What this device is told of: where, what, from which severity on, and when not.
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Problem } from "../api.ts";
import { settled } from "../build.ts";
import { problemOf, wish, type Device, type Wish } from "../device/device.ts";
import { t } from "../language.ts";
import { CATEGORIES, SEVERITIES } from "../pure/incidents.ts";
import { BREAKS, EMPTY, quietOf, type Rule } from "../pure/rules.ts";
import { Around } from "./around.tsx";
import { Chips } from "./chips.tsx";
import { categoryName, severityName } from "./incident_names.tsx";
import { sentence } from "./rule_sentence.ts";
import { Failed } from "./states.tsx";

const KEYS = ["places", "radius_km", "countries", "categories", "severity", "state", "budget", "quiet", "breaks_through", "zone"] as const;

function wishOf(rule: Rule): Wish {
  return Object.fromEntries(KEYS.map((key) => [key, rule[key]])) as unknown as Wish;
}

function usual(): Wish {
  return { ...wishOf(EMPTY), zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC" };
}

export function Wanted({ mine, set }: { mine: Device; set: (mine: Device) => Promise<void> }) {
  const first = useMemo(() => (mine.rule ? wishOf(mine.rule) : usual()), [JSON.stringify(mine.rule)]);
  const [asked, setAsked] = useState<boolean | null>(null); // null: nobody wrote or asked for the form yet
  const open = asked ?? !mine.rule;
  const [draft, setDraft] = useState<Wish>(first);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState("");
  useEffect(() => { if (!asked) setDraft(first); }, [first, asked]);
  const change = (some: Partial<Wish>) => { setAsked(true); setDraft((old) => ({ ...old, ...some })); setSaid(""); setProblem(null); };
  const keep = (event: Event) => {
    event.preventDefault();
    setBusy(true);
    wish(draft).then(set).then(() => { settled(); setProblem(null); setAsked(null); setSaid(t("rule.kept")); }, (refused) => setProblem(problemOf(refused))).finally(() => setBusy(false));
  };
  return (
    <section class="panel wanted" aria-labelledby="wanted-title">
      <header>
        <h2 id="wanted-title">{t("receiver.wanted")}</h2>
        {!open && <button type="button" id="change" onClick={() => setAsked(true)}>{t("receiver.change")}</button>}
      </header>
      <p class="sentence" id="sentence">{sentence({ ...EMPTY, ...draft }, t("receiver.thisDevice"))}</p>
      {!mine.rule && <p class="partly" id="nothing-yet">{t("receiver.nothingYet")}</p>}
      {mine.rule?.paused && <p class="partly">{t("receiver.paused")}</p>}
      {mine.rule?.problem && <p class="problem"><span aria-hidden="true">▲ </span>{mine.rule.problem}</p>}
      <span role="status" id="wanted-said" class="soft">{said}</span>
      {open && (
        <form onSubmit={keep}>
          <Fields draft={draft} change={change} />
          {problem && <Failed problem={problem} />}
          <div class="formFoot">
            <button type="submit" class="main" id="keep-wish" disabled={busy}>{t("rule.keep")}</button>
            {mine.rule && <button type="button" onClick={() => { setDraft(first); setAsked(null); settled(); }}>{t("rule.undo")}</button>}
          </div>
        </form>
      )}
    </section>
  );
}

function Fields({ draft, change }: { draft: Wish; change: (some: Partial<Wish>) => void }) {
  return (
    <div class="ruleFields one">
      <fieldset>
        <legend>{t("rule.where")}</legend>
        <Around id="wish" draft={draft} change={change} />
        <small>{t("receiver.whereNote")}</small>
      </fieldset>
      <fieldset>
        <legend>{t("rule.what")}</legend>
        <div class="checks">
          {CATEGORIES.map((each) => (
            <label key={each}><input type="checkbox" name="category" value={each} checked={draft.categories.includes(each)} onChange={(event) => change({ categories: CATEGORIES.filter((one) => (one === each ? event.currentTarget.checked : draft.categories.includes(one))) })} />{categoryName(each)}</label>
          ))}
        </div>
        <small>{t("rule.whatNote")}</small>
        <div class="pair">
          <label>{t("rule.severity")}<select id="wish-severity" value={draft.severity} onChange={(event) => change({ severity: event.currentTarget.value as Wish["severity"] })}>{SEVERITIES.map((each) => <option key={each} value={each}>{severityName(each)}</option>)}</select></label>
          <label>{t("rule.state")}<select id="wish-state" value={draft.state} onChange={(event) => change({ state: event.currentTarget.value as Wish["state"] })}>{(["possible", "confirmed"] as const).map((each) => <option key={each} value={each}>{t(`incident.state.${each}`)}</option>)}</select></label>
        </div>
      </fieldset>
      <fieldset>
        <legend>{t("rule.often")}</legend>
        <label class="line">{t("rule.budget")}<input id="wish-budget" class="short" type="number" min={1} max={100} step={1} value={draft.budget} onInput={(event) => { const count = event.currentTarget.valueAsNumber; if (count >= 1) change({ budget: Math.min(Math.floor(count), 100) }); }} /></label>
        <div class="line"><span>{t("rule.quiet")}</span><Chips id="wish-quiet" label={t("rule.addQuiet")} hint="22:00-06:00" values={draft.quiet} free={quietOf} change={(values) => change({ quiet: values })} /></div>
        {draft.quiet.length > 0 && <label class="line">{t("rule.breaks")}<select id="wish-breaks" value={draft.breaks_through} onChange={(event) => change({ breaks_through: event.currentTarget.value as Wish["breaks_through"] })}>{BREAKS.map((each) => <option key={each} value={each}>{severityName(each)}</option>)}</select></label>}
      </fieldset>
    </div>
  );
}
