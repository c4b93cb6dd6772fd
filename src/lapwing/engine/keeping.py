"""Which posts a worker hands on: those that their source's `keep` names, and nobody's who was forgotten.

The rest is counted as filtered, with its reason, and never stored. A content that does not match is handed on all the
same if it is an edit of a post that is held: what stands must be what its author last said.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import polars as pl
import polars_hash  # noqa: F401  (registers the expression namespace `nchash`)

from lapwing.errors import QueryError, UsageError
from lapwing.model import KINDS, OPERATIONS, Batch, Heard
from lapwing.text.query import Node, Or, matches, parse

FORGOTTEN = "forgotten"
"""Why a record is filtered that comes from somebody who was forgotten."""
SIEVE_BYTES = 2
REPOST = KINDS.index("repost")
DELETE = OPERATIONS.index("delete")
_OF_NAME = r"^(?:at://)?(.+?)/(?:app\.bsky\.feed\.|statuses/)"
"""Whose a post is, where its name says so: ``at://did:plc:…/app.bsky.feed.post/…``, ``https://…/users/ada/statuses/…``."""

Held = Callable[[pl.DataFrame], pl.Series]
"""Posts (uid, uid_time_us) → the lowest version that is held of each, null where none is."""


class Keeping(msgspec.Struct, frozen=True):
    """Which posts of a source are kept; what is empty limits nothing."""

    words: Node | None = None
    languages: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    """GeoNames ids."""
    countries: tuple[str, ...] = ()


def words_of(words: list[str]) -> Node | None:
    """Texts that have any of these words or phrases, as the search finds them; raises `UsageError` for what is no word."""
    nodes = []
    for word in words:
        try:
            nodes.append(parse('"{}"'.format(word.replace('"', " "))))
        except QueryError as problem:
            raise UsageError(
                f"keep: {word!r} has no letters or digits to look for", "write a word or a phrase"
            ) from problem
    return Or(tuple(nodes)) if len(nodes) > 1 else (nodes[0] if nodes else None)


def unwanted(posts: pl.DataFrame, keeps: Mapping[str, Keeping]) -> pl.Series:
    """For each post the list of its source's `keep` that it does not meet ("words", "languages", …), null where it is kept."""
    why = pl.repeat(None, posts.height, dtype=pl.String, eager=True)
    for source, keeping in keeps.items():
        rows = (posts["source"] == source).arg_true()
        if len(rows):
            why = why.scatter(rows, _unmet(posts[rows], keeping))
    return why


def _unmet(posts: pl.DataFrame, keeping: Keeping) -> pl.Series:
    """The first list that is not met, in the order of the configuration."""
    checks: dict[str, pl.Series] = {}
    if keeping.words is not None:
        checks["words"] = matches(keeping.words, posts["text"])
    for name, column, values in (
        ("languages", "lang", keeping.languages),
        ("places", "place", keeping.places),
        ("countries", "country", keeping.countries),
    ):
        if values:
            checks[name] = posts[column].is_in(list(values)).fill_null(False)
    failing = [pl.when(~pl.col(name)).then(pl.lit(name)) for name in checks]
    return pl.DataFrame(checks).select(pl.coalesce(failing))[:, 0]


def mark_of(secret: bytes, author: str) -> bytes:
    """By what a forgotten person is known again: a sieve of two bytes, and an HMAC-SHA256 (RFC 2104), both keyed.

    The sieve is there so that a batch is looked through in columns, and the HMAC made for one author in 65,536.
    """
    sieve = pl.Series("author", [author]).to_frame().select(_sieve(secret))["author"].item()
    return int(sieve).to_bytes(SIEVE_BYTES, "big") + hmac.digest(secret, author.encode(), hashlib.sha256)


def _sieve(secret: bytes) -> pl.Expr:
    keyed = pl.concat_str(pl.lit(secret.hex()), pl.col("author"))
    hashed: pl.Expr = keyed.nchash.xxh3_64() % (1 << 8 * SIEVE_BYTES)  # type: ignore[attr-defined]
    return hashed.alias("author")


class Forgotten(msgspec.Struct, frozen=True):
    """Those who were forgotten, without their names; `marks` as `mark_of` makes them."""

    secret: bytes = b""
    marks: frozenset[bytes] = frozenset()

    def among(self, authors: pl.Series) -> pl.Series:
        """Which of these are forgotten (Boolean); null and empty ones are not."""
        authors = authors.alias("author").fill_null("")
        nobody = pl.repeat(False, len(authors), eager=True)
        if not self.marks or authors.is_empty():
            return nobody
        sieves = sorted({int.from_bytes(mark[:SIEVE_BYTES], "big") for mark in self.marks})
        passing = authors.to_frame().select(_sieve(self.secret))["author"].is_in(sieves)
        names = authors.filter(passing).unique().to_list()
        true = [name for name in names if name and mark_of(self.secret, name) in self.marks]
        return authors.is_in(true) if true else nobody


