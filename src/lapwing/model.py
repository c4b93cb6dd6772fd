"""What flows: records in, posts and changes on, everything in columns.

Times are UTC microseconds since 1970 and end in `_us`. A *name* is a text by which a network may call a post later:
its uid (``at://…``, ``x:123``, an ActivityPub uri) or an alias (``mastodon.au/1155…``, the id of a later edit).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import polars as pl

RECORD_BYTES_MAX = 1 << 20
"""A longer record is not kept, only its hash and how it begins."""

WINDOW_US = 300_000_000
"""Counting windows are five minutes; every other width is a multiple."""

KINDS = ("post", "reply", "quote", "repost")
"""The code of a kind is its position here. `posts` counts the first three, `reposts` the last."""

OPERATIONS = ("delete", "author_delete", "author_hide", "author_show")
"""The code of a change is its position here."""

EVIDENCE = ("none", "coordinates", "place", "mention", "profile")
"""How a post was located; the code is the position here."""

FINAL = (1 << 63) - 1
"""The version of a delete after which nothing can come."""

CREATED_AT_US_MIN = 1_136_073_600_000_000
"""2006-01-01. A post that says it is older is refused."""

CREATED_AHEAD_US_MAX = 86_400_000_000
"""A post that says it was made more than a day after we received it is refused."""


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """Records of one source and one format, with their envelopes, in the order in which they were heard."""

    source: str
    """The source's name in the configuration, or a name given to an import."""
    network: str
    format: str
    """The file in `formats/` that reads them."""
    values: Sequence[bytes]
    """Each record's own bytes, verbatim; at most `RECORD_BYTES_MAX` each."""
    received_at_us: list[int]
    """As long as `values`."""
    keys: list[str] | None = None
    """The author ids that decide the partition; None for imports, which go round-robin."""
    cursors: list[str] | None = None


class Refused(msgspec.Struct, frozen=True):
    """A record that cannot become a post, and why, in words that a person understands."""

    record: int
    """Position in `Records.values`."""
    reason: str


POSTS = pl.Schema(
    {
        "record": pl.UInt32(),  # position in Records.values
        "uid": pl.String(),  # the network's own global id
        "uid_time_us": pl.Int64(),  # the time inside the id, or else created_at_us; 0 if neither: a pure function of the uid or of the post
        "version": pl.Int64(),  # grows with each edit; 0 where the network does not say
        "kind": pl.UInt8(),  # see KINDS
        "author": pl.String(),  # the author's global id
        "author_name": pl.String(),  # handle, may be null
        "text": pl.String(),  # plain text: no HTML, entities resolved; never null
        "lang": pl.String(),  # the platform's tag, lower case, may be null
        "created_at_us": pl.Int64(),
        "longitude": pl.Float64(),  # of the post itself, may be null
        "latitude": pl.Float64(),
        "place_name": pl.String(),  # the platform's place ("Perth, Western Australia"), may be null
        "place_country": pl.String(),  # ISO 3166 two letters, upper case, may be null
        "place_longitude": pl.Float64(),  # the middle of the platform's place, may be null
        "place_latitude": pl.Float64(),
        "profile": pl.String(),  # where the author says they live, may be null
        "url": pl.String(),  # may be null where it can be made from the uid
        "alias": pl.String(),  # another name that deletes may use, may be null
        "alias_time_us": pl.Int64(),  # as uid_time_us, a pure function of the alias; 0 without one
        "about": pl.String(),  # the uid of the post reposted, quoted or replied to, may be null
    }
)
"""What `decode` makes: one row for each record that is a post. No column is null unless it says so."""

LOCATED = pl.Schema(
    {
        "place": pl.UInt32(),  # GeoNames id of the city, 0 when there is none
        "country": pl.String(),  # two letters, "" when unknown
        "place_by": pl.UInt8(),  # see EVIDENCE
        "place_confidence": pl.Float32(),  # 0 to 1
        "place_evidence": pl.String(),  # the words that decided, may be null
    }
)
"""What `locate` adds."""

