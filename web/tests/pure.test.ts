// The pure parts of the dashboard: literal facts, worked out by hand.
import assert from "node:assert/strict";
import { test } from "node:test";
import { lay } from "../src/pure/cloud.ts";
import { change, completeness, ends, heard, ofCity, percent, totals, unlocated, type CountRow, type Ranked } from "../src/pure/counts.ts";
import { reader, type ServerEvent } from "../src/pure/events.ts";
import { safeLink, shown } from "../src/pure/hostile.ts";
import { binned, fits, inPlace, ordered, renewed, type Incident, type Wanted } from "../src/pure/incidents.ts";
import { marked, terms } from "../src/pure/marking.ts";
import { behindHash, codeOf, freshOf, keyBytes, lacking, rowsOf, usualName, type Facts } from "../src/pure/receiver.ts";
import { notificationOf, pageOf, WORDS, type Payload } from "../src/device/notification.ts";
import type { Alert } from "../src/pure/rules.ts";
import { bodyOf, draftOf, EMPTY, quietOf, same, textOf, timeOf, toldOf, type RuleShown } from "../src/pure/rules.ts";
import { facets, histogram, type Post } from "../src/pure/sample.ts";
import { endsAtNewest, HOUR, lasting, MINUTE, resolve, windowFor } from "../src/pure/time.ts";
import { parse, write } from "../src/pure/view.ts";
import en from "../src/texts/en.json";
import id from "../src/texts/id.json";

const NOON = Date.parse("2026-01-05T12:00:00Z");
const FIVE = 5 * MINUTE;

function row(minute: number, posts: number, complete: number | null, place?: number): CountRow {
  const window = new Date(NOON + minute * MINUTE).toISOString();
  return { window, posts, reposts: 0, people: posts, complete, processed: true, gaps: [], ...(place ? { place: { id: place, name: "P", country: "AU" } } : {}) };
}

function post(at: string, more: Partial<Post> = {}): Post {
  return {
    uid: at, network: "x", source: "x", kind: "post", author: "a", author_name: null, text: "t", lang: "en", created_at: at,
    url: null, edited: false, place: null, country: null, sightings: ["x"], ...more,
  };
}

function place(number: number, posts: number): Ranked {
  return { id: number, name: `P${number}`, country: "AU", latitude: 0, longitude: 0, posts, reposts: 1, people: 1, change: change(posts, 1, 0, 0) };
}

test("the last hour ends on the edge of a window behind the clock", () => {
  const span = resolve({ kind: "last", span: HOUR, end: "auto" }, NOON + 3 * MINUTE, null, FIVE, true);
  assert.deepEqual(span, { from: NOON - 55 * MINUTE, to: NOON + FIVE });
});

test("where nobody listens and all is old, a range ends at the newest post, unless the clock is wished", () => {
  const old = NOON - 24 * HOUR;
  assert.equal(endsAtNewest({ kind: "last", span: HOUR, end: "auto" }, NOON, old, false), true);
  assert.equal(endsAtNewest({ kind: "last", span: HOUR, end: "auto" }, NOON, old, true), false);
  assert.equal(endsAtNewest({ kind: "last", span: HOUR, end: "clock" }, NOON, old, false), false);
});

test("a long range has wider windows", () => {
  assert.deepEqual(windowFor("5m", HOUR), ["5m", FIVE]);
  assert.deepEqual(windowFor("5m", 7 * 24 * HOUR), ["1h", HOUR]);
});

test("how long something lasted is said in two units", () => {
  assert.equal(lasting(0.25), "250 ms");
  assert.equal(lasting(185), "3 min 5 s");
  assert.equal(lasting(27_738_000), "321 d 1 h");
});

test("a view stands whole in its address, and rubbish there is as if it were not there", () => {
  const address = "/search?from=2026-01-05T12%3A00%3A00.000Z&to=2026-01-05T13%3A00%3A00.000Z&zone=local&window=15m&city=7&words=list&tab=words&q=%22a+b%22&source=s&lang=en";
  const [path, search] = address.split("?");
  assert.equal(write(parse(path!, search!)), address);
  const incidents = "/incidents?state=possible&state=fading&category=crime&incident=9r5xsstqptt8";
  assert.equal(write(parse("/incidents", incidents.split("?")[1]!)), incidents);
  assert.equal(write(parse("/rules", "rule=%2B")), "/rules?rule=%2B");
  assert.equal(write(parse("/rules", "rule=../x&incident=<b>&state=bad")), "/rules");
  assert.equal(write(parse("/", "last=never&city=-1&city=1e9x&zone=mars&from=b&to=a")), "/");
});

