// From when to when: the last hours, or between two moments; and in whose time it is read.
import { useState } from "preact/hooks";
import { useShared } from "../context.ts";
import { t } from "../language.ts";
import { fromField, HOUR, spanName, spanOf, SPANS, toField } from "../pure/time.ts";

export function RangeControl() {
  const { view, go, now } = useShared();
  const { range, zone } = view;
  const between = range.kind === "between";
  const [typed, setTyped] = useState<{ from?: string; to?: string }>({});
  const pick = (name: string) => {
    if (name === "between") go({ range: { kind: "between", from: now - HOUR, to: now } });
    else go({ range: { kind: "last", span: spanOf(name)!, end: range.kind === "last" ? range.end : "auto" } });
    setTyped({});
  };
  const set = (side: "from" | "to", text: string) => {
    setTyped({ ...typed, [side]: text });
    const at = fromField(text, zone);
    if (!between || at === null) return;
    const next = { ...range, [side]: at };
    if (next.from < next.to) go({ range: next }, true);
  };
  return (
    <div class="range">
      {view.page !== "status" && <label>
        <span class="hidden">{t("range.label")}</span>
        <select id="range" value={between ? "between" : spanName(range.span)} onChange={(event) => pick(event.currentTarget.value)}>
          {SPANS.map(([name]) => <option value={name} key={name}>{t(`range.${name}` as "range.1h")}</option>)}
          <option value="between">{t("range.between")}</option>
        </select>
      </label>}
      {between && view.page !== "status" && (
        <span class="moments">
          <input type="datetime-local" aria-label={t("range.from")} value={typed.from ?? toField(range.from, zone)} onInput={(event) => set("from", event.currentTarget.value)} onBlur={() => setTyped({})} />
          <span aria-hidden="true">–</span>
          <input type="datetime-local" aria-label={t("range.to")} value={typed.to ?? toField(range.to, zone)} onInput={(event) => set("to", event.currentTarget.value)} onBlur={() => setTyped({})} />
        </span>
      )}
      <button type="button" id="zone" onClick={() => go({ zone: zone === "utc" ? "local" : "utc" }, true)} aria-label={t(zone === "utc" ? "zone.isUtc" : "zone.isLocal")}>
        {zone === "utc" ? "UTC" : t("zone.local")}
      </button>
    </div>
  );
}
