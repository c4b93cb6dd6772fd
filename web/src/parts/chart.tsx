// Lines or bars over time, with what was not surely heard hatched, and a table of the same numbers beside them.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useShared } from "../context.ts";
import { useWidth } from "../hooks.ts";
import { language, n, t } from "../language.ts";
import { percent, type Heard } from "../pure/counts.ts";
import { clock, DAY, moment, type Zone } from "../pure/time.ts";
import { hatch, token } from "./hatching.ts";

export interface Line { name: string; color: string; dash?: number[]; values: Array<number | null> }

interface Given {
  title: string; id: string; times: number[]; width: number; lines: Line[]; heard: Heard[]; bars?: boolean; height?: number; sync?: string;
}

const ROWS_MAX = 500;

function label(at: number, zone: Zone, span: number): string {
  if (span <= 2 * DAY) return clock(at, zone);
  const date = new Date(at);
  return zone === "utc" ? `${date.getUTCDate()}.${date.getUTCMonth() + 1}.` : `${date.getDate()}.${date.getMonth() + 1}.`;
}

function options(given: Given, zone: Zone, pixels: number, zoom: (from: number, to: number) => void, heardNow: () => Heard[]): uPlot.Options {
  const span = given.width * given.times.length;
  const axis = { stroke: token("ink-soft"), grid: { stroke: token("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  return {
    width: pixels, height: given.height ?? 150, legend: { show: false }, ms: 1, padding: [8, 18, 0, 0],
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 }, ...(given.sync ? { sync: { key: given.sync } } : {}) },
    scales: {
      x: { time: true, range: () => [given.times[0] ?? 0, (given.times.at(-1) ?? 0) + (given.bars ? given.width : 0)] },
      y: { range: (_, _min, max) => [0, Math.max(4, (max ?? 0) * 1.1)] },
    },
    axes: [
      { ...axis, size: 24, space: 56, values: (_, ticks) => ticks.map((at) => label(at, zone, span)) },
      { ...axis, size: 44, space: 30, values: (_, ticks) => ticks.map((each) => (Number.isInteger(each) ? n(each) : "")) },
    ],
    series: [
      {},
      ...given.lines.map((line): uPlot.Series => ({
        label: line.name, stroke: line.color, width: 2, dash: line.dash, spanGaps: false, points: { show: given.times.length < 3, size: 5 },
        ...(given.bars ? { fill: line.color, width: 0, points: { show: false }, paths: uPlot.paths.bars!({ size: [0.9, 60], align: 1 }) } : {}),
      })),
    ],
    hooks: {
      drawClear: [(plot) => unheard(plot, given, heardNow())],
      setSelect: [(plot) => {
        const { left, width } = plot.select;
        if (width < 4) return;
        zoom(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
        plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      }],
    },
  };
}

function unheard(plot: uPlot, given: Given, heard: Heard[]): void {
  const { top, height } = plot.bbox;
  const half = given.bars ? 0 : given.width / 2;
  heard.forEach((each, i) => {
    if (each.kind === "running" || (each.kind === "share" && each.share >= 1)) return;
    const at = given.times[i]!;
    const from = Math.max(plot.valToPos(at - half, "x", true), plot.bbox.left);
    const to = Math.min(plot.valToPos(at - half + given.width, "x", true), plot.bbox.left + plot.bbox.width);
    if (to > from) hatch(plot.ctx, from, top, to - from, height, each.kind === "share");
  });
}

/** What is known of a window, in words. */
export function said(heard: Heard | undefined): string {
  if (!heard || heard.kind === "unknown") return t("complete.unknown");
  if (heard.kind === "running") return t("complete.running");
  return t("complete.share", { share: percent(heard.share) });
}

export function Chart(given: Given) {
  const { view, go, theme } = useShared();
  const [ref, pixels] = useWidth();
  const plot = useRef<uPlot | null>(null);
  const heard = useRef(given.heard);
  heard.current = given.heard;
  const [at, setAt] = useState<number | null>(null);
  const { times, lines } = given;
  const shape = [pixels, theme, view.zone, given.width, lines.map((line) => line.name + line.color).join()].join();
  const zoom = (from: number, to: number) => go({ range: { kind: "between", from, to: Math.max(to, from + given.width) } });
  const data = useMemo(() => [times, ...lines.map((line) => line.values)] as uPlot.AlignedData, [times, lines]);
  const latest = useRef(given);
  latest.current = given;
  useEffect(() => {
    if (!ref.current || !pixels) return;
    const live: Given = {
      ...given,
      get times() { return latest.current.times; },
    };
    const made = new uPlot(options(live, view.zone, pixels, zoom, () => heard.current), data, ref.current);
    made.over.addEventListener("mousemove", () => setAt(made.cursor.idx ?? null));
    made.over.addEventListener("mouseleave", () => setAt(null));
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(data), [data]);
  const shownAt = at !== null && at < times.length ? at : times.length - 1;
  return (
    <figure class="chart" id={given.id}>
      <figcaption>
        <h3>{given.title}</h3>
        <span class="reading">{at !== null && times[shownAt] !== undefined ? `${clock(times[shownAt]!, view.zone)} · ${lines.map((line) => n(line.values[shownAt])).join(" · ")} · ${said(given.heard[shownAt])}` : ""}</span>
      </figcaption>
      <div class="plot" ref={ref} aria-hidden="true" style={{ height: `${given.height ?? 150}px` }} />
      <Numbers given={given} zone={view.zone} />
    </figure>
  );
}

function Numbers({ given, zone }: { given: Given; zone: Zone }) {
  const [open, setOpen] = useState(false);
  const rows = given.times.slice(-ROWS_MAX), skipped = given.times.length - rows.length;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("chart.table", { title: given.title })}</summary>
      {open && (
        <div class="scroll" tabIndex={0} role="region" aria-label={given.title}>
          <table>
            <thead><tr><th scope="col">{t("chart.window")}</th>{given.lines.map((line) => <th scope="col" key={line.name}>{line.name}</th>)}<th scope="col">{t("chart.complete")}</th></tr></thead>
            <tbody>
              {rows.map((at, i) => (
                <tr key={at}>
                  <th scope="row">{moment(at, zone, language())}</th>
                  {given.lines.map((line) => <td key={line.name}>{n(line.values[i + skipped])}</td>)}
                  <td>{said(given.heard[i + skipped])}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
