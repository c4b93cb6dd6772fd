// An incident in a row: its shape, kind, place and state, its people and when; a click opens its card.
import { useShared } from "../context.ts";
import { language, n, t } from "../language.ts";
import type { Incident } from "../pure/incidents.ts";
import { clock, DAY, day, type Zone } from "../pure/time.ts";
import { moved, write } from "../pure/view.ts";
import { nameOfIncident, severityName, Sign, StateWord } from "./incident_names.tsx";

/** From when to when, with the day where it is not plain. */
export function spanSaid(incident: Incident, zone: Zone, now: number): string {
  const from = Date.parse(incident.first_at), to = Date.parse(incident.last_at);
  const date = (at: number) => (Math.abs(now - at) > DAY ? `${day(at, zone, language())} ` : "");
  const sameDay = day(from, zone, "en") === day(to, zone, "en");
  return `${date(from)}${clock(from, zone)} – ${sameDay ? "" : date(to)}${clock(to, zone)}`;
}

export function IncidentRow({ incident }: { incident: Incident }) {
  const { view, go, now } = useShared();
  const there = { ...(view.page === "incidents" ? view : moved(view, "incidents")), incident: incident.id };
  const follow = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(there);
  };
  return (
    <a class="incidentRow" href={write(there)} data-incident={incident.id} aria-current={view.incident === incident.id ? "true" : undefined} onClick={follow}>
      <Sign state={incident.state} />
      <span class="what"><bdi>{nameOfIncident(incident)}</bdi></span>
      <StateWord state={incident.state} reason={incident.reason} />
      <span class="figures soft">
        <span class="people">{t("incident.people", { count: n(incident.people) })}</span>
        <span>{severityName(incident.severity)}</span>
        <span>{spanSaid(incident, view.zone, now)}</span>
        {incident.muted && <span>{t("incident.muted")}</span>}
        {incident.official && <span>{t("incident.official")}</span>}
      </span>
    </a>
  );
}
