// A notification of an alert: the same whether the server pushed it or the open page fetched it.
import type { Kept } from "./store.ts";

/** What `notify/webpush.py` sends. */
export interface Payload {
  id: string; tag: string; kind: string; title: string; body: string; severity: string; category?: string; url: string; at: string; lang: string;
}
export interface About { id: string; tag: string; kind: string }

export const WORDS: Kept["words"] = { open: "Open", useful: "Useful", notUseful: "Not useful" };
const GRAVE = ["severe", "extreme"];
const INCIDENT = /^[0-9a-z]{12}$/;

/** Title and options. Where there is room for two buttons only, a tap on the notification itself is what opens it. */
export function notificationOf(payload: Payload, words: Kept["words"], room: number): [string, NotificationOptions & Record<string, unknown>] {
  const opinions = [{ action: "useful", title: words.useful }, { action: "not-useful", title: words.notUseful }];
  const open = { action: "open", title: words.open };
  const judged = !["test", "digest"].includes(payload.kind);
  const about: About = { id: payload.id, tag: payload.tag, kind: payload.kind };
  return [payload.title, {
    body: payload.body, tag: payload.tag, lang: payload.lang, data: about, icon: "/icon-192.png", badge: "/badge-96.png",
    renotify: payload.kind !== "all-clear", silent: payload.kind === "all-clear", timestamp: Date.parse(payload.at) || undefined,
    requireInteraction: GRAVE.includes(payload.severity) && payload.kind !== "all-clear",
    actions: !judged ? [open] : room >= 3 ? [open, ...opinions] : opinions,
  }];
}

/** The page about an alert: of its incident, or else the history. It is ours, whatever the message says. */
export function pageOf(about: Partial<About> | null): string {
  const tag = about?.tag ?? "";
  return INCIDENT.test(tag) && about?.kind !== "digest" ? `/incidents?incident=${tag}&last=30d` : "/receiver";
}
