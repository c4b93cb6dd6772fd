// The page: its view in the address, its theme and language, its keys.
import { render } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { settled } from "./build.ts";
import { Context, type Shared } from "./context.ts";
import { useNews, useTick } from "./hooks.ts";
import { useOpenIncidents } from "./incident_data.ts";
import { language, speak, t, usual } from "./language.ts";
import { Now } from "./pages/now.tsx";
import { Search } from "./pages/search.tsx";
import { Status } from "./pages/status.tsx";
import { Help, Login } from "./parts/dialogs.tsx";
import { Header, Health, Newer } from "./parts/frame.tsx";
import { Later } from "./parts/later.tsx";
import { SPANS } from "./pure/time.ts";
import { moved, parse, write, type Page, type View } from "./pure/view.ts";
import type { Status as StatusShape } from "./status_shape.ts";
import { begin } from "./stream.ts";
import "./style/tokens.css";
import "./style/frame.css";
import "./style/parts.css";

const THEME = "lapwing-theme";
const SECOND_KEY_MS = 1_500;
const SHOWN: Record<Page, () => preact.JSX.Element> = {
  now: Now, search: Search, status: Status,
  incidents: () => <Later name="incidents" load={() => import("./pages/incidents.tsx").then((file) => file.Incidents)} />,
  rules: () => <Later name="rules" load={() => import("./pages/rules.tsx").then((file) => file.Rules)} />,
  receiver: () => <Later name="receiver" load={() => import("./pages/receiver.tsx").then((file) => file.Receiver)} />,
};
const G: Record<string, Page> = { n: "now", s: "search", i: "incidents", r: "rules", a: "receiver", t: "status" };

function useView(): [View, Shared["go"]] {
  const [view, setView] = useState(() => parse(location.pathname, location.search));
  const latest = useRef(view);
  latest.current = view;
  useEffect(() => {
    const back = () => setView(parse(location.pathname, location.search));
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  const go = useCallback((change: Partial<View>, replace = false) => {
    const next = { ...latest.current, ...change };
    const address = write(next);
    if (address !== location.pathname + location.search) history[replace ? "replaceState" : "pushState"](null, "", address);
    if (next.page !== latest.current.page) {
      settled();
      scrollTo(0, 0);
    }
    latest.current = next;
    setView(next);
  }, []);
  return [view, go];
}

function useTheme(): ["light" | "dark", () => void] {
  const wanted = matchMedia("(prefers-color-scheme: dark)");
  const [theme, setTheme] = useState<"light" | "dark">(() => (localStorage.getItem(THEME) as "light" | "dark" | null) ?? (wanted.matches ? "dark" : "light"));
  // Set before anything is drawn: canvases read their colours from it.
  document.documentElement.dataset.theme = theme;
  const flip = () => {
    const next = theme === "dark" ? "light" : "dark";
    localStorage.setItem(THEME, next);
    setTheme(next);
  };
  return [theme, flip];
}

function useHealth(): { status: StatusShape | null; downSince: number | null } {
  const [status, setStatus] = useState<StatusShape | null>(null);
  const [downSince, setDown] = useState<number | null>(null);
  useNews((news) => {
    if (news.kind === "status") setStatus(news.status);
    else if (news.kind === "link") setDown((old) => (news.up ? null : (old ?? news.at)));
  });
  return { status, downSince };
}

function useKeys(view: View, go: Shared["go"], flip: () => void, setHelp: (open: boolean) => void): void {
  const first = useRef<number | null>(null);
  const field = useRef<string | null>(null);
  const enter = (page: Page, id: string) => {
    field.current = id;
    if (view.page !== page) go(moved(view, page));
    else focus();
  };
  const focus = () => {
    const found = field.current === null ? null : document.getElementById(field.current);
    if (found === null) return;
    found.focus();
    field.current = null;
  };
  // With the page, not after it was painted: a key that is pressed as soon as the page is seen counts.
  useLayoutEffect(() => {
    focus();
    const press = (event: KeyboardEvent) => {
      const at = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || at.closest("input, select, textarea, dialog")) return;
      if (first.current !== null && Date.now() - first.current < SECOND_KEY_MS && G[event.key]) {
        first.current = null;
        event.preventDefault();
        return go(moved(view, G[event.key]!));
      }
      first.current = event.key === "g" ? Date.now() : null;
      const span = SPANS[Number(event.key) - 1];
      if (event.key === "?") setHelp(true);
      else if (event.key === "/") enter("search", "query");
      else if (event.key === "c") enter("now", "city-field");
      else if (event.key === "z") go({ zone: view.zone === "utc" ? "local" : "utc" }, true);
      else if (event.key === "d") flip();
      else if (span) go({ range: { kind: "last", span: span[1], end: view.range.kind === "last" ? view.range.end : "auto" } });
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}

function App() {
  const [view, go] = useView();
  const [theme, flip] = useTheme();
  const { now, tick, refresh } = useTick();
  const { status, downSince } = useHealth();
  const open = useOpenIncidents(tick, status !== null);
  const [help, setHelp] = useState(false);
  const [spoken, setSpoken] = useState(language());
  useKeys(view, go, flip, setHelp);
  useEffect(() => { document.title = `${t(`page.${view.page}`)} · Lapwing`; }, [view.page, spoken]);
  const wasDown = useRef(false);
  useEffect(() => {
    if (downSince === null && wasDown.current) refresh();
    wasDown.current = downSince !== null;
  }, [downSince]);
  const shared = useMemo(() => ({ view, go, status, downSince, now, tick, refresh, theme, open }), [view, status, downSince, now, tick, theme, open]);
  const Page = SHOWN[view.page];
  return (
    <Context.Provider value={shared}>
      <a class="skip" href="#main">{t("skip")}</a>
      <Header theme={flip} language={spoken} speak={(name) => void speak(name).then(() => setSpoken(name))} help={() => setHelp(true)} />
      <Newer />
      {(view.page !== "receiver" || status || downSince !== null) && <Health />}
      <Page key={`${view.page} ${spoken}`} />
      {help && <Help close={() => setHelp(false)} />}
      <Login />
    </Context.Provider>
  );
}

begin();
void speak(usual()).catch(() => speak("en")).then(() => render(<App />, document.getElementById("app")!));
