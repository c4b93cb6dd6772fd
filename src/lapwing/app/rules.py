"""Rules of the configuration and those kept in our own topic, as people write them and as the stage of alerts needs them.

A rule of the file wins over a kept one of the same name. Kept rules stand in a topic that never expires, so that a ledger
that is made anew, and a second machine, have them too.
"""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, tzinfo
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import polars as pl

from lapwing import config
from lapwing.app import asking
from lapwing.app.areas import polygons_of
from lapwing.app.opening import Directory
from lapwing.app.telling import channel_of, table_of
from lapwing.errors import ConfigError, LapwingError, UnknownName, UsageError
from lapwing.incidents import rules
from lapwing.incidents.budget import in_quiet
from lapwing.incidents.happening import SEVERITIES, STATES
from lapwing.ledger.sqlite import outbox
from lapwing.model import RULES, Records
from lapwing.settings import Rule, RuleChannel
from lapwing.telling import Recipient
from lapwing.text.keywords import CATEGORIES, PARENTS
from lapwing.text.words import hash_terms, searched_terms

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
POINT = re.compile(r"([+-]?\d{1,3}(?:\.\d+)?)[\s,]+([+-]?\d{1,3}(?:\.\d+)?)")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*")
RULES_MAX = 1_000
"""So many rules may be kept."""
RULE_BYTES_MAX = 64 << 10


class Named(NamedTuple):
    """A rule as it is written, and where it stands."""

    rule: Rule
    origin: Literal["file", "kept"]
    hides: bool = False
    """One of the file, and there is a kept one of its name that does not count."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the topic of rules; without a rule the one of this name is gone."""

    name: str
    rule: dict[str, Any] | None
    at_us: int
    by: str = ""


def kept_rules(directory: Directory) -> dict[str, Rule]:
    """The kept rules by name. One that this version cannot read is left out."""
    found: dict[str, Rule] = {}
    for name, kept in sorted(_latest(directory).items()):
        if kept.rule is None:
            continue
        try:
            found[name] = config.convert(Rule, kept.rule | {"name": name}, path=f"rule {name}")
        except ConfigError:
            continue
    return found


def _latest(directory: Directory) -> dict[str, Kept]:
    """What was said last of each name: records of one name are in one partition, in order."""
    found: dict[str, Kept] = {}
    for topic, partition in sorted(directory.log.spans()):
        if topic == RULES:
            for chunk in directory.log.read(topic, partition, 0, 1 << 60):
                for value in chunk.records.values:
                    kept = msgspec.json.decode(value, type=Kept)
                    found[kept.name] = kept
    return found


def listed(directory: Directory) -> list[Named]:
    """All rules by name, those of the file before kept ones of the same name, which then are not here."""
    kept = kept_rules(directory)
    of_file = {rule.name: Named(rule, "file", rule.name in kept) for rule in directory.configuration.rules}
    return [pair for _, pair in sorted(({name: Named(rule, "kept") for name, rule in kept.items()} | of_file).items())]


def named(directory: Directory, name: str) -> Named:
    """The rule of this name; raises `UnknownName`."""
    found = {each.rule.name: each for each in listed(directory)}
    if name not in found:
        raise UnknownName("rule", name[:100], found)
    return found[name]


def keys_of(body: bytes) -> dict[str, Any]:
    """The keys of a rule that came as JSON; raises `UsageError` for what is no object."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
        raise UsageError(
            f"the rule is no JSON object ({problem})", "send an object with the keys of [[rule]]"
        ) from problem


def in_file(text: str) -> list[Rule]:
    """The rules of a TOML file: `[[rule]]` tables, or the keys of one; raises `UsageError`."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise UsageError(f"the file is no TOML ({problem})", "write the keys of [[rule]]") from problem
    tables = tree.get("rule", [tree])
    if not isinstance(tables, list) or not tables or not all(isinstance(each, dict) for each in tables):
        raise UsageError("the file has no rule", "write it as [[rule]]")
    return [rule_of(str(each.get("name", "unnamed")), each) for each in tables]


