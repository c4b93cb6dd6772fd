// Countries, languages and time zones by the names that the browser has for them.
import { language, nameOf } from "../language.ts";
import type { Choice } from "./chips.tsx";

const LETTERS = Array.from({ length: 26 }, (_, i) => String.fromCharCode(65 + i));
/** Codes of ISO 3166 that stand for no country. */
const NO_COUNTRY = new Set(["EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"]);
/** The languages that are told apart most, by ISO 639-1. */
const LANGUAGES = "af am ar az be bg bn bs ca ceb cs cy da de el en eo es et eu fa fi fil fr ga gl gu he hi hr hu hy id is it ja jv ka kk km kn ko ku ky lo lt lv mg mk ml mn mr ms my ne nl no pa pl ps pt ro ru sd si sk sl so sq sr su sv sw ta te tg th tk tl tr uk ur uz vi xh yo zh zu".split(" ");

const known = new Map<string, Choice[]>();

function once(kind: string, make: () => Choice[]): Choice[] {
  const key = `${kind} ${language()}`;
  const found = known.get(key) ?? make().sort((a, b) => a.label.localeCompare(b.label, language()));
  known.set(key, found);
  return found;
}

export function countries(): Choice[] {
  return once("country", () => LETTERS.flatMap((a) => LETTERS.map((b) => a + b)).filter((code) => !NO_COUNTRY.has(code) && nameOf("region", code) !== code).map((value) => ({ value, label: nameOf("region", value), note: value })));
}

export function languages(): Choice[] {
  return once("language", () => LANGUAGES.map((value) => ({ value, label: nameOf("language", value), note: value })));
}

export function zones(): string[] {
  return ["UTC", ...Intl.supportedValuesOf("timeZone")];
}