test("what was not heard is null, and zero only where others were heard", () => {
  const span = { from: NOON, to: NOON + 3 * FIVE }, all = [row(0, 9, 1), row(5, 4, 0.5)];
  assert.deepEqual(totals(all, "posts", span, FIVE), [9, 4, null]);
  assert.deepEqual(ofCity([row(0, 3, 1, 7)], all, 7, "posts", span, FIVE), [3, 0, null]);
  const known = heard(all, span, FIVE, NOON + HOUR);
  assert.deepEqual(known, [{ kind: "share", share: 1 }, { kind: "share", share: 0.5 }, { kind: "unknown" }]);
  assert.equal(completeness(known), null);
  assert.equal(completeness(heard(all, span, FIVE, NOON + 11 * MINUTE)), 0.75);
});

test("99.9 per cent is not 100", () => {
  assert.deepEqual([percent(1), percent(0.999), percent(0.87), percent(0.001), percent(0)], ["100 %", "99 %", "87 %", "< 1 %", "0 %"]);
});

test("a place is louder when its share grows, not when everything was heard better", () => {
  assert.equal(change(40, 200, 20, 100).word, "usual");
  assert.deepEqual(change(55, 100, 100, 400), { expected: 25, ratio: 2, word: "louder" });
  assert.equal(change(0, 100, 100, 400).word, "quieter");
  assert.equal(change(2, 100, 1, 100).word, "usual");
  assert.deepEqual(change(5, 100, 0, 0), { expected: null, ratio: null, word: "unknown" });
});

test("no place is both among the top and the bottom", () => {
  const { top, bottom } = ends([place(1, 10), place(2, 30), place(3, 20), place(4, 0)], 2);
  assert.deepEqual([top.map((each) => each.id), bottom.map((each) => each.id)], [[2, 3], [1]]);
});

test("unlocated is what the places do not hold", () => {
  assert.equal(unlocated({ posts: 38, reposts: 2 }, [place(1, 9), place(2, 9)]), 0.5);
  assert.equal(unlocated({ posts: 0, reposts: 0 }, []), null);
  assert.equal(unlocated({ posts: 38, reposts: 2 }, undefined), null, "nobody knows before the places are there");
});

test("text loses what would reorder, hide or overprint, and keeps what is written", () => {
  assert.equal(shown("\u202eevil\u202c a\u200b\u2066b\u2069"), "evil ab");
  assert.equal(shown("e" + "\u0301".repeat(1000)).length, 5);
  assert.equal(shown("👩\u200d🚒 नि"), "👩\u200d🚒 नि");
  assert.equal(shown("</script><img src=x onerror=alert(1)>"), "</script><img src=x onerror=alert(1)>");
});

test("a link leads to the web or nowhere", () => {
  assert.equal(safeLink("https://a.example/b"), "https://a.example/b");
  for (const bad of ["javascript:alert(1)", " JaVaScript:alert(1)", "data:text/html,x", "vbscript:x", "//a.example", "https://u:p@a.example", null]) assert.equal(safeLink(bad), null);
});

test("words of the query are marked without case and accents, excluded ones are not", () => {
  const found = (text: string, query: string) => marked(text, terms(query)).filter((part) => part.hit).map((part) => part.text);
  assert.deepEqual(found("Flood, no floods: FLÓOD", "flood -floods"), ["Flood", "FLÓOD"]);
  assert.deepEqual(found("water over the bridge", '"over the" OR wat*'), ["water", "over the"]);
  assert.deepEqual(found("東京で地震です", "地震"), ["地震"]);
  assert.deepEqual(found("a.b (c", "a.b"), ["a.b"]);
  assert.equal(marked("İ x flood", terms("flood")).map((part) => part.text).join(""), "İ x flood");
});

test("facets count the posts of a sample; a histogram does not claim what the sample does not reach", () => {
  const posts = [post("2026-01-05T12:12:00Z", { lang: "id" }), post("2026-01-05T12:11:00Z"), post("2026-01-05T12:06:00Z")];
  assert.deepEqual(facets(posts).lang, [{ value: "en", label: "en", count: 2 }, { value: "id", label: "id", count: 1 }]);
  const span = { from: NOON, to: NOON + 3 * FIVE };
  assert.deepEqual(histogram(posts, true, span, FIVE), [0, 1, 2]);
  assert.deepEqual(histogram(posts, false, span, FIVE), [null, null, 2]);
});

function incident(id: string, more: Partial<Incident> = {}): Incident {
  return {
    id, state: "possible", reason: null, category: "flood", severity: "minor", place: { id: 7, name: "Perth", country: "AU" }, country: "AU", point: null,
    first_at: "2026-01-05T12:00:00Z", last_at: "2026-01-05T12:30:00Z", people: 5, posts: 5, reposts: 0, withdrawn: 0, official: false,
    confirmed_by: null, muted: false, merged_into: null, changes: 1, ...more,
  };
}

