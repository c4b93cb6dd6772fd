// Where the words of a query stand in a text: only for marking them; whether a post is a hit the server has said.

export interface Part { text: string; hit: boolean }

const TOKEN = /(-?)(?:"([^"]*)"|(\S+))/gu;

/** The words and phrases that a query asks for, without those it excludes. */
export function terms(query: string): Array<{ text: string; prefix: boolean }> {
  const found: Array<{ text: string; prefix: boolean }> = [];
  for (const [, minus, phrase, word] of query.matchAll(TOKEN)) {
    const raw = phrase ?? (word ?? "").replace(/^[()]+|[()]+$/g, "");
    if (minus || !raw || (phrase === undefined && raw === "OR")) continue;
    const prefix = phrase === undefined && raw.endsWith("*");
    const text = fold(prefix ? raw.slice(0, -1) : raw).folded;
    if (text) found.push({ text, prefix });
  }
  return found;
}

/** A text without case and accents, and for each of its units the place in the text as it was written. */
function fold(text: string): { folded: string; at: number[] } {
  let folded = "", index = 0;
  const at: number[] = [];
  for (const character of text) {
    const plain = character.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
    for (let i = 0; i < plain.length; i++) at.push(index);
    folded += plain;
    index += character.length;
  }
  at.push(index);
  return { folded, at };
}

const SPACELESS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const WORD = "[\\p{L}\\p{N}_]";

/** The text cut into parts, hits apart. */
export function marked(text: string, wanted: ReturnType<typeof terms>): Part[] {
  if (!wanted.length || !text) return [{ text, hit: false }];
  const { folded, at } = fold(text);
  const patterns = wanted.map(({ text: word, prefix }) => {
    const literal = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/\s+/g, "\\s+");
    if (SPACELESS.test(word)) return literal;
    return `(?<!${WORD})${literal}` + (prefix ? `${WORD}*` : `(?!${WORD})`);
  });
  const parts: Part[] = [];
  let done = 0;
  for (const match of folded.matchAll(new RegExp(patterns.join("|"), "gu"))) {
    const from = at[match.index]!;
    let to = at[match.index + match[0].length]!;
    while (to < text.length && /\p{M}/u.test(text[to]!)) to++;
    if (from > done) parts.push({ text: text.slice(done, from), hit: false });
    if (to > from) parts.push({ text: text.slice(from, to), hit: true });
    done = Math.max(done, to);
  }
  if (done < text.length) parts.push({ text: text.slice(done), hit: false });
  return parts;
}
