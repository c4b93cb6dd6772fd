// How incidents are called: kind and place in words, state by its shape and its word.
import { nameOf, t } from "../language.ts";
import { shown } from "../pure/hostile.ts";
import { SIGN, type Category, type Incident, type Severity, type State } from "../pure/incidents.ts";

export function categoryName(category: Category): string {
  return t(`category.${category}`);
}

export function severityName(severity: Severity | "never"): string {
  return t(`severity.${severity}`);
}

/** "Semarang ID", a country by its name, or that nobody said where. */
export function placeName(at: { place: { name: string; country: string } | null; country: string | null }): string {
  if (at.place) return `${shown(at.place.name)} ${at.place.country}`;
  return at.country ? nameOf("region", at.country) : t("incident.nowhere");
}

export function nameOfIncident(incident: Pick<Incident, "category" | "place" | "country">): string {
  return `${categoryName(incident.category)} · ${placeName(incident)}`;
}

export function StateWord({ state, reason }: { state: State; reason?: string | null }) {
  const why = state === "closed" && reason ? t(`closed.${reason}` as "closed.quiet") : "";
  return <span class={`is ${state}`}>{t(`incident.state.${state}`)}{why && `: ${why}`}</span>;
}

export function Sign({ state }: { state: State }) {
  return <i class={`sign ${state}`} aria-hidden="true">{SIGN[state]}</i>;
}
