// The first questions, asked while the rest of the page is still on its way: how things stand, and what the first chart shows.
import { address, ask } from "./api.ts";
import { countsOf, timesOf } from "./pure/asked.ts";
import { parse } from "./pure/view.ts";
import type { Status } from "./status_shape.ts";

const WAIT_MS = 2_000;

/** How things stand; null where nobody said it in time, or a token is needed. */
export const firstStatus: Promise<Status | null> = ask<Status>("/api/v1/status", {}, 0, WAIT_MS).catch(() => null);

let counts: { path: string; answer: Promise<unknown> } | null = null;

function askCounts(status: Status | null): void {
  const view = parse(location.pathname, location.search);
  const times = view.page === "now" && !counts ? timesOf(view, status, Date.now()) : null;
  if (!times) return;
  const path = address("counts", countsOf(view, times));
  counts = { path, answer: ask(path, {}, 1) };
  counts.answer.catch(() => undefined);
}

askCounts(null);
void firstStatus.then((status) => { if (status) askCounts(status); });

/** The answer to a question that was asked already, once; null where it was not. */
export function asked<T>(path: string): Promise<T> | null {
  if (counts?.path !== path) return null;
  const { answer } = counts;
  counts = { path: "", answer };
  return answer as Promise<T>;
}
