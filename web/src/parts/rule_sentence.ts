// A rule as a sentence: whom it tells of what, where, from when on, how often, and when not.
import { language, n, nameOf, t } from "../language.ts";
import { shown } from "../pure/hostile.ts";
import { textOf, type Rule } from "../pure/rules.ts";
import { categoryName, severityName } from "./incident_names.tsx";

function joined(parts: string[], type: "conjunction" | "disjunction"): string {
  return new Intl.ListFormat(language(), { type }).format(parts);
}

function where(rule: Rule): string {
  const parts: string[] = [];
  if (rule.places.length) parts.push(t("says.around", { km: n(rule.radius_km, 1), places: joined(rule.places.map(shown), "disjunction") }));
  if (rule.countries.length) parts.push(t("says.countries", { countries: joined(rule.countries.map((each) => nameOf("region", each)), "disjunction") }));
  if (rule.polygon) parts.push(t("says.polygon"));
  return parts.length ? joined(parts, "disjunction") : t("says.anywhere");
}

export function channelName(text: string): string {
  const [channel, reader] = text.split(" ");
  return reader ? `${channel} · ${reader}` : channel!;
}

/** The whole rule in one sentence, with what limits nothing left out; `told` is who is told, instead of its channels. */
export function sentence(rule: Rule, told = ""): string {
  const whom = told ? told : rule.channels.length ? joined(rule.channels.map((each) => channelName(textOf(each))), "conjunction") : t("says.nobody");
  const what = rule.categories.length ? joined(rule.categories.map((each) => categoryName(each).toLocaleLowerCase(language())), "disjunction") : t("says.anything");
  const parts = [t("says.tell", { whom, what, where: where(rule) }), t(rule.state === "confirmed" ? "says.confirmed" : "says.possible")];
  if (rule.severity !== "minor") parts.push(t("says.severity", { severity: severityName(rule.severity) }));
  if (rule.languages.length) parts.push(t("says.languages", { languages: joined(rule.languages.map((each) => nameOf("language", each)), "disjunction") }));
  if (rule.words.length) parts.push(t("says.words", { words: joined(rule.words.map((each) => `“${shown(each)}”`), "disjunction") }));
  parts.push(t("says.budget", { count: n(rule.budget) }));
  if (rule.quiet.length) parts.push(t(rule.breaks_through === "never" ? "says.quietAlways" : "says.quiet", { spans: joined(rule.quiet, "conjunction"), zone: rule.zone, severity: severityName(rule.breaks_through) }));
  return `${parts.join(", ")}.`;
}
