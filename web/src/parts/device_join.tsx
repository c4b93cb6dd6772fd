// Add this device: a name, and a code where one is needed.
import { useState } from "preact/hooks";
import type { Problem } from "../api.ts";
import { settled } from "../build.ts";
import { join, problemOf } from "../device/device.ts";
import { t } from "../language.ts";
import { codeOf, usualName } from "../pure/receiver.ts";
import { Failed } from "./states.tsx";

export function Join({ code, needed, removed }: { code: string; needed: boolean; removed: boolean }) {
  const [typed, setTyped] = useState(code);
  const [name, setName] = useState(() => usualName(navigator.userAgent));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const go = (event: Event) => {
    event.preventDefault();
    setBusy(true);
    join(name.trim(), needed || typed ? typed : "").then(settled, (refused) => { setProblem(problemOf(refused)); setBusy(false); });
  };
  return (
    <section class="panel join" aria-labelledby="join-title">
      {removed && <p class="partly" role="status">{t("receiver.removed")}</p>}
      <h2 id="join-title">{t("receiver.add")}</h2>
      <p class="soft">{t("receiver.addWhy")}</p>
      <form onSubmit={go}>
        {needed && (
          <label class="line">{t("receiver.code")}
            <input id="code" class="code" value={typed} placeholder="ABCD-2345" autoComplete="one-time-code" autoCapitalize="characters" spellcheck={false} maxLength={12} onInput={(event) => { event.currentTarget.value = codeOf(event.currentTarget.value); setTyped(event.currentTarget.value); }} />
            <small>{t("receiver.codeNote")}</small>
          </label>
        )}
        <label class="line">{t("receiver.name")}
          <input id="device-name" value={name} maxLength={60} autoComplete="off" onInput={(event) => setName(event.currentTarget.value)} />
          <small>{t("receiver.nameNote")}</small>
        </label>
        {problem && <Failed problem={problem} />}
        <button type="submit" class="main" id="join" disabled={busy || !name.trim() || (needed && typed.length < 9)}>{t("receiver.addGo")}</button>
      </form>
    </section>
  );
}
