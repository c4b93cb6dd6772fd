// What every part of the page may know: the view, how to change it, and how things stand.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Incident } from "./pure/incidents.ts";
import type { View } from "./pure/view.ts";
import type { Status } from "./status_shape.ts";

export interface Shared {
  view: View;
  /** Change the view; `replace` where it is not worth a step back. */
  go: (change: Partial<View>, replace?: boolean) => void;
  status: Status | null;
  /** Since when nobody answers; null while somebody does. */
  downSince: number | null;
  now: number;
  tick: number;
  refresh: () => void;
  theme: "light" | "dark";
  /** The incidents that go on; null until they are known. */
  open: Incident[] | null;
}

export const Context = createContext<Shared | null>(null);

export function useShared(): Shared {
  const shared = useContext(Context);
  if (!shared) throw new Error("outside of the page");
  return shared;
}
