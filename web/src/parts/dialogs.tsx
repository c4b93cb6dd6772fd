// The two dialogs: what the keys do, and the token where one is needed.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { keepToken, onTokenNeeded, token } from "../api.ts";
import { useShared } from "../context.ts";
import { isDevice } from "../device/identity.ts";
import { t } from "../language.ts";

function Dialog({ title, close, children }: { title: string; close: () => void; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => ref.current?.showModal(), []);
  return (
    <dialog ref={ref} onClose={close} onClick={(event) => event.target === ref.current && ref.current?.close()} aria-label={title}>
      <header><h2>{title}</h2><button type="button" onClick={() => ref.current?.close()} aria-label={t("close")}>×</button></header>
      {children}
    </dialog>
  );
}

const KEYS = [["?", "help"], ["/", "search"], ["g n", "now"], ["g s", "searchPage"], ["g i", "incidents"], ["g r", "rules"], ["g a", "receiver"], ["g t", "status"], ["c", "city"], ["z", "zone"], ["d", "theme"], ["1 … 6", "range"], ["Esc", "close"]] as const;

export function Help({ close }: { close: () => void }) {
  return (
    <Dialog title={t("help.title")} close={close}>
      <dl class="keys">{KEYS.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{t(`help.${what}`)}</dd></div>)}</dl>
      <p class="soft">{t("help.more")} <a href="/docs">/docs</a></p>
    </Dialog>
  );
}

/** Asks for a token as soon as the API wants one; it is kept until the tab is closed. */
export function Login() {
  const { view } = useShared();
  const [needed, setNeeded] = useState<"read" | "write" | null>(null);
  const [typed, setTyped] = useState("");
  useEffect(() => onTokenNeeded(setNeeded), []);
  if (!needed || (view.page === "receiver" && !isDevice())) return null; // there a code is asked for
  return (
    <Dialog title={t("login.title")} close={() => setNeeded(null)}>
      <form method="dialog" onSubmit={(event) => { event.preventDefault(); keepToken(typed.trim()); setTyped(""); }}>
        <p>{t(token() ? "login.wrong" : needed === "write" ? "login.whyWrite" : "login.why")}</p>
        <pre>lapwing token create NAME --scope {needed}</pre>
        <label>{t("login.token")} <input id="token" type="password" autoComplete="off" spellcheck={false} value={typed} placeholder="lw_…" onInput={(event) => setTyped(event.currentTarget.value)} /></label>
        <p class="soft">{t("login.kept")}</p>
        <button type="submit" class="main" disabled={!typed.trim()}>{t("login.go")}</button>
      </form>
    </Dialog>
  );
}
