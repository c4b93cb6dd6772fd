// Which build this page is. The server refuses pages of another build; such a page loads itself anew, or says so.

export const BUILD = document.querySelector<HTMLMetaElement>('meta[name="lapwing-build"]')?.content ?? "";
const LOADED_FOR = "lapwing-loaded-for";

let theirs = "";
let edited = false;
const listeners = new Set<() => void>();

addEventListener("input", (event) => {
  if ((event.target as HTMLElement).closest("main form, dialog form")) edited = true;
});

/** What was typed is kept, or given up. */
export function settled(): void {
  edited = false;
}

export function isOld(): boolean {
  return theirs !== "";
}

/** Be told when the server has a newer page, and this one could not load it by itself. */
export function onOld(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function reload(): void {
  sessionStorage.setItem(LOADED_FOR, theirs);
  location.reload();
}

/** Look which build answered. A page that was loaded for this build already, or in which somebody writes, only says it. */
export function answeredBy(response: Response): void {
  const build = response.headers.get("X-Lapwing-Build") ?? "";
  if (!BUILD || !build || build === BUILD || build === theirs) return;
  theirs = build;
  if (!edited && sessionStorage.getItem(LOADED_FOR) !== build) reload();
  else for (const tell of listeners) tell();
}
