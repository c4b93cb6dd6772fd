"""The rules of X's filtered stream: ours are known by their tags, and the server's are made the same as ours.

Rules belong to the app, so that other people's may stand beside ours: they are left alone. A change is tried dry
first, so that a bad rule changes nothing; what is new is added before what is old is deleted, so that nothing goes
unheard between.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from lapwing.hearing import Disconnected
from lapwing.sources._x_client import Client
from lapwing.sources._x_options import Rule

RULE_CHARACTERS_MAX = 1024
RULES_PAGE = "1000"
PAGES_MAX = 50
NAMED_CHARACTERS = 60
RULES = "/2/tweets/search/stream/rules"

_WORD = re.compile(r'-?[a-z_]+:"[^"]*"|-?"[^"]*"|[^\s()"]+')
_NOT_ALONE = ("lang:", "has:", "is:", "sample:")
"""Operators that X takes only beside others."""


class Wanted(msgspec.Struct, frozen=True):
    """A rule as it is sent."""

    value: str
    tag: str


class There(msgspec.Struct):
    """A rule as it is on the server."""

    id: str = ""
    value: str = ""
    tag: str = ""


class Mistake(msgspec.Struct):
    """Why one rule, or all, were not taken."""

    value: str = ""
    title: str = ""
    detail: str = ""
    type: str = ""
    details: list[str] = []


class Tally(msgspec.Struct):
    next_token: str = ""


class Answer(msgspec.Struct):
    """What the rules' address answers, whatever was asked of it."""

    data: list[There] = []
    errors: list[Mistake] = []
    meta: Tally = msgspec.field(default_factory=Tally)
    title: str = ""
    detail: str = ""


class Standing(msgspec.Struct, kw_only=True):
    """Which rules hold now."""

    prefix: str = ""
    """How the tags of ours begin; empty: every post is ours."""
    ids: frozenset[str] = frozenset()
    """Rules whose posts are ours, whoever made them."""
    values: tuple[str, ...] = ()
    others: int = 0
    """Rules of this app that somebody else made."""
    problem: str = ""
    """Why the old rules were kept; empty when all is as it was wished."""


def prefix_of(name: str) -> str:
    """How the tags of a source's rules begin."""
    return f"lapwing:{name}:"


def wanted_rules(rules: Sequence[str | Rule], name: str) -> list[Wanted]:
    """The rules as they are sent, each value once."""
    every = [rule if isinstance(rule, Rule) else Rule(value=rule) for rule in rules]
    return list({rule.value.strip(): Wanted(rule.value.strip(), prefix_of(name) + rule.tag) for rule in every}.values())


def mistake_in(rules: Sequence[Wanted]) -> str:
    """What X would not take, as far as it can be seen from here; empty where nothing is wrong."""
    if not rules:
        return "there are no rules"
    for rule in rules:
        if not rule.value:
            return "a rule is empty"
        if len(rule.value) > RULE_CHARACTERS_MAX:
            return f"the rule {_named(rule.value)} has {len(rule.value)} characters, over {RULE_CHARACTERS_MAX}"
        words = [word for word in _WORD.findall(rule.value) if word != "OR"]
        if all(word.startswith(("-", *_NOT_ALONE)) for word in words):
            return f"the rule {_named(rule.value)} has nothing that X lets stand alone; add a word, a #tag or a place"
    return ""


async def reconcile(client: Client, wanted: Sequence[Wanted], name: str) -> Standing:
    """Make ours on the server the same as `wanted`; where they are not taken, the old ones stay and `problem` says why."""
    there = await _there(client)
    ours = [rule for rule in there if rule.tag.startswith(prefix_of(name))]
    others = [rule for rule in there if rule not in ours]
    problem = mistake_in(wanted)
    if not problem:
        problem = await _make_same(client, wanted, ours, {rule.value for rule in others})
        there = await _there(client) if problem or {(r.value, r.tag) for r in ours} != _pairs(wanted) else there
        ours = [rule for rule in there if rule.tag.startswith(prefix_of(name))]
    values = {rule.value for rule in wanted}
    shared = [rule for rule in others if rule.value in values]
    return Standing(
        prefix=prefix_of(name), ids=frozenset(rule.id for rule in (*ours, *shared)),
        values=tuple(rule.value for rule in (*ours, *shared)), others=len(others), problem=problem,
    )  # fmt: skip


def _pairs(wanted: Sequence[Wanted]) -> set[tuple[str, str]]:
    return {(rule.value, rule.tag) for rule in wanted}


async def _make_same(client: Client, wanted: Sequence[Wanted], ours: list[There], others: set[str]) -> str:
    """Add and delete; gives what went wrong, after everything was put back."""
    known = {(rule.value, rule.tag) for rule in ours}
    adding = [rule for rule in wanted if (rule.value, rule.tag) not in known and rule.value not in others]
    leaving = [rule for rule in ours if (rule.value, rule.tag) not in _pairs(wanted)]
    values = {rule.value for rule in ours}
    fresh = [rule for rule in adding if rule.value not in values]
    if fresh:
        answer = await _add(client, fresh, dry=True)
        if problem := _problem_in(answer):
            return problem
    # X takes a value once: one that only gets another tag has to go before it can come.
    renamed = [rule for rule in leaving if rule.value in {each.value for each in adding}]
    await _delete(client, [rule.id for rule in renamed])
    if adding:
        answer = await _add(client, adding)
        if problem := _problem_in(answer):
            await _delete(client, [rule.id for rule in answer.data])
            await _add(client, [Wanted(rule.value, rule.tag) for rule in renamed])
            return problem
    await _delete(client, [rule.id for rule in leaving if rule not in renamed])
    return ""


async def _there(client: Client) -> list[There]:
    found: list[There] = []
    token = ""
    for _ in range(PAGES_MAX):
        query = [("max_results", RULES_PAGE)] + ([("pagination_token", token)] if token else [])
        answer = (await client.ask(RULES, query)).json(Answer)
        found += answer.data
        token = answer.meta.next_token
        if not token:
            return found
    raise Disconnected("X gives page after page of rules")


async def _add(client: Client, rules: Sequence[Wanted], *, dry: bool = False) -> Answer:
    if not rules:
        return Answer()
    query = [("dry_run", "true")] if dry else []
    body = msgspec.json.encode({"add": rules})
    return (await client.ask(RULES, query, method="POST", body=body, passes=frozenset({400}))).json(Answer)


async def _delete(client: Client, ids: list[str]) -> None:
    if ids:
        await client.ask(RULES, method="POST", body=msgspec.json.encode({"delete": {"ids": ids}}))


def _problem_in(answer: Answer) -> str:
    """What X says is wrong, with the rule that it speaks of."""
    if answer.errors:
        mistake = answer.errors[0]
        why = "; ".join(mistake.details) or mistake.detail or mistake.title or mistake.type
        kind = mistake.type.rpartition("/")[2] or mistake.title
        said = f"X does not take the rule {_named(mistake.value)}" if mistake.value else "X does not take the rules"
        return _printable(f"{said} ({kind}): {why}")
    if not answer.data and answer.title:
        return _printable(f"X does not take the rules: {answer.title}: {answer.detail}")
    return ""


def _named(value: str) -> str:
    return repr(value if len(value) <= NAMED_CHARACTERS else value[: NAMED_CHARACTERS - 1] + "…")


def _printable(text: str) -> str:
    return "".join(each for each in text if each.isprintable())[:300]
