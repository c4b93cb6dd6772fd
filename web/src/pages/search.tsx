// Search: a query, what it found, and how that is spread over time, places, languages and words.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { address, ask, save, token as ownToken, type Problem } from "../api.ts";
import { useShared } from "../context.ts";
import { useAnswer, type Answer } from "../hooks.ts";
import { n, nameOf, t } from "../language.ts";
import { heard as heardOf, percent } from "../pure/counts.ts";
import { terms } from "../pure/marking.ts";
import { facets, histogram, type FacetValue, type Post } from "../pure/sample.ts";
import { clock, moment } from "../pure/time.ts";
import { FACETS, toggled, type Facet } from "../pure/view.ts";
import { Chart } from "../parts/chart.tsx";
import { token } from "../parts/hatching.ts";
import { PostRow } from "../parts/posts.tsx";
import { Complete, Empty, Failed, Loading, Panel } from "../parts/states.tsx";
import { CloudOrList, Words } from "../parts/words.tsx";
import { Anchor } from "./now.tsx";
import { useFilters, useLines, useTimes, useWords, type Times } from "./now_data.ts";

interface Posts { posts: Post[]; next: string | null }

const SAMPLE = 500;
const SHOWN = 40;
const FACET_VALUES = 6;

export function Search() {
  const { view, go, tick } = useShared();
  const times = useTimes();
  const filters = useFilters(times);
  const asked = filters && { ...filters, place: view.facets.place, q: view.q };
  const path = asked && address("posts", { ...asked, limit: SAMPLE });
  const slow = Math.floor(tick / 3);
  const answer = useAnswer<Posts>(path, slow, 2);
  const problem = answer.problem;
  const data = problem?.column ? null : answer.data;
  const posts = data?.posts ?? [];
  const whole = data?.next === null;
  const found = useMemo(() => facets(posts), [data]);
  return (
    <main class="search" id="main" tabIndex={-1}>
      <h1 class="hidden">{t("page.search")}</h1>
      <QueryField problem={problem?.column ? problem : null} />
      <Anchor />
      <div class="searchGrid">
        <Facets found={found} whole={whole} read={posts.length} />
        <div class="results">
          {problem && !problem.column && !data ? <Failed problem={problem} /> : null}
          {problem?.column ? <p class="soft">{t("search.mend")}</p> : !data ? (problem ? null : <Loading lines={8} />) : (
            <>
              <div class="resultHead">
                <p id="found" role="status">{whole ? t("search.found", { count: n(posts.length) }) : t("search.more", { count: n(posts.length) })}</p>
                <span class="choice" role="group" aria-label={t("search.tabs")}>
                  {(["hits", "words"] as const).map((each) => <button type="button" key={each} aria-pressed={view.tab === each} onClick={() => go({ tab: each }, true)}>{t(`search.${each}`)}</button>)}
                </span>
                {asked && <Exports given={asked} />}
              </div>
              {times && <Histogram times={times} posts={posts} whole={whole} />}
              {!posts.length ? <NothingFound /> : view.tab === "words" ? <FoundWords times={times} /> : <Hits answer={answer} path={path!} />}
            </>
          )}
        </div>
      </div>
    </main>
  );
}

function QueryField({ problem }: { problem: Problem | null }) {
  const { view, go } = useShared();
  const [typed, setTyped] = useState(view.q);
  useEffect(() => setTyped(view.q), [view.q]);
  return (
    <form class="query" role="search" onSubmit={(event) => { event.preventDefault(); go({ q: typed.trim() }); }}>
      <input
        id="query" type="search" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} placeholder={t("search.field")} aria-label={t("search.field")}
        aria-describedby="syntax" aria-invalid={!!problem} spellcheck={false} autoComplete="off" maxLength={1000} dir="auto"
      />
      <button type="submit" class="main">{t("search.go")}</button>
      {problem && (
        <div class="failed" role="alert" id="query-problem">
          <pre aria-hidden="true">{view.q + "\n" + " ".repeat(Math.max(0, problem.column! - 1)) + "^"}</pre>
          <strong>{problem.detail}</strong><span>{problem.next_step}</span>
        </div>
      )}
      <p id="syntax" class="soft note">{t("search.syntax")}</p>
    </form>
  );
}

function labelOf(name: Facet, value: FacetValue): string {
  if (name === "country") return nameOf("region", value.label);
  if (name === "lang") return nameOf("language", value.label);
  return value.label;
}

function Facets({ found, whole, read }: { found: Record<Facet, FacetValue[]>; whole: boolean; read: number }) {
  const { view, go } = useShared();
  const [open, setOpen] = useState(matchMedia("(min-width: 800px)").matches);
  const flip = (name: Facet, value: string) => go({ facets: { ...view.facets, [name]: toggled(view.facets[name], value) } });
  return (
    <details class="facets" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("facets.title")}</summary>
      {!whole && read > 0 && <p class="soft note">{t("facets.sample", { count: n(read) })}</p>}
      {FACETS.map((name) => {
        const chosen = view.facets[name];
        const absent = chosen.filter((value) => !found[name].some((each) => each.value === value)).map((value) => ({ value, label: value, count: 0 }));
        const values = [...absent, ...found[name].filter((each, i) => i < FACET_VALUES || chosen.includes(each.value))];
        if (!values.length) return null;
        return (
          <fieldset key={name}>
            <legend>{t(`facet.${name}`)}</legend>
            {values.map((each) => (
              <label key={each.value} data-facet={name} data-value={each.value}>
                <input type="checkbox" checked={chosen.includes(each.value)} onChange={() => flip(name, each.value)} />
                <span class="name">{labelOf(name, each)}</span><span class="number">{n(each.count)}</span>
              </label>
            ))}
          </fieldset>
        );
      })}
    </details>
  );
}