def rule_of(name: str, said: dict[str, Any]) -> Rule:
    """A rule from its keys; raises `UsageError` that blames what is wrong."""
    if not NAME.fullmatch(name):
        raise UsageError(f"{name[:100]!r} is no name of a rule", "use up to 100 letters, digits, `.`, `_` and `-`")
    if said.get("name", name) != name:
        raise UsageError("the rule's name is another than that which it is to be kept under", "leave `name` away")
    try:
        return config.convert(Rule, said | {"name": name}, path="rule")
    except ConfigError as problem:
        raise UsageError(problem.what, problem.next_step) from problem


def keep(directory: Directory, rule: Rule, by: str) -> dict[str, Any]:
    """Keep a rule, or another in place of the one of its name; it counts within seconds. Raises `UsageError`.

    Answers with the rule as it is shown, and whether one of the file hides it.
    """
    compiled(directory, rule)
    rule = msgspec.structs.replace(rule, channels=[_by_mark(directory, each) for each in rule.channels])
    if len(msgspec.json.encode(rule)) > RULE_BYTES_MAX:
        raise UsageError(f"a rule may have {RULE_BYTES_MAX:,} bytes", "simplify its polygon")
    kept = kept_rules(directory)
    if rule.name not in kept and len(kept) >= RULES_MAX:
        raise UsageError(f"there are {RULES_MAX:,} rules already", "remove one first")
    said = msgspec.to_builtins(rule)
    del said["name"]
    _append(directory, Kept(name=rule.name, rule=said, at_us=directory.clock.now_us(), by=by))
    hidden = any(each.name == rule.name for each in directory.configuration.rules)
    return {"rule": shown(directory, Named(rule, "kept")), "hidden_by_file": hidden}


def remove(directory: Directory, name: str, by: str) -> dict[str, Any]:
    """Let a kept rule go. Raises `UnknownName`, or `UsageError` for one that stands in the file."""
    if name not in kept_rules(directory):
        if any(rule.name == name for rule in directory.configuration.rules):
            raise UsageError(f"the rule {name!r} stands in the configuration's file", "remove it there")
        raise UnknownName("rule", name[:100], kept_rules(directory))
    _append(directory, Kept(name=name, rule=None, at_us=directory.clock.now_us(), by=by))
    return {"removed": name}


def _append(directory: Directory, kept: Kept) -> None:
    records = Records(
        source="rules", network="", format="json", values=[msgspec.json.encode(kept)], received_at_us=[kept.at_us],
        keys=[kept.name],
    )  # fmt: skip
    directory.log.append(RULES, records, now_us=kept.at_us)


def shown(directory: Directory, pair: Named) -> dict[str, Any]:
    """A rule as it is answered: its keys, where it stands, and what is wrong with it (None: nothing). No address is shown."""
    rule, problem, readers = pair.rule, None, 0
    try:
        compiled(directory, rule)
        readers = len(readers_of(directory, rule))
    except LapwingError as error:
        problem = str(error)
    if problem is None and not rule.channels:
        problem = "nobody is told: it names no channel"
    elif problem is None and not readers:
        problem = "nobody is told: no recipient of its channels is known"
    said: dict[str, Any] = msgspec.to_builtins(rule)
    said["channels"] = [_without_address(each) for each in rule.channels]
    return said | {"origin": pair.origin, "hides_kept": pair.hides, "readers": readers, "problem": problem}


def _without_address(told: str | RuleChannel) -> Any:
    if isinstance(told, str) or not told.recipient:
        return told if isinstance(told, str) else told.channel
    known = re.fullmatch(r"[0-9a-f]{12}", told.recipient)
    return {
        "channel": told.channel,
        "recipient": told.recipient if known else Recipient(told.channel, told.recipient).mark,
    }


# -- as the stage of alerts needs them -------------------------------------------------------------------------------


def compiled(directory: Directory, rule: Rule) -> rules.Rule:
    """The rule with places, times and words looked up; raises `UsageError` or `UnknownName` for what there is not."""
    zone, quiet = _zone(rule.zone), tuple(_span(each) for each in rule.quiet)
    digests = tuple(sorted({_minute(each) for each in rule.digests}))
    for minute in digests:
        if in_quiet(quiet, minute):
            raise UsageError(
                f"rule {rule.name!r}: a digest at {minute // 60:02}:{minute % 60:02} is in its quiet hours", "move one"
            )
    return rules.Rule(
        name=rule.name,
        area=_area(directory, rule),
        categories=_categories(rule),
        severity=SEVERITIES.index(rule.severity),
        state=STATES.index(rule.state),
        languages=frozenset(_language(each) for each in rule.languages),
        words=tuple(_hashes(each) for each in rule.words),
        quiet=quiet,
        zone=zone,
        breaks_through=None if rule.breaks_through == "never" else SEVERITIES.index(rule.breaks_through),
        budget=rule.budget,
        digests=digests,
    )


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise UsageError(f"there is no time zone {name[:64]!r}", "write one as in Australia/Perth, or UTC") from problem


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:5])


