// The places on a map: a circle's area says how many posts, its colour and shape how that compares with the place's rhythm.
import { geoGraticule10, geoNaturalEarth1, geoPath, type GeoProjection } from "d3-geo";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import atlas from "world-atlas/countries-110m.json?url";
import { useShared } from "../context.ts";
import { useWidth } from "../hooks.ts";
import { n, t } from "../language.ts";
import { LOUD, type Ranked } from "../pure/counts.ts";
import { toggled } from "../pure/view.ts";
import { token } from "./hatching.ts";

type World = Topology<{ countries: GeometryCollection; land: GeometryCollection }>;
interface Camera { k: number; x: number; y: number }
interface Circle { place: Ranked; x: number; y: number; r: number }

const RADIUS_MAX = 16;
const VERY_LOUD = 2.5;
const ZOOM_MAX = 40;
const HOME: Camera = { k: 1, x: 0, y: 0 };
interface Ground { land: ReturnType<typeof feature>; borders: ReturnType<typeof mesh> }
let ground: Promise<Ground> | null = null;

function loaded(): Promise<Ground> {
  ground ??= fetch(atlas).then((answer) => answer.json() as Promise<World>).then((world) => ({
    land: feature(world, world.objects.land), borders: mesh(world, world.objects.countries, (a, b) => a !== b),
  }));
  return ground;
}

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

function circlesOf(places: Ranked[], project: GeoProjection, camera: Camera, width: number): Circle[] {
  const most = Math.max(1, ...places.map((each) => each.posts));
  const circles: Circle[] = [];
  for (const place of places) {
    if (place.latitude === null || place.longitude === null) continue;
    const at = project([place.longitude, place.latitude]);
    if (!at) continue;
    const r = Math.max(2, Math.min(RADIUS_MAX, Math.max(8, width / 55)) * Math.sqrt(place.posts / most) * Math.min(1.6, camera.k ** 0.25));
    circles.push({ place, x: at[0] * camera.k + camera.x, y: at[1] * camera.k + camera.y, r });
  }
  return circles.sort((a, b) => b.r - a.r);
}

function drawLand(context: CanvasRenderingContext2D, shape: Ground | null, project: GeoProjection, camera: Camera): void {
  const path = geoPath(project, context);
  context.save();
  context.translate(camera.x, camera.y);
  context.scale(camera.k, camera.k);
  context.lineWidth = 0.5 / camera.k;
  context.beginPath();
  path(geoGraticule10());
  context.strokeStyle = token("line-faint");
  context.stroke();
  if (shape) {
    context.beginPath();
    path(shape.land);
    context.fillStyle = token("land");
    context.fill();
    context.beginPath();
    path(shape.borders);
    context.strokeStyle = token("border");
    context.stroke();
  }
  context.restore();
}

