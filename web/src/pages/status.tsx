// Status: what is heard, what is missing, how far behind we are, and whether the sum is right.
import type { ComponentChildren } from "preact";
import { useShared } from "../context.ts";
import { bytes, language, n, t } from "../language.ts";
import { percent } from "../pure/counts.ts";
import { DAY, lasting, moment } from "../pure/time.ts";
import { Complete, Empty, Loading } from "../parts/states.tsx";
import { Letters } from "../parts/letters.tsx";
import { signOf, type SourceRow, type Status as Shape } from "../status_shape.ts";

const OUTCOMES = ["stored", "duplicates", "changes", "filtered", "refused"] as const;
const OLD_S = 6 * 3600;

export function Status() {
  const { status, downSince, now } = useShared();
  return (
    <main class="statusPage" id="main" tabIndex={-1}>
      <h1 class="hidden">{t("page.status")}</h1>
      {!status ? (downSince === null ? <Loading lines={10} /> : <Empty><h2>{t("state.noAnswer")}</h2><p>{t("state.noAnswerNext")}</p></Empty>) : (
        <div class={downSince !== null ? "stale" : ""}>
          <Sources status={status} />
          <Accounting status={status} />
          <Facts status={status} now={now} />
          <Letters total={status.dead_letters} />
          <Machinery status={status} />
        </div>
      )}
    </main>
  );
}

function Box({ title, name, children }: { title: string; name: string; children: ComponentChildren }) {
  return <section class={`panel ${name}`} aria-labelledby={`title-${name}`}><header><h2 id={`title-${name}`}>{title}</h2></header>{children}</section>;
}

