// Rules as the API has them, and as they are edited.
import { SEVERITIES, type Category, type Severity } from "./incidents.ts";

export type Told = string | { channel: string; recipient: string };
export interface Rule {
  name: string;
  places: string[]; radius_km: number; countries: string[]; polygon: unknown;
  categories: Category[]; severity: Severity; state: "possible" | "confirmed";
  languages: string[]; words: string[];
  channels: Told[]; budget: number; digests: string[]; quiet: string[]; zone: string; breaks_through: "never" | Severity; paused: boolean;
}
export interface RuleShown extends Rule { origin: "file" | "kept"; hides_kept: boolean; readers: number; problem: string | null }
export interface Share { of: number; share: number | null; low: number | null; high: number | null }
export interface Sent { at: string; kind: string; counts: boolean; incidents: Item[] }
export interface Item { id: string; state: string; severity: Severity; people: number; category: Category | null; place: { name: string; country: string } | null; country: string | null }
export interface Tested {
  rule: string; since: string; until: string; incidents: number; alerts: number; upgrades: number; all_clears: number; digests: number;
  in_digests: number; held: number; interrupts: number; sent: Sent[]; waiting: Item[]; precision: Share;
}
export interface Alert {
  id: string; kind: string; rule: string; channel: string; reader: string; incidents: string[]; title: string | null; body: string | null;
  severity: Severity | null; counts: boolean; sent_at: string; delivery: string; reason: string | null; delivered_at: string | null; useful: boolean | null;
}

export interface AlertsPage { alerts: Alert[]; next: string | null; precision: { all: Share; rules: Record<string, Share> } }

export const EMPTY: Rule = {
  name: "", places: [], radius_km: 50, countries: [], polygon: null, categories: [], severity: "minor", state: "possible", languages: [], words: [],
  channels: [], budget: 5, digests: ["08:00", "18:00"], quiet: [], zone: "UTC", breaks_through: "severe", paused: false,
};
export const BREAKS = ["never", ...SEVERITIES.slice(1)] as const;
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const KEYS = Object.keys(EMPTY).filter((each) => each !== "name") as Array<Exclude<keyof Rule, "name">>;

/** A rule of a list as a draft: without how it stands. */
export function draftOf(rule: Rule): Rule {
  return Object.fromEntries([["name", rule.name], ...KEYS.map((key) => [key, rule[key]])]) as unknown as Rule;
}

/** What is sent to keep or test a rule: its keys, without its name. */
export function bodyOf(draft: Rule): Omit<Rule, "name"> {
  return Object.fromEntries(KEYS.map((key) => [key, draft[key]])) as unknown as Omit<Rule, "name">;
}

export function same(a: Rule, b: Rule): boolean {
  return JSON.stringify(draftOf(a)) === JSON.stringify(draftOf(b));
}

/** A channel, or one reader of it, as one text: names of channels have no blank in them. */
export function textOf(told: Told): string {
  return typeof told === "string" ? told : `${told.channel} ${told.recipient}`;
}

export function toldOf(text: string): Told {
  const [channel, recipient] = text.trim().split(/\s+/);
  return recipient ? { channel: channel!, recipient } : channel!;
}

/** A time of day as the API wants it, or null: "7:30" is "07:30". */
export function timeOf(text: string): string | null {
  const found = /^\s*(\d{1,2})[:.](\d{2})\s*$/.exec(text);
  if (!found || Number(found[1]) > 23 || Number(found[2]) > 59) return null;
  return `${found[1]!.padStart(2, "0")}:${found[2]}`;
}

/** Quiet hours as the API wants them, or null. */
export function quietOf(text: string): string | null {
  const [from, to, more] = text.split(/\s*[-–]\s*/);
  const a = timeOf(from ?? ""), b = timeOf(to ?? "");
  return a && b && a !== b && more === undefined ? `${a}-${b}` : null;
}
