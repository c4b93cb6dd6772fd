// Choosing cities: chips, and a field that completes from the places that have spoken.
import { useId, useMemo, useState } from "preact/hooks";
import { useShared } from "../context.ts";
import { n, nameOf, t } from "../language.ts";
import type { Ranked } from "../pure/counts.ts";
import { toggled } from "../pure/view.ts";
import { changeText } from "./map.tsx";
import { cityStyle } from "./colors.ts";

const SHOWN_MAX = 8;

function plain(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

export function CityField({ places, known }: { places: Ranked[]; known: Map<number, string> }) {
  const { view, go } = useShared();
  const [typed, setTyped] = useState("");
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const list = useId();
  const found = useMemo(() => {
    const wanted = plain(typed.trim());
    return places
      .filter((each) => !view.cities.includes(each.id) && (!wanted || plain(each.name).startsWith(wanted) || plain(each.name).includes(` ${wanted}`)))
      .sort((a, b) => b.posts - a.posts).slice(0, SHOWN_MAX);
  }, [places, typed, view.cities]);
  const choose = (id: number) => {
    go({ cities: [...view.cities, id].slice(-8) });
    setTyped("");
    setAt(0);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt((i) => Math.min(i + 1, found.length - 1));
    else if (event.key === "ArrowUp") setAt((i) => Math.max(i - 1, 0));
    else if (event.key === "Enter" && found[at]) choose(found[at].id);
    else if (event.key === "Escape") setOpen(false);
    else if (event.key === "Backspace" && !typed && view.cities.length) go({ cities: view.cities.slice(0, -1) });
    else return setOpen(true);
    if (event.key !== "Backspace") event.preventDefault();
  };
  const shows = open && found.length > 0;
  return (
    <div class="cityField">
      {view.cities.map((id, i) => (
        <button type="button" class="chip" key={id} onClick={() => go({ cities: toggled(view.cities, id) })} aria-label={t("cities.drop", { city: known.get(id) ?? String(id) })}>
          <i class="swatch" style={{ background: `var(--${cityStyle(i).token})` }} aria-hidden="true" />{known.get(id) ?? id} <span aria-hidden="true">×</span>
        </button>
      ))}
      <span class="field">
        <input
          id="city-field" type="text" role="combobox" aria-expanded={shows} aria-controls={list} aria-autocomplete="list" autoComplete="off"
          aria-activedescendant={shows ? `${list}-${at}` : undefined} aria-label={t("cities.add")} placeholder={t("cities.add")} value={typed}
          onInput={(event) => { setTyped(event.currentTarget.value); setAt(0); setOpen(true); }}
          onFocus={() => setOpen(true)} onBlur={() => setTimeout(() => setOpen(false), 150)} onKeyDown={press}
        />
        <ul id={list} role="listbox" aria-label={t("cities.add")} hidden={!shows}>
          {found.map((each, i) => (
            <li key={each.id} id={`${list}-${i}`} role="option" aria-selected={i === at} onPointerDown={(event) => { event.preventDefault(); choose(each.id); }}>
              <span>{each.name} {each.country}</span><span class="number">{n(each.posts)}</span>
            </li>
          ))}
        </ul>
      </span>
    </div>
  );
}

/** Five places in a row each; a click chooses the city. */
export function RankedPlaces({ places, most }: { places: Ranked[]; most: number }) {
  const { view, go } = useShared();
  return (
    <ol class="ranked places">
      {places.map((each) => (
        <li key={each.id} data-place={each.id}>
          <button type="button" class="link" aria-pressed={view.cities.includes(each.id)} onClick={() => go({ cities: toggled(view.cities, each.id).slice(-8) })}>{each.name} {each.country}</button>
          <meter min={0} max={Math.max(1, most)} value={each.posts} aria-hidden="true" />
          <span class="number">{n(each.posts)}</span>
          <span class={`change ${each.change.word}`}>{changeText(each)}</span>
        </li>
      ))}
    </ol>
  );
}

/** All places that have spoken, as a table; made only when it is opened. */
export function AllPlaces({ places }: { places: Ranked[] }) {
  const [open, setOpen] = useState(false);
  const [count, setCount] = useState(100);
  const order = useMemo(() => (open ? [...places].sort((a, b) => b.posts - a.posts || a.id - b.id) : []), [places, open]);
  return (
    <details class="allPlaces" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("cities.all", { count: n(places.length) })}</summary>
      {open && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t("cities.all", { count: n(places.length) })}>
          <table>
            <thead><tr><th scope="col">{t("cities.city")}</th><th scope="col">{t("measure.posts")}</th><th scope="col">{t("measure.reposts")}</th><th scope="col">{t("measure.people")}</th><th scope="col">{t("change.title")}</th></tr></thead>
            <tbody>
              {order.slice(0, count).map((each) => (
                <tr key={each.id}><th scope="row">{each.name}, {nameOf("region", each.country)}</th><td>{n(each.posts)}</td><td>{n(each.reposts)}</td><td>{n(each.people)}</td><td>{changeText(each)}</td></tr>
              ))}
            </tbody>
          </table>
          {count < order.length && <button type="button" onClick={() => setCount(count + 500)}>{t("more")}</button>}
        </div>
      )}
    </details>
  );
}
