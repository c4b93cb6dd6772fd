// Answers of the API as values that a part of the page has: the last good one stays while the next is on its way.
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, onTokenNeeded, Refused, type Problem } from "./api.ts";
import { asked } from "./early.ts";
import { hear, type News } from "./stream.ts";

export interface Answer<T> {
  data: T | null;
  /** Which question the data answers. */
  path: string | null;
  problem: Problem | null;
  loading: boolean;
  /** When the data came. */
  at: number | null;
}

/** The answer to a question; asked again when it changes, when `tick` does, and when a token was given. */
export function useAnswer<T>(path: string | null, tick: number, rank = 5): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ data: null, path: null, problem: null, loading: path !== null, at: null });
  const [tries, setTries] = useState(0);
  useEffect(() => onTokenNeeded((needed) => needed || setTries((n) => n + 1)), []);
  useEffect(() => {
    if (path === null) return;
    const wanted = new AbortController();
    setAnswer((old) => ({ ...old, loading: true }));
    (asked<T>(path) ?? ask<T>(path, { signal: wanted.signal }, rank)).then(
      (data) => wanted.signal.aborted || setAnswer({ data, path, problem: null, loading: false, at: Date.now() }),
      (problem) => {
        if (wanted.signal.aborted) return;
        setAnswer((old) => ({ ...old, problem: problem instanceof Refused ? problem.problem : null, loading: false }));
      },
    );
    return () => wanted.abort();
  }, [path, tick, tries]);
  return answer;
}

/** Hear what is new for as long as the part is there. */
export function useNews(listener: (news: News) => void): void {
  const latest = useRef(listener);
  latest.current = listener;
  useEffect(() => hear((news) => latest.current(news)), []);
}

const REFRESH_MS = 5_000;
const IDLE_MS = 30_000;

/** The clock as the page uses it: it moves when counts have changed, at most every 5 s, and otherwise every 30 s. */
export function useTick(): { now: number; tick: number; refresh: () => void } {
  const [at, setAt] = useState({ now: Date.now(), tick: 0 });
  const due = useRef<number | null>(null);
  const move = () => {
    due.current = null;
    if (!document.hidden) setAt((old) => ({ now: Date.now(), tick: old.tick + 1 }));
  };
  useNews((news) => {
    if (news.kind === "reset") move();
    else if (news.kind === "commits" && due.current === null) due.current = window.setTimeout(move, REFRESH_MS);
  });
  useEffect(() => {
    const timer = setInterval(move, IDLE_MS);
    const back = () => document.hidden || move();
    document.addEventListener("visibilitychange", back);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", back);
    };
  }, []);
  return { ...at, refresh: move };
}

/** The width of an element, kept as it changes. */
export function useWidth(): [preact.RefObject<HTMLDivElement>, number] {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!ref.current) return;
    const watch = new ResizeObserver(([entry]) => entry && setWidth(Math.floor(entry.contentRect.width)));
    watch.observe(ref.current);
    return () => watch.disconnect();
  }, []);
  return [ref, width];
}
