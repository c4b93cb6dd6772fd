// People of an incident over time, with the moments at which it became something; hatched where it was not surely heard.
import { useId } from "preact/hooks";
import { useShared } from "../context.ts";
import { useWidth } from "../hooks.ts";
import { language, n, t } from "../language.ts";
import { binned, SIGN, type Card, type State } from "../pure/incidents.ts";
import { clock, lasting, moment } from "../pure/time.ts";

const HEIGHT = 96;
const TOP = 18;
const FOOT = 18;
const BARS_MAX = 72;

export function Timeline({ card }: { card: Card }) {
  const { view } = useShared();
  const [ref, width] = useWidth();
  const id = useId();
  const { from, width: step, people } = binned(card.timeline, BARS_MAX);
  const to = Math.max(from + people.length * step, ...card.history.map((each) => Date.parse(each.at)));
  const x = (at: number) => ((Math.min(Math.max(at, from), to) - from) / Math.max(1, to - from)) * width;
  const most = Math.max(1, ...people), ground = HEIGHT - FOOT;
  const marks = card.history.map((each) => ({ ...each, x: x(Date.parse(each.at)) }));
  if (!people.length) return <p class="soft">{t("when.none")}</p>;
  return (
    <div class="timeline" ref={ref}>
      <svg width={width} height={HEIGHT} viewBox={`0 0 ${Math.max(1, width)} ${HEIGHT}`} aria-hidden="true">
        <defs>
          <pattern id={`${id}u`} width="10" height="10" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="unknown" x1="0" y1="0" x2="0" y2="10" /></pattern>
          <pattern id={`${id}m`} width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="missing" x1="0" y1="0" x2="0" y2="5" /></pattern>
        </defs>
        {card.complete === null && <rect x="0" y={TOP} width={width} height={ground - TOP} fill={`url(#${id}u)`} />}
        {card.gaps.map((gap, i) => <rect key={i} x={x(Date.parse(gap.from))} y={TOP} width={Math.max(2, x(Date.parse(gap.to)) - x(Date.parse(gap.from)))} height={ground - TOP} fill={`url(#${id}m)`} />)}
        {people.map((count, i) => {
          const left = x(from + i * step), high = (count / most) * (ground - TOP - 2);
          return count > 0 && <rect class="bar" key={i} x={left + 0.5} y={ground - high} width={Math.max(1.5, x(from + (i + 1) * step) - left - 1)} height={high} />;
        })}
        <line class="axis" x1="0" x2={width} y1={ground} y2={ground} />
        {marks.map((each, i) => <line key={i} class="mark" x1={each.x} x2={each.x} y1={TOP - 4} y2={ground} />)}
        {marks.map((each, i) => <text key={i} class={`sign ${each.state}`} x={Math.min(Math.max(each.x, 6), width - 6)} y={11} text-anchor="middle">{SIGN[each.state as State] ?? ""}</text>)}
        <text class="tick" x="0" y={HEIGHT - 4}>{clock(from, view.zone)}</text>
        <text class="tick" x={width} y={HEIGHT - 4} text-anchor="end">{clock(to, view.zone)}</text>
      </svg>
      <p class="soft note">{t("when.caption", { width: lasting(step / 1000), most: n(most) })}</p>
      <details>
        <summary>{t("chart.table", { title: t("when.title") })}</summary>
        <div class="scroll" tabIndex={0} role="region" aria-label={t("when.title")}>
          <table>
            <thead><tr><th scope="col">{t("when.window", { width: lasting(step / 1000) })}</th><th scope="col" class="number">{t("when.people")}</th></tr></thead>
            <tbody>{people.map((count, i) => <tr key={i}><th scope="row">{moment(from + i * step, view.zone, language())}</th><td class="number">{n(count)}</td></tr>)}</tbody>
          </table>
        </div>
      </details>
    </div>
  );
}
