// Now: where people talk, how much, and about what.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { address } from "../api.ts";
import { useShared } from "../context.ts";
import { useAnswer, useNews } from "../hooks.ts";
import { language, n, t } from "../language.ts";
import { ends, MEASURES, percent, unlocated, type Ranked } from "../pure/counts.ts";
import type { Post } from "../pure/sample.ts";
import { clock, endsAtNewest, moment } from "../pure/time.ts";
import { moved, write } from "../pure/view.ts";
import { Chart, type Line } from "../parts/chart.tsx";
import { AllPlaces, CityField, RankedPlaces } from "../parts/cities.tsx";
import { cityStyle } from "../parts/colors.ts";
import { token } from "../parts/hatching.ts";
import { IncidentRow } from "../parts/incident_row.tsx";
import { Legend, PlacesMap } from "../parts/map.tsx";
import { PostRow } from "../parts/posts.tsx";
import { Complete, Empty, Panel } from "../parts/states.tsx";
import { CloudOrList, Words } from "../parts/words.tsx";
import { listening } from "../status_shape.ts";
import { useFilters, useLines, usePlaces, useTimes, useWords, type Counts, type Lines, type Times } from "./now_data.ts";

const POSTS_SHOWN = 20;
const INCIDENTS_SHOWN = 3;
/** Reposts are counted, and say nothing of their own. */
const SPEAKING = ["post", "reply", "quote"];

export function Now() {
  const { view, tick, status } = useShared();
  const times = useTimes();
  const filters = useFilters(times);
  const { totals, lines } = useLines(times);
  const { answer, places } = usePlaces(times);
  const whole = useAnswer<Counts>(filters && address("counts", { ...filters, window: "all", by: "none" }), tick, 3);
  const known = useNames(places);
  const words = useWords(times, view.cities.length ? { place: view.cities } : {});
  const nothing = answer.data !== null && !answer.loading && totals.data?.counts.length === 0;
  const sum = whole.data?.counts[0];
  const away = unlocated(sum, answer.data?.places);
  const { top, bottom } = useMemo(() => ends(places, 5), [places]);
  const problem = totals.problem && !totals.data ? totals : answer;
  return (
    <main class="now" id="main" tabIndex={-1}>
      <h1 class="hidden">{t("page.now")}</h1>
      <Anchor />
      <div class="controls">
        <CityField places={places} known={known} />
        <span class="choice" role="group" aria-label={t("window.label")}>
          {["5m", "15m", "1h"].map((each) => <WindowButton key={each} name={each} times={times} />)}
        </span>
      </div>
      {nothing ? <><Nothing started={!!status && status.accounting.received > 0} /><GoingOn /></> : (
        <div class="grid">
          <Panel title={t("map.title")} name="mapPanel" answer={problem} lines={6} aside={
            <span class="facts">
              <span id="sum">{t("now.sum", { posts: n(sum?.posts), reposts: n(sum?.reposts), people: n(sum?.people) })}</span>
              {away !== null && <span class="chipText" id="unlocated">{t("now.unlocated", { share: percent(away) })}</span>}
              {lines && <Complete share={lines.complete} />}
            </span>
          }>
            <PlacesMap places={places} />
            <Legend />
            <AllPlaces places={places} />
          </Panel>
          <div class="nowSide">
            <GoingOn />
            <Panel title={t("live.title")} name="livePanel"><LivePosts times={times} /></Panel>
          </div>
          <Panel title={t("now.trends")} name="trends" answer={totals}>
            {lines && times && <Trends lines={lines} times={times} known={known} />}
          </Panel>
          <Panel title={t("now.top")} name="top" answer={answer}><RankedPlaces places={top} most={top[0]?.posts ?? 1} /></Panel>
          <Panel title={t("now.bottom")} name="bottom" answer={answer}>
            {bottom.length ? <RankedPlaces places={bottom} most={top[0]?.posts ?? 1} /> : <p class="soft">{t("now.few")}</p>}
          </Panel>
          <Panel title={t("words.title")} name="wordsPanel" answer={words.answer} lines={6} aside={<CloudOrList />}>
            {words.span && <p class="partly">{t("words.partly", { from: clock(words.span.from, view.zone), to: clock(words.span.to, view.zone) })}</p>}
            <Words words={words.answer.data?.words ?? []} />
          </Panel>
        </div>
      )}
    </main>
  );
}

/** The incidents that go on, the most severe first; nothing of it before they are known. */
function GoingOn() {
  const { view, go, open } = useShared();
  const there = moved(view, "incidents");
  return (
    <section class="panel goingPanel" aria-labelledby="title-goingPanel">
      <header>
        <h2 id="title-goingPanel">{t("now.incidents")}</h2>
        <a href={write(there)} onClick={(event) => { if (event.ctrlKey || event.metaKey || event.button) return; event.preventDefault(); go(there); }}>{t("now.incidentsAll")}</a>
      </header>
      {open?.length ? open.slice(0, INCIDENTS_SHOWN).map((each) => <IncidentRow key={each.id} incident={each} />) : <p class="soft">{open ? t("now.incidentsNone") : t("state.loading")}</p>}
    </section>
  );
}

/** Names of cities that were seen, kept while they are silent. */
function useNames(places: Ranked[]): Map<number, string> {
  const names = useRef(new Map<number, string>());
  for (const each of places) names.current.set(each.id, `${each.name} ${each.country}`);
  return names.current;
}

