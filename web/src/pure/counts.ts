// Rows of counts as lines over time. What was not heard is null, never zero.
import { edges, type Span } from "./time.ts";

export type Measure = "posts" | "reposts" | "people";
export const MEASURES: readonly Measure[] = ["posts", "reposts", "people"];

export interface Gap { source: string; from: string; to: string; reason: string }
export interface CountRow {
  window: string;
  place?: { id: number; name: string; country: string } | null;
  posts: number | null;
  reposts: number | null;
  people: number | null;
  complete: number | null;
  processed: boolean;
  gaps: Gap[];
}

/** How surely a window was heard: its share, or why it has none. */
export type Heard = { kind: "share"; share: number } | { kind: "unknown" } | { kind: "running"; share: number | null };

/** For each window of the span what is known of it; a window without any row is unknown. */
export function heard(total: CountRow[], span: Span, width: number, now: number): Heard[] {
  const rows = new Map(total.map((row) => [Date.parse(row.window), row]));
  return edges(span, width).map((at) => {
    const row = rows.get(at);
    if (at + width > now) return { kind: "running", share: row?.complete ?? null };
    if (!row || row.complete === null) return { kind: "unknown" };
    return { kind: "share", share: row.complete };
  });
}

/** One measure of all posts: a window without a row is not known to be empty. */
export function totals(rows: CountRow[], measure: Measure, span: Span, width: number): Array<number | null> {
  const found = new Map(rows.map((row) => [Date.parse(row.window), row[measure]]));
  return edges(span, width).map((at) => found.get(at) ?? null);
}

/** One measure of a city: zero where others were heard in the window and the city was not. */
export function ofCity(
  rows: CountRow[], all: CountRow[], id: number, measure: Measure, span: Span, width: number,
): Array<number | null> {
  const own = new Map(rows.filter((row) => row.place?.id === id).map((row) => [Date.parse(row.window), row[measure]]));
  const spoken = new Set(all.map((row) => Date.parse(row.window)));
  return edges(span, width).map((at) => (own.has(at) ? own.get(at)! : spoken.has(at) ? 0 : null));
}

/** The share of a span that was heard, over its finished windows; null as soon as one of them is unknown. */
export function completeness(windows: Heard[]): number | null {
  const done = windows.filter((each) => each.kind !== "running");
  if (!done.length || done.some((each) => each.kind === "unknown")) return null;
  return done.reduce((sum, each) => sum + (each.kind === "share" ? each.share : 0), 0) / done.length;
}

/** In whole per cent, and never 100 while anything is missing. */
export function percent(share: number): string {
  const whole = share < 1 ? Math.min(99, Math.floor(share * 100)) : 100;
  return share > 0 && share < 0.01 ? "< 1 %" : `${whole} %`;
}

export interface Place {
  id: number; name: string; country: string; latitude: number | null; longitude: number | null;
  posts: number; reposts: number; people: number;
}

export interface Change { expected: number | null; ratio: number | null; word: "louder" | "quieter" | "usual" | "unknown" }

/** So many posts are added on both sides, so that one post more in a village is not "twice as loud". */
export const STEADYING = 5;
/** From this factor on a place is louder than usual, and from its inverse on quieter. */
export const LOUD = 1.5;

/** A place against its rhythm: its share of all located posts now, and in the time before. Shares, because a time that was
 * heard in part only would otherwise look like silence everywhere. Nothing is known where nothing was heard before. */
export function change(posts: number, all: number, before: number, allBefore: number): Change {
  if (!allBefore) return { expected: null, ratio: null, word: "unknown" };
  const expected = (before / allBefore) * all;
  const ratio = (posts + STEADYING) / (expected + STEADYING);
  return { expected, ratio, word: ratio >= LOUD ? "louder" : ratio <= 1 / LOUD ? "quieter" : "usual" };
}

export interface Ranked extends Place { change: Change }

/** The places with the most and the least posts, of those with any; no place is in both. */
export function ends(places: Ranked[], count: number): { top: Ranked[]; bottom: Ranked[] } {
  const order = places.filter((each) => each.posts > 0).sort((a, b) => b.posts - a.posts || a.id - b.id);
  const top = order.slice(0, count);
  return { top, bottom: order.slice(Math.max(count, order.length - count)).reverse() };
}

/** The share of posts and reposts without a city; null where there are none, or where it is not known yet. */
export function unlocated(total: { posts: number | null; reposts: number | null } | undefined, places: Place[] | undefined): number | null {
  const all = (total?.posts ?? 0) + (total?.reposts ?? 0);
  if (!all || !places) return null;
  return Math.max(0, 1 - places.reduce((sum, each) => sum + each.posts + each.reposts, 0) / all);
}
