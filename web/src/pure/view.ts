// What is on the screen, as one value that stands whole in the address: to send it is to show it.
import { CATEGORIES, STATES, type Category, type State } from "./incidents.ts";
import { type Range, type Zone, spanName, spanOf } from "./time.ts";

export const PAGES = ["now", "search", "incidents", "rules", "receiver", "status"] as const;
export type Page = (typeof PAGES)[number];
export const FACETS = ["source", "network", "country", "place", "lang", "kind"] as const;
export type Facet = (typeof FACETS)[number];

export interface View {
  page: Page;
  range: Range;
  zone: Zone;
  window: string;
  cities: number[];
  words: "cloud" | "list";
  tab: "hits" | "words";
  q: string;
  facets: Record<Facet, string[]>;
  states: State[];
  categories: Category[];
  /** The incident whose card is open, or "". */
  incident: string;
  /** The rule that is open, `NEW_RULE` for one that is being written, or "". */
  rule: string;
}

/** No name of a rule begins so. */
export const NEW_RULE = "+";
const INCIDENT = /^[0-9a-z]{12}$/;
const RULE = /^([A-Za-z0-9][A-Za-z0-9._-]{0,99}|\+)$/;

const DEFAULT_SPAN: Record<Page, string> = { now: "1h", search: "24h", incidents: "24h", rules: "7d", receiver: "24h", status: "24h" };
const CITIES_MAX = 8;

export function pathOf(page: Page): string {
  return page === "now" ? "/" : `/${page}`;
}

export function pageOf(path: string): Page {
  return PAGES.find((page) => pathOf(page) === path) ?? "now";
}

function all(given: URLSearchParams, name: string, max = 20): string[] {
  return [...new Set(given.getAll(name).filter((each) => each && each.length <= 100))].slice(0, max);
}

function rangeOf(given: URLSearchParams, page: Page): Range {
  const from = Date.parse(given.get("from") ?? ""), to = Date.parse(given.get("to") ?? "");
  if (!Number.isNaN(from) && !Number.isNaN(to) && from < to) return { kind: "between", from, to };
  const end = given.get("end");
  return {
    kind: "last", span: spanOf(given.get("last") ?? "") ?? spanOf(DEFAULT_SPAN[page])!,
    end: end === "clock" || end === "newest" ? end : "auto",
  };
}

/** Reads an address; what cannot be read is as if it were not there. */
export function parse(path: string, search: string): View {
  const given = new URLSearchParams(search);
  const page = pageOf(path);
  const facets = Object.fromEntries(FACETS.map((name) => [name, all(given, name)])) as Record<Facet, string[]>;
  return {
    page, facets, range: rangeOf(given, page),
    zone: given.get("zone") === "local" ? "local" : "utc",
    window: ["15m", "1h"].find((each) => each === given.get("window")) ?? "5m",
    cities: all(given, "city", CITIES_MAX).map(Number).filter((id) => Number.isSafeInteger(id) && id > 0),
    words: given.get("words") === "list" ? "list" : "cloud",
    tab: given.get("tab") === "words" ? "words" : "hits",
    q: (given.get("q") ?? "").slice(0, 1000),
    states: STATES.filter((each) => given.getAll("state").includes(each)),
    categories: CATEGORIES.filter((each) => given.getAll("category").includes(each)),
    incident: INCIDENT.exec(given.get("incident") ?? "")?.[0] ?? "",
    rule: RULE.exec(given.get("rule") ?? "")?.[0] ?? "",
  };
}

/** The address of a view; what is as usual is left out. */
export function write(view: View): string {
  const said = new URLSearchParams();
  const { range } = view;
  if (range.kind === "between") {
    said.set("from", new Date(range.from).toISOString());
    said.set("to", new Date(range.to).toISOString());
  } else {
    const span = spanName(range.span);
    if (span !== DEFAULT_SPAN[view.page]) said.set("last", span);
    if (range.end !== "auto") said.set("end", range.end);
  }
  if (view.zone === "local") said.set("zone", "local");
  if (view.window !== "5m") said.set("window", view.window);
  for (const id of view.cities) said.append("city", String(id));
  if (view.words === "list") said.set("words", "list");
  if (view.tab === "words") said.set("tab", "words");
  if (view.q) said.set("q", view.q);
  for (const name of FACETS) for (const value of view.facets[name]) said.append(name, value);
  for (const each of view.states) said.append("state", each);
  for (const each of view.categories) said.append("category", each);
  if (view.incident) said.set("incident", view.incident);
  if (view.rule) said.set("rule", view.rule);
  const query = said.toString();
  return pathOf(view.page) + (query ? `?${query}` : "");
}

/** The same filters and zone on another page, with that page's own range unless somebody chose one. */
export function moved(view: View, page: Page): View {
  const usual = view.range.kind === "last" && spanName(view.range.span) === DEFAULT_SPAN[view.page];
  const range = usual && view.range.kind === "last" ? { ...view.range, span: spanOf(DEFAULT_SPAN[page])! } : view.range;
  return { ...view, page, range, incident: "", rule: "" };
}

export function toggled<T>(list: T[], value: T): T[] {
  return list.includes(value) ? list.filter((each) => each !== value) : [...list, value];
}