const EVERY: Wanted = { states: [], categories: [], countries: [], places: [], from: NOON, to: NOON + HOUR };

test("incidents that are not over are first, of them the most severe, then those that do not fade, then the latest", () => {
  const found = ordered([
    incident("over", { state: "closed", severity: "extreme" }), incident("fades", { state: "fading", severity: "severe" }), incident("a"),
    incident("late", { last_at: "2026-01-05T12:40:00Z" }), incident("big", { state: "confirmed", severity: "severe" }),
  ]);
  assert.deepEqual(found.map((each) => each.id), ["big", "fades", "late", "a", "over"]);
});

test("an incident belongs to a list by state, kind, place and time", () => {
  assert.ok(fits(incident("a"), EVERY));
  assert.ok(!fits(incident("a"), { ...EVERY, states: ["confirmed"] }));
  assert.ok(!fits(incident("a"), { ...EVERY, categories: ["fire"] }));
  assert.ok(!fits(incident("a", { country: null }), { ...EVERY, countries: ["AU"] }));
  assert.ok(!fits(incident("a"), { ...EVERY, places: [8] }));
  assert.ok(!fits(incident("a"), { ...EVERY, from: NOON + 31 * MINUTE }));
  assert.ok(!fits(incident("a"), { ...EVERY, to: NOON }));
});

test("what changed is taken into a list, and what fits no more out of it", () => {
  const wanted: Wanted = { ...EVERY, states: ["possible"] };
  const list = renewed([incident("a"), incident("b")], [incident("a", { people: 9 }), incident("b", { state: "closed" }), incident("c")], wanted);
  assert.deepEqual(list.map((each) => [each.id, each.people]), [["a", 9], ["c", 5]]);
  assert.deepEqual(inPlace(list, ["c", "b", "a"]).map((each) => each.id), ["c", "a"]);
});

test("people over time stand in windows that are few enough", () => {
  const at = (minute: number, people: number) => ({ window: new Date(NOON + minute * MINUTE).toISOString(), people });
  assert.deepEqual(binned([at(0, 2), at(15, 3)], 10), { from: NOON, width: FIVE, people: [2, 0, 0, 3] });
  assert.deepEqual(binned([at(0, 2), at(5, 1), at(15, 3)], 2), { from: NOON, width: 10 * MINUTE, people: [3, 3] });
  assert.deepEqual(binned([], 10).people, []);
});

test("a rule is kept by its keys alone, and a channel's reader is one text", () => {
  const rule: RuleShown = { ...EMPTY, name: "a", budget: 2, channels: ["desk", { channel: "phones", recipient: "3b9b3bdfc7ae" }], origin: "kept", hides_kept: false, readers: 1, problem: null };
  assert.deepEqual(Object.keys(bodyOf(draftOf(rule))).filter((key) => ["name", "origin", "readers", "problem"].includes(key)), []);
  assert.equal(bodyOf(draftOf(rule)).budget, 2);
  assert.ok(same(rule, { ...rule, readers: 9 } as RuleShown) && !same(rule, { ...rule, budget: 3 }));
  assert.deepEqual(rule.channels.map(textOf).map(toldOf), rule.channels);
});

test("times of day are read as people write them, and nonsense is none", () => {
  assert.deepEqual(["7:05", "23.59", "24:00", "1205", ""].map(timeOf), ["07:05", "23:59", null, null, null]);
  assert.deepEqual(["22:00-6:00", "22:00 – 06:00", "22:00-22:00", "22:00", "1:00-2:00-3:00"].map(quietOf), ["22:00-06:00", "22:00-06:00", null, null, null]);
});

test("events are told once they are whole, however the stream was cut", () => {
  const told: ServerEvent[] = [];
  const read = reader((event) => told.push(event));
  for (const piece of ["retry: 2000\nevent: hel", "lo\nid: 7\nda", "ta: {}\n", "\n: still here\n\ndata: a\r\ndata: b\r\n\r\n"]) read(piece);
  assert.deepEqual(told, [{ event: "hello", id: "7", data: "{}" }, { event: "message", id: "7", data: "a\nb" }]);
});

test("no word of a cloud lies over another or outside", () => {
  const laid = lay(Array.from({ length: 40 }, (_, i) => ({ word: `w${i}`, count: 40 - i })), 600, 240, (word, size) => word.length * size * 0.6);
  assert.ok(laid.length > 20);
  for (const a of laid) {
    assert.ok(Math.abs(a.x) + a.width / 2 <= 300 && Math.abs(a.y) <= 120);
    for (const b of laid) if (a !== b) assert.ok(Math.abs(a.x - b.x) > (a.width + b.width) / 2 || Math.abs(a.y - b.y) > (a.size + b.size) / 2);
  }
});

