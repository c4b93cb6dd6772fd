"""The query language of search: what it says, and which texts it matches.

Words stand for AND; ``OR`` between them for either, and it binds less; ``-word`` for texts without it; ``"a phrase"`` for
words in this order; ``#tag``, ``@name``, ``prefix*``, and parentheses. A word finds the hashtag of the same name too.
In scripts without spaces a word is found wherever its characters stand together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, reduce

import msgspec
import numpy as np
import polars as pl

from lapwing.errors import QueryError
from lapwing.text.characters import is_unspaced
from lapwing.text.fold import fold, folded
from lapwing.text.words import cut_hashed, cut_lists, flat, hash_terms, searched_terms

QUERY_CHARACTERS_MAX = 1_000
NESTING_MAX = 20


class Word(msgspec.Struct, frozen=True):
    """A text has this term."""

    terms: tuple[str, ...]
    """The one term; a tuple so that it is looked up as those of a phrase are."""


class Phrase(msgspec.Struct, frozen=True):
    """A text has these words side by side, or these characters of an unspaced script."""

    terms: tuple[str, ...]
    """Terms that every such text has; empty where other parts of the query say which."""
    text: str
    """The words, folded."""
    open_end: bool = False
    """Whether the last word may go on."""


class Prefix(msgspec.Struct, frozen=True):
    """A text has a term that begins so."""

    term: str


class Not(msgspec.Struct, frozen=True):
    """A text does not match the part."""

    part: Node


class And(msgspec.Struct, frozen=True):
    """A text matches all parts."""

    parts: tuple[Node, ...]


class Or(msgspec.Struct, frozen=True):
    """A text matches at least one part."""

    parts: tuple[Node, ...]


Node = Word | Phrase | Prefix | Not | And | Or


class _Token(msgspec.Struct, frozen=True):
    kind: str
    """One of ``( ) - OR word phrase end``."""
    text: str
    column: int


@lru_cache(maxsize=1_000)
def parse(query: str) -> Node:
    """What a query says, remembered, as the same are asked again and again; raises `QueryError` with the column of the mistake, counted in characters from 1."""
    if len(query) > QUERY_CHARACTERS_MAX:
        raise QueryError(
            f"the query is longer than {QUERY_CHARACTERS_MAX} characters", QUERY_CHARACTERS_MAX + 1, "shorten it"
        )
    reader = _Reader(_tokens(query))
    node = reader.either(0)
    if reader.next.kind == ")":
        raise QueryError("this parenthesis closes nothing", reader.next.column, "remove it")
    return node


_PARTS = re.compile(
    r'\s+|(?P<open>\()|(?P<close>\))|(?P<minus>-)(?=[^\s)]|$)|"(?P<phrase>[^"]*)(?P<quote>"?)|(?P<word>[^\s()"]+)'
)


def _tokens(query: str) -> list[_Token]:
    tokens = []
    for match in _PARTS.finditer(query.replace("“", '"').replace("”", '"')):
        column = match.start() + 1
        if match["open"] or match["close"]:
            tokens.append(_Token(match[0], match[0], column))
        elif match["minus"]:
            tokens.append(_Token("-", "-", column))
        elif match["phrase"] is not None:
            if not match["quote"]:
                raise QueryError("this quotation mark has no partner", column, 'write "a phrase"')
            tokens.append(_Token("phrase", match["phrase"], column + 1))
        elif match["word"]:
            tokens.append(_Token("OR" if match["word"] == "OR" else "word", match["word"], column))
    return [*tokens, _Token("end", "", len(query) + 1)]


class _Reader:
    """Reads tokens from the left; each method takes what belongs to it."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0

    @property
    def next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self) -> _Token:
        token = self.next
        self._place += 1
        return token

    def either(self, depth: int) -> Node:
        parts = [self._all(depth)]
        while self.next.kind == "OR":
            self._take()
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.next.kind not in ("OR", ")", "end"):
            parts.append(self._one(depth))
        if not parts:
            raise QueryError(
                "a word is missing here", self.next.column, 'write words, "a phrase", #tag, @name or prefix*'
            )
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self, depth: int) -> Node:
        token = self._take()
        if depth > NESTING_MAX:
            raise QueryError(f"nested more than {NESTING_MAX} deep", token.column, "use fewer parentheses and signs")
        if token.kind == "-":
            if self.next.kind in ("OR", ")", "end"):
                raise QueryError("a word is missing behind the minus", self.next.column, "write -word")
            return Not(self._one(depth + 1))
        if token.kind == "(":
            node = self.either(depth + 1)
            if self._take().kind != ")":
                raise QueryError("this parenthesis is not closed", token.column, "add one that closes")
            return node
        return _phrase(token) if token.kind == "phrase" else _word(token)


def _word(token: _Token) -> Node:
    text, prefix = (token.text[:-1], True) if token.text.endswith("*") else (token.text, False)
    return _said(text, token, prefix)


def _phrase(token: _Token) -> Node:
    return _said(token.text, token, False)


