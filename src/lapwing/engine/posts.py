"""Posts as functions and programs see them: decoded, cleaned, with language and place, under the names of `posts --json`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec
import polars as pl

from lapwing.engine.keeping import unwanted
from lapwing.engine.understanding import Part, Understanding, gathered, understand_or_bisect
from lapwing.model import EVIDENCE, KINDS, OPERATIONS

TIME = pl.Datetime("us", "UTC")

PLACE = pl.Struct(
    {
        "id": pl.Int64(),
        "name": pl.String(),
        "country": pl.String(),
        "by": pl.String(),
        "confidence": pl.Float64(),
        "evidence": pl.String(),
    }
)


class Place(msgspec.Struct, frozen=True):
    """The city of a post, by its GeoNames id, and what says so."""

    id: int
    name: str
    country: str
    by: str
    """coordinates, place, mention or profile."""
    confidence: float
    evidence: str | None = None


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One post; the names are those of `lapwing posts --json`, what is not known is None."""

    uid: str
    network: str
    source: str
    kind: str | None
    """post, reply, quote or repost; None for a delete."""
    author: str | None
    author_name: str | None
    text: str
    lang: str | None
    created_at: datetime | None
    received_at: datetime
    url: str | None
    about: str | None
    """The uid of the post that is reposted, quoted or replied to."""
    place: Place | None
    country: str | None
    edited: bool
    operation: str = "post"
    """post, edit, delete, author_delete, author_hide or author_show; the last five only with ``changes``."""

    def written(self) -> dict[str, Any]:
        """As `posts --json` has it."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


class Describe(msgspec.Struct, frozen=True):
    """What is known outside: the names of cities, and the address of a post's page."""

    places: Callable[[list[int]], list[tuple[int, str, str]]]
    """Id, name and country of the cities with these ids."""
    url: Callable[[str], str | None]


def posts_frame(parts: list[Part], how: Understanding, describe: Describe, changes: bool) -> pl.DataFrame:
    """A row for each post, in the order of the log, with `offset`; with `changes` edits and deletes too."""
    parts = gathered(parts)
    posts = understand_or_bisect(parts, how).posts
    posts = posts.filter(unwanted(posts, how.keeps).is_null()) if how.keeps else posts
    edited = (pl.col("version") > 0) & ~pl.col("uid").str.starts_with("at://")
    posts = posts.with_columns(edited.alias("edited"))
    posts = posts if changes else posts.filter(~pl.col("edited"))
    shaped = _shaped(posts, describe)
    if changes:
        shaped = pl.concat([shaped, *_changes(parts, how, shaped.schema)])
    return shaped.sort("offset", maintain_order=True)


def _shaped(posts: pl.DataFrame, describe: Describe) -> pl.DataFrame:
    urls = pl.Series(
        "url", [url or describe.url(uid) for uid, url in posts.select("uid", "url").iter_rows()], pl.String
    )
    return posts.select(
        "offset",
        "uid",
        "network",
        "source",
        _named("kind", KINDS),
        "author",
        "author_name",
        "text",
        "lang",
        pl.col("created_at_us").cast(TIME).alias("created_at"),
        pl.col("received_at_us").cast(TIME).alias("received_at"),
        urls,
        "about",
        _places(posts, describe),
        pl.when(pl.col("country") != "").then("country").alias("country"),
        "edited",
        pl.when("edited").then(pl.lit("edit")).otherwise(pl.lit("post")).alias("operation"),
    )


def _named(column: str, names: tuple[str, ...]) -> pl.Expr:
    return pl.col(column).replace_strict(dict(enumerate(names)), return_dtype=pl.String)


def _places(posts: pl.DataFrame, describe: Describe) -> pl.Series:
    ids = posts["place"].unique().to_list()
    known = pl.DataFrame(
        describe.places([place for place in ids if place]),
        schema={"place": pl.UInt32, "name": pl.String, "of": pl.String},
        orient="row",
    )
    joined = posts.select(
        "place", _named("place_by", EVIDENCE), pl.col("place_confidence").cast(pl.Float64).round(2), "place_evidence"
    ).join(known, on="place", how="left", maintain_order="left")
    place = pl.struct(
        pl.col("place").cast(pl.Int64).alias("id"),
        pl.coalesce("name", pl.col("place").cast(pl.String)).alias("name"),
        pl.col("of").fill_null("").alias("country"),
        pl.col("place_by").alias("by"),
        pl.col("place_confidence").alias("confidence"),
        pl.col("place_evidence").alias("evidence"),
    )
    return joined.select(pl.when(pl.col("place") > 0).then(place).alias("place").cast(PLACE)).to_series()


def _changes(parts: list[Part], how: Understanding, schema: pl.Schema) -> Iterator[pl.DataFrame]:
    """Deletes, and authors who went or came back, as rows of which little more than the uid or author is known."""
    for part in parts:
        records = part.records
        if records.format not in how.formats:
            continue
        changes = how.formats[records.format].decode(records).changes
        said = changes.select(
            pl.Series("offset", part.offsets, pl.Int64).gather(changes["record"]),
            pl.col("name").fill_null(pl.col("author")).alias("uid"),
            pl.lit(records.network).alias("network"),
            pl.lit(records.source).alias("source"),
            "author",
            pl.lit("").alias("text"),
            pl.when(pl.col("at_us") > 0).then(pl.col("at_us").cast(TIME)).alias("created_at"),
            pl.Series("received_at", records.received_at_us, pl.Int64).gather(changes["record"]).cast(TIME),
            pl.lit(False).alias("edited"),
            _named("operation", OPERATIONS),
        )
        absent = [pl.lit(None, kind).alias(name) for name, kind in schema.items() if name not in said.columns]
        yield said.with_columns(absent).select(list(schema))


def posts_of(frame: pl.DataFrame) -> Iterator[tuple[int, Post]]:
    """Each row of `posts_frame` as a `Post`, with its offset."""
    for row in frame.iter_rows(named=True):
        offset = row.pop("offset")
        place = row.pop("place")
        yield offset, Post(**row, place=Place(**place) if place else None)
