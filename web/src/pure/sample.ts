// Facets and a histogram of the hits that were read: exact while these are all, and said to be a sample when they are not.
import { edges, type Span } from "./time.ts";
import { FACETS, type Facet } from "./view.ts";

export interface Post {
  uid: string; network: string; source: string; kind: string; author: string; author_name: string | null;
  text: string | null; lang: string | null; created_at: string; url: string | null; edited: boolean;
  place: { id: number; name: string; country: string; by: string; confidence: number; evidence: string | null } | null;
  country: string | null; sightings: string[];
}

export interface FacetValue { value: string; label: string; count: number }

const READ: Record<Facet, (post: Post) => Array<[string, string]>> = {
  source: (post) => [...new Set([post.source, ...post.sightings])].map((name) => [name, name]),
  network: (post) => [[post.network, post.network]],
  country: (post) => (post.country ? [[post.country, post.country]] : []),
  place: (post) => (post.place ? [[String(post.place.id), `${post.place.name}, ${post.place.country}`]] : []),
  lang: (post) => (post.lang ? [[post.lang, post.lang]] : []),
  kind: (post) => [[post.kind, post.kind]],
};

/** For each facet its values with the number of posts that have them, most first. */
export function facets(posts: Post[]): Record<Facet, FacetValue[]> {
  return Object.fromEntries(FACETS.map((name) => {
    const found = new Map<string, FacetValue>();
    for (const post of posts) {
      for (const [value, label] of READ[name](post)) {
        const known = found.get(value);
        if (known) known.count++;
        else found.set(value, { value, label, count: 1 });
      }
    }
    return [name, [...found.values()].sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))];
  })) as Record<Facet, FacetValue[]>;
}

/** Posts in each window; null where the sample, which is of the newest, does not reach back. */
export function histogram(posts: Post[], all: boolean, span: Span, width: number): Array<number | null> {
  const bins: Array<number | null> = edges(span, width).map(() => 0);
  let oldest = Infinity;
  for (const post of posts) {
    const at = Date.parse(post.created_at), bin = Math.floor((at - span.from) / width);
    oldest = Math.min(oldest, at);
    if (bin >= 0 && bin < bins.length) bins[bin]!++;
  }
  if (all) return bins;
  return bins.map((count, i) => (span.from + i * width < oldest ? null : count));
}
