// Words on a spiral, the most frequent in the middle, none over another; the same words always lie the same way.

export interface Weighted { word: string; count: number }
export interface Laid extends Weighted { x: number; y: number; size: number; width: number }

const SIZE_MIN = 13;
const STEP = 0.35;
const TURNS_MAX = 1400;

/** Where each word stands, its middle from the middle of the field; words that find no room are left out. */
export function lay(
  words: Weighted[], width: number, height: number, measure: (word: string, size: number) => number,
): Laid[] {
  const counts = words.map((each) => each.count);
  const least = Math.min(...counts), range = Math.max(1, Math.max(...counts) - least);
  const largest = Math.max(22, Math.min(36, width / 16));
  const laid: Laid[] = [];
  for (const each of words) {
    const size = Math.round(SIZE_MIN + (largest - SIZE_MIN) * ((each.count - least) / range) ** 0.7);
    const own = measure(each.word, size);
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      const angle = turn * STEP, away = 1.1 * angle;
      const x = away * Math.cos(angle) * (width / height) * 0.8, y = away * Math.sin(angle);
      const place = { ...each, x, y, size, width: own };
      if (Math.abs(x) + own / 2 > width / 2 || Math.abs(y) + size * 0.7 > height / 2) continue;
      if (laid.every((other) => apart(other, place))) {
        laid.push(place);
        break;
      }
    }
  }
  return laid;
}

function apart(a: Laid, b: Laid): boolean {
  return Math.abs(a.x - b.x) > (a.width + b.width) / 2 + 6 || Math.abs(a.y - b.y) > (a.size + b.size) * 0.62;
}