CHANGES = pl.Schema(
    {
        "record": pl.UInt32(),
        "operation": pl.UInt8(),  # see OPERATIONS
        "name": pl.String(),  # delete: the uid or alias of the post; otherwise null
        "name_time_us": pl.Int64(),  # as uid_time_us; 0 if there is none in the name
        "author": pl.String(),  # author_*: whose; otherwise may be null
        "version": pl.Int64(),  # applies to content of this version and below
        "at_us": pl.Int64(),  # when it happened, or 0 when it is not said
    }
)
"""What `decode` makes of deletes and of authors that went or came back."""


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """What a format read in a batch of records; every record is in exactly one of the four."""

    posts: pl.DataFrame
    changes: pl.DataFrame
    filtered: dict[str, int]
    """Valid, but not for us: how many, by reason ("like", "follow", "keep-alive")."""
    refused: list[Refused]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A refused record with all that is needed to understand it, mend it and try again."""

    topic: str
    partition: int
    offset: int
    source: str
    network: str
    format: str
    reason: str
    received_at_us: int
    record: bytes


class Heard(msgspec.Struct, frozen=True):
    """How many records of a source a batch holds, and how many of them were valid but not for us, by reason."""

    source: str
    network: str
    received: int
    filtered: dict[str, int]


class Covered(msgspec.Struct, frozen=True):
    """A note about the listening to a source, from one time to another; as a record of the topic `COVERAGE`.

    Notes may come in any order and more than once: what they say together is the same.
    """

    source: str
    network: str
    from_us: int
    to_us: int
    kind: Literal["heard", "gap", "began", "ended"] = "heard"
    """`heard`: all that it said in this time is in the log, or was. `gap`: something was lost, surely or possibly; one
    that begins at the same time as an earlier one is the same gap, and may reach further. `began`: from `from_us` on it
    should be heard. `ended`: from `from_us` on no more."""
    reason: str = ""
    """Why there is a gap, for people."""
    live: bool = False
    """Whether the source is listened to as it speaks; an archive is read, and has no duty but what is declared."""


RETRIES = "_lapwing.retries"
"""The topic of dead letters that are read once more; a record's cursor is the dead letter's number."""

COVERAGE = "_lapwing.coverage"
"""The topic of what was surely heard and when."""


FORGETS = "_lapwing.forgets"
"""The topic of those who were forgotten: a keyed hash each, no name. It never expires, so that a ledger that is made anew
knows them too; nobody works through it."""


DECISIONS = "_lapwing.decisions"
"""The topic of what people decide about incidents. It never expires, so that a ledger that is made anew knows them too."""


RULES = "_lapwing.rules"
"""The topic of rules that were not written into the configuration's file. It never expires."""


FEEDBACK = "_lapwing.feedback"
"""The topic of what readers say of alerts: useful or not. It never expires."""


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """Records of one partition that a batch was made of: the offsets from `from_offset` to `to_offset`, exclusive."""

    origin: int
    """The ledger's number for the partition."""
    epoch: int
    from_offset: int
    to_offset: int
    records: int
    """How many were still there; what is missing expired before it was read."""
    own: int = 0
    """How many of them are no records of a network, but ours."""
    watermark_us: int = 0


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker made of some records; saved whole, with how far each partition was read, or not at all."""

    reads: list[Read]
    posts: pl.DataFrame
    """POSTS and what the stages added, with `source`, `network` (String), `origin` (UInt32), `offset`, `received_at_us`
    (Int64)."""
    changes: pl.DataFrame
    """CHANGES with `source` (String)."""
    heard: list[Heard]
    """One for each source that has anything in this batch."""
    refused: list[DeadLetter]
    retried: list[int] = []
    """Numbers of the dead letters that these records are: they were received before, and are no longer refused."""
    covered: list[Covered] = []
    forgotten: int = 0
    """How many people were forgotten when this was made; where it is more by now, the batch is made again."""


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch; `received` is the sum of the other five counts."""

    number: int
    """The commit number."""
    received: int = 0
    stored: int = 0
    duplicates: int = 0
    changes: int = 0
    filtered: int = 0
    refused: int = 0


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the log, as it was appended: `records` has the offsets from `base_offset` on."""

    topic: str
    partition: int
    base_offset: int
    appended_at_us: int
    records: Records
