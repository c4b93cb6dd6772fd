// One incident with its evidence: what it is, why we think so, where and when, who says it, what we cannot see.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { address } from "../api.ts";
import { useShared } from "../context.ts";
import { useAnswer, useNews } from "../hooks.ts";
import { language, n, nameOf, t } from "../language.ts";
import { shown } from "../pure/hostile.ts";
import type { Card, Incident } from "../pure/incidents.ts";
import { clock, day, lasting, moment } from "../pure/time.ts";
import { Decisions } from "./decisions.tsx";
import { Exported } from "./exported.tsx";
import { IncidentsMap, whereSaid } from "./incident_map.tsx";
import { nameOfIncident, severityName, Sign, StateWord } from "./incident_names.tsx";
import { PostRow } from "./posts.tsx";
import { Complete, Failed, Loading } from "./states.tsx";
import { Timeline } from "./timeline.tsx";

const CARD_MAP_PX = 220;

export function IncidentCard({ id, others }: { id: string; others: Incident[] }) {
  const { tick, go, downSince, view } = useShared();
  const [again, setAgain] = useState(0);
  const answer = useAnswer<Card>(address(`incidents/${id}`), again + Math.floor(tick / 6) * 1000, 2);
  useNews((news) => { if (news.kind === "incidents" && news.incidents.some((each) => each.id === id)) setAgain((i) => i + 1); });
  const title = useRef<HTMLHeadingElement>(null);
  const card = answer.data;
  useEffect(() => { if (card) title.current?.focus({ preventScroll: matchMedia("(min-width: 1100px)").matches }); }, [card === null]);
  const close = () => go({ incident: "" });
  const old = answer.at !== null && (answer.problem || downSince !== null);
  return (
    <article class={`panel incidentCard${old ? " stale" : ""}`} aria-busy={answer.loading} onKeyDown={(event) => event.key === "Escape" && !(event.target as HTMLElement).closest("select, input") && close()}>
      <header>
        <h2 ref={title} tabIndex={-1} id="incident-title">{card ? <><Sign state={card.state} /><bdi>{nameOfIncident(card)}</bdi></> : t("incident.one")}</h2>
        {old ? <span class="asOf">{t("state.stale", { time: clock(answer.at!, view.zone, true) })}</span> : null}
        <button type="button" id="close-card" onClick={close}>{t("incident.close")}</button>
      </header>
      {card ? <Whole card={card} others={others} again={() => setAgain((i) => i + 1)} /> : answer.problem ? <Failed problem={answer.problem} again={answer.problem.status === 400 || answer.problem.status === 404 ? undefined : () => setAgain((i) => i + 1)} /> : <Loading lines={10} />}
    </article>
  );
}

function Whole({ card, others, again }: { card: Card; others: Incident[]; again: () => void }) {
  return (
    <>
      <Head card={card} />
      <div class="cardGrid">
        <Part title={t("why.title")}><Why card={card} /></Part>
        <Part title={t("where.title")}>
          <p id="where">{whereSaid(card)}</p>
          {card.point && <IncidentsMap incidents={[card]} chosen={card.id} focus={card.point} height={() => CARD_MAP_PX} />}
        </Part>
        <Part title={t("when.title")} wide><Timeline card={card} /><History card={card} /></Part>
        <Part title={t("who.title")} wide><Voices card={card} /></Part>
        <Part title={t("unseen.title")} wide><Unseen card={card} /></Part>
      </div>
      <footer class="cardFoot">
        <Decisions card={card} others={others} again={again} />
      </footer>
      <p class="soft exports">{t("export.title")}{" "}
        <Exported path={`/api/v1/incidents/${card.id}/cap`} name={`${card.id}.cap.xml`} label="CAP 1.2" title={t("export.cap")} />{" "}
        <Exported path={`/api/v1/incidents/${card.id}`} name={`${card.id}.json`} label="JSON" title={t("export.json")} />
      </p>
    </>
  );
}

function Part({ title, wide, children }: { title: string; wide?: boolean; children: ComponentChildren }) {
  return <section class={wide ? "cardPart wide" : "cardPart"}><h3>{title}</h3>{children}</section>;
}