test("every language has every text, with the same blanks", () => {
  assert.deepEqual(Object.keys(id), Object.keys(en));
  const blanks = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([each]) => each).sort();
  for (const [key, text] of Object.entries(en)) assert.deepEqual(blanks(id[key as keyof typeof id]), blanks(text), key);
});

function alert(id: string, minute: number, kind: string, incidents: string[]): Alert {
  return {
    id, kind, incidents, rule: "r", channel: "page", reader: "m", title: id, body: null, severity: "minor", counts: true,
    sent_at: `2026-01-05T12:${String(minute).padStart(2, "0")}:00Z`, delivery: "sent", reason: null, delivered_at: null, useful: null,
  };
}

test("what was told of one incident is one row, digests and tests stand alone", () => {
  const told = [alert("d", 4, "digest", ["i1", "i2"]), alert("c", 3, "all-clear", ["i1"]), alert("b", 5, "possible", ["i2"]), alert("a", 1, "possible", ["i1"]), alert("t", 0, "test", [])];
  const rows = rowsOf(told);
  assert.deepEqual(rows.map((each) => [each.key, each.over, each.alerts.map((one) => one.id)]), [
    ["i2", false, ["b"]], ["d", false, ["d"]], ["i1", true, ["c", "a"]], ["t", false, ["t"]],
  ]);
  assert.deepEqual(freshOf(told.slice(2), told).map((each) => each.id), ["c", "d"]);
  assert.deepEqual(freshOf(told, told), []);
});

test("what is missing is said, what is to be mended first at first", () => {
  const whole: Facts = { secure: true, worker: true, push: true, notifications: true, permission: "default", ios: false, standalone: false, channel: true, reached: false };
  assert.deepEqual(lacking(whole), []);
  assert.deepEqual(lacking({ ...whole, secure: false, push: false, channel: false }), ["https", "channel"]);
  assert.deepEqual(lacking({ ...whole, ios: true, push: false }), ["ios"]);
  assert.deepEqual(lacking({ ...whole, ios: true, standalone: true }), []);
  assert.deepEqual(lacking({ ...whole, worker: false }), ["unsupported"]);
  assert.deepEqual(lacking({ ...whole, permission: "denied" }), ["denied"]);
  assert.deepEqual(lacking({ ...whole, permission: "denied", reached: true }), ["denied"]);
  assert.deepEqual(lacking({ ...whole, permission: "granted", reached: true, channel: false }), []);
  assert.deepEqual(lacking({ ...whole, channel: null }), []);
});

test("codes as people type them, and what an address brings along", () => {
  assert.equal(codeOf(" abcd 2345 "), "ABCD-2345");
  assert.equal(codeOf("ab"), "AB");
  assert.equal(codeOf("ABCD-2345-6789"), "ABCD-2345");
  assert.deepEqual(behindHash("#code=abcd-2345"), { code: "ABCD-2345", alert: "", useful: null });
  assert.deepEqual(behindHash("#alert=i1%2F2&useful=0"), { code: "", alert: "i1/2", useful: false });
  assert.deepEqual(behindHash(""), { code: "", alert: "", useful: null });
  assert.deepEqual([...keyBytes("_-8A")], [255, 239, 0]);
  assert.equal(usualName("Mozilla/5.0 (Linux; Android 15)"), "Android");
  assert.equal(usualName("?"), "");
});

test("a notification leads to a page of ours, and has buttons as there is room", () => {
  const payload: Payload = { id: "a/1", tag: "f10000000000", kind: "possible", title: "T", body: "B", severity: "severe", url: "https://evil.example/", at: "2026-01-05T12:00:00Z", lang: "en" };
  const [title, options] = notificationOf(payload, WORDS, 2);
  assert.equal(title, "T");
  assert.deepEqual((options.actions as Array<{ action: string }>).map((each) => each.action), ["useful", "not-useful"]);
  assert.deepEqual((notificationOf(payload, WORDS, 3)[1].actions as Array<{ action: string }>).map((each) => each.action), ["open", "useful", "not-useful"]);
  assert.equal(options.requireInteraction, true);
  assert.equal(notificationOf({ ...payload, kind: "all-clear" }, WORDS, 2)[1].silent, true);
  assert.equal(pageOf({ tag: "f10000000000", kind: "possible" }), "/incidents?incident=f10000000000&last=30d");
  assert.equal(pageOf({ tag: "f10000000000", kind: "digest" }), "/receiver");
  assert.equal(pageOf({ tag: "../../x", kind: "possible" }), "/receiver");
  assert.equal(pageOf(null), "/receiver");
});