function Sources({ status }: { status: Shape }) {
  const { view } = useShared();
  const names = [...new Set([...status.listening.map((each) => each.name), ...status.sources.map((each) => each.name)])].sort();
  const at = Date.parse(status.at);
  if (!names.length) return <Box title={t("status.sources")} name="sources"><p class="empty">{t("status.noSources")}</p></Box>;
  return (
    <Box title={t("status.sources")} name="sources">
      <div class="scroll" tabIndex={0} role="region" aria-label={t("status.sources")}>
        <table class="stack">
          <thead><tr>{(["name", "state", "received", "hour", "day", "gaps"] as const).map((each) => <th scope="col" key={each} class={each === "received" ? "number" : ""}>{t(`source.${each}`)}</th>)}</tr></thead>
          <tbody>
            {names.map((name) => {
              const row = status.sources.find((each) => each.name === name), state = status.listening.find((each) => each.name === name);
              return (
                <tr key={name} id={`source-${name}`} data-source={name}>
                  <th scope="row">{name}{row && <small>{row.network}</small>}</th>
                  <td><State state={state?.state ?? "not running"} reason={state?.reason ?? t("source.imported")} /></td>
                  <td class="number" data-label={t("source.received")} data-received={row?.received ?? 0}>{n(row?.received ?? 0)}</td>
                  <td data-label={t("source.hour")}><Share share={row?.heard_last_hour ?? null} row={row} /></td>
                  <td data-label={t("source.day")}><Share share={row?.heard_last_day ?? null} row={row} /></td>
                  <td data-label={t("source.gaps")}><GapBar gaps={status.gaps.filter((each) => each.source === name)} at={at} closed={row?.gaps_closed ?? 0} /></td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {status.gaps.length > 0 && (
        <details>
          <summary>{t("status.gaps", { count: n(status.gaps.length) })}</summary>
          <table>
            <thead><tr><th scope="col">{t("source.name")}</th><th scope="col">{t("range.from")}</th><th scope="col">{t("range.to")}</th><th scope="col">{t("source.reason")}</th></tr></thead>
            <tbody>{[...status.gaps].reverse().map((each, i) => <tr key={i}><th scope="row">{each.source}</th><td>{moment(Date.parse(each.from), view.zone, language())}</td><td>{moment(Date.parse(each.to), view.zone, language())}</td><td>{each.reason}</td></tr>)}</tbody>
          </table>
        </details>
      )}
    </Box>
  );
}

export function State({ state, reason }: { state: string; reason?: string }) {
  return <span class={`state ${signOf(state)}`}><i aria-hidden="true" />{state}{reason && <small>{reason}</small>}</span>;
}

function Share({ share, row }: { share: number | null; row: SourceRow | undefined }) {
  if (!row?.on_duty && share === null) return <span class="soft">{t("source.offDuty")}</span>;
  return <Complete share={share} words={false} />;
}

/** The last 24 hours as a bar: what is missing is hatched. */
function GapBar({ gaps, at, closed }: { gaps: Shape["gaps"]; at: number; closed: number }) {
  const from = at - DAY;
  const recent = gaps.map((each) => [Math.max(from, Date.parse(each.from)), Math.min(at, Date.parse(each.to))] as const).filter(([a, b]) => b > a);
  const words = gaps.length ? t("source.open", { count: n(gaps.length) }) : closed ? t("source.closed", { count: n(closed) }) : t("source.noGaps");
  return (
    <span class="gapBar">
      {gaps.length > 0 && <svg viewBox="0 0 240 10" width="120" height="10" preserveAspectRatio="none" role="img" aria-label={words}>
        <defs><pattern id="missing" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="4" /></pattern></defs>
        <rect class="heard" width="240" height="10" />
        {recent.map(([a, b], i) => <rect key={i} class="gap" fill="url(#missing)" x={((a - from) / DAY) * 240} width={Math.max(2, ((b - a) / DAY) * 240)} height="10" />)}
      </svg>}
      <span>{words}</span>
    </span>
  );
}

function Accounting({ status }: { status: Shape }) {
  const { accounting } = status;
  const sum = OUTCOMES.reduce((total, each) => total + accounting[each], 0);
  const right = sum === accounting.received;
  return (
    <Box title={t("status.accounting")} name="accounting">
      <p class="equation" id="equation">
        <span><b data-outcome="received">{n(accounting.received)}</b> {t("outcome.received")}</span>
        {OUTCOMES.map((each, i) => <span key={each}><i>{i ? "+" : "="}</i> <b data-outcome={each}>{n(accounting[each])}</b> {t(`outcome.${each}`)}</span>)}
      </p>
      <p class={right ? "right" : "failed"} id="verdict">{right ? `✓ ${t("status.sumRight", { sum: n(sum) })}` : t("status.sumWrong", { sum: n(sum), received: n(accounting.received) })}</p>
      {accounting.filtered > 0 && <p class="soft">{t("status.filtered", { list: Object.entries(status.filtered).map(([why, count]) => `${why} ${n(count)}`).join(" · ") })}</p>}
    </Box>
  );
}

function Facts({ status, now }: { status: Shape; now: number }) {
  const { view } = useShared();
  const { disk, latency, posts } = status;
  const newest = posts.newest ? Date.parse(posts.newest) : null;
  const imported = latency.p50_s !== null && latency.p50_s > OLD_S;
  const facts: Array<[string, string, string?]> = [
    [t("fact.lag"), t("fact.records", { count: n(status.lag_records) }), status.lag_records ? t("fact.lagNext") : t("fact.lagNone")],
    [t("fact.newest"), newest ? moment(newest, view.zone, language()) : "–", newest ? t("ago", { time: lasting(Math.max(0, now - newest) / 1000) }) : undefined],
    [t("fact.latency"), latency.p50_s === null || imported ? t("fact.notLive") : `${lasting(latency.p50_s)} / ${lasting(latency.p99_s ?? 0)}`, imported ? t("fact.imported") : "p50 / p99"],
    [t("fact.posts"), n(posts.standing), posts.hidden ? t("fact.hidden", { count: n(posts.hidden) }) : undefined],
    [t("fact.log"), bytes(status.bytes.log), t("fact.records", { count: n(status.log.records) })],
    [t("fact.ledger"), bytes(status.bytes.ledger)],
    [t("fact.disk"), t("fact.used", { share: percent(disk.used_share) }), disk.days_until_full === null ? t("fact.notGrowing") : t("fact.full", { days: n(disk.days_until_full) })],
  ];
  return (
    <Box title={t("status.facts")} name="standing">
      <dl class="factList">{facts.map(([name, value, more]) => <div key={name}><dt>{name}</dt><dd>{value}{more && <small>{more}</small>}</dd></div>)}</dl>
      {disk.nearly_full && <p class="failed">{t("fact.nearlyFull")}</p>}
    </Box>
  );
}

function Machinery({ status }: { status: Shape }) {
  const partitions = status.partitions.filter((each) => each.next_offset > 0);
  return (
    <Box title={t("status.workers")} name="workers">
      {!status.workers.length && <p class="soft">{t("status.noWorkers")}</p>}
      {status.workers.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t("status.workers")}><table>
          <thead><tr><th scope="col">{t("source.name")}</th><th scope="col">pid</th><th scope="col">{t("worker.silent")}</th></tr></thead>
          <tbody>{status.workers.map((each) => <tr key={each.name}><th scope="row">{each.name}</th><td class="number">{each.pid}</td><td>{each.lost ? <span class="state bad"><i aria-hidden="true" />{t("worker.lost")}</span> : lasting(each.silent_s)}</td></tr>)}</tbody>
        </table></div>
      )}
      {status.processes.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t("status.processes")}><table>
          <thead><tr><th scope="col">{t("status.processes")}</th><th scope="col">pid</th><th scope="col">CPU s</th><th scope="col">{t("process.memory")}</th></tr></thead>
          <tbody>{status.processes.map((each) => <tr key={each.pid}><th scope="row">{each.name}</th><td class="number">{each.pid}</td><td class="number">{n(each.cpu_s, 1)}</td><td class="number">{bytes(each.rss_bytes)}</td></tr>)}</tbody>
        </table></div>
      )}
      <details>
        <summary>{t("status.partitions", { count: n(partitions.length) })}</summary>
        <div class="scroll" tabIndex={0} role="region" aria-label={t("status.partitions", { count: n(partitions.length) })}><table>
          <thead><tr><th scope="col">{t("partition.topic")}</th><th scope="col">{t("partition.number")}</th><th scope="col">{t("partition.owner")}</th><th scope="col">{t("partition.read")}</th></tr></thead>
          <tbody>{partitions.map((each) => <tr key={`${each.topic} ${each.partition}`}><th scope="row">{each.topic}</th><td class="number">{each.partition}</td><td>{each.owner ?? "–"}</td><td class="number">{n(each.next_offset)}</td></tr>)}</tbody>
        </table></div>
      </details>
    </Box>
  );
}
