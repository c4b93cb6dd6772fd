// Incidents as the API has them: which belong to a list, in which order, and their people over time.
import type { Post } from "./sample.ts";

export const STATES = ["possible", "confirmed", "fading", "closed"] as const;
export type State = (typeof STATES)[number];
export const CATEGORIES = ["accident", "crime", "earthquake", "fire", "flood", "health", "infrastructure", "storm", "violence", "weather", "other"] as const;
export type Category = (typeof CATEGORIES)[number];
export const SEVERITIES = ["unknown", "minor", "moderate", "severe", "extreme"] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Incident {
  id: string; state: State; reason: string | null; category: Category; severity: Severity;
  place: { id: number; name: string; country: string } | null; country: string | null;
  point: { longitude: number; latitude: number; radius_km: number } | null;
  first_at: string; last_at: string; people: number; posts: number; reposts: number; withdrawn: number;
  official: boolean; confirmed_by: string | null; muted: boolean; merged_into: string | null; changes: number;
}
export interface Change { at: string; kind: string; state: State | "candidate"; severity: Severity; people: number }
export interface Card extends Incident {
  timeline: Array<{ window: string; people: number }>;
  evidence: Post[];
  /** Those that spoke for an emergency, those of most voices first. */
  words: Array<{ word: string; people: number }>;
  languages: Record<string, number>;
  history: Change[];
  complete: number | null;
  gaps: Array<{ source: string; from: string; to: string; reason: string }>;
}

export interface Wanted { states: readonly State[]; categories: readonly Category[]; countries: readonly string[]; places: readonly number[]; from: number; to: number }

/** Whether an incident that changed belongs to a list that was asked for so. */
export function fits(incident: Incident, wanted: Wanted): boolean {
  return (
    (!wanted.states.length || wanted.states.includes(incident.state)) &&
    (!wanted.categories.length || wanted.categories.includes(incident.category)) &&
    (!wanted.countries.length || wanted.countries.includes(incident.country ?? "")) &&
    (!wanted.places.length || wanted.places.includes(incident.place?.id ?? -1)) &&
    Date.parse(incident.last_at) >= wanted.from && Date.parse(incident.first_at) < wanted.to
  );
}

/** Those that are not closed first, and of them the most severe, fading ones behind others of the same severity; then those with the latest evidence. */
export function ordered<T extends Incident>(incidents: readonly T[]): T[] {
  const weight = (each: T) => (each.state === "closed" ? 1 : Number(each.state === "fading") - 2 * SEVERITIES.indexOf(each.severity));
  return [...incidents].sort((a, b) => weight(a) - weight(b) || (a.last_at < b.last_at ? 1 : a.last_at > b.last_at ? -1 : a.id < b.id ? -1 : 1));
}

/** A list with what changed of it: values are absolute, what fits no more is left out, what is new and fits is added. */
export function renewed(list: readonly Incident[], changed: readonly Incident[], wanted: Wanted): Incident[] {
  const found = new Map(list.map((each) => [each.id, each]));
  for (const each of changed) {
    if (fits(each, wanted)) found.set(each.id, each);
    else found.delete(each.id);
  }
  return [...found.values()];
}

/** Rows in the order in which they stood before; those that are new are not among them. */
export function inPlace<T extends { id: string }>(rows: readonly T[], order: readonly string[]): T[] {
  const known = new Map(rows.map((each) => [each.id, each]));
  return order.flatMap((id) => known.get(id) ?? []);
}

const STEPS = [5, 10, 15, 30, 60, 180, 360, 1440].map((minutes) => minutes * 60_000);

/** New people over time, in windows so wide that there are at most `most` of them. */
export function binned(timeline: Card["timeline"], most: number): { from: number; width: number; people: number[] } {
  const at = timeline.map((each) => Date.parse(each.window));
  if (!at.length) return { from: 0, width: STEPS[0]!, people: [] };
  const first = Math.min(...at), last = Math.max(...at);
  const width = STEPS.find((step) => (last - Math.floor(first / step) * step) / step < most) ?? STEPS[STEPS.length - 1]!;
  const from = Math.floor(first / width) * width;
  const people = Array.from({ length: Math.floor((last - from) / width) + 1 }, () => 0);
  timeline.forEach((each, i) => { people[Math.floor((at[i]! - from) / width)]! += each.people; });
  return { from, width, people };
}

/** The shape that says a state without its colour. */
export const SIGN: Record<State, string> = { confirmed: "▲", possible: "△", fading: "▽", closed: "○" };