def _span(text: str) -> tuple[int, int]:
    start, end = text.split("-")
    if start == end:
        raise UsageError(f"quiet hours {text} never begin", "write two different times, as in 22:00-06:00")
    return _minute(start), _minute(end)


def _area(directory: Directory, rule: Rule) -> rules.Area:
    points = {text: point for text in rule.places if (point := _point(text))}
    ids = [place for text in rule.places if text not in points for place in asking.places_of(directory, text)]
    named = [(row[3], row[4]) for row in directory.describe_places(ids)] if ids else []
    circles = tuple(rules.Circle(*point, rule.radius_km) for point in [*named, *points.values()])
    return rules.Area(circles=circles, countries=frozenset(rule.countries), polygons=polygons_of(rule.polygon))


def _point(text: str) -> tuple[float, float] | None:
    """Longitude and latitude of what is written as people copy it from a map, latitude first; None for a name."""
    found = POINT.fullmatch(text.strip())
    if not found:
        return None
    latitude, longitude = map(float, found.groups())
    if not (abs(longitude) <= 180 and abs(latitude) <= 90):
        raise UsageError(f"latitude {latitude:g}, longitude {longitude:g} is nowhere", "latitude comes first")
    return longitude, latitude


def _language(code: str) -> str:
    if not LANGUAGE.fullmatch(code):
        raise UsageError(f"{code[:40]!r} is not the code of a language", "write two or three letters, as in en or ja")
    return code.lower()


def _categories(rule: Rule) -> frozenset[int]:
    for name in rule.categories:
        if name not in CATEGORIES[1:]:
            raise UnknownName("category", name[:100], CATEGORIES[1:])
    names = {
        *rule.categories,
        *(child for child, parent in PARENTS.items() if parent in rule.categories and parent != "other"),
    }
    return frozenset(CATEGORIES.index(each) for each in names)


def _hashes(words: str) -> frozenset[int]:
    terms = searched_terms(words)
    if not terms:
        raise UsageError(f"there is no word in {words[:100]!r}", "write letters or digits")
    return frozenset(each >> 32 for each in hash_terms(pl.Series(terms)).to_list())


# -- who is told -----------------------------------------------------------------------------------------------------


def readers_of(directory: Directory, rule: Rule) -> list[Recipient]:
    """Who is told by a rule at this moment: of its channels all who are known, or the one that is named.

    Raises `LapwingError` for a channel or a recipient that there is not.
    """
    found: list[Recipient] = []
    for told in rule.channels:
        one = RuleChannel(channel=told) if isinstance(told, str) else told
        known = known_readers(directory, one.channel)
        if not one.recipient:
            found += known
            continue
        named_ones = [each for each in known if one.recipient in (each.address, each.mark)]
        if not named_ones:
            raise UsageError(f"the channel {one.channel!r} knows no such recipient", "configure or register it first")
        found += named_ones
    return list(dict.fromkeys(found))


def known_readers(directory: Directory, name: str) -> list[Recipient]:
    """The recipients of a channel, configured and registered, without those that are gone; raises `UnknownName`."""
    channel = channel_of(table_of(directory.configuration, name), directory.configuration, directory.path)
    return outbox.recipients(directory.ledger.store.connection, name, channel.recipients())


def _by_mark(directory: Directory, told: str | RuleChannel) -> str | RuleChannel:
    """An address that is to be kept is kept by its mark alone."""
    if isinstance(told, str):
        table_of(directory.configuration, told)
        return told
    if not told.recipient:
        table_of(directory.configuration, told.channel)
        return told.channel
    for each in known_readers(directory, told.channel):
        if told.recipient in (each.address, each.mark):
            return RuleChannel(channel=told.channel, recipient=each.mark)
    raise UsageError(f"the channel {told.channel!r} knows no such recipient", "configure or register it first")
