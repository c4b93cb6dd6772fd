// The places on a map: a circle's area says how many posts, its colour and shape how that compares with the place's rhythm.
import { useShared } from "../context.ts";
import { n, t } from "../language.ts";
import { LOUD, type Ranked } from "../pure/counts.ts";
import { toggled } from "../pure/view.ts";
import { token } from "./hatching.ts";
import { WorldMap, type Look, type Place, type Spot } from "./world_map.tsx";

const RADIUS_MAX = 16;
const VERY_LOUD = 2.5;

/** What the comparison is called, and its colour and shape: never the colour alone. */
export function changeText({ change }: Ranked): string {
  if (change.word === "unknown") return t("change.unknown");
  return t(`change.${change.word}`, { ratio: (change.ratio ?? 1).toFixed(1) });
}

function colorOf(ratio: number | null): string {
  if (ratio === null) return token("ground");
  const away = Math.max(ratio, 1 / ratio);
  if (away < LOUD) return token("usual");
  return token(`${ratio > 1 ? "loud" : "quiet"}-${away < VERY_LOUD ? 1 : 2}`);
}

function circlesOf(places: Ranked[], chosen: number[], place: Place, look: Look): Array<Spot<Ranked>> {
  const most = Math.max(1, ...places.map((each) => each.posts));
  const circles: Array<Spot<Ranked>> = [];
  for (const item of places) {
    if (item.latitude === null || item.longitude === null) continue;
    const at = place(item.longitude, item.latitude);
    if (!at) continue;
    const r = Math.max(2, Math.min(RADIUS_MAX, Math.max(8, look.width / 55)) * Math.sqrt(item.posts / most) * Math.min(1.6, look.k ** 0.25));
    circles.push({ item, x: at[0], y: at[1], r, name: item.name, chosen: chosen.includes(item.id) });
  }
  return circles.sort((a, b) => b.r - a.r);
}

function drawCircle(context: CanvasRenderingContext2D, { item: { change }, x, y, r, chosen }: Spot<Ranked>): void {
  context.beginPath();
  context.arc(x, y, r, 0, 2 * Math.PI);
  context.globalAlpha = change.ratio === null ? 0.55 : 0.8;
  context.fillStyle = colorOf(change.ratio);
  context.fill();
  context.globalAlpha = 1;
  context.setLineDash(change.word === "unknown" ? [2, 2] : []);
  context.lineWidth = chosen ? 3 : 1;
  context.strokeStyle = chosen ? token("accent") : token(change.ratio === null ? "ink-soft" : "ring");
  context.stroke();
  context.setLineDash([]);
  if (r < 5 || (change.word !== "louder" && change.word !== "quieter")) return;
  const side = Math.min(6, r * 0.5) * (change.word === "louder" ? -1 : 1);
  context.beginPath();
  context.moveTo(x - Math.abs(side), y - side * 0.6);
  context.lineTo(x + Math.abs(side), y - side * 0.6);
  context.lineTo(x, y + side);
  context.closePath();
  context.fillStyle = token("on-data");
  context.fill();
}

export function PlacesMap({ places }: { places: Ranked[] }) {
  const { view, go } = useShared();
  return (
    <WorldMap
      label={t("map.label", { count: n(places.length) })} about={[places, view.cities]}
      spots={(place, look) => circlesOf(places, view.cities, place, look)} draw={drawCircle}
      pick={(each) => go({ cities: toggled(view.cities, each.id).slice(-8) })}
      tip={(each) => (
        <>
          <strong>{each.name} {each.country}</strong>
          <span>{t("map.tip", { posts: n(each.posts), reposts: n(each.reposts), people: n(each.people) })}</span>
          <span>{changeText(each)}</span>
        </>
      )}
    />
  );
}

export function Legend() {
  return (
    <ul class="legend" aria-label={t("map.legend")}>
      <li><i class="dot quiet" aria-hidden="true">▼</i>{t("legend.quieter")}</li>
      <li><i class="dot usual" aria-hidden="true" />{t("legend.usual")}</li>
      <li><i class="dot loud" aria-hidden="true">▲</i>{t("legend.louder")}</li>
      <li><i class="dot unknown" aria-hidden="true" />{t("legend.unknown")}</li>
    </ul>
  );
}
