// Words by how many posts have them: as a cloud, or as a ranked list. Each leads to the search for it.
import { useMemo } from "preact/hooks";
import { useShared } from "../context.ts";
import { useWidth } from "../hooks.ts";
import { n, t } from "../language.ts";
import { lay, type Weighted } from "../pure/cloud.ts";
import { shown } from "../pure/hostile.ts";
import { moved, write } from "../pure/view.ts";

const FONT = "system-ui, sans-serif";
const HEIGHT = 240;

let canvas: CanvasRenderingContext2D | null = null;

function widthOf(word: string, size: number): number {
  canvas ??= document.createElement("canvas").getContext("2d")!;
  canvas.font = `${size}px ${FONT}`;
  return canvas.measureText(word).width;
}

function quoted(word: string): string {
  return /^[#@]?[\p{L}\p{N}_]+$/u.test(word) ? word : `"${word.replaceAll('"', "")}"`;
}

export function Words({ words }: { words: Weighted[] }) {
  const { view, go } = useShared();
  const [ref, width] = useWidth();
  const clean = useMemo(() => words.map(({ word, count }) => ({ word, count })), [words]);
  const laid = useMemo(() => (width ? lay(clean.slice(0, 60).map((each) => ({ ...each, word: shown(each.word) })), width, HEIGHT, widthOf) : []), [clean, width]);
  const most = clean[0]?.count ?? 1;
  const address = (word: string) => write({ ...moved(view, "search"), q: quoted(word), tab: "hits" });
  const follow = (event: MouseEvent, word: string) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go({ ...moved(view, "search"), q: quoted(word), tab: "hits" });
  };
  if (!clean.length) return <p class="empty">{t("words.none")}</p>;
  return (
    <div ref={ref}>
      {view.words === "cloud" ? (
        <svg class="cloud" width={width} height={HEIGHT} viewBox={`${-width / 2} ${-HEIGHT / 2} ${width || 1} ${HEIGHT}`} role="group" aria-label={t("words.title")}>
          {laid.map((each, i) => (
            <a href={address(each.word)} key={each.word} onClick={(event) => follow(event, each.word)} aria-label={t("words.each", { word: each.word, count: n(each.count) })}>
              <text x={each.x} y={each.y} font-size={each.size} class={i < 8 ? "main" : ""} text-anchor="middle" dominant-baseline="central">{each.word}</text>
            </a>
          ))}
        </svg>
      ) : (
        <ol class="ranked words">
          {clean.map(({ word, count }) => (
            <li key={word}>
              <a href={address(word)} onClick={(event) => follow(event, word)}><bdi>{shown(word)}</bdi></a>
              <meter min={0} max={most} value={count} aria-hidden="true" />
              <span class="number">{n(count)}</span>
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

export function CloudOrList() {
  const { view, go } = useShared();
  return (
    <span class="choice" role="group" aria-label={t("words.as")}>
      {(["cloud", "list"] as const).map((each) => (
        <button type="button" key={each} aria-pressed={view.words === each} onClick={() => go({ words: each }, true)}>{t(`words.${each}`)}</button>
      ))}
    </span>
  );
}
