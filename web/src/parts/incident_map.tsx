// Incidents on a map: a triangle's size says how many people, its filling the state; around the chosen one how far it reaches.
import { useShared } from "../context.ts";
import { n, t } from "../language.ts";
import type { Incident } from "../pure/incidents.ts";
import { token } from "./hatching.ts";
import { nameOfIncident, placeName } from "./incident_names.tsx";
import { WorldMap, type Look, type Place, type Spot } from "./world_map.tsx";

const RADIUS_MIN = 6;
const RADIUS_MAX = 13;
/** Above this many kilometres the two thirds of the voices that are nearest are not at one place at all. */
export const SPREAD_KM = 300;

function spotsOf(incidents: readonly Incident[], chosen: string, place: Place): Array<Spot<Incident>> {
  const most = Math.max(1, ...incidents.map((each) => each.people));
  const spots = incidents.flatMap((item) => {
    const at = item.point && place(item.point.longitude, item.point.latitude);
    if (!at) return [];
    const r = RADIUS_MIN + (RADIUS_MAX - RADIUS_MIN) * Math.sqrt(item.people / most);
    return [{ item, x: at[0], y: at[1], r, name: item.place?.name ?? "", chosen: item.id === chosen }];
  });
  return spots.sort((a, b) => Number(a.chosen) - Number(b.chosen) || b.r - a.r);
}

/** A triangle: filled with a bar under it where confirmed, hollow where possible, upside down where fading; over is a ring. */
function drawSign(context: CanvasRenderingContext2D, { item, x, y, r, chosen }: Spot<Incident>, look: Look): void {
  const reach = (item.point?.radius_km ?? 0) * look.pixelsPerKm;
  if (chosen && reach > r) {
    context.beginPath();
    context.arc(x, y, reach, 0, 2 * Math.PI);
    context.globalAlpha = 0.12;
    context.fillStyle = token("loud-2");
    context.fill();
    context.globalAlpha = 0.7;
    context.setLineDash([4, 3]);
    context.lineWidth = 1;
    context.strokeStyle = token("loud-2");
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
  }
  const over = item.state === "closed", filled = item.state === "confirmed";
  context.beginPath();
  if (over) context.arc(x, y, r * 0.6, 0, 2 * Math.PI);
  else {
    const up = item.state === "fading" ? -1 : 1;
    context.moveTo(x, y - r * up);
    context.lineTo(x + r * 0.95, y + r * 0.7 * up);
    context.lineTo(x - r * 0.95, y + r * 0.7 * up);
    context.closePath();
  }
  const color = over || item.state === "fading" ? token("ink-soft") : token("loud-2");
  context.lineJoin = "round";
  context.fillStyle = filled ? color : token("ground");
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = filled ? token("ring") : color;
  context.stroke();
  if (filled) {
    context.fillStyle = color;
    context.fillRect(x - r * 0.95, y + r * 0.95, r * 1.9, 2.5);
  }
  if (!chosen) return;
  context.beginPath();
  context.arc(x, y, r + 5, 0, 2 * Math.PI);
  context.lineWidth = 2;
  context.strokeStyle = token("accent");
  context.stroke();
}

export function IncidentsMap({ incidents, chosen, height, focus }: {
  incidents: readonly Incident[]; chosen: string; height?: (width: number) => number; focus?: Incident["point"];
}) {
  const { go } = useShared();
  return (
    <WorldMap
      label={t("incident.map", { count: n(incidents.filter((each) => each.point).length) })} about={[incidents, chosen]}
      spots={(place) => spotsOf(incidents, chosen, place)} draw={drawSign} height={height}
      focus={focus ? { longitude: focus.longitude, latitude: focus.latitude, km: Math.max(1_200, Math.min(focus.radius_km, 4_000) * 3) } : undefined}
      pick={(each) => go({ incident: each.id })}
      tip={(each) => (
        <>
          <strong>{nameOfIncident(each)}</strong>
          <span>{t(`incident.state.${each.state}`)} · {t("incident.people", { count: n(each.people) })}</span>
        </>
      )}
    />
  );
}

/** Where it is, in words: how far around, or that voices name places far apart. */
export function whereSaid(incident: Incident): string {
  const place = placeName(incident);
  if (!incident.point) return incident.country ? t("where.country", { place }) : t("where.nowhere");
  const km = Math.round(incident.point.radius_km);
  if (km >= SPREAD_KM) return t("where.spread", { place, km: n(km) });
  return km < 1 ? t("where.one", { place }) : t("where.within", { place, km: n(km) });
}
