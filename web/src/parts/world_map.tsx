// The world on a canvas, with marks on it: to be moved, zoomed and clicked. What the marks are, who uses it says.
import { geoGraticule10, geoNaturalEarth1, geoPath, type GeoProjection } from "d3-geo";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import atlas from "world-atlas/countries-110m.json?url";
import { useShared } from "../context.ts";
import { useWidth } from "../hooks.ts";
import { t } from "../language.ts";
import { token } from "./hatching.ts";

type World = Topology<{ countries: GeometryCollection; land: GeometryCollection }>;
interface Camera { k: number; x: number; y: number }
interface Ground { land: ReturnType<typeof feature>; borders: ReturnType<typeof mesh> }
/** Something on the map: where its middle is, how large it is, and how it is called beside it. */
export interface Spot<T> { item: T; x: number; y: number; r: number; name: string; chosen: boolean }
/** Where a point of the earth is on the canvas; null behind its edge. */
export type Place = (longitude: number, latitude: number) => [number, number] | null;
/** What a look at the map knows: its size, how far it is zoomed, and how many pixels a kilometre has there. */
export interface Look { width: number; height: number; k: number; pixelsPerKm: number }

interface Given<T> {
  label: string;
  spots: (place: Place, look: Look) => Array<Spot<T>>;
  /** What `spots` and `draw` depend on. */
  about: readonly unknown[];
  draw: (context: CanvasRenderingContext2D, spot: Spot<T>, look: Look) => void;
  tip?: (item: T) => ComponentChildren;
  pick?: (item: T) => void;
  /** The map begins here, with so many kilometres in its height. */
  focus?: { longitude: number; latitude: number; km: number };
  height?: (width: number) => number;
}

const ZOOM_MAX = 40;
const HOME: Camera = { k: 1, x: 0, y: 0 };
const EARTH_KM = 40_075;
let ground: Promise<Ground> | null = null;

