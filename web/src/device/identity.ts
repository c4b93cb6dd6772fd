// Whether this browser is a device that receives alerts, and who it is.
import { forget, keep, kept, type Kept } from "./store.ts";

type Device = Kept["device"];
/** Says only that there is something to look up, so that every other page begins without looking. */
const THERE = "lapwing-device";

let mine: Device | null = null;
const listeners = new Set<() => void>();

/** Resolved once it is known. */
export const deviceKnown: Promise<void> = localStorage.getItem(THERE) ? kept("device").then((found) => { mine = found; }) : Promise.resolve();

export function device(): Device | null {
  return mine;
}

export function isDevice(): boolean {
  return localStorage.getItem(THERE) !== null;
}

/** Be told when it was added or removed. */
export function onDevice(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export async function becomeDevice(found: Device): Promise<void> {
  await keep("device", found);
  localStorage.setItem(THERE, "1");
  mine = found;
  for (const tell of listeners) tell();
}

/** Forget who it is. */
export async function dropDevice(): Promise<void> {
  if (!mine) return;
  mine = null;
  localStorage.removeItem(THERE);
  for (const tell of listeners) tell();
  await forget().catch(() => undefined);
}
