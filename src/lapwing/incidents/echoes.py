"""Posts that speak of an emergency which does not happen here and now: help, remembrance, films, sport, exaggeration.

An echo is no evidence that something happens. Where many echoes sound alike at one place (a telethon, a football night, an
anniversary), those that no word gives away are not believed either; see `states.py`. CrisisLex draws the same line between
reports and "donations and volunteering" or "sympathy" (Olteanu, Vieweg and Castillo, What to Expect When the Unexpected
Happens, 2015).
"""

from __future__ import annotations

import pkgutil
import tomllib
from collections.abc import Iterable
from functools import cache
from itertools import chain

import polars as pl

from lapwing.text.words import cut, hash_terms, is_tail

FILE = "echo_words.toml"
UNMISTAKABLE = 6
"""Words of so many letters are hardly ever a word of another language: *but* is a goal in French."""


Echoing = tuple[frozenset[int], dict[int, list[frozenset[int]]]]
"""The words that are enough alone, and by the least of them the groups of words that must stand in a post together."""


@cache
def _lists() -> dict[str, list[str]]:
    """The words of each language."""
    data = pkgutil.get_data(__name__, FILE)
    assert data is not None, f"{FILE} is part of the package"
    return {lang: list(chain.from_iterable(kinds.values())) for lang, kinds in tomllib.loads(data.decode()).items()}


@cache
def _echoing(lang: str) -> Echoing:
    """The words of a language; of one that is not known those of all that hardly mean something else in another."""
    lists = _lists()
    every = (word for words in lists.values() for word in words if len(word) >= UNMISTAKABLE or not word.isascii())
    words = lists[lang] if lang in lists else list(every)
    terms = cut(pl.Series(words, dtype=pl.String)).filter(~is_tail())
    hashed = terms.with_columns(hash_terms(terms["term"]) // (1 << 32))
    groups = {frozenset(some) for some in hashed.group_by("row").agg("term")["term"].to_list()}
    alone = frozenset(chain.from_iterable(group for group in groups if len(group) == 1))
    together: dict[int, list[frozenset[int]]] = {}
    for group in sorted(groups, key=sorted):
        if group.isdisjoint(alone):
            together.setdefault(min(group), []).append(group)
    return alone, together


def is_echo(terms: Iterable[int], lang: str = "") -> bool:
    """Whether a post says by its words that it is no report; `terms` are the 32-bit hashes of its words, `lang` its language."""
    alone, together = _echoing(lang.partition("-")[0])
    said = frozenset(terms)
    if not said.isdisjoint(alone):
        return True
    return any(group <= said for term in said & together.keys() for group in together[term])
