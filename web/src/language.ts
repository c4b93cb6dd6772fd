// The texts of the page, in the language of its reader. A language is a file in texts/; English stands in for what one lacks.
import en from "./texts/en.json";

export type Key = keyof typeof en;
type Texts = Partial<Record<Key, string>>;

const files = import.meta.glob<Texts>(["./texts/*.json", "!./texts/en.json"], { import: "default" });
export const LANGUAGES = ["en", ...Object.keys(files).map((path) => path.slice("./texts/".length, -".json".length))];
const KEPT = "lapwing-language";

let texts: Texts = en;
let chosen = "en";

export function language(): string {
  return chosen;
}

/** The language that was chosen before, or the first that the browser asks for and that there is. */
export function usual(): string {
  const asked = [localStorage.getItem(KEPT) ?? "", ...navigator.languages.map((each) => each.slice(0, 2))];
  return asked.find((each) => LANGUAGES.includes(each)) ?? "en";
}

export async function speak(name: string): Promise<void> {
  texts = name === "en" ? en : ((await files[`./texts/${name}.json`]?.()) ?? en);
  chosen = name;
  localStorage.setItem(KEPT, name);
  document.documentElement.lang = name;
}

/** A text with its blanks filled in: `{name}`. Of a word of the API that there is no text for, its own name is shown. */
export function t(key: Key, blanks: Record<string, string | number> = {}): string {
  return (texts[key] ?? en[key] ?? key.replace(/^.*\./, "")).replace(/\{(\w+)\}/g, (_, name: string) => String(blanks[name] ?? ""));
}

/** To make one takes longer than to use it a hundred times. */
const formats = new Map<string, Intl.NumberFormat>();

/** A number as people write it; what is not known is a dash that is said as "unknown". */
export function n(value: number | null | undefined, digits = 0): string {
  if (value === null || value === undefined) return "–";
  const key = `${chosen} ${digits}`;
  let found = formats.get(key);
  if (!found) formats.set(key, (found = new Intl.NumberFormat(chosen, { maximumFractionDigits: digits })));
  return found.format(value);
}

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = value > 0 ? Math.min(Math.floor(Math.log10(value) / 3), units.length - 1) : 0;
  return `${n(value / 1000 ** power, power && value / 1000 ** power < 10 ? 1 : 0)} ${units[power]}`;
}

const names = new Map<string, Intl.DisplayNames>();

/** The name of a country or language in the reader's own; the code where there is none. */
export function nameOf(kind: "region" | "language", code: string): string {
  const key = `${chosen} ${kind}`;
  try {
    if (!names.has(key)) names.set(key, new Intl.DisplayNames([chosen], { type: kind }));
    return names.get(key)!.of(code) ?? code;
  } catch {
    return code;
  }
}
