// What people write is shown as text and nothing else; these make it harmless to its neighbours on the screen, too.

const MARKS_MAX = 4;
const MARKS = new RegExp(`(\\p{M}{${MARKS_MAX}})\\p{M}+`, "gu");
// Overrides, embeddings, isolates and marks of direction: the element around the text isolates it.
const DIRECTIONS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
// U+200C and U+200D join letters and emoji, and stay where they stand alone.
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u180e\u200b\u2060-\u2064\ufeff\u{e0000}-\u{e0fff}]|(?<=[\u200c\u200d])[\u200c\u200d]+/gu;

/** A text without what would reorder, hide or overprint its surroundings. */
export function shown(text: string): string {
  return text.replace(DIRECTIONS, "").replace(INVISIBLE, "").replace(MARKS, "$1");
}

/** An address to which a link may lead: http or https, without a name and password; otherwise null. */
export function safeLink(address: string | null | undefined): string | null {
  if (!address) return null;
  try {
    const url = new URL(address);
    return (url.protocol === "https:" || url.protocol === "http:") && !url.username && !url.password ? url.href : null;
  } catch {
    return null;
  }
}