function drawCircle(context: CanvasRenderingContext2D, { place, x, y, r }: Circle, chosen: boolean): void {
  const { change } = place;
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

function drawNames(context: CanvasRenderingContext2D, circles: Circle[], chosen: number[], width: number, height: number): void {
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  const taken: Array<[number, number, number]> = [];
  const wanted = [...circles.filter((each) => chosen.includes(each.place.id)), ...circles];
  for (const { place, x, y, r } of wanted) {
    if (taken.length >= 14) break;
    if (x < 0 || y < 8 || x > width || y > height - 8) continue;
    const long = context.measureText(place.name).width;
    const left = x + r + 4 + long > width ? x - r - 4 - long : x + r + 4;
    if (taken.some(([a, b, c]) => Math.abs(b - y) < 15 && left < a + c + 6 && a < left + long + 6)) continue;
    taken.push([left, y, long]);
    context.lineWidth = 3;
    context.strokeStyle = token("sea");
    context.strokeText(place.name, left, y);
    context.fillStyle = token("ink");
    context.fillText(place.name, left, y);
  }
}

export function PlacesMap({ places }: { places: Ranked[] }) {
  const { view, go, theme } = useShared();
  const [ref, width] = useWidth();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [shape, setShape] = useState<Ground | null>(null);
  const [camera, setCamera] = useState<Camera>(HOME);
  const [over, setOver] = useState<Circle | null>(null);
  const dragged = useRef<{ x: number; y: number; moved: boolean } | null>(null);
  const height = Math.round(Math.min(420, Math.max(190, width * 0.5)));
  useEffect(() => void loaded().then(setShape, () => undefined), []);
  const project = useMemo(() => geoNaturalEarth1().fitExtent([[4, 4], [Math.max(width, 8) - 4, height - 4]], { type: "Sphere" }), [width, height]);
  const circles = useMemo(() => circlesOf(places, project, camera, width), [places, project, camera, width]);
  // The ground is drawn once for each look at it; circles, which change as posts arrive, are drawn over a copy.
  const drawn = useMemo(() => {
    const copy = document.createElement("canvas");
    copy.width = Math.max(1, Math.round(width * devicePixelRatio));
    copy.height = Math.round(height * devicePixelRatio);
    const context = copy.getContext("2d")!;
    context.scale(devicePixelRatio, devicePixelRatio);
    if (width) drawLand(context, shape, project, camera);
    return copy;
  }, [shape, project, camera, width, height, theme]);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || !width) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, drawn.width, drawn.height);
    context.drawImage(drawn, 0, 0);
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    for (const circle of circles) drawCircle(context, circle, view.cities.includes(circle.place.id));
    drawNames(context, circles, view.cities, width, height);
  }, [drawn, circles, width, height, theme, view.cities]);
  const zoom = (factor: number, x = width / 2, y = height / 2) =>
    setCamera((old) => {
      const k = Math.max(1, Math.min(ZOOM_MAX, old.k * factor));
      return k === 1 ? HOME : { k, x: x - ((x - old.x) * k) / old.k, y: y - ((y - old.y) * k) / old.k };
    });
  const at = (event: PointerEvent | MouseEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const hit = (point: { x: number; y: number }) =>
    circles.filter((each) => Math.hypot(each.x - point.x, each.y - point.y) <= Math.max(each.r, 8)).sort((a, b) => a.r - b.r)[0] ?? null;
  const move = (event: PointerEvent) => {
    const point = at(event), held = dragged.current;
    if (!held) return setOver(hit(point));
    const dx = point.x - held.x, dy = point.y - held.y;
    if (!held.moved && Math.hypot(dx, dy) < 4) return;
    dragged.current = { ...point, moved: true };
    setCamera((old) => (old.k === 1 ? old : { ...old, x: old.x + dx, y: old.y + dy }));
  };
  const release = (event: PointerEvent) => {
    const found = dragged.current?.moved ? null : hit(at(event));
    dragged.current = null;
    if (found) go({ cities: toggled(view.cities, found.place.id).slice(-8) });
  };
  return (
    <div class="map" ref={ref} style={{ minHeight: `${height}px` }}>
      <canvas
        ref={canvas} width={Math.round(width * devicePixelRatio)} height={Math.round(height * devicePixelRatio)} style={{ width: `${width}px`, height: `${height}px` }}
        class={camera.k > 1 ? "held" : ""} role="img" aria-label={t("map.label", { count: n(places.length) })}
        onPointerDown={(event) => (dragged.current = { ...at(event), moved: false })} onPointerMove={move} onPointerUp={release}
        onPointerLeave={() => { dragged.current = null; setOver(null); }}
        onDblClick={(event) => zoom(2, at(event).x, at(event).y)}
      />
      <div class="zoom">
        <button type="button" onClick={() => zoom(2)} aria-label={t("map.in")}>+</button>
        <button type="button" onClick={() => zoom(0.5)} aria-label={t("map.out")} disabled={camera.k === 1}>−</button>
      </div>
      {over && (
        <div class="tip" style={{ left: `${Math.min(over.x + 12, Math.max(0, width - 220))}px`, top: `${Math.max(0, Math.min(over.y + 12, height - 64))}px` }}>
          <strong>{over.place.name} {over.place.country}</strong>
          <span>{t("map.tip", { posts: n(over.place.posts), reposts: n(over.place.reposts), people: n(over.place.people) })}</span>
          <span>{changeText(over.place)}</span>
        </div>
      )}
    </div>
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