def _said(text: str, token: _Token, prefix: bool) -> Node:
    """Words that stand side by side, and the whole hashtags that lines have at their end."""
    words = folded([text])[0].split(" ")
    whole = [word for word in words if word.startswith("#") and any(map(is_unspaced, word))]
    if whole and token.kind == "word" and text.startswith(("#", "＃")):
        return _signed(whole[0], prefix)
    side = " ".join(word for word in words if word not in whole)
    terms = searched_terms(side)
    if not terms:
        raise QueryError(f"{token.text!r} has no letters or digits to look for", token.column, "add a word")
    *before, last = terms
    parts = [_signed(term, False) for term in before]
    parts.append(_signed(last, prefix and not _is_unspaced(last)))
    if len(terms) > 1 or _is_unspaced(last):
        parts.append(Phrase((), side, open_end=prefix))
    parts += [_signed(tag, False) for tag in whole]
    parts = list(dict.fromkeys(parts))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _signed(term: str, prefix: bool) -> Node:
    """A term, and the hashtag that it may stand in; a lone character of an unspaced script begins a pair in texts."""
    prefix |= len(term) == 1 and _is_unspaced(term)
    both = (term,) if term.startswith(("#", "@")) or _is_unspaced(term) else (term, f"#{term}")
    nodes: tuple[Node, ...] = tuple(Prefix(each) if prefix else Word((each,)) for each in both)
    return nodes[0] if len(nodes) == 1 else Or(nodes)


def _is_unspaced(word: str) -> bool:
    return not word.startswith("#") and is_unspaced(word[:1])


def matches(node: Node, texts: pl.Series) -> pl.Series:
    """Which texts (String, no nulls) a query matches, exactly: Boolean, as long as `texts`."""
    if (words := _any_of(node)) is not None:
        return _with_any(words, texts)
    frame = pl.DataFrame({"line": fold(texts)}).select(line=pl.lit(" ") + pl.col("line") + " ")
    frame = frame.with_columns(plain=pl.col("line").str.replace_all("#", "", literal=True))
    return frame.select(_condition(node).alias("matches"))["matches"]


Test = Callable[[str, str], bool]
"""Whether a line matches; the second is the line without ``#``."""


def matching(node: Node, texts: list[str]) -> list[bool]:
    """As `matches`, of a few texts: a column takes longer to be asked than so few texts one by one."""
    if not texts:
        return []
    if (words := _any_of(node)) is not None:
        wanted = set(words)
        return [not wanted.isdisjoint(terms) for terms in cut_lists(pl.Series(texts, dtype=pl.String)).to_list()]
    test = _test(node)
    lines = [f" {line} " for line in folded(texts)]
    return [test(line, line.replace("#", "")) for line in lines]


def _test(node: Node) -> Test:
    if isinstance(node, And | Or):
        parts, joined = [_test(part) for part in node.parts], all if isinstance(node, And) else any
        return lambda line, plain: joined(part(line, plain) for part in parts)
    if isinstance(node, Not):
        other = _test(node.part)
        return lambda line, plain: not other(line, plain)
    words, in_line = _sought(node)
    return (lambda line, _: words in line) if in_line else (lambda _, plain: words in plain)


def _any_of(node: Node) -> list[str] | None:
    """The words, if a query asks for nothing but any one of some, all in scripts with spaces."""
    if isinstance(node, Or):
        parts = [_any_of(part) for part in node.parts]
        return None if None in parts else [word for part in parts for word in part or []]
    if isinstance(node, Word) and len(node.terms) == 1 and not any(map(is_unspaced, node.terms[0])):
        return [node.terms[0]] if node.terms[0].startswith("#") else [node.terms[0], f"#{node.terms[0]}"]
    return None


def _with_any(words: list[str], texts: pl.Series) -> pl.Series:
    """Which texts have any of some words among their terms: those are compared whose hashes are alike."""
    cut = cut_hashed(texts)
    wanted = pl.Series(words)
    alike = np.flatnonzero(np.isin(flat(cut["term_hashes"]).to_numpy(), hash_terms(wanted).to_numpy()))
    same = flat(cut["terms"]).gather(alike).is_in(wanted.implode()).to_numpy()
    rows = np.repeat(np.arange(len(texts)), cut["terms"].list.len().to_numpy())[alike[same]]
    found = np.zeros(len(texts), dtype=np.bool_)
    found[rows] = True
    return pl.Series("matches", found)


def _condition(node: Node) -> pl.Expr:
    if isinstance(node, And):
        return reduce(pl.Expr.and_, map(_condition, node.parts))
    if isinstance(node, Or):
        return reduce(pl.Expr.or_, map(_condition, node.parts))
    if isinstance(node, Not):
        return ~_condition(node.part)
    words, in_line = _sought(node)
    return pl.col("line" if in_line else "plain").str.contains(words, literal=True)


def _sought(node: Word | Phrase | Prefix) -> tuple[str, bool]:
    """What stands in a line that has some words, with their ends where their script has spaces; and whether it is looked
    for in the line, and not in the one without ``#``.
    """
    words = " ".join(node.terms) if isinstance(node, Word) else node.term if isinstance(node, Prefix) else node.text
    open_end = isinstance(node, Prefix) or (isinstance(node, Phrase) and node.open_end)
    parts = words.split(" ")
    before = "" if _is_unspaced(parts[0]) else " "
    after = "" if open_end or _is_unspaced(parts[-1]) else " "
    return before + words + after, "#" in words
