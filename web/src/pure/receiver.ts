// The receiver: what a device was told as rows, what stands in the way of notifications, codes and keys as people and browsers have them.
import type { Alert } from "./rules.ts";

export interface Told {
  key: string;
  /** The newest first. */
  alerts: Alert[];
  /** The incident, where it is of one. */
  incident: string | null;
  over: boolean;
}

/** What was told of one incident in one row, the row with the newest alert first; digests and tests stand alone. */
export function rowsOf(alerts: readonly Alert[]): Told[] {
  const rows = new Map<string, Told>();
  for (const alert of [...alerts].sort((a, b) => (a.sent_at < b.sent_at ? 1 : a.sent_at > b.sent_at ? -1 : 0))) {
    const incident = alert.incidents.length === 1 && alert.kind !== "digest" ? alert.incidents[0]! : null;
    const key = incident ?? alert.id;
    const row = rows.get(key);
    if (row) row.alerts.push(alert);
    else rows.set(key, { key, alerts: [alert], incident, over: alert.kind === "all-clear" });
  }
  return [...rows.values()];
}

/** Alerts that were not there before, the oldest first. */
export function freshOf(before: readonly Alert[], now: readonly Alert[]): Alert[] {
  const known = new Set(before.map((each) => each.id));
  return now.filter((each) => !known.has(each.id)).reverse();
}

export interface Facts {
  secure: boolean; worker: boolean; push: boolean; notifications: boolean; permission: NotificationPermission; ios: boolean; standalone: boolean;
  /** Whether the server has a channel for push; null while it is not known. */
  channel: boolean | null;
  /** Whether the device is reached by push. */
  reached: boolean;
}
export const LACKS = ["https", "ios", "unsupported", "denied", "channel"] as const;
export type Lack = (typeof LACKS)[number];

/** What is missing for alerts to arrive when the page is closed; the first is to be mended first. */
export function lacking(facts: Facts): Lack[] {
  if (facts.reached && facts.permission === "granted") return [];
  const found: Lack[] = [];
  if (!facts.secure) found.push("https");
  else if (facts.ios && !facts.standalone) found.push("ios");
  else if (!facts.worker || !facts.push || !facts.notifications) found.push("unsupported");
  else if (facts.permission === "denied") found.push("denied");
  if (facts.channel === false) found.push("channel");
  return found;
}

/** A code as it was made, from how people type it; what is no letter or digit is left out. */
export function codeOf(text: string): string {
  const plain = text.toUpperCase().replace(/[^A-Z0-9]/g, "").slice(0, 8);
  return plain.length > 4 ? `${plain.slice(0, 4)}-${plain.slice(4)}` : plain;
}

/** What stands behind the `#` of an address. */
export function behindHash(hash: string): { code: string; alert: string; useful: boolean | null } {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const useful = said.get("useful");
  return { code: codeOf(said.get("code") ?? ""), alert: (said.get("alert") ?? "").slice(0, 200), useful: useful === "1" ? true : useful === "0" ? false : null };
}

/** The bytes of a key in URL-safe Base64. */
export function keyBytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/") + "=".repeat((4 - (text.length % 4)) % 4));
  return Uint8Array.from(plain, (each) => each.charCodeAt(0));
}

/** What a device calls itself before somebody gives it a name. */
export function usualName(agent: string): string {
  return ["iPhone", "iPad", "Android", "Windows", "Mac", "Linux"].find((each) => agent.includes(each)) ?? "";
}
