// What the API says of how things stand: the parts of it that are shown.

export interface SourceRow {
  name: string; network: string; received: number; stored: number; duplicates: number; changes: number; filtered: number;
  refused: number; live: boolean; on_duty: boolean; heard_last_hour: number | null; heard_last_day: number | null;
  gaps_open: number; gaps_closed: number;
}
export interface Listening { name: string; state: string; reason: string; noted: string | null; network?: string; topic?: string }
export interface Partition { topic: string; partition: number; owner: string | null; next_offset: number; watermark: string | null }
export interface Status {
  at: string;
  accounting: Record<"received" | "stored" | "duplicates" | "changes" | "filtered" | "refused", number>;
  sources: SourceRow[];
  listening: Listening[];
  filtered: Record<string, number>;
  posts: { standing: number; hidden: number; newest: string | null };
  commit: number;
  lag_records: number;
  partitions: Partition[];
  workers: Array<{ name: string; pid: number; silent_s: number; lost: boolean }>;
  gaps: Array<{ source: string; from: string; to: string; reason: string }>;
  dead_letters: number;
  functions: Array<{ name: string; state: string; lag?: number; calls?: number; failures?: number; last_error?: string }>;
  log: { records: number; raw_bytes: number; stored_bytes: number };
  bytes: { log: number; ledger: number };
  disk: { total_bytes: number; free_bytes: number; used_share: number; nearly_full: boolean; days_until_full: number | null };
  latency: { p50_s: number | null; p99_s: number | null; posts: number };
  processes: Array<{ name: string; pid: number; cpu_s: number; rss_bytes: number }>;
}

/** Whether any source is listened to, or should be: then the end of a relative range is the clock's now. */
export function listening(status: Status | null): boolean {
  return !!status && (status.sources.some((each) => each.on_duty) || status.listening.some((each) => each.state !== "not running"));
}

export type Sign = "good" | "working" | "bad" | "off";
const SIGNS: Record<string, Sign> = {
  live: "good", "back-filling": "working", connecting: "working", paused: "off", "not running": "off",
  broken: "bad", refused: "bad",
};

export function signOf(state: string): Sign {
  return SIGNS[state] ?? "working";
}

/** The least share that any source on duty was heard in the last hour; null where none is on duty, or one is unknown. */
export function heardLastHour(status: Status): number | null {
  const shares = status.sources.filter((each) => each.on_duty).map((each) => each.heard_last_hour);
  return shares.length && shares.every((each) => each !== null) ? Math.min(...(shares as number[])) : null;
}
