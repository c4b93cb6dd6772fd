"""The names of posts on the disk: what a uid shares with its author or its network is not written twice."""

from __future__ import annotations

import polars as pl
import polars_hash  # noqa: F401  (registers the expression namespace `nchash`)

AUTHOR = "\0"
"""Stands for the author in a form."""
FORMS: tuple[tuple[str, ...], ...] = (
    (),
    ("at://", AUTHOR, "/app.bsky.feed.post/"),
    ("at://", AUTHOR, "/app.bsky.feed.repost/"),
    ("x:",),
    (AUTHOR,),
)
"""How a uid may begin; the code is the position here. The first that fits is used, 0 when none does."""


def _start(form: tuple[str, ...]) -> pl.Expr:
    return pl.concat_str([pl.col("author") if part == AUTHOR else pl.lit(part) for part in form])


def whole(rest: str, form: int, author: str) -> str:
    """One whole uid, as `restored` makes it of a column."""
    return "".join(author if part == AUTHOR else part for part in FORMS[form]) + rest


def shortened(posts: pl.DataFrame) -> pl.DataFrame:
    """The frame with `uid` cut and `uid_form` (UInt8) added; needs `author`."""
    form, rest = pl.lit(0, pl.UInt8), pl.col("uid")
    for code in reversed(range(1, len(FORMS))):
        start = _start(FORMS[code])
        fits = pl.col("uid").str.starts_with(start)
        form = pl.when(fits).then(pl.lit(code, pl.UInt8)).otherwise(form)
        rest = pl.when(fits).then(pl.col("uid").str.slice(start.str.len_chars())).otherwise(rest)
    return posts.with_columns(form.alias("uid_form"), rest.alias("uid"))


def restored(facts: pl.DataFrame) -> pl.DataFrame:
    """The frame with whole uids, without `uid_form`."""
    whole = pl.col("uid")
    for code in range(1, len(FORMS)):
        whole = (
            pl.when(pl.col("uid_form") == code).then(pl.concat_str(_start(FORMS[code]), pl.col("uid"))).otherwise(whole)
        )
    return facts.with_columns(whole.alias("uid")).drop("uid_form")


def author_hash() -> pl.Expr:
    """The 64 bits by which the activity knows an author, from the column `author`; as `author_hash`."""
    hashed: pl.Expr = pl.col("author").nchash.xxh3_64().alias("author_hash")  # type: ignore[attr-defined]
    return hashed
