"""Lines of X's API v2 streams, whole columns at once: those that say what nearly all say. `x_v2` reads all others.

What is read here is read the same way there; tests compare both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from lapwing.formats._rows import Columns
from lapwing.formats._times import instants_us, snowflakes_us
from lapwing.formats._x_posts import POST, QUOTE, REPLY, REPOST
from lapwing.native.projection import FLOAT, RAW, TEXT, Fields, First, Projection, project

KINDS = {"retweeted": REPOST, "reposted": REPOST, "quoted": QUOTE, "replied_to": REPLY}

_REFERENCE = {"type": TEXT, "id": TEXT, "text": TEXT, "note_tweet": RAW, "note_post": RAW}
_LINE = Projection(
    {
        "data": {
            "author_id": TEXT,
            "created_at": TEXT,
            "edit_history_tweet_ids": First(TEXT),
            "edit_history_post_ids": First(TEXT),
            "geo": {
                "place_id": TEXT,
                "coordinates": {"coordinates": First(FLOAT, 2)},
                "full_name": TEXT,
                "country_code": TEXT,
                "geo": RAW,
            },
            "id": TEXT,
            "lang": TEXT,
            "text": TEXT,
            "referenced_tweets": First(_REFERENCE),
            "referenced_posts": First(_REFERENCE),
            "note_tweet": RAW,
            "note_post": RAW,
            "author": RAW,
        },
        "includes": {
            "users": First({"id": TEXT, "username": TEXT, "location": TEXT}),
            "places": First({"id": TEXT, "full_name": TEXT, "country_code": TEXT, "geo": {"bbox": First(FLOAT, 4)}}),
            "tweets": First(_REFERENCE),
            "posts": First(_REFERENCE),
        },
    }
)
_RARE = (
    "data.geo.country_code",
    "data.geo.full_name", "data.geo.geo", "data.note_tweet", "data.note_post", "data.author",
    *(f"{where}.0.{note}" for where in ("data.referenced_tweets", "data.referenced_posts", "includes.tweets", "includes.posts")
      for note in ("note_tweet", "note_post")),
)  # fmt: skip
"""Who has any of these is read with care."""


def read_lines(values: Sequence[bytes]) -> tuple[Columns, list[int]] | None:
    """The columns of the usual posts, and the positions of the other records; None where there is no compiled part."""
    fields = project(values, _LINE)
    if fields is None:
        return None
    lines = _lines(fields)
    usual = np.flatnonzero(lines["usual"].to_numpy() & ~fields.left)
    if len(usual) < len(values):
        lines = lines[usual]
    return _columns(lines, usual), np.delete(np.arange(len(values)), usual).tolist()


def _lines(fields: Fields) -> pl.DataFrame:
    """What lines say, under short names, and whether it is what nearly all say."""
    there, of = set(fields.frame.columns), fields.of

    def either(one: str, other: str, name: str) -> pl.Expr:
        return pl.coalesce(of(one + name), of(other + name)) if other + name in there else of(one + name)

    about, original = ("data.referenced_tweets", "data.referenced_posts"), ("includes.tweets", "includes.posts")
    rare = [pl.col(name).is_not_null() for name in _RARE if name in there]
    both = [(pl.col(original[0]) > 0) & (pl.col(original[1]) > 0)] if there.issuperset(original) else []
    edits = [of(f"data.edit_history_{name}_ids").fill_null(1) for name in ("tweet", "post")]
    lines = fields.frame.select(
        id=of("data.id"), number=of("data.id").cast(pl.Int64, strict=False), author=of("data.author_id"), lang=of("data.lang"),
        said=of("data.created_at"), text=of("data.text"), edits=pl.max_horizontal(*edits), rare=pl.any_horizontal(*rare, *both, False),
        references=of(about[0]).fill_null(0) + of(about[1]).fill_null(0), about=either(*about, ".0.id"),
        kind=either(*about, ".0.type").replace_strict(KINDS, default=None, return_dtype=pl.UInt8) if _any(there, about) else pl.lit(POST, pl.UInt8),
        original=either(*original, ".0.id"), original_text=either(*original, ".0.text"),
        users=of("includes.users").fill_null(0), user=of("includes.users.0.id"), profile=of("includes.users.0.location"),
        author_name=of("includes.users.0.username"), sent_from=of("data.geo.place_id"),
        place=of("includes.places.0.id"), place_name=of("includes.places.0.full_name"),
        place_country=of("includes.places.0.country_code"), **_degrees(of),
    )  # fmt: skip
    if _any(there, about):
        lines = lines.with_columns(
            kind=pl.when(pl.col("references") == 0).then(pl.lit(POST, pl.UInt8)).otherwise("kind")
        )
    return lines.with_columns(usual=_is_usual())


def _any(there: set[str], names: tuple[str, str]) -> bool:
    return not there.isdisjoint(names)


def _is_usual() -> pl.Expr:
    """Whether a post says what nearly all say: an edit or a long text is read with care, and so is every doubt."""
    return pl.all_horizontal(
        ~pl.col("rare"),
        pl.col("edits") <= 1,
        pl.col("number") > 0,
        pl.col("text").is_not_null(),
        (pl.col("references") <= 1) & pl.col("kind").is_not_null(),
        (pl.col("kind") != REPOST) | (pl.col("original") == pl.col("about")).fill_null(False),
        (pl.col("users") == 0) | pl.col("user").eq_missing(pl.col("author")),
        pl.col("sent_from").is_null() | (pl.col("place") == pl.col("sent_from")).fill_null(False),
    ).fill_null(False)


def _columns(lines: pl.DataFrame, rows: np.ndarray) -> Columns:
    columns: Columns = {
        "record": pl.Series(rows, dtype=pl.UInt32),
        "uid": lines["id"],
        "uid_time_us": snowflakes_us(lines["number"].to_numpy()),
        "kind": lines["kind"],
        "author": lines["author"],
        "text": _texts(lines),
        "lang": lines["lang"],
        "author_name": lines["author_name"],
        "profile": lines["profile"].set(lines["profile"] == "", None),
        "said": lines["said"],
        "created_at_us": instants_us(lines["said"]),
    }
    if lines["about"].null_count() < lines.height:
        columns["about"] = lines["about"]
    return columns | _places(lines)


def _texts(lines: pl.DataFrame) -> pl.Series:
    """Texts, of reposts those of the originals."""
    if lines["original_text"].null_count() == lines.height:
        return lines["text"]
    whole = pl.when((pl.col("kind") == REPOST) & (pl.col("original_text") != "")).then("original_text")
    return lines.select(whole.otherwise("text")).to_series()


def _places(lines: pl.DataFrame) -> Columns:
    """Name and country of the platform's place, where a post has one; empty ones are none."""
    columns = {name: lines[name] for name in ("longitude", "latitude", "place_longitude", "place_latitude")}
    if lines["sent_from"].null_count() == lines.height:
        return columns
    said = lines.select(
        place_name=pl.when(pl.col("sent_from").is_not_null() & (pl.col("place_name") != "")).then("place_name"),
        place_country=pl.when(pl.col("sent_from").is_not_null() & (pl.col("place_country") != "")).then(
            pl.col("place_country").str.to_uppercase()
        ),
    )
    return columns | {name: said[name] for name in said.columns}


def _degrees(of: Callable[[str], pl.Expr]) -> dict[str, pl.Expr]:
    """The post's own point, and the middle of its place's box, as `_x_posts.middle` has it."""
    point, box = "data.geo.coordinates.coordinates", "includes.places.0.geo.bbox"
    west, south, east, north = (of(f"{box}.{side}") for side in range(4))
    across = (west + pl.when(west > east).then(east + 360).otherwise(east)) / 2
    there = (of(box) == 4) & of("data.geo.place_id").is_not_null()
    return {
        "longitude": pl.when(of(point) >= 2).then(of(f"{point}.0")),
        "latitude": pl.when(of(point) >= 2).then(of(f"{point}.1")),
        "place_longitude": pl.when(there).then(pl.when(across > 180).then(across - 360).otherwise(across)),
        "place_latitude": pl.when(there).then((south + north) / 2),
    }
