// Several values in one field: each is a chip that a click removes; what is typed is completed from what there is.
import { useId, useMemo, useState } from "preact/hooks";
import { t } from "../language.ts";

export interface Choice { value: string; label: string; note?: string }

interface Given {
  id: string;
  label: string;
  values: readonly string[];
  change: (values: string[]) => void;
  choices?: readonly Choice[];
  /** What a typed text means where it is none of the choices; null where it means nothing. Without it only choices count. */
  free?: (text: string) => string | null;
  nameOf?: (value: string) => string;
  hint?: string;
}

const SHOWN_MAX = 8;

function plain(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

export function Chips(given: Given) {
  const { values, choices = [] } = given;
  const [typed, setTyped] = useState("");
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const [wrong, setWrong] = useState(false);
  const list = useId();
  const found = useMemo(() => {
    const wanted = plain(typed.trim());
    return choices.filter((each) => !values.includes(each.value) && (!wanted || plain(each.label).startsWith(wanted) || plain(each.label).includes(` ${wanted}`) || plain(each.value) === wanted)).slice(0, SHOWN_MAX);
  }, [choices, typed, values]);
  const add = (value: string | null | undefined): boolean => {
    if (!value) return false;
    if (!values.includes(value)) given.change([...values, value]);
    setTyped("");
    setAt(-1);
    setWrong(false);
    setOpen(false);
    return true;
  };
  /** What is typed becomes a chip, if it means anything. */
  const take = () => {
    if (!typed.trim()) return;
    const exact = choices.find((each) => [plain(each.label), plain(each.value)].includes(plain(typed.trim())));
    if (!add(exact?.value ?? (given.free ? given.free(typed.trim()) : typed.trim().length > 1 ? found[0]?.value : null))) setWrong(true);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") {
      setOpen(true);
      setAt((i) => Math.min(i + 1, found.length - 1));
    } else if (event.key === "ArrowUp") setAt((i) => Math.max(i - 1, -1));
    else if (event.key === "Enter" || (event.key === "," && typed.trim())) {
      if (found[at]) add(found[at].value);
      else take();
    } else if (event.key === "Escape" && open) setOpen(false);
    else if (event.key === "Backspace" && !typed && values.length) return given.change(values.slice(0, -1));
    else return setOpen(true);
    event.preventDefault();
  };
  const shows = open && found.length > 0;
  const name = given.nameOf ?? ((value: string) => choices.find((each) => each.value === value)?.label ?? value);
  return (
    <span class="chips">
      {values.map((value) => (
        <button type="button" class="chip" key={value} data-value={value} onClick={() => given.change(values.filter((each) => each !== value))} aria-label={t("chip.drop", { name: name(value) })}>
          <bdi>{name(value)}</bdi> <span aria-hidden="true">×</span>
        </button>
      ))}
      <span class="field">
        <input
          id={given.id} type="text" role="combobox" aria-expanded={shows} aria-controls={list} aria-autocomplete="list" autoComplete="off" spellcheck={false} maxLength={100}
          aria-activedescendant={shows && at >= 0 ? `${list}-${at}` : undefined} aria-label={given.label} aria-invalid={wrong} placeholder={given.hint ?? given.label} value={typed}
          onInput={(event) => { setTyped(event.currentTarget.value); setAt(-1); setWrong(false); setOpen(true); }}
          onFocus={() => setOpen(true)} onBlur={() => { take(); setTimeout(() => setOpen(false), 150); }} onKeyDown={press}
        />
        <ul id={list} role="listbox" aria-label={given.label} hidden={!shows}>
          {found.map((each, i) => (
            <li key={each.value} id={`${list}-${i}`} role="option" aria-selected={i === at} onPointerDown={(event) => { event.preventDefault(); add(each.value); }}>
              <span>{each.label}</span>{each.note && <span class="soft">{each.note}</span>}
            </li>
          ))}
        </ul>
      </span>
    </span>
  );
}
