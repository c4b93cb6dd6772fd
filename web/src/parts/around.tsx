// Around which cities or points somebody wants to be told of what happens, and how far.
import { useMemo, useState } from "preact/hooks";
import { address } from "../api.ts";
import { useAnswer } from "../hooks.ts";
import { t } from "../language.ts";
import type { Places } from "../pages/now_data.ts";
import type { Rule } from "../pure/rules.ts";
import { Chips } from "./chips.tsx";

const PLACES_MAX = 2_000;
const PATIENCE_MS = 15_000;
/** Hundredths of a degree: a kilometre is near enough, and nobody needs to know more. */
const DIGITS = 2;

interface Given {
  id: string;
  draft: Pick<Rule, "places" | "radius_km">;
  change: (some: Partial<Given["draft"]>) => void;
}

export function Around({ id, draft, change }: Given) {
  const places = useAnswer<Places>(address("places", { limit: PLACES_MAX }), 0, 8);
  const spoken = useMemo(() => [...(places.data?.places ?? [])].sort((a, b) => b.posts - a.posts).map((each) => ({ value: `${each.name}, ${each.country}`, label: `${each.name}, ${each.country}` })), [places.data]);
  const set = (values: string[]) => change({ places: values });
  return (
    <>
      <div class="line"><span>{t("rule.places")}</span><Chips id={`${id}-places`} label={t("rule.addPlace")} values={draft.places} choices={spoken} free={(text) => text} change={set} /></div>
      <Here id={id} add={(point) => set([...draft.places.filter((each) => each !== point), point])} />
      {draft.places.length > 0 && <label class="line">{t("rule.radius")}<span><input id={`${id}-radius`} class="short" type="number" min={1} max={20000} step="any" value={draft.radius_km} onInput={(event) => { const km = event.currentTarget.valueAsNumber; if (km > 0) change({ radius_km: km }); }} /> km</span></label>}
    </>
  );
}

/** The device's own position, asked for when somebody wants that and never else. */
function Here({ id, add }: { id: string; add: (point: string) => void }) {
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState(false);
  if (!isSecureContext || !("geolocation" in navigator)) return null;
  const ask = () => {
    setBusy(true);
    setFailed(false);
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => { setBusy(false); add(`${coords.latitude.toFixed(DIGITS)}, ${coords.longitude.toFixed(DIGITS)}`); },
      () => { setBusy(false); setFailed(true); },
      { timeout: PATIENCE_MS, maximumAge: 3_600_000 },
    );
  };
  return (
    <div class="line">
      <span />
      <span><button type="button" id={`${id}-here`} disabled={busy} onClick={ask}>{t("rule.here")}</button> {failed && <small role="alert">{t("rule.hereFailed")}</small>}</span>
    </div>
  );
}
