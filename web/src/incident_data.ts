// Incidents as parts of the page have them: what was asked for, and what the one stream has told since.
import { useEffect, useMemo, useState } from "preact/hooks";
import { address } from "./api.ts";
import { useAnswer, useNews, type Answer } from "./hooks.ts";
import { ordered, renewed, type Incident, type Wanted } from "./pure/incidents.ts";

export interface Incidents { incidents: Incident[]; next: string | null }

/** Incidents of a question, those that go on first, kept up by what is told of them; null until they are known. */
export function useIncidents(path: string | null, wanted: Wanted, tick: number, rank = 4): { answer: Answer<Incidents>; incidents: Incident[] | null } {
  const answer = useAnswer<Incidents>(path, tick, rank);
  const [changed, setChanged] = useState<Incident[]>([]);
  useEffect(() => setChanged([]), [answer.data]);
  useNews((news) => {
    if (news.kind === "incidents") setChanged((old) => [...new Map([...old, ...news.incidents].map((each) => [each.id, each])).values()]);
  });
  const said = JSON.stringify(wanted);
  const incidents = useMemo(() => answer.data && ordered(renewed(answer.data.incidents, changed, wanted)), [answer.data, changed, said]);
  return { answer, incidents };
}

const OPEN_MAX = 50;
const OPEN: Wanted = { states: ["possible", "confirmed", "fading"], categories: [], countries: [], places: [], from: -Infinity, to: Infinity };

/** The incidents that go on; null until they are known. They are asked for `after` the page has begun with what is on it. */
export function useOpenIncidents(tick: number, after: boolean): Incident[] | null {
  return useIncidents(after ? address("incidents", { state: OPEN.states, limit: OPEN_MAX }) : null, OPEN, Math.floor(tick / 6), 7).incidents;
}