function Head({ card }: { card: Card }) {
  const { view, now, go } = useShared();
  const last = Date.parse(card.last_at);
  return (
    <p class="cardHead">
      <StateWord state={card.state} reason={card.reason} />
      <span>{t("severity.is", { severity: severityName(card.severity) })}</span>
      <strong id="card-people">{t("incident.people", { count: n(card.people) })}</strong>
      <span>{t("incident.since", { moment: moment(Date.parse(card.first_at), view.zone, language()) })}</span>
      <span class="soft">{t("incident.last", { time: t("ago", { time: lasting(Math.max(0, now - last) / 1000) }) })}</span>
      {card.muted && <span class="chipText">{t("incident.muted")}</span>}
      {card.merged_into && <button type="button" class="link" onClick={() => go({ incident: card.merged_into! })}>{t("incident.mergedInto")}</button>}
      <Complete share={card.complete} />
    </p>
  );
}

function Why({ card }: { card: Card }) {
  const facts: Array<[string, string, number]> = [
    ["people", t("why.people"), card.people], ["posts", t("why.posts"), card.posts], ["reposts", t("why.reposts"), card.reposts], ["withdrawn", t("why.withdrawn"), card.withdrawn],
  ];
  return (
    <>
      <dl class="whyList">{facts.map(([name, label, value]) => <div key={name}><dd data-fact={name}>{n(value)}</dd><dt>{label}</dt></div>)}</dl>
      {card.words.length > 0 && (
        <>
          <p class="soft note" id="why-words">{t("why.words")}</p>
          <ul class="whyWords" aria-labelledby="why-words">
            {card.words.map((each) => <li key={each.word} data-word={each.word}><bdi>{shown(each.word)}</bdi> <span class="number">{n(each.people)}</span></li>)}
          </ul>
        </>
      )}
      <p class="soft note">{card.official ? t("why.official") : t("why.unofficial")}{card.confirmed_by && <> {t("why.by", { name: shown(card.confirmed_by) })}</>}</p>
    </>
  );
}

function History({ card }: { card: Card }) {
  const { view } = useShared();
  const several = card.history.some((each) => day(Date.parse(each.at), view.zone, "en") !== day(Date.parse(card.first_at), view.zone, "en"));
  const rows = [{ at: card.first_at, kind: "first", severity: null, people: null }, ...card.history];
  return (
    <ol class="history">
      {rows.map((each, i) => (
        <li key={i}>
          <time dateTime={each.at}>{several ? moment(Date.parse(each.at), view.zone, language()) : clock(Date.parse(each.at), view.zone, true)}</time>
          <span>{t(`became.${each.kind}` as "became.opened")}</span>
          {each.severity && <span class="soft">{severityName(each.severity)} · {t("incident.people", { count: n(each.people) })}</span>}
        </li>
      ))}
    </ol>
  );
}

function Voices({ card }: { card: Card }) {
  const { view } = useShared();
  const languages = Object.entries(card.languages), all = languages.reduce((sum, [, count]) => sum + count, 0);
  return (
    <>
      <ul class="languages" aria-label={t("who.languages")}>
        {languages.map(([code, count]) => <li key={code} data-language={code}><span>{code === "und" ? t("who.noLanguage") : nameOf("language", code)}</span> <meter min={0} max={all} value={count} aria-hidden="true" /> <span class="number">{n(count)}</span></li>)}
      </ul>
      <div class="evidence">
        {card.evidence.length ? card.evidence.map((post) => <PostRow key={post.uid} post={post} full zone={view.zone} />) : <p class="soft">{t("who.none")}</p>}
      </div>
      {card.evidence.length > 0 && <p class="soft note">{t("who.note")}</p>}
    </>
  );
}

function Unseen({ card }: { card: Card }) {
  const { view } = useShared();
  return (
    <ul class="unseen">
      <li><Complete share={card.complete} /> {card.complete === null && <span class="soft">{t("unseen.unknown")}</span>}</li>
      {card.gaps.map((gap, i) => <li key={i}>{t("unseen.gap", { source: shown(gap.source), from: moment(Date.parse(gap.from), view.zone, language()), to: moment(Date.parse(gap.to), view.zone, language()), reason: shown(gap.reason) })}</li>)}
      <li data-fact="gone">{card.withdrawn ? t("unseen.withdrawn", { count: n(card.withdrawn) }) : t("unseen.nothingWithdrawn")}</li>
      {!card.point && <li>{t("unseen.noPoint")}</li>}
    </ul>
  );
}