function WindowButton({ name, times }: { name: string; times: Times | null }) {
  const { view, go } = useShared();
  const tooNarrow = !!times && name === view.window && times.window !== name;
  return (
    <button type="button" aria-pressed={view.window === name} onClick={() => go({ window: name }, true)} title={tooNarrow ? t("window.wider", { window: times.window }) : undefined}>
      {t(`window.${name}` as "window.5m")}{tooNarrow ? ` → ${times.window}` : ""}
    </button>
  );
}

/** Says so when "the last hour" is not the clock's last hour. */
export function Anchor() {
  const { view, go, status, now } = useShared();
  const newest = status?.posts.newest ? Date.parse(status.posts.newest) : null;
  const { range } = view;
  if (range.kind !== "last") return null;
  if (endsAtNewest(range, now, newest, listening(status))) {
    return (
      <p class="anchor" role="note">
        {t("anchor.newest", { moment: moment(newest!, view.zone, language()) })}{" "}
        <button type="button" class="link" onClick={() => go({ range: { ...range, end: "clock" } })}>{t("anchor.toClock")}</button>
      </p>
    );
  }
  if (range.end !== "clock" || newest === null || now - newest < range.span) return null;
  return (
    <p class="anchor" role="note">
      {t("anchor.clock", { moment: moment(newest, view.zone, language()) })}{" "}
      <button type="button" class="link" onClick={() => go({ range: { ...range, end: "newest" } })}>{t("anchor.toNewest")}</button>
    </p>
  );
}

function Nothing({ started }: { started: boolean }) {
  return (
    <Empty>
      <h2>{t(started ? "empty.range" : "empty.ever")}</h2>
      <p>{t(started ? "empty.rangeNext" : "empty.everNext")}</p>
      {!started && <pre tabIndex={0}>lapwing up{"\n"}lapwing ingest FILE…{"\n"}lapwing demo</pre>}
    </Empty>
  );
}

function Trends({ lines, times, known }: { lines: Lines; times: Times; known: Map<number, string> }) {
  const { view, theme } = useShared();
  const drawn = useMemo(() => Object.fromEntries(MEASURES.map((measure): [string, Line[]] => [
    measure,
    view.cities.length
      ? view.cities.map((id, i) => ({ name: known.get(id) ?? String(id), color: token(cityStyle(i).token), dash: cityStyle(i).dash, values: lines.cities[i]?.[measure] ?? [] }))
      : [{ name: t("now.everywhere"), color: token(measure), values: lines.all[measure] }],
  ])), [lines, view.cities, theme, language()]);
  return (
    <>
      <div class="charts">
        {MEASURES.map((each) => (
          <Chart key={each} id={`chart-${each}`} title={t(`measure.${each}`)} times={times.times} width={times.width} lines={drawn[each]!} heard={lines.heard} sync="now" />
        ))}
      </div>
      <p class="soft note">{t("now.trendsNote", { window: t(`window.${times.window}` as "window.5m") })} {lines.complete === null ? t("complete.unknownWhy") : ""}</p>
    </>
  );
}

function LivePosts({ times }: { times: Times | null }) {
  const { view, tick, status, now } = useShared();
  const filters = useFilters(times);
  const newest = status?.posts.newest ? Date.parse(status.posts.newest) : null;
  const live = view.range.kind === "last" && !endsAtNewest(view.range, now, newest, listening(status));
  const answer = useAnswer<{ posts: Post[] }>(filters && address("posts", { ...filters, kind: view.facets.kind.length ? view.facets.kind : SPEAKING, place: view.cities, limit: POSTS_SHOWN }), live ? Math.floor(tick / 2) : 0, 4);
  const [posts, setPosts] = useState<Post[]>([]);
  const [frozen, setFrozen] = useState<Post[] | null>(null);
  useEffect(() => { if (answer.data) setPosts(answer.data.posts); }, [answer.data]);
  const plain = !Object.values(view.facets).some((each) => each.length);
  useNews((news) => {
    if (news.kind !== "posts") return;
    setPosts((old) => {
      const gone = new Set(news.removed);
      const wanted = live && plain ? news.posts.filter((each) => SPEAKING.includes(each.kind) && (!view.cities.length || (each.place && view.cities.includes(each.place.id)))) : [];
      const fresh = new Map([...wanted, ...old].filter((each) => !gone.has(each.uid)).map((each) => [each.uid, each]));
      return [...fresh.values()].sort((a, b) => (a.created_at < b.created_at ? 1 : -1)).slice(0, POSTS_SHOWN);
    });
  });
  const rows = frozen ?? posts;
  const seen = new Set(rows.map((each) => each.uid));
  const waiting = frozen ? posts.filter((each) => !seen.has(each.uid)).length : 0;
  if (!rows.length) return answer.problem ? <p class="soft">{answer.problem.detail}</p> : <p class="soft">{answer.data ? t("live.none") : t("state.loading")}</p>;
  return (
    <>
      <p class="soft note" aria-live="off">{frozen ? t("live.frozen", { count: n(waiting) }) : live ? t("live.note") : t("live.past")}</p>
      <div
        class="posts scroll" tabIndex={0} role="region" aria-label={t("live.title")}
        onPointerEnter={() => setFrozen(rows)} onPointerLeave={() => setFrozen(null)} onFocusIn={() => setFrozen((old) => old ?? rows)} onFocusOut={() => setFrozen(null)}
      >
        {rows.map((post) => <PostRow key={post.uid} post={post} zone={view.zone} />)}
      </div>
    </>
  );
}
