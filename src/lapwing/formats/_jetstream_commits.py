"""Commits of Jetstream's first generation, whole columns at once: posts and reposts that were made or changed, and what
is not for us. `jetstream` reads all others, and would read these the same way; tests compare both.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from lapwing.formats._rows import Columns, Outcome
from lapwing.formats._times import instants_us, tids_us
from lapwing.model import KINDS
from lapwing.native.projection import INTEGER, RAW, TEXT, First, Noted, Projection, project

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


def read_commits(values: list[bytes], outcome: Outcome) -> tuple[Columns, list[int]] | None:
    """The columns of the usual posts, and the positions of the events that are left; None where there is no compiled
    part. What is filtered is noted in `outcome`.
    """
    read = project(values, _EVENT)
    if read is None:
        return None
    fields, left = read
    rare = [name for name in _RARE if fields[name].null_count() < fields.height]
    commit = (pl.col("kind") == "commit") & (pl.col("did") != "") & (pl.col("commit.collection") != "")
    ours = pl.col("commit.collection").is_in([POST_COLLECTION, REPOST_COLLECTION])
    said = fields.select(
        plain=pl.all_horizontal(commit.fill_null(False), *(pl.col(name).is_null() for name in rare)),
        ours=ours.fill_null(False),
        repost=(pl.col("commit.collection") == REPOST_COLLECTION).fill_null(False),
    )
    plain = said["plain"].to_numpy() & ~left
    others = np.flatnonzero(plain & ~said["ours"].to_numpy())
    for collection in fields["commit.collection"].gather(others).to_list():
        outcome.leave(OTHER_COLLECTIONS.get(collection, "other collection"))
    fields = fields.with_columns(said["repost"], version=tids_us(fields["commit.rev"].fill_null("")))
    usual = np.flatnonzero(plain & said["ours"].to_numpy() & _is_usual(fields))
    rest = np.ones(len(values), dtype=np.bool_)
    rest[usual] = rest[others] = False
    return _columns(fields[usual] if len(usual) < len(values) else fields, usual), np.flatnonzero(rest).tolist()


def _is_usual(fields: pl.DataFrame) -> np.ndarray:
    """Whether a commit makes or changes a post and says all that posts say."""
    record = "commit.record."
    usual = pl.all_horizontal(
        pl.col("commit.operation").is_in(["create", "update"]),
        pl.col("commit.rkey") != "",
        pl.col("version") > 0,
        pl.col(f"{record}createdAt").is_not_null(),
        pl.col(f"{record}text").is_not_null() | pl.col("repost"),
        pl.col(f"{record}reply").is_null() | pl.col(f"{record}reply.parent.uri").is_not_null(),
    ).fill_null(False)
    answer: np.ndarray = fields.select(usual).to_series().to_numpy()
    return answer


def _columns(fields: pl.DataFrame, rows: np.ndarray) -> Columns:
    record = "commit.record."
    said = fields[f"{record}createdAt"]
    uid = pl.concat_str(pl.lit("at://"), "did", pl.lit("/"), "commit.collection", pl.lit("/"), "commit.rkey")
    columns: Columns = {
        "record": pl.Series(rows, dtype=pl.UInt32),
        "uid": fields.select(uid).to_series(),
        "uid_time_us": tids_us(fields["commit.rkey"]),
        "version": fields["version"],
        "author": fields["did"],
        "text": fields.select(pl.when("repost").then(pl.lit("")).otherwise(f"{record}text")).to_series(),
        "lang": fields[f"{record}langs.0"],
        "said": said,
        "created_at_us": instants_us(said),
    }
    return columns | _links(fields)


def _links(fields: pl.DataFrame) -> Columns:
    """Kind, and what a post is about: reposted, quoted or answered, in this order; lists and feeds can be embedded too."""
    record = "commit.record."
    quoted = pl.coalesce(
        pl.col(f"{record}embed.record.uri").replace("", None), pl.col(f"{record}embed.record.record.uri")
    )
    links = fields.with_columns(
        quoted=pl.when(quoted.str.contains(f"/{POST_COLLECTION}/", literal=True)).then(quoted)
    ).select(
        kind=pl.when("repost").then(pl.lit(REPOST, pl.UInt8))
        .when(pl.col("quoted").is_not_null()).then(pl.lit(QUOTE, pl.UInt8))
        .when(pl.col(f"{record}reply").is_not_null()).then(pl.lit(REPLY, pl.UInt8))
        .otherwise(pl.lit(POST, pl.UInt8)),
        about=pl.when("repost").then(f"{record}subject.uri").otherwise(pl.coalesce("quoted", f"{record}reply.parent.uri")),
    )  # fmt: skip
    return {"kind": links["kind"], "about": links["about"]}
