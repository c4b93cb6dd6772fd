// The service worker: the page without a server, and notifications without the page.
/// <reference lib="webworker" />
import { notificationOf, pageOf, WORDS, type About, type Payload } from "../device/notification.ts";
import { keep, kept } from "../device/store.ts";

declare const self: ServiceWorkerGlobalScope;
declare const __BUILD__: string;
declare const __SHELL__: string[];
declare const __PAGES__: string[];

const OURS = "lapwing-";
const CACHE = OURS + __BUILD__;
/** A network that says nothing for so long is as good as none. */
const PATIENCE_MS = 5_000;
const JSON_BODY = { "Content-Type": "application/json", "X-Lapwing-Page": __BUILD__ };

self.addEventListener("install", (event) => {
  const anew = __SHELL__.map((path) => new Request(path, { cache: path.startsWith("/assets/") ? "default" : "no-cache" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(anew)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name.startsWith(OURS) && name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") {
    if (__PAGES__.includes(url.pathname)) event.respondWith(page(request));
  } else if (url.pathname.startsWith("/assets/")) {
    event.respondWith(asset(request));
  } else if (__SHELL__.includes(url.pathname)) {
    event.respondWith(fetch(request).catch(() => known(url.pathname)));
  }
});

async function known(path: string): Promise<Response> {
  return (await caches.match(path)) ?? Response.error();
}

/** The page as the server has it; the last one that we know where nobody answers in time. */
async function page(request: Request): Promise<Response> {
  try {
    const found = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return found.status < 500 ? found : await known("/");
  } catch {
    return known("/");
  }
}

/** What has a hash in its name never changes. */
async function asset(request: Request): Promise<Response> {
  const there = await caches.match(request);
  if (there) return there;
  const found = await fetch(request);
  if (found.ok) await (await caches.open(CACHE)).put(request, found.clone());
  return found;
}

async function tellPages(said: { kind: "told" | "said" }): Promise<void> {
  for (const each of await self.clients.matchAll({ type: "window" })) each.postMessage(said);
}

self.addEventListener("push", (event) => {
  let payload: Payload;
  try {
    payload = event.data!.json() as Payload;
  } catch {
    return;
  }
  event.waitUntil((async () => {
    const words = (await kept("words")) ?? WORDS;
    const room = (Notification as unknown as { maxActions?: number }).maxActions ?? 0;
    await self.registration.showNotification(...notificationOf(payload, words, room));
    await tellPages({ kind: "told" });
  })());
});

async function open(path: string): Promise<void> {
  const pages = await self.clients.matchAll({ type: "window" });
  const mine = pages.find((each) => new URL(each.url).origin === location.origin);
  if (!mine) return void (await self.clients.openWindow(path));
  const there = await mine.navigate(path).catch(() => null);
  await (there ?? mine).focus().catch(() => undefined);
}

/** Say it to the server with the device's own token; where that fails, the page is opened and says it. */
async function say(about: About, useful: boolean): Promise<void> {
  const device = await kept("device");
  try {
    const answer = await fetch("/api/v1/devices/mine/feedback", {
      method: "POST", headers: { ...JSON_BODY, Authorization: `Bearer ${device!.token}` }, body: JSON.stringify({ alert: about.id, useful }),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    await tellPages({ kind: "said" });
  } catch {
    await open(`/receiver#alert=${encodeURIComponent(about.id)}&useful=${useful ? 1 : 0}`);
  }
}

self.addEventListener("notificationclick", (event) => {
  const about = event.notification.data as About;
  event.notification.close();
  if (event.action === "useful" || event.action === "not-useful") event.waitUntil(say(about, event.action === "useful"));
  else event.waitUntil(open(pageOf(about)));
});

/** The browser made another subscription: the server is told, or the page does it when it is opened. */
self.addEventListener("pushsubscriptionchange", (event) => {
  const change = event as ExtendableEvent & { newSubscription?: PushSubscription | null };
  const subscription = change.newSubscription;
  if (!subscription) return;
  change.waitUntil((async () => {
    const device = await kept("device");
    if (!device) return;
    const headers = { ...JSON_BODY, Authorization: `Bearer ${device.token}` };
    const mine = (await (await fetch("/api/v1/devices/mine", { headers })).json()) as { channel: string };
    const body = JSON.stringify({ channel: mine.channel, address: JSON.stringify(subscription) });
    const answer = await fetch("/api/v1/devices/mine/address", { method: "PUT", headers, body });
    if (answer.ok) await keep("endpoint", subscription.endpoint);
  })());
});
