// What the page Now asks for its first chart: the range of the view on the edges of its windows, and the question for it.
import { listening, type Status } from "../status_shape.ts";
import { edges, iso, resolve, windowFor, type Span } from "./time.ts";
import type { View } from "./view.ts";

export interface Times { span: Span; width: number; window: string; times: number[] }

export const ROWS_MAX = 10_000;

/** The range of a view; null until it is known where the posts end. */
export function timesOf(view: View, status: Status | null, now: number): Times | null {
  const { range } = view;
  if (status === null && range.kind === "last") return null;
  const [window, width] = windowFor(view.window, range.kind === "last" ? range.span : range.to - range.from);
  const newest = status?.posts.newest ? Date.parse(status.posts.newest) : null;
  const span = resolve(range, now, newest, width, listening(status));
  return { span, width, window, times: edges(span, width) };
}

/** What is the same for all questions of a page: its range, and the filters of the address. */
export function filtersOf(view: View, times: Times) {
  const { source, network, country, lang, kind } = view.facets;
  return { since: iso(times.span.from), until: iso(times.span.to), source, network, country, lang, kind };
}

/** The question for all posts by window, as `api.address` writes it. */
export function countsOf(view: View, times: Times) {
  return { ...filtersOf(view, times), window: times.window, limit: ROWS_MAX, by: "none" };
}
