"""What a reader is told and when: stories worked out by hand, and what holds whatever happens."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from lapwing.incidents.budget import LATE_US, Standing, Told, decide, moments, pass_time
from lapwing.incidents.rules import About, News, Rule
from rules.stories import (
    CLOSED,
    CONFIRMED,
    EXTREME,
    FADING,
    FLOOD,
    HOUR_US,
    MIDNIGHT_US,
    MINOR,
    MODERATE,
    POSSIBLE,
    SEVERE,
    at,
    news,
    rule,
    short,
    tell,
)  # fmt: skip


def test_one_alert_then_upgrades_then_an_all_clear_and_nothing_else() -> None:
    heard = [
        news("a", at("10:00")),
        news("a", at("10:05"), CONFIRMED),
        news("a", at("10:10"), CONFIRMED, MODERATE),
        news("a", at("10:20"), FADING, MODERATE),
        news("a", at("10:30"), CONFIRMED, MODERATE, kind="flared up"),
        news("a", at("12:00"), CLOSED, MODERATE),
        news("a", at("12:01"), CLOSED, MODERATE, kind="withdrawn"),
    ]
    assert short(tell(heard, rule())[1]) == [
        "10:00 possible a",
        "10:05 upgrade a",
        "10:10 upgrade a",
        "12:00 all-clear a",
    ]


def test_the_third_of_three_is_kept_for_the_digest_and_what_it_told_of_is_known() -> None:
    """A budget of three: two alerts, the digest at 18:00; then there is none to come, and no place left."""
    heard = [news(each, at(f"10:0{minute}")) for minute, each in enumerate("abcd")]
    heard += [news("c", at("17:00"), FADING), news("e", at("18:30")), news("d", at("19:00"), CLOSED)]
    standing, told = tell(heard, rule())
    assert short(told) == ["10:00 possible a", "10:01 possible b", "18:00 digest c d"]
    assert set(standing.held) == {"e", "d"}  # of d a digest told, so a digest says that it is over
    _, told = pass_time([rule()], standing, at("18:00", 1))
    assert short(list(told)) == ["42:00 digest e d"]


def test_a_budget_of_one_is_a_digest_until_there_is_none_to_come() -> None:
    heard = [news("a", at("10:00")), news("b", at("19:00"))]
    assert short(tell(heard, rule(budget=1))[1]) == ["18:00 digest a"]
    assert short(tell(heard[1:], rule(budget=1))[1]) == ["19:00 possible b"]


def test_what_is_severe_takes_the_place_of_the_digest_and_no_more() -> None:
    heard = [news("a", at("10:00")), news("b", at("10:01")), news("c", at("10:02"), CONFIRMED, SEVERE)]
    heard += [news("d", at("10:03"), CONFIRMED, EXTREME), news("e", at("18:01"))]
    standing, told = tell(heard, rule())
    assert short(told) == ["10:00 possible a", "10:01 possible b", "10:02 confirmed c"]
    assert list(standing.held) == ["d", "e"]


def test_quiet_hours_hold_back_until_the_digest_unless_it_is_severe() -> None:
    asked = rule(quiet=((22 * 60, 6 * 60),), digests=(8 * 60,))
    heard = [
        news("a", at("23:00")),
        news("b", at("23:30"), CONFIRMED, SEVERE),
        news("c", at("05:59", 1)),
        news("d", at("06:00", 1)),
        news("e", at("09:00", 1)),
    ]
    assert short(tell(heard, asked)[1]) == [
        "23:30 confirmed b",
        "30:00 possible d",
        "32:00 digest a c",
        "33:00 possible e",
    ]


def test_an_all_clear_in_quiet_hours_waits_for_the_digest() -> None:
    heard = [news("a", at("21:00")), news("a", at("23:00"), CLOSED), news("b", at("08:01", 1), FADING)]
    asked = rule(quiet=((22 * 60, 6 * 60),), digests=(8 * 60,))
    assert short(tell(heard, asked)[1]) == ["21:00 possible a", "32:00 digest a"]


def test_times_are_those_of_the_zone_through_its_changes() -> None:
    """Berlin, 2026-03-29: 03:00 follows 01:59. 08:00 is 07:00 UTC the day before, and 06:00 UTC on the day."""
    asked = rule(zone=ZoneInfo("Europe/Berlin"), digests=(8 * 60,))
    start = 1_774_656_000_000_000  # 2026-03-28T00:00:00Z
    found = [(each - start) // HOUR_US for each, _ in moments([asked], start, start + 48 * HOUR_US)]
    assert found == [7, 24 + 6]


def test_upgrades_have_an_end() -> None:
    asked = rule(breaks_through=None, budget=9)
    heard = [news("a", at(f"10:0{step}"), POSSIBLE, step) for step in range(1, 5)] + [
        news("a", at("10:06"), CONFIRMED, EXTREME)
    ]
    standing, told = tell(heard, asked)
    assert [each.kind for each in told] == ["possible", "upgrade", "upgrade", "upgrade"]
    assert list(standing.held) == ["a"]


def test_upgrades_of_a_day_are_no_more_than_the_budget() -> None:
    heard = [news("a", at("19:00")), news("b", at("19:01"))]
    heard += [
        news("a", at("19:02"), CONFIRMED),
        news("b", at("19:03"), CONFIRMED),
        news("a", at("19:04"), CONFIRMED, MODERATE),
    ]
    standing, told = tell(heard, rule(budget=2))
    assert [each.kind for each in told] == ["possible", "possible", "upgrade", "upgrade"]
    assert list(standing.held) == ["a"]


def test_what_an_alert_overtook_is_in_no_digest() -> None:
    asked = rule(quiet=((22 * 60, 6 * 60),), digests=(8 * 60,))
    heard = [news("a", at("23:00")), news("a", at("23:10"), CONFIRMED, SEVERE), news("b", at("09:00", 1), FADING)]
    assert short(tell(heard, asked)[1]) == ["23:10 confirmed a"]


def test_what_a_digest_told_of_may_still_interrupt_once_and_counts() -> None:
    heard = [news("a", at("10:00")), news("a", at("19:00"), CONFIRMED), news("a", at("20:00"), CLOSED)]
    told = tell(heard, rule(quiet=((9 * 60, 11 * 60),)))[1]
    assert short(told) == ["18:00 digest a", "19:00 upgrade a", "20:00 all-clear a"]
    assert [each.counts for each in told] == [True, True, False]


def test_who_knows_of_one_knows_of_what_it_was_merged_into() -> None:
    gone = news("a", at("11:00"), CLOSED, kind="merged", about=About(category=FLOOD, into="b"))
    heard = [news("a", at("10:00"), CONFIRMED), gone, news("b", at("11:01"), CONFIRMED), news("b", at("15:00"), CLOSED)]
    assert short(tell(heard, rule())[1]) == ["10:00 confirmed a", "15:00 all-clear b"]


def test_what_is_muted_or_old_begins_nothing_and_old_news_can_end_it() -> None:
    assert short(tell([news("a", at("10:00"), muted=True), news("b", at("10:01"), renewed=True)], rule())[1]) == []
    heard = [
        news("a", at("10:00")),
        news("a", at("10:01"), CONFIRMED, renewed=True),
        news("a", at("10:02"), CLOSED, renewed=True),
    ]
    assert short(tell(heard, rule())[1]) == ["10:00 possible a", "10:02 all-clear a"]


def test_a_digest_that_nobody_was_there_to_send_is_of_the_day_on_which_it_is_sent() -> None:
    standing, _ = tell([news("a", at("10:00"))], rule(budget=1))
    _, told = pass_time([rule(budget=1)], standing, at("18:00") + LATE_US)
    assert short(list(told)) == ["18:00 digest a"]
    _, told = pass_time([rule(budget=1)], standing, at("20:30"))
    assert short(list(told)) == ["20:30 digest a"]


def test_two_rules_of_one_reader_share_what_was_sent() -> None:
    second = rule(name="second", budget=2, digests=(12 * 60,))
    heard = [news(each, at(f"10:0{minute}")) for minute, each in enumerate("ab")] + [news("a", at("10:05"))]
    told = tell(heard, second, rule(budget=3))[1]
    assert [(each.rule, *(item.incident for item in each.items)) for each in told] == [("second", "a"), ("floods", "b")]


# -- whatever happens ------------------------------------------------------------------------------------------------

STATES = st.sampled_from([POSSIBLE, CONFIRMED, FADING, CLOSED])
STEPS = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"), STATES, st.integers(MINOR, EXTREME), st.integers(0, 6 * 60), st.integers(0, 9)
    ),
    max_size=60,
)
RULES = st.builds(
    rule,
    budget=st.integers(1, 4),
    digests=st.sampled_from([(12 * 60,), (8 * 60, 18 * 60), (7 * 60, 12 * 60, 21 * 60)]),
    quiet=st.sampled_from([(), ((22 * 60, 6 * 60),), ((13 * 60, 17 * 60), (23 * 60, 5 * 60))]),
    breaks_through=st.sampled_from([None, MODERATE, SEVERE]),
    severity=st.sampled_from([0, MODERATE]),
    zone=st.sampled_from([ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Adelaide")]),
)


def local(asked: Rule, time_us: int) -> datetime:
    return datetime.fromtimestamp(time_us / 1e6, UTC).astimezone(asked.zone)


def run(
    steps: list[tuple[str, int, int, int, int]], asked: Rule
) -> tuple[list[News], list[tuple[News, Standing, list[Told]]], list[Told]]:
    """The news in which nothing comes back that is over, each with what stood after it and was told, and the digest in the end."""
    clock_us, over, heard, standing, told = MIDNIGHT_US, set(), [], Standing(), []
    steps_taken = []
    for incident, state, severity, minutes, back in steps:
        clock_us += minutes * 60_000_000
        if incident in over:
            continue
        over |= {incident} if state == CLOSED else set()
        each = news(
            incident, clock_us - back * 60_000_000, state, severity, number=len(heard) + 1
        )  # a clock that stumbles
        standing, some = decide(each, [asked], standing, each.clock_us)
        heard.append(each)
        told += some
        steps_taken.append((each, standing, list(some)))
    for due_us, _ in moments([asked], standing.clock_us, standing.clock_us + 4 * 24 * HOUR_US):
        standing, some = pass_time([asked], standing, due_us)
        told += some
    assert not standing.held
    return heard, steps_taken, told


@given(STEPS, RULES)
def test_never_more_interrupts_a_day_than_the_budget(steps: list[tuple[str, int, int, int, int]], asked: Rule) -> None:
    _, _, told = run(steps, asked)
    days = Counter(
        local(asked, each.at_us).date()
        for each in told
        if each.counts or each.kind in ("possible", "confirmed", "digest")
    )
    assert all(count <= asked.budget for count in days.values())
    upgrades = Counter(local(asked, each.at_us).date() for each in told if each.kind == "upgrade" and not each.counts)
    assert all(count <= asked.budget for count in upgrades.values())


@given(STEPS, RULES)
def test_never_two_first_alerts_and_an_all_clear_only_after_an_alert(
    steps: list[tuple[str, int, int, int, int]], asked: Rule
) -> None:
    _, _, told = run(steps, asked)
    first: Counter[str] = Counter()
    clear: Counter[str] = Counter()
    for each in told:
        if each.kind == "digest":
            continue
        (item,) = each.items
        if each.kind in ("possible", "confirmed"):
            first[item.incident] += 1
        elif each.kind == "all-clear":
            clear[item.incident] += 1
            assert any(
                one.kind != "all-clear" and item.incident in [i.incident for i in one.items]
                for one in told[: told.index(each)]
            )
    assert all(count == 1 for count in (*first.values(), *clear.values()))


@given(STEPS, RULES)
def test_what_was_held_back_is_in_a_digest_exactly_once_or_was_overtaken_by_an_alert(
    steps: list[tuple[str, int, int, int, int]], asked: Rule
) -> None:
    heard, taken, told = run(steps, asked)
    in_digests = Counter((item.incident, item.number) for each in told if each.kind == "digest" for item in each.items)
    assert all(count == 1 for count in in_digests.values())
    pending: dict[str, int] = {}
    for each, after, some in taken:
        for one in some:
            for item in one.items:
                if one.kind == "digest":
                    assert pending.pop(item.incident) == item.number
                else:
                    pending.pop(item.incident, None)
        if each.incident in after.held and after.held[each.incident].number == each.number:
            pending[each.incident] = each.number
        assert pending == {incident: item.number for incident, item in after.held.items()}
    matched = {
        each.incident for each in heard if each.severity >= asked.severity and each.state in (POSSIBLE, CONFIRMED)
    }
    assert {item.incident for each in told for item in each.items} == matched


@given(STEPS, RULES)
def test_nothing_but_what_is_severe_interrupts_in_quiet_hours(
    steps: list[tuple[str, int, int, int, int]], asked: Rule
) -> None:
    for each in run(steps, asked)[2]:
        clock = local(asked, each.at_us)
        minute = clock.hour * 60 + clock.minute
        quiet = any(a <= minute < b if a < b else minute >= a or minute < b for a, b in asked.quiet)
        broken = each.kind in ("possible", "confirmed", "upgrade") and each.items[0].severity >= (
            asked.breaks_through or 9
        )
        assert not quiet or broken
