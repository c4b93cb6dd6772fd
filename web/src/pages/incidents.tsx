// Incidents: what happens, as a list and on a map; and of one of them the evidence, and what is decided about it.
import { useMemo, useRef, useState } from "preact/hooks";
import { address } from "../api.ts";
import { useShared } from "../context.ts";
import { useIncidents } from "../incident_data.ts";
import { language, n, t } from "../language.ts";
import { CATEGORIES, inPlace, STATES, type Category, type Incident, type Wanted } from "../pure/incidents.ts";
import { DAY, iso } from "../pure/time.ts";
import { toggled } from "../pure/view.ts";
import { Chips } from "../parts/chips.tsx";
import { countries } from "../parts/codes.ts";
import { Exported } from "../parts/exported.tsx";
import { IncidentCard } from "../parts/incident_card.tsx";
import { IncidentsMap } from "../parts/incident_map.tsx";
import { categoryName, Sign } from "../parts/incident_names.tsx";
import { IncidentRow } from "../parts/incident_row.tsx";
import { Empty, Panel } from "../parts/states.tsx";
import { Anchor } from "./now.tsx";
import { useTimes } from "./now_data.ts";
import "../style/incidents.css";

const LISTED = 200;

export function Incidents() {
  const { view, tick } = useShared();
  const times = useTimes();
  const [listed, setListed] = useState(LISTED);
  const wanted: Wanted = {
    states: view.states, categories: view.categories, countries: view.facets.country, places: view.facets.place.map(Number),
    from: times?.span.from ?? 0, to: times?.span.to ?? 0,
  };
  const asked = times && { since: iso(times.span.from), until: iso(times.span.to), state: view.states, category: view.categories, country: view.facets.country, place: view.facets.place };
  const { answer, incidents } = useIncidents(asked && address("incidents", { ...asked, limit: listed }), wanted, Math.floor(tick / 6), 2);
  const shown = incidents ?? [];
  return (
    <main class={`incidents${view.incident ? " chosen" : ""}`} id="main" tabIndex={-1}>
      <h1 class="hidden">{t("page.incidents")}</h1>
      <Anchor />
      <Filters />
      <div class="incidentsGrid">
        <Panel title={t("incident.list", { count: n(shown.length) })} name="incidentList" answer={answer} lines={8} aside={asked && <Exported path={address("incidents.geojson", asked)} name="incidents.geojson" label="GeoJSON" title={t("export.geojson")} />}>
          {shown.length ? <List incidents={shown} /> : <Nothing />}
          {answer.data?.next && <button type="button" onClick={() => setListed(listed + LISTED)}>{t("more")}</button>}
        </Panel>
        <div class="incidentSide">
          {view.incident ? <IncidentCard key={view.incident} id={view.incident} others={shown} /> : (
            <Panel title={t("incident.onMap")} name="incidentMap" aside={<Unmapped incidents={shown} />}>
              <IncidentsMap incidents={shown} chosen="" />
              <SignLegend />
            </Panel>
          )}
        </div>
      </div>
    </main>
  );
}

function Filters() {
  const { view, go } = useShared();
  const kinds = useMemo(() => CATEGORIES.map((each) => ({ value: each, label: categoryName(each) })), [language()]);
  const all = useMemo(() => countries(), [language()]);
  return (
    <div class="controls incidentFilters">
      <span class="choice" role="group" aria-label={t("incident.states")}>
        {STATES.map((each) => (
          <button type="button" key={each} aria-pressed={view.states.includes(each)} onClick={() => go({ states: STATES.filter((state) => toggled(view.states, each).includes(state)) }, true)}>
            <Sign state={each} />{t(`incident.state.${each}`)}
          </button>
        ))}
      </span>
      <Chips id="category-field" label={t("incident.addCategory")} values={view.categories} choices={kinds} change={(values) => go({ categories: values as Category[] }, true)} />
      <Chips id="country-field" label={t("incident.addCountry")} values={view.facets.country} choices={all} change={(values) => go({ facets: { ...view.facets, country: values } }, true)} />
    </div>
  );
}

/** Rows hold still while the pointer or the keyboard is on them: their numbers change, their order does not. */
function List({ incidents }: { incidents: Incident[] }) {
  const [order, setOrder] = useState<string[] | null>(null);
  const ref = useRef<HTMLDivElement>(null);
  const rows = order ? inPlace(incidents, order) : incidents;
  const waiting = incidents.length - rows.length;
  const hold = () => setOrder((old) => old ?? incidents.map((each) => each.id));
  const step = (event: KeyboardEvent) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const links = [...(ref.current?.querySelectorAll("a") ?? [])];
    links[links.indexOf(document.activeElement as HTMLAnchorElement) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
    event.preventDefault();
  };
  return (
    <>
      <p class="soft note" aria-live="polite">{waiting > 0 ? t("incident.waiting", { count: n(waiting) }) : t("incident.listNote")}</p>
      <div class="incidentRows" ref={ref} onPointerEnter={hold} onPointerLeave={() => setOrder(null)} onFocusIn={hold} onFocusOut={() => setOrder(null)} onKeyDown={step}>
        {rows.map((each) => <IncidentRow key={each.id} incident={each} />)}
      </div>
    </>
  );
}

function Unmapped({ incidents }: { incidents: Incident[] }) {
  const count = incidents.filter((each) => !each.point).length;
  return count > 0 ? <span class="chipText">{t("incident.unmapped", { count: n(count) })}</span> : null;
}

function SignLegend() {
  return (
    <ul class="legend" aria-label={t("map.legend")}>
      {STATES.map((each) => <li key={each}><Sign state={each} /> {t(`incident.state.${each}`)}</li>)}
      <li>{t("incident.sizeNote")}</li>
    </ul>
  );
}

function Nothing() {
  const { view, go, status } = useShared();
  const narrowed = view.states.length + view.categories.length + view.facets.country.length + view.facets.place.length > 0;
  return (
    <Empty>
      <h2>{t(narrowed ? "incident.noneSo" : "incident.none")}</h2>
      <p>{t(narrowed ? "incident.noneSoNext" : status && status.accounting.received === 0 ? "incident.noPosts" : "incident.noneNext")}</p>
      {narrowed && <button type="button" onClick={() => go({ states: [], categories: [], facets: { ...view.facets, country: [], place: [] } })}>{t("incident.all")}</button>}
      {view.range.kind === "last" && view.range.span < 30 * DAY && <button type="button" onClick={() => go({ range: { kind: "last", span: 30 * DAY, end: "auto" } })}>{t("range.30d")}</button>}
    </Empty>
  );
}
