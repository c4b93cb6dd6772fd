// This device: what the server says of it, what it was told, and how it is reached.
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, Refused, type Problem } from "../api.ts";
import { useNews } from "../hooks.ts";
import { t } from "../language.ts";
import { freshOf, keyBytes, type Facts } from "../pure/receiver.ts";
import type { Alert, AlertsPage, Rule, RuleShown, Share } from "../pure/rules.ts";
import { becomeDevice, device, deviceKnown, dropDevice, onDevice } from "./identity.ts";
import { notificationOf, WORDS } from "./notification.ts";
import { forget, keep, kept } from "./store.ts";

export interface Device {
  id: string; name: string; added_at: string; channel: string; push: boolean; reachable: boolean; reader: string; readers: string[]; rule: RuleShown | null;
}
export interface Channel { name: string; type: string; public_key: string | null; problem: string | null }
export interface Channels { channels: Channel[]; code_needed: boolean }
interface Last { at: number; mine: Device; alerts: Alert[]; precision: Share | null }
export interface Mine extends Partial<Last> {
  /** Null while it is not known. */
  added: boolean | null;
  /** It was a device until the server said no. */
  removed: boolean;
  problem: Problem | null;
}

const JSON_BODY = { "Content-Type": "application/json" };
const HISTORY = 100;
/** What is told of is asked for each time, the device itself at each so many. */
const MINE_EVERY = 5;
const WORKER = "/sw.js";