/** Counted by the server where no query narrows the posts; of the hits that were read where one does. */
function Histogram({ times, posts, whole }: { times: Times; posts: Post[]; whole: boolean }) {
  const { view, now, theme } = useShared();
  const counted = !view.q && !view.facets.place.length;
  const { lines } = useLines(counted ? times : null);
  const drawn = useMemo(() => {
    const rows = lines && counted ? { values: lines.all.posts.map((each, i) => (each === null ? null : each + (lines.all.reposts[i] ?? 0))), heard: lines.heard } : null;
    if (rows) return rows;
    const values = histogram(posts, whole, times.span, times.width);
    return { values, heard: heardOf([], times.span, times.width, now).map((each, i) => (values[i] === null || each.kind === "running" ? each : ({ kind: "share", share: 1 } as const))) };
  }, [lines, posts, whole, times, counted]);
  const unread = drawn.values.filter((each) => each === null).length;
  return (
    <>
      <Chart
        id="histogram" title={t("search.histogram")} times={times.times} width={times.width} heard={drawn.heard} bars height={110}
        lines={useMemo(() => [{ name: t("measure.hits"), color: token("posts"), values: drawn.values }], [drawn, theme])}
      />
      {counted && lines ? <p class="note soft">{t("search.counted")} <Complete share={lines.complete} /></p> : !whole && unread > 0 ? <p class="note soft">{t("search.unread", { share: percent(unread / drawn.values.length) })}</p> : null}
    </>
  );
}

function Hits({ answer, path }: { answer: Answer<Posts>; path: string }) {
  const { view } = useShared();
  const wanted = useMemo(() => terms(view.q), [view.q]);
  const [shown, setShown] = useState(SHOWN);
  const [more, setMore] = useState<Posts | null>(null);
  const [frozen, setFrozen] = useState<Post[] | null>(null);
  const [failed, setFailed] = useState<Problem | null>(null);
  const asked = useRef(path.replace(/(since|until)=[^&]*/g, ""));
  const question = path.replace(/(since|until)=[^&]*/g, "");
  useEffect(() => { if (asked.current !== question) { asked.current = question; setShown(SHOWN); setMore(null); } }, [question]);
  const fresh = [...answer.data!.posts, ...(more?.posts ?? [])];
  const all = frozen && frozen.length >= fresh.length ? frozen : fresh;
  const next = more ? more.next : answer.data!.next;
  const onward = () => {
    setShown(shown + SHOWN);
    if (shown + SHOWN <= all.length || !next) return;
    ask<Posts>(`${path}&after=${encodeURIComponent(next)}`).then(
      (page) => { setFailed(null); setMore((old) => ({ posts: [...(old?.posts ?? []), ...page.posts], next: page.next })); },
      (problem: { problem?: Problem }) => setFailed(problem.problem ?? null),
    );
  };
  return (
    <div class="hits" onPointerEnter={() => setFrozen(fresh)} onPointerLeave={() => setFrozen(null)}>
      {all.slice(0, shown).map((post) => <PostRow key={post.uid} post={post} wanted={wanted} full zone={view.zone} />)}
      {failed && <Failed problem={failed} />}
      {(shown < all.length || next) && <button type="button" onClick={onward}>{t("more")}</button>}
    </div>
  );
}

function FoundWords({ times }: { times: Times | null }) {
  const { view } = useShared();
  const { answer, span } = useWords(times, { q: view.q, place: view.facets.place });
  return (
    <Panel title={t("words.title")} name="foundWords" answer={answer} aside={<CloudOrList />}>
      {span && <p class="partly">{t("words.partly", { from: clock(span.from, view.zone), to: clock(span.to, view.zone) })}</p>}
      <Words words={answer.data?.words ?? []} />
    </Panel>
  );
}

function NothingFound() {
  const { view, go } = useShared();
  const chosen = FACETS.filter((name) => view.facets[name].length);
  return (
    <Empty>
      <h2>{t("search.none")}</h2>
      <p>{t(chosen.length ? "search.loosen" : "search.noneNext")}</p>
      {chosen.map((name) => (
        <button type="button" key={name} onClick={() => go({ facets: { ...view.facets, [name]: [] } })}>{t("search.without", { facet: t(`facet.${name}`), values: view.facets[name].join(", ") })}</button>
      ))}
      {view.range.kind === "last" && <button type="button" onClick={() => go({ range: { kind: "last", span: 30 * 86_400_000, end: "auto" } })}>{t("search.longer")}</button>}
    </Empty>
  );
}

type Filters = Record<string, string | readonly string[]>;

/** Links to the exports; with a token, which a link cannot carry, the file is fetched and saved. */
function Exports({ given }: { given: Filters }) {
  const [problem, setProblem] = useState<string | null>(null);
  const name = `posts ${moment(Date.parse(String(given.since)), "utc", "sv")}`.replaceAll(":", ".");
  return (
    <span class="exports">
      {t("export.title")}{" "}
      {(["csv", "ndjson"] as const).map((format) => {
        const path = address("posts", { ...given, format });
        return (
          <a key={format} href={path} download={`${name}.${format}`} onClick={(event) => {
            if (!ownToken()) return;
            event.preventDefault();
            save(path, `${name}.${format}`).then(() => setProblem(null), () => setProblem(t("export.failed")));
          }}>{format.toUpperCase()}</a>
        );
      })}
      {problem && <span role="alert">{problem}</span>}
    </span>
  );
}

