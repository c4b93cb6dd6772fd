"""Rules of X's filtered stream: read, judged, and matched in a simple way: words, phrases, tags, and a few operators."""

from __future__ import annotations

import re
from collections.abc import Callable

from lapwing.testing.networks.posts import Post

RULE_CHARACTERS_MAX = 1024
COUNTRIES = {"Perth": "AU", "Melbourne": "AU"}
"""Of the places that are not in Canada."""

_TOKEN = re.compile(r'\(|\)|-?[a-z_]+:"[^"]*"|-?"[^"]*"|[^\s()"]+')
_OPERATORS = {"from", "lang", "place", "place_country", "has", "is"}
_NOT_ALONE = {"lang", "has", "is", "sample"}

Match = Callable[[Post, str], bool]


class InvalidRule(ValueError):
    """What is wrong with a rule."""


def read_rule(value: str) -> Match:
    """Give what tells whether a post with a text matches. Raises `InvalidRule` for what X would not take."""
    if not value.strip() or len(value) > RULE_CHARACTERS_MAX:
        raise InvalidRule(f"a rule has 1 to {RULE_CHARACTERS_MAX} characters")
    if value.count('"') % 2:
        raise InvalidRule("a quotation mark is not closed")
    tokens = _TOKEN.findall(value)
    names = [token.lstrip("-").partition(":")[0] for token in tokens if ":" in token and '"' not in token[:2]]
    if unknown := [name for name in names if name not in _OPERATORS]:
        raise InvalidRule(f"Reference to invalid operator '{unknown[0]}'")
    alone = [token for token in tokens if token not in ("(", ")", "OR")]
    if all((":" in token and token.partition(":")[0] in _NOT_ALONE) or token.startswith("-") for token in alone):
        raise InvalidRule("the operators need one that can stand alone")
    match = _either(tokens)
    if tokens:
        raise InvalidRule("a bracket was closed that was not opened")
    return match


def _either(tokens: list[str]) -> Match:
    ways = [_all(tokens)]
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        ways.append(_all(tokens))
    return lambda post, text: any(way(post, text) for way in ways)


def _all(tokens: list[str]) -> Match:
    parts: list[Match] = []
    while tokens and tokens[0] not in ("OR", ")"):
        parts.append(_one(tokens))
    if not parts:
        raise InvalidRule("something is missing beside OR or in brackets")
    return lambda post, text: all(part(post, text) for part in parts)


def _one(tokens: list[str]) -> Match:
    first = tokens.pop(0)
    if first == "-" and tokens:
        inner = _one(tokens)
        return lambda post, text: not inner(post, text)
    if first == "(":
        inner = _either(tokens)
        if not tokens or tokens.pop(0) != ")":
            raise InvalidRule("a bracket is not closed")
        return inner
    if first.startswith("-"):
        inner = _word(first[1:])
        return lambda post, text: not inner(post, text)
    return _word(first)


def _word(token: str) -> Match:
    name, colon, wanted = token.partition(":")
    wanted = wanted.strip('"').casefold()
    if colon and name in _OPERATORS:
        return lambda post, text: _has(post, text, name, wanted)
    if token.startswith('"'):
        phrase = token.strip('"').casefold()
        return lambda _post, text: phrase in text.casefold()
    word = token.casefold()
    return lambda _post, text: word in re.findall(r"[#@$]?\w+", text.casefold())


def _has(post: Post, text: str, name: str, wanted: str) -> bool:
    known = {
        "from": (f"marta_{post.author}", str(4_000_000_000 + post.author)),
        "lang": (post.lang,),
        "place": (post.place.casefold(),),
        "place_country": (COUNTRIES.get(post.place, "CA").casefold(),),
        "has": (*(("geo",) if post.place else ()), *(("links",) if "http" in text else ())),
        "is": ("retweet",) if post.kind == "repost" else (),
    }
    return wanted in known[name]
