// Asks the API: a few questions at a time, a token where one was given, mistakes as the problems that the API tells.
import { answeredBy, BUILD, isOld } from "./build.ts";
import { device, deviceKnown, dropDevice, onDevice } from "./device/identity.ts";

export interface Problem {
  status: number; title: string; detail: string; next_step?: string; column?: number;
}

/** An answer that is none: what the API said, or status 0 where nobody answered. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

const OLD: Problem = { status: 412, title: "old page", detail: "This page is older than the server.", next_step: "Load it again." };
const TOKEN = "lapwing-token";
const AT_ONCE = 3;
const WAIT_MS = 20_000;

export function token(): string | null {
  return sessionStorage.getItem(TOKEN);
}

export function keepToken(value: string | null): void {
  if (value) sessionStorage.setItem(TOKEN, value);
  else sessionStorage.removeItem(TOKEN);
  for (const tell of waiting401) tell(null);
}

type Scope = "read" | "write";
const waiting401 = new Set<(needed: Scope | null) => void>();

/** Be told when a token is needed, and for what; null when one was given. */
export function onTokenNeeded(tell: (needed: Scope | null) => void): () => void {
  waiting401.add(tell);
  return () => waiting401.delete(tell);
}

/** Whether the server wants a token even of those who read: then this device's own is enough. */
let readsAsDevice = false;
onDevice(() => {
  if (device()) for (const tell of waiting401) tell(null);
});

/** Who asks: a token that was typed in, or, to read, this device's own where one is needed; and which build of the page. */
export function headers(reading = true): Record<string, string> {
  const given = token() ?? (reading && readsAsDevice ? device()?.token : undefined);
  return { ...(given ? { Authorization: `Bearer ${given}` } : {}), ...(BUILD ? { "X-Lapwing-Page": BUILD } : {}) };
}

/** The address of a question; empty values are left out, lists are repeated. */
export function address(path: string, given: Record<string, string | number | readonly (string | number)[] | null | undefined> = {}): string {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    if (Array.isArray(value)) for (const each of value) said.append(name, String(each));
    else if (value !== null && value !== undefined && value !== "") said.set(name, String(value));
  }
  const query = said.toString();
  return `/api/v1/${path}${query ? `?${query}` : ""}`;
}

let running = 0;
const line: Array<{ rank: number; go: () => void }> = [];

function enter(rank: number): Promise<void> {
  if (running < AT_ONCE) {
    running++;
    return Promise.resolve();
  }
  return new Promise((go) => {
    line.push({ rank, go });
    line.sort((a, b) => a.rank - b.rank);
  });
}

function leave(): void {
  const next = line.shift();
  if (next) next.go();
  else running--;
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback = { status: response.status, title: response.statusText, detail: `${response.status} ${response.statusText}` };
  try {
    return { ...fallback, ...((await response.json()) as Partial<Problem>), status: response.status };
  } catch {
    return fallback;
  }
}

/** One question; where a token is wanted and this device has one, it is asked once more with that. */
async function sent(path: string, init: RequestInit): Promise<Response> {
  const reading = (init.method ?? "GET") === "GET";
  const said: Record<string, string> = { Accept: "application/json", ...headers(reading), ...(init.headers as Record<string, string> | undefined) };
  const response = await fetch(path, { ...init, headers: said });
  answeredBy(response);
  if (response.status !== 401) return response;
  const own = device()?.token;
  if (own && reading && !said.Authorization) {
    readsAsDevice = true;
    return sent(path, init);
  }
  if (own && said.Authorization === `Bearer ${own}`) void dropDevice();
  else for (const tell of waiting401) tell(reading ? "read" : "write");
  return response;
}

/** Ask; raises `Refused`, or an `AbortError` where nobody wants the answer any more. Lower ranks are asked first. */
export async function ask<T>(path: string, init: RequestInit = {}, rank = 5, waitMs = WAIT_MS): Promise<T> {
  await deviceKnown;
  await enter(rank);
  try {
    if (isOld()) throw new Refused(OLD);
    const signals = [AbortSignal.timeout(waitMs), ...(init.signal ? [init.signal] : [])];
    const response = await sent(path, { ...init, signal: AbortSignal.any(signals) });
    if (!response.ok) throw new Refused(await problemOf(response));
    return (await response.json()) as T;
  } catch (problem) {
    if (problem instanceof Refused || init.signal?.aborted) throw problem;
    throw new Refused({ status: 0, title: "no answer", detail: "" });
  } finally {
    leave();
  }
}

/** Save an export as a file, with the token that a plain link could not carry. */
export async function save(path: string, name: string): Promise<void> {
  const response = await fetch(path, { headers: headers() });
  if (!response.ok) throw new Refused(await problemOf(response));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
