"""Commits of Jetstream's first generation, whole columns at once: posts and reposts that were made or changed, and what
is not for us. `jetstream` reads all others, and would read these the same way; tests compare both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from lapwing.formats._rows import Columns, Outcome
from lapwing.formats._times import instants_us, tids_us
from lapwing.model import KINDS
from lapwing.native.projection import INTEGER, RAW, TEXT, Fields, First, Noted, Projection, project

POST_COLLECTION = "app.bsky.feed.post"
REPOST_COLLECTION = "app.bsky.feed.repost"
OTHER_COLLECTIONS = {
    f"app.bsky.{name}": name.rpartition(".")[2]
    for name in (
        "feed.like feed.generator feed.threadgate feed.postgate graph.follow graph.block graph.list graph.listitem"
        " graph.listblock graph.starterpack graph.verification actor.profile actor.status labeler.service"
    ).split()
}
"""What is counted under a name of its own; anybody can invent more collections."""

POST, REPLY, QUOTE, REPOST = (KINDS.index(kind) for kind in ("post", "reply", "quote", "repost"))

_LINK = {"uri": TEXT, "record": RAW}
_EVENT = Projection(
    {
        "did": TEXT,
        "time_us": INTEGER,
        "kind": TEXT,
        "commit": {
            "rev": TEXT,
            "operation": TEXT,
            "collection": TEXT,
            "rkey": TEXT,
            "record": {
                "createdAt": TEXT,
                "text": TEXT,
                "langs": First(TEXT),
                "reply": Noted({"parent": _LINK}),
                "embed": {"record": {"uri": TEXT, "record": {"uri": TEXT, "record": RAW}}},
                "subject": _LINK,
            },
        },
        "account": RAW,
        "$type": RAW,
        "payload": RAW,
        "error": RAW,
    }
)
_RARE = (
    "account", "$type", "payload", "error", "commit.record.reply.parent.record", "commit.record.subject.record",
    "commit.record.embed.record.record.record",
)  # fmt: skip
"""Who has any of these is read with care."""


def read_commits(values: Sequence[bytes], outcome: Outcome) -> tuple[Columns, list[int]] | None:
    """The columns of the usual posts, and the positions of the events that are left; None where there is no compiled
    part. What is filtered is noted in `outcome`.
    """
    fields = project(values, _EVENT)
    if fields is None:
        return None
    commits = _commits(fields)
    plain = commits["plain"].to_numpy() & ~fields.left
    ours = commits["ours"].to_numpy()
    others = np.flatnonzero(plain & ~ours)
    for collection, count in commits["collection"].gather(others).value_counts().iter_rows():
        outcome.leave(OTHER_COLLECTIONS.get(collection, "other collection"), count)
    usual = np.flatnonzero(plain & ours & commits.select(_is_usual()).to_series().to_numpy())
    if len(usual) < len(values):
        commits = commits[usual]
    return _columns(commits, usual), np.delete(np.arange(len(values)), np.concatenate([usual, others])).tolist()


def _commits(fields: Fields) -> pl.DataFrame:
    """What commits say, under short names; whether they are plain ones, and of posts or reposts."""
    of = fields.of
    record = "commit.record."
    rare = [pl.col(name).is_not_null() for name in _RARE if name in fields.frame.columns]
    commits = fields.frame.select(
        did=of("did"), kind=of("kind"), revision=of("commit.rev"), operation=of("commit.operation"),
        collection=of("commit.collection"), key=of("commit.rkey"), said=of(f"{record}createdAt"), text=of(f"{record}text"),
        lang=of(f"{record}langs.0"), reply=of(f"{record}reply"), parent=of(f"{record}reply.parent.uri"),
        embedded=of(f"{record}embed.record.uri"), inside=of(f"{record}embed.record.record.uri"),
        subject=of(f"{record}subject.uri"), rare=pl.any_horizontal(*rare, False),
    )  # fmt: skip
    plain = (pl.col("kind") == "commit") & (pl.col("did") != "") & (pl.col("collection") != "") & ~pl.col("rare")
    return commits.with_columns(
        version=tids_us(commits["revision"].fill_null("")),
        plain=plain.fill_null(False),
        ours=pl.col("collection").is_in([POST_COLLECTION, REPOST_COLLECTION]).fill_null(False),
        repost=(pl.col("collection") == REPOST_COLLECTION).fill_null(False),
    )


def _is_usual() -> pl.Expr:
    """Whether a commit makes or changes a post and says all that posts say."""
    return pl.all_horizontal(
        pl.col("operation").is_in(["create", "update"]),
        pl.col("key") != "",
        pl.col("version") > 0,
        pl.col("said").is_not_null(),
        pl.col("text").is_not_null() | pl.col("repost"),
        pl.col("reply").is_null() | pl.col("parent").is_not_null(),
    ).fill_null(False)


def _columns(commits: pl.DataFrame, rows: np.ndarray) -> Columns:
    uid = pl.concat_str(pl.lit("at://"), "did", pl.lit("/"), "collection", pl.lit("/"), "key")
    made = commits.select(uid=uid, text=pl.when("repost").then(pl.lit("")).otherwise("text"))
    columns: Columns = {
        "record": pl.Series(rows, dtype=pl.UInt32),
        "uid": made["uid"],
        "uid_time_us": tids_us(commits["key"]),
        "version": commits["version"],
        "author": commits["did"],
        "text": made["text"],
        "lang": commits["lang"],
        "said": commits["said"],
        "created_at_us": instants_us(commits["said"]),
    }
    return columns | _links(commits)


def _links(commits: pl.DataFrame) -> Columns:
    """Kind, and what a post is about: reposted, quoted or answered, in this order; lists and feeds can be embedded too."""
    quoted = pl.coalesce(pl.when(pl.col("embedded") != "").then("embedded"), "inside")
    links = commits.with_columns(
        quoted=pl.when(quoted.str.contains(f"/{POST_COLLECTION}/", literal=True)).then(quoted)
    ).select(
        kind=pl.when("repost").then(pl.lit(REPOST, pl.UInt8))
        .when(pl.col("quoted").is_not_null()).then(pl.lit(QUOTE, pl.UInt8))
        .when(pl.col("reply").is_not_null()).then(pl.lit(REPLY, pl.UInt8))
        .otherwise(pl.lit(POST, pl.UInt8)),
        about=pl.when("repost").then("subject").otherwise(pl.coalesce("quoted", "parent")),
    )  # fmt: skip
    return {"kind": links["kind"], "about": links["about"]}
