// Ranges of time: as they stand in the address, as the API is asked, as people read them. Times are ms since 1970, UTC.

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export type Zone = "utc" | "local";
/** The last so many ms, up to the clock or to the newest post; or from one moment to another. */
export type Range = { kind: "last"; span: number; end: "clock" | "newest" | "auto" } | { kind: "between"; from: number; to: number };
export interface Span { from: number; to: number }

export const SPANS: ReadonlyArray<readonly [string, number]> = [
  ["15m", 15 * MINUTE], ["1h", HOUR], ["6h", 6 * HOUR], ["24h", DAY], ["7d", 7 * DAY], ["30d", 30 * DAY],
];
export const WINDOWS: ReadonlyArray<readonly [string, number]> = [
  ["5m", 5 * MINUTE], ["15m", 15 * MINUTE], ["1h", HOUR], ["6h", 6 * HOUR], ["1d", DAY],
];
const POINTS_MAX = 400;

export function spanOf(name: string): number | null {
  return SPANS.find(([each]) => each === name)?.[1] ?? null;
}

export function spanName(span: number): string {
  return SPANS.find(([, each]) => each === span)?.[0] ?? `${Math.round(span / MINUTE)}m`;
}

/** The wished window, or the narrowest wider one with which a range has few enough points to be drawn and asked. */
export function windowFor(wished: string, span: number): readonly [string, number] {
  const from = Math.max(0, WINDOWS.findIndex(([name]) => name === wished));
  return WINDOWS.slice(from).find(([, width]) => span / width <= POINTS_MAX) ?? WINDOWS[WINDOWS.length - 1]!;
}

/** The moments that a range means, both on edges of windows. `newest` is the time of the newest post, if there is any. */
export function resolve(range: Range, now: number, newest: number | null, width: number, listening: boolean): Span {
  if (range.kind === "between") {
    const from = Math.floor(range.from / width) * width;
    return { from, to: Math.max(Math.ceil(range.to / width) * width, from + width) };
  }
  const end = endsAtNewest(range, now, newest, listening) ? newest! + 1 : now;
  const to = Math.ceil(end / width) * width;
  return { from: to - Math.max(Math.ceil(range.span / width) * width, width), to };
}

/** Whether a relative range ends at the newest post: said so, or nobody listens and the newest is older than the range. */
export function endsAtNewest(range: Range, now: number, newest: number | null, listening: boolean): boolean {
  if (range.kind !== "last" || newest === null || range.end === "clock") return false;
  return range.end === "newest" || (!listening && now - newest > Math.max(range.span, HOUR));
}

/** As the API reads it; without fractions, since all of our edges are whole seconds. */
export function iso(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}

export function edges(span: Span, width: number): number[] {
  const count = Math.max(0, Math.round((span.to - span.from) / width));
  return Array.from({ length: count }, (_, i) => span.from + i * width);
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: Zone, language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${language} ${JSON.stringify(options)}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(language, { ...options, hourCycle: "h23", ...(zone === "utc" ? { timeZone: "UTC" } : {}) });
    formats.set(key, found);
  }
  return found;
}

export function clock(at: number, zone: Zone, seconds = false): string {
  const parts: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
  return format(zone, "en-GB", seconds ? { ...parts, second: "2-digit" } : parts).format(at);
}

export function day(at: number, zone: Zone, language: string): string {
  return format(zone, language, { day: "numeric", month: "short", year: "numeric" }).format(at);
}

export function moment(at: number, zone: Zone, language: string): string {
  return `${day(at, zone, language)} ${clock(at, zone)}`;
}

/** What a `datetime-local` field takes and gives. */
export function toField(at: number, zone: Zone): string {
  return new Date(zone === "utc" ? at : at - new Date(at).getTimezoneOffset() * MINUTE).toISOString().slice(0, 16);
}

export function fromField(text: string, zone: Zone): number | null {
  const at = Date.parse(zone === "utc" ? `${text}Z` : text);
  return Number.isNaN(at) ? null : at;
}

/** How long, in the two largest units: "3 min 5 s", "321 d 2 h". */
export function lasting(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  const units: Array<[string, number]> = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  let rest = Math.round(seconds);
  const words: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count) words.push(`${count} ${unit}`);
    else if (words.length) break;
    if (words.length === 2) break;
  }
  return words.join(" ");
}