def author_in(column: str) -> pl.Expr:
    """Whose post a name is, where the name says so; otherwise null."""
    return pl.col(column).str.extract(_OF_NAME)


def without_forgotten(posts: pl.DataFrame, forgotten: Forgotten) -> pl.Series:
    """Which posts are neither by somebody who was forgotten nor reposts of theirs."""
    if not forgotten.marks:
        return pl.repeat(True, posts.height, eager=True)
    of = posts.select(pl.when(pl.col("kind") == REPOST).then(author_in("about")))[:, 0]
    return ~(forgotten.among(posts["author"]) | forgotten.among(of))


def sift(batch: Batch, keeps: Mapping[str, Keeping], forgotten: Forgotten, held: Held) -> Batch:
    """The batch without what is not wanted, which is counted as filtered. Costs nothing where nobody limits anything."""
    if forgotten.marks:
        batch = _without_people(batch, forgotten)
    if keeps:
        batch = _without_unwanted(batch, keeps, held)
    return batch


def _without_people(batch: Batch, forgotten: Forgotten) -> Batch:
    stays = without_forgotten(batch.posts, forgotten)
    named = batch.changes.select(
        pl.coalesce(pl.col("author").replace("", None), pl.when(pl.col("operation") == DELETE).then(author_in("name")))
    )[:, 0]
    heeded = ~forgotten.among(named)
    gone = pl.concat([batch.posts.filter(~stays)["source"], batch.changes.filter(~heeded)["source"]])
    reasons = pl.DataFrame({"source": gone}).with_columns(why=pl.lit(FORGOTTEN))
    return msgspec.structs.replace(
        batch,
        posts=batch.posts.filter(stays),
        changes=batch.changes.filter(heeded),
        heard=batch.heard + _filtered(batch, reasons),
        forgotten=len(forgotten.marks),
    )


def _without_unwanted(batch: Batch, keeps: Mapping[str, Keeping], held: Held) -> Batch:
    why = unwanted(batch.posts, keeps)
    if why.null_count() == len(why):
        return batch
    posts = batch.posts.with_columns(why.alias("why")).with_row_index("row")
    doubtful = posts.filter(pl.col("why").is_not_null())
    edits = _edits(doubtful, posts.filter(pl.col("why").is_null()), held)
    dropped = doubtful.join(edits.to_frame("row"), on="row", how="anti")
    reasons = dropped.select("source", ("keep: " + pl.col("why")).alias("why"))
    kept = posts.filter(~pl.col("row").is_in(dropped["row"].implode())) if dropped.height else posts
    heard = batch.heard + _filtered(batch, reasons)
    return msgspec.structs.replace(batch, posts=kept.drop("row", "why"), heard=heard)


def _edits(doubtful: pl.DataFrame, wanted: pl.DataFrame, held: Held) -> pl.Series:
    """The rows of `doubtful` that are later versions of a post that is held, or that came before them in this batch.

    Of rows in different partitions nobody knows which came before; those that are wanted count as earlier.
    """
    edited = doubtful.select("row", "uid", "uid_time_us", "version", "origin", "offset").filter(pl.col("version") > 0)
    if edited.is_empty():
        return pl.Series("row", [], dtype=pl.UInt32)
    beside = edited.join(wanted.select("uid", "version", "origin", "offset"), on="uid", suffix="_here")
    before = beside.filter((pl.col("origin") != pl.col("origin_here")) | (pl.col("offset_here") < pl.col("offset")))
    lowest = before.group_by("row").agg(pl.col("version_here").min())
    edited = edited.with_columns(held(edited.select("uid", "uid_time_us")).alias("held"))
    edited = edited.join(lowest, on="row", how="left", maintain_order="left")
    return edited.filter(pl.col("version") > pl.min_horizontal("held", "version_here"))["row"]


def _filtered(batch: Batch, reasons: pl.DataFrame) -> list[Heard]:
    """What was left out (`source`, `why`), as the accounting takes it."""
    networks = {heard.source: heard.network for heard in batch.heard}
    counts: dict[str, Counter[str]] = {}
    for source, why in reasons.iter_rows():
        counts.setdefault(source, Counter())[why] += 1
    return [Heard(source, networks[source], 0, dict(some)) for source, some in counts.items()]


def keeping_of(rule: Any, places: Callable[[str], list[int]]) -> Keeping | None:
    """A source's `keep` (`settings.Keep`), ready for use; None where it limits nothing.

    `places` gives the GeoNames ids that a text names. Raises what it raises, and `UsageError` for what is no word.
    """
    found = Keeping(
        words=words_of(rule.words),
        languages=tuple(language.lower().partition("-")[0] for language in rule.languages),
        places=tuple(place for text in rule.places for place in places(text)),
        countries=tuple(country.upper() for country in rule.countries),
    )
    return None if found == Keeping() else found
