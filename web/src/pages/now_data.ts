// What the page Now asks, and what it makes of the answers.
import { useMemo } from "preact/hooks";
import { address } from "../api.ts";
import { useShared } from "../context.ts";
import { useAnswer, type Answer } from "../hooks.ts";
import { change, completeness, heard, ofCity, totals, MEASURES, type CountRow, type Heard, type Measure, type Place, type Ranked } from "../pure/counts.ts";
import { countsOf, filtersOf, ROWS_MAX, timesOf, type Times } from "../pure/asked.ts";
import { DAY, HOUR, iso, MINUTE, windowFor, type Span } from "../pure/time.ts";

export type { Times };

export interface Counts { counts: CountRow[]; next: string | null }
export interface Places { places: Place[]; next: string | null }

/** Less of the time before than this share of one span is no rhythm to compare with. */
const SPANS_MIN = 0.75;
const WORDS = 60;

/** How many spans before are taken for the rhythm: less of long ones, which take longer to count. */
export function spansBefore(span: number): number {
  return span <= HOUR ? 6 : span <= DAY ? 3 : 1;
}

/** The range of the page, on the edges of its windows; null until it is known where the posts end. */
export function useTimes(): Times | null {
  const { view, status, now } = useShared();
  const times = timesOf(view, status, now);
  return useMemo(() => times, [times?.span.from, times?.span.to, times?.width, times?.window]);
}

/** What is the same for all questions of a page: its range, and the filters of the address. */
export function useFilters(times: Times | null) {
  const { view } = useShared();
  return times && filtersOf(view, times);
}

export interface Lines { all: Record<Measure, Array<number | null>>; cities: Array<Record<Measure, Array<number | null>>>; heard: Heard[]; complete: number | null }

export function useLines(times: Times | null): { totals: Answer<Counts>; lines: Lines | null } {
  const { view, tick, now } = useShared();
  const filters = useFilters(times);
  const asked = filters && { ...filters, window: times!.window, limit: ROWS_MAX };
  const all = useAnswer<Counts>(times && address("counts", countsOf(view, times)), tick, 1);
  const cities = useAnswer<Counts>(asked && view.cities.length ? address("counts", { ...asked, by: "place", place: view.cities }) : null, tick, 2);
  const lines = useMemo(() => {
    if (!times || !all.data) return null;
    const { span, width } = times;
    const rows = all.data.counts, own = cities.data?.counts ?? [];
    const windows = heard(rows, span, width, now);
    const measured = (make: (measure: Measure) => Array<number | null>) => Object.fromEntries(MEASURES.map((each) => [each, make(each)])) as Record<Measure, Array<number | null>>;
    return {
      all: measured((each) => totals(rows, each, span, width)),
      cities: view.cities.map((id) => measured((each) => (cities.data ? ofCity(own, rows, id, each, span, width) : times.times.map(() => null)))),
      heard: windows, complete: completeness(windows),
    };
  }, [times, all.data, cities.data, view.cities]);
  return { totals: all, lines };
}

/** The places of the range, each against its rhythm. */
export function usePlaces(times: Times | null): { answer: Answer<Places>; places: Ranked[] } {
  const { tick } = useShared();
  const filters = useFilters(times);
  const answer = useAnswer<Places>(filters && address("places", { ...filters, limit: ROWS_MAX }), tick, 2);
  const before = useBefore(times);
  const places = useMemo(() => {
    const found = answer.data?.places ?? [];
    const all = found.reduce((sum, each) => sum + each.posts, 0);
    return found.map((each): Ranked => ({ ...each, change: change(each.posts, all, before?.posts.get(each.id) ?? 0, before?.all ?? 0) }));
  }, [answer.data, before]);
  return { answer, places };
}

/** What each place had in the time before; null where too little of it was heard. */
function useBefore(times: Times | null): { all: number; posts: Map<number, number> } | null {
  const { tick } = useShared();
  const filters = useFilters(times);
  const length = times ? times.span.to - times.span.from : 0;
  const from = times ? times.span.from - spansBefore(length) * length : 0;
  const asked = filters && times && { ...filters, since: iso(from), until: iso(times.span.from), limit: ROWS_MAX };
  const slow = Math.floor(tick / 6);
  const width = windowFor(times && times.width > 15 * MINUTE ? times.window : "15m", length * spansBefore(length));
  const rows = useAnswer<Counts>(asked && address("counts", { ...asked, by: "none", window: width[0] }), slow, 6);
  const places = useAnswer<Places>(asked && address("places", asked), slow, 6);
  return useMemo(() => {
    const spoken = (rows.data?.counts.length ?? 0) * width[1] / Math.max(length, 1);
    if (!rows.data || !places.data || spoken < SPANS_MIN) return null;
    const found = places.data.places;
    return { all: found.reduce((sum, each) => sum + each.posts, 0), posts: new Map(found.map((each) => [each.id, each.posts])) };
  }, [rows.data, places.data, length]);
}

export interface WordsAnswer { words: Array<{ word: string; count: number }> }

/** The words of the range; where they take too long to count, those of its last quarter, and of the last quarter of that. */
export function useWords(times: Times | null, more: Record<string, string | readonly (string | number)[]>): { answer: Answer<WordsAnswer>; span: Span | null } {
  const { tick } = useShared();
  const filters = useFilters(times);
  const slow = Math.floor(tick / 3);
  const from = (share: number) => (times ? Math.floor((times.span.to - (times.span.to - times.span.from) * share) / times.width) * times.width : 0);
  const path = (share: number) => filters && address("words", { ...filters, ...more, since: iso(from(share)), limit: WORDS });
  const whole = useAnswer<WordsAnswer>(path(1), slow, 8);
  const quarter = useAnswer<WordsAnswer>(whole.problem?.status === 503 ? path(0.25) : null, slow, 8);
  const least = useAnswer<WordsAnswer>(whole.problem?.status === 503 && quarter.problem?.status === 503 ? path(0.0625) : null, slow, 8);
  if (!times) return { answer: whole, span: null };
  if (!whole.problem) return { answer: whole, span: null };
  if (quarter.data && !quarter.problem) return { answer: quarter, span: { from: from(0.25), to: times.span.to } };
  if (quarter.problem?.status === 503 && (least.data || least.problem)) return { answer: least, span: { from: from(0.0625), to: times.span.to } };
  return { answer: whole.problem.status === 503 && quarter.loading ? { ...quarter, data: null } : whole, span: null };
}
