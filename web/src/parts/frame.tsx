// What is always there: the pages, the range, and the line of health.
import { useEffect, useState } from "preact/hooks";
import { keepToken, token } from "../api.ts";
import { onOld, reload } from "../build.ts";
import { useShared } from "../context.ts";
import { LANGUAGES, n, nameOf, t } from "../language.ts";
import { percent } from "../pure/counts.ts";
import { clock } from "../pure/time.ts";
import { moved, PAGES, write, type Page } from "../pure/view.ts";
import { heardLastHour, listening, signOf, type Sign } from "../status_shape.ts";
import { RangeControl } from "./range_control.tsx";

const SOURCES_SHOWN = 4;

export function Header(given: { theme: () => void; speak: (name: string) => void; language: string; help: () => void }) {
  const { view, go, theme } = useShared();
  const follow = (event: MouseEvent, page: Page) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(moved(view, page));
  };
  return (
    <header class="frame">
      <a class="brand" href="/" onClick={(event) => follow(event, "now")}><svg viewBox="0 0 32 32" width="20" height="20" aria-hidden="true"><path d="M4 28V6l9 7C19 3 25 4 29 2c-2 3-4 4-7 6 3 9-4 19-18 20z" /></svg>Lapwing</a>
      <nav aria-label={t("nav.label")}>
        {PAGES.map((page) => <a key={page} href={write(moved(view, page))} aria-current={view.page === page ? "page" : undefined} onClick={(event) => follow(event, page)}>{t(`page.${page}`)}{page === "incidents" && <Going />}</a>)}
      </nav>
      {view.page !== "receiver" && <RangeControl />}
      <span class="tools">
        <button type="button" id="theme" onClick={given.theme} aria-label={t(theme === "dark" ? "theme.toLight" : "theme.toDark")}>◐</button>
        <select aria-label={t("language.label")} id="language" value={given.language} onChange={(event) => given.speak(event.currentTarget.value)}>
          {LANGUAGES.map((each) => <option value={each} key={each} lang={each} title={nameOf("language", each)}>{each.toUpperCase()}</option>)}
        </select>
        <button type="button" id="help" onClick={given.help} aria-label={t("help.title")}>?</button>
        {token() && <button type="button" onClick={() => { keepToken(null); location.reload(); }}>{t("login.out")}</button>}
      </span>
    </header>
  );
}

/** Where the server has a newer page, and this one could not load it by itself: somebody writes in it. */
export function Newer() {
  const [old, setOld] = useState(false);
  useEffect(() => onOld(() => setOld(true)), []);
  if (!old) return null;
  return <div class="health down" id="newer" role="alert"><span>{t("newer.title")}</span> <span>{t("newer.next")}</span> <button type="button" onClick={reload}>{t("later.reload")}</button></div>;
}

/** How many incidents go on that are not fading; nothing where it is not known. */
function Going() {
  const { open } = useShared();
  const going = open?.filter((each) => each.state !== "fading").length ?? 0;
  return going > 0 ? <span class="going" title={t("incident.going", { count: n(going) })}> <span aria-hidden="true">▲</span>{n(going)}</span> : null;
}

/** The first that a doubt looks for: who is heard, how completely, how far behind. */
export function Health() {
  const { status, downSince, view, go } = useShared();
  if (downSince !== null) {
    return <div class="health down" id="health" role="alert"><span class="state bad"><i aria-hidden="true" />{t("health.down", { time: clock(downSince, view.zone, true) })}</span> <span>{t("health.downNext")}</span></div>;
  }
  if (!status) return <div class="health" id="health">{t("state.loading")}</div>;
  const order: Sign[] = ["bad", "working", "good", "off"];
  const rows = [...status.listening].sort((a, b) => order.indexOf(signOf(a.state)) - order.indexOf(signOf(b.state)));
  const share = heardLastHour(status);
  const toStatus = (event: MouseEvent, name: string) => {
    event.preventDefault();
    go(moved(view, "status"));
    setTimeout(() => document.getElementById(`source-${name}`)?.scrollIntoView({ block: "center" }), 50);
  };
  return (
    <div class="health" id="health">
      <span class="sources">
        {!listening(status) && <span class="state off"><i aria-hidden="true" />{t("health.nobody")}</span>}
        {listening(status) && rows.slice(0, SOURCES_SHOWN).map((each) => (
          <a key={each.name} class={`state ${signOf(each.state)}`} href={`/status#source-${each.name}`} title={each.reason} onClick={(event) => toStatus(event, each.name)}><i aria-hidden="true" />{each.name} {each.state}</a>
        ))}
        {listening(status) && rows.length > SOURCES_SHOWN && <span class="soft">{t("health.others", { count: n(rows.length - SOURCES_SHOWN) })}</span>}
      </span>
      <span class="figures">
        {listening(status) && <span class={share === null ? "unknown" : ""}>{share === null ? t("complete.unknown") : t("health.complete", { share: percent(share) })}</span>}
        <span>{t("health.lag", { count: n(status.lag_records) })}</span>
        {status.dead_letters > 0 && <span>{t("health.letters", { count: n(status.dead_letters) })}</span>}
      </span>
    </div>
  );
}