function loaded(): Promise<Ground> {
  ground ??= fetch(atlas).then((answer) => answer.json() as Promise<World>).then((world) => ({
    land: feature(world, world.objects.land), borders: mesh(world, world.objects.countries, (a, b) => a !== b),
  }));
  ground.catch(() => { ground = null; });
  return ground;
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

function drawNames<T>(context: CanvasRenderingContext2D, spots: Array<Spot<T>>, width: number, height: number): void {
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  const taken: Array<[number, number, number]> = [];
  for (const { name, x, y, r: own, chosen } of [...spots.filter((each) => each.chosen), ...spots]) {
    if (taken.length >= 14) break;
    if (!name || x < 0 || y < 8 || x > width || y > height - 8) continue;
    const r = own + (chosen ? 4 : 0);
    const long = context.measureText(name).width;
    const left = x + r + 4 + long > width ? x - r - 4 - long : x + r + 4;
    if (taken.some(([a, b, c]) => Math.abs(b - y) < 15 && left < a + c + 6 && a < left + long + 6)) continue;
    taken.push([left, y, long]);
    context.lineWidth = 3;
    context.strokeStyle = token("sea");
    context.strokeText(name, left, y);
    context.fillStyle = token("ink");
    context.fillText(name, left, y);
  }
}

function cameraAt(focus: Given<unknown>["focus"], project: GeoProjection, width: number, height: number): Camera {
  const at = focus && project([focus.longitude, focus.latitude]);
  if (!at) return HOME;
  const k = Math.max(1, Math.min(ZOOM_MAX, height / (focus.km * kmPixels(project))));
  return { k, x: width / 2 - at[0] * k, y: height / 2 - at[1] * k };
}

/** Pixels to a kilometre along the equator, before any zooming. */
function kmPixels(project: GeoProjection): number {
  return (project.scale() * 2 * Math.PI) / EARTH_KM;
}

export function WorldMap<T>(given: Given<T>) {
  const { theme } = useShared();
  const [ref, width] = useWidth();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [shape, setShape] = useState<Ground | null>(null);
  const [moved, setMoved] = useState<Camera | null>(null);
  const [over, setOver] = useState<Spot<T> | null>(null);
  const dragged = useRef<{ x: number; y: number; moved: boolean } | null>(null);
  const height = given.height ? given.height(width) : Math.round(Math.min(420, Math.max(190, width * 0.5)));
  useEffect(() => void loaded().then(setShape, () => undefined), []);
  const project = useMemo(() => geoNaturalEarth1().fitExtent([[4, 4], [Math.max(width, 8) - 4, height - 4]], { type: "Sphere" }), [width, height]);
  const camera = useMemo(() => moved ?? cameraAt(given.focus, project, width, height), [moved, project, given.focus?.longitude, given.focus?.latitude]);
  const look: Look = { width, height, k: camera.k, pixelsPerKm: kmPixels(project) * camera.k };
  const spots = useMemo(() => given.spots((longitude, latitude) => {
    const at = project([longitude, latitude]);
    return at && [at[0] * camera.k + camera.x, at[1] * camera.k + camera.y];
  }, look), [...given.about, project, camera, width]);
  // The ground is drawn once for each look at it; marks, which change as posts arrive, are drawn over a copy.
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
    for (const spot of spots) given.draw(context, spot, look);
    drawNames(context, spots, width, height);
  }, [drawn, spots, width, height, theme]);
  const zoom = (factor: number, x = width / 2, y = height / 2) =>
    setMoved((old) => {
      const from = old ?? camera, k = Math.max(1, Math.min(ZOOM_MAX, from.k * factor));
      return k === 1 ? HOME : { k, x: x - ((x - from.x) * k) / from.k, y: y - ((y - from.y) * k) / from.k };
    });
  const at = (event: PointerEvent | MouseEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const hit = (point: { x: number; y: number }) =>
    spots.filter((each) => Math.hypot(each.x - point.x, each.y - point.y) <= Math.max(each.r, 8)).sort((a, b) => a.r - b.r)[0] ?? null;
  const move = (event: PointerEvent) => {
    const point = at(event), held = dragged.current;
    if (!held) return setOver(hit(point));
    const dx = point.x - held.x, dy = point.y - held.y;
    if (!held.moved && Math.hypot(dx, dy) < 4) return;
    dragged.current = { ...point, moved: true };
    setMoved((old) => {
      const from = old ?? camera;
      return from.k === 1 ? from : { ...from, x: from.x + dx, y: from.y + dy };
    });
  };
  const release = (event: PointerEvent) => {
    const found = dragged.current?.moved ? null : hit(at(event));
    dragged.current = null;
    if (found) given.pick?.(found.item);
  };
  return (
    <div class="map" ref={ref} style={{ minHeight: `${height}px` }}>
      <canvas
        ref={canvas} width={Math.round(width * devicePixelRatio)} height={Math.round(height * devicePixelRatio)} style={{ width: `${width}px`, height: `${height}px` }}
        class={`${camera.k > 1 ? "held" : ""}${given.pick ? "" : " still"}`} role="img" aria-label={given.label}
        onPointerDown={(event) => (dragged.current = { ...at(event), moved: false })} onPointerMove={move} onPointerUp={release}
        onPointerLeave={() => { dragged.current = null; setOver(null); }}
        onDblClick={(event) => zoom(2, at(event).x, at(event).y)}
      />
      <div class="zoom">
        <button type="button" onClick={() => zoom(2)} aria-label={t("map.in")}>+</button>
        <button type="button" onClick={() => zoom(0.5)} aria-label={t("map.out")} disabled={camera.k === 1}>−</button>
      </div>
      {over && given.tip && (
        <div class="tip" style={{ left: `${Math.min(over.x + 12, Math.max(0, width - 220))}px`, top: `${Math.max(0, Math.min(over.y + 12, height - 64))}px` }}>
          {given.tip(over.item)}
        </div>
      )}
    </div>
  );
}