/** Ask as this device, whoever else is signed in. */
function asDevice<T>(path: string, method = "GET", body?: unknown): Promise<T> {
  const own = { Authorization: `Bearer ${device()?.token ?? ""}` };
  return ask<T>(`/api/v1/devices/mine${path}`, { method, headers: { ...own, ...(body === undefined ? {} : JSON_BODY) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }, 0);
}

export function problemOf(refused: unknown): Problem {
  return refused instanceof Refused ? refused.problem : { status: 400, title: "", detail: String((refused as Error)?.message ?? refused) };
}

/** Add this browser; raises `Refused`. */
export async function join(name: string, code: string): Promise<void> {
  const found = await ask<{ token: string; device: Device }>("/api/v1/devices/join", { method: "POST", headers: JSON_BODY, body: JSON.stringify({ name, code: code || null }) }, 0);
  await becomeDevice({ id: found.device.id, token: found.token, name: found.device.name });
}

export type Wish = Pick<Rule, "places" | "radius_km" | "countries" | "categories" | "severity" | "state" | "budget" | "quiet" | "breaks_through" | "zone">;
export const wish = (wanted: Wish): Promise<Device> => asDevice("", "PUT", wanted);
export const test = (): Promise<unknown> => asDevice("/test", "POST");
export const say = (alert: string, useful: boolean): Promise<unknown> => asDevice("/feedback", "POST", { alert, useful });

/** Remove this device; where the server knows it no longer, here all the same. */
export async function leave(): Promise<void> {
  await asDevice("", "DELETE");
  const registration = await worker();
  await (await registration?.pushManager?.getSubscription())?.unsubscribe().catch(() => false);
  await dropDevice();
}

/** The service worker, where there can be one. */
export async function worker(): Promise<ServiceWorkerRegistration | null> {
  if (!isSecureContext || !("serviceWorker" in navigator)) return null;
  try {
    await navigator.serviceWorker.register(WORKER, { updateViaCache: "none" });
    await keep("words", { open: t("push.open"), useful: t("alert.yes"), notUseful: t("alert.no") });
    return await navigator.serviceWorker.ready;
  } catch {
    return null; // a browser that keeps nothing: the page works without
  }
}

/** Subscribe at the browser's push service, and have the server send there; raises what stands in the way. */
export async function subscribe(channel: Channel): Promise<Device> {
  const registration = await worker();
  if (!registration) throw new Error(t("lack.unsupported"));
  const asked = { userVisibleOnly: true, applicationServerKey: keyBytes(channel.public_key!) };
  const found = await registration.pushManager.subscribe(asked).catch(async (problem: Error) => {
    const old = await registration.pushManager.getSubscription(); // of another key
    if (!old) throw problem;
    await old.unsubscribe();
    return registration.pushManager.subscribe(asked);
  });
  const mine = await asDevice<Device>("/address", "PUT", { channel: channel.name, address: JSON.stringify(found.toJSON()) });
  await keep("endpoint", found.endpoint);
  return mine;
}

/** Be told on the page alone from now on. */
export async function unsubscribe(): Promise<Device> {
  const registration = await worker();
  await (await registration?.pushManager?.getSubscription())?.unsubscribe().catch(() => false);
  return asDevice<Device>("/address", "PUT", { channel: "page", address: "" });
}

/** A subscription that the browser changed or lost meanwhile is made anew; where it cannot be, the page is told again. */
export async function mended(mine: Device, channels: Channel[]): Promise<Device> {
  if (!mine.push) return mine;
  const registration = await worker();
  const there = await registration?.pushManager?.getSubscription();
  if (mine.reachable && there && there.endpoint === (await kept("endpoint"))) return mine;
  const channel = channels.find((each) => each.name === mine.channel && each.public_key);
  if (channel && "Notification" in window && Notification.permission === "granted") return subscribe(channel).catch(() => unsubscribe());
  return unsubscribe();
}

export function facts(channels: Channel[] | null, mine: Device | undefined): Facts {
  const ios = /iPhone|iPad|iPod/.test(navigator.userAgent) || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
  return {
    secure: isSecureContext, worker: "serviceWorker" in navigator, push: "PushManager" in window, notifications: "Notification" in window,
    permission: "Notification" in window ? Notification.permission : "default", ios,
    standalone: matchMedia("(display-mode: standalone)").matches, reached: mine?.push === true && mine.reachable,
    channel: channels && channels.some((each) => each.public_key !== null),
  };
}

/** Shown by this page itself, where nobody pushes. */
async function notify(alert: Alert): Promise<void> {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const payload = { id: alert.id, tag: alert.incidents.length === 1 ? alert.incidents[0]! : alert.id, kind: alert.kind, title: alert.title ?? "", body: alert.body ?? "", severity: alert.severity ?? "unknown", url: "", at: alert.sent_at, lang: "en" };
  const room = (Notification as unknown as { maxActions?: number }).maxActions ?? 0;
  await (await worker())?.showNotification(...notificationOf(payload, (await kept("words")) ?? WORDS, room));
}

/** What is known of this device, kept up while the page is open; `told` hears of each alert that comes. */
export function useMine(told: (alert: Alert) => void): Mine & { refresh: () => void; set: (mine: Device) => Promise<void> } {
  const [mine, setMine] = useState<Mine>({ added: null, removed: false, problem: null });
  const known = useRef<Alert[] | null>(null);
  const asking = useRef(false);
  const self = useRef<Device | null>(null);
  const turn = useRef(0);
  const latest = useRef(told);
  latest.current = told;
  const refresh = async () => {
    if (asking.current || !device()) return;
    asking.current = true;
    try {
      const anew = !known.current || turn.current++ % MINE_EVERY === 0;
      const before = self.current;
      const [found, page] = await Promise.all([anew ? asDevice<Device>("") : before!, asDevice<AlertsPage>(`/alerts?limit=${HISTORY}`)]);
      if (self.current === before) self.current = found; // otherwise it was changed or removed here meanwhile
      if (!self.current || !device()) return;
      const fresh = known.current ? freshOf(known.current, page.alerts) : [];
      known.current = page.alerts;
      const last: Last = { at: Date.now(), mine: self.current, alerts: page.alerts, precision: page.precision.all };
      setMine({ added: true, removed: false, problem: null, ...last });
      await keep("last", last);
      for (const each of fresh) {
        latest.current(each);
        if (!self.current?.push) await notify(each);
      }
    } catch (refused) {
      setMine((old) => (device() ? { ...old, problem: problemOf(refused) } : old));
    } finally {
      asking.current = false;
    }
  };
  useEffect(() => {
    void deviceKnown.then(async () => {
      const last = device() ? ((await kept("last")) as Last | null) : null;
      setMine((old) => ({ ...old, added: device() !== null, ...(last?.mine && !old.mine ? last : {}) }));
      if (last) { known.current = last.alerts; self.current = last.mine; }
      await refresh();
    });
    const stop = onDevice(() => {
      const added = device() !== null;
      if (!added) { known.current = self.current = null; void forget().catch(() => undefined); }
      setMine((old) => (added ? { ...old, added, removed: false } : { added, removed: old.added === true, problem: null }));
      if (added) void refresh();
    });
    const heard = (event: MessageEvent) => { if (event.data?.kind) void refresh(); };
    navigator.serviceWorker?.addEventListener("message", heard);
    return () => { stop(); navigator.serviceWorker?.removeEventListener("message", heard); };
  }, []);
  const set = async (found: Device) => {
    self.current = found;
    setMine((old) => ({ ...old, mine: found }));
    await kept("last").then((last) => (last && device() ? keep("last", { ...(last as Last), mine: found }) : undefined)).catch(() => undefined);
  };
  useNews((news) => { if (news.kind === "status" || news.kind === "incidents" || (news.kind === "link" && news.up)) void refresh(); });
  return { ...mine, refresh: () => void refresh(), set };
}
