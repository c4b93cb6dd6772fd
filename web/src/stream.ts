// What is new, for all tabs of this browser: one of them listens to the server, and tells the others.
import { ask, headers, onTokenNeeded, Refused } from "./api.ts";
import { answeredBy, isOld } from "./build.ts";
import { deviceKnown } from "./device/identity.ts";
import { firstStatus } from "./early.ts";
import { reader } from "./pure/events.ts";
import type { Incident } from "./pure/incidents.ts";
import type { Post } from "./pure/sample.ts";
import type { Status } from "./status_shape.ts";

export type News =
  | { kind: "commits"; commit: number }
  | { kind: "posts"; posts: Post[]; removed: string[] }
  | { kind: "incidents"; incidents: Incident[] }
  | { kind: "reset" }
  | { kind: "status"; status: Status }
  | { kind: "link"; up: boolean; at: number };

const LOCK = "lapwing-stream";
const AGAIN_MS = 2_000;
const AGAIN_MAX_MS = 15_000;
const REFUSALS = [401, 403, 412, 429];
const STATUS_MS = 3_000;
const STATUS_WAIT_MS = 2_000;

const listeners = new Set<(news: News) => void>();
const channel = "BroadcastChannel" in window ? new BroadcastChannel(LOCK) : null;
let last: { [kind in News["kind"]]?: News } = {};

function tell(news: News): void {
  last = { ...last, [news.kind]: news };
  for (const each of listeners) each(news);
}

function tellAll(news: News): void {
  tell(news);
  channel?.postMessage(news);
}

/** Hear what is new, beginning with how things stand as far as it is known; call the answer to hear no more. */
export function hear(listener: (news: News) => void): () => void {
  listeners.add(listener);
  for (const kind of ["link", "status"] as const) if (last[kind]) listener(last[kind]);
  return () => listeners.delete(listener);
}

function pause(ms: number): Promise<void> {
  return new Promise((go) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      removeEventListener("online", done);
      stop();
      go();
    }
    addEventListener("online", done);
    const stop = onTokenNeeded((needed) => needed || done());
  });
}

function told(event: string, data: string): void {
  const value = JSON.parse(data) as { commit: number; posts?: Post[]; removed?: string[]; incidents?: Incident[] };
  if (event === "commits") tellAll({ kind: "commits", commit: value.commit });
  else if (event === "posts") tellAll({ kind: "posts", posts: value.posts ?? [], removed: value.removed ?? [] });
  else if (event === "incidents") tellAll({ kind: "incidents", incidents: value.incidents ?? [] });
  else if (event === "reset") tellAll({ kind: "reset" });
}

async function listen(after: { id: string }): Promise<void> {
  await deviceKnown;
  if (isOld()) throw new Error("old");
  const asked = { Accept: "text/event-stream", ...headers(), ...(after.id ? { "Last-Event-ID": after.id } : {}) };
  const response = await fetch("/api/v1/stream?topics=commits,posts,incidents", { headers: asked, cache: "no-store" });
  answeredBy(response);
  if (!response.ok || !response.body) throw new Error(String(response.status));
  const read = reader(({ event, id, data }) => {
    if (id) after.id = id;
    told(event, data);
  });
  const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await pieces.read();
    if (done) return;
    read(value);
  }
}

async function listenForEver(): Promise<never> {
  const after = { id: "" };
  let wait = AGAIN_MS;
  for (;;) {
    const begun = Date.now();
    try {
      await listen(after);
    } catch {
      // Whether the server is there, the question for the status says.
    }
    wait = Date.now() - begun > AGAIN_MAX_MS ? AGAIN_MS : Math.min(wait * 1.5, AGAIN_MAX_MS);
    await pause(wait);
  }
}

/** The status is asked for also when nothing is new: a server that is gone, or stands still, says nothing. */
async function watchForEver(): Promise<never> {
  if (await firstStatus) await pause(STATUS_MS);
  for (;;) {
    try {
      const status = await ask<Status>("/api/v1/status", {}, 0, STATUS_WAIT_MS);
      tellAll({ kind: "link", up: true, at: Date.now() });
      tellAll({ kind: "status", status });
    } catch (refused) {
      // A server that wants a token, or another page, is there.
      tellAll({ kind: "link", up: refused instanceof Refused && REFUSALS.includes(refused.problem.status), at: Date.now() });
    }
    await pause(STATUS_MS);
  }
}

/** Begin, once for a page. Where the browser has no locks (pages of other machines without HTTPS), each tab listens. */
export function begin(): void {
  if (channel) channel.onmessage = (message: MessageEvent<News>) => tell(message.data);
  addEventListener("offline", () => tell({ kind: "link", up: false, at: Date.now() }));
  // Also for a tab that follows another, which tells its status only now and then.
  void firstStatus.then((status) => {
    if (!last.status && !last.link) tell(status ? { kind: "status", status } : { kind: "link", up: false, at: Date.now() });
  });
  const both = () => Promise.all([listenForEver(), watchForEver()]);
  if (navigator.locks && channel) {
    void navigator.locks.request(LOCK, both);
  } else {
    void both();
  }
}
