"""What may stand in lapwing.toml: one struct for each section, with the type, bounds, default and meaning of every key.

Keys whose field ends in `_us` are durations: a text such as "7d" in the file, microseconds here.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

UNITS_US = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
    "y": 31_536_000_000_000,
}
"""What a duration may be written in; a year is 365 days."""


DurationUs = Annotated[int, Meta(ge=60_000_000, le=3_153_600_000_000_000)]
"""Microseconds; in the file a text such as "7d". At least a minute, at most a century."""


SpanUs = Annotated[int, Meta(ge=1_000, le=3_153_600_000_000_000)]
"""As `DurationUs`, from a millisecond on."""

RUN = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"
Run = Annotated[
    str,
    Meta(
        pattern=RUN,
        extra={"words": "a module, a colon and a function, as in 'reports:answer'"},
    ),
]
NAMES = {"words": "up to 100 letters, digits, '.', '_' or '-', a letter or digit first, as in 'mastodon.au'"}
"""What an `extra` says under "words" is how a value is to be written, for people; each pattern has it."""
Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="What it is called: letters, digits, `.`, `_`, `-`.",
        extra=NAMES,
    ),
]
Address = Annotated[
    str, Meta(pattern="^https?://[!-~]+$", extra={"words": "an address that begins with https:// or http://"})
]
Country = Annotated[
    str, Meta(pattern="^[A-Z]{2}$", extra={"words": "two capital letters of ISO 3166, as in 'AU' or 'ID'"})
]


class Log(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The durable, replayable log of everything that was heard."""

    url: Annotated[str, Meta(description="Where the log is: `sqlite://` is in the data directory.")] = "sqlite://"
    retention_us: Annotated[DurationUs, Meta(description="How long a record is kept, from when it was appended.")] = (
        field(name="retention", default=7 * UNITS_US["d"])
    )
    retention_bytes: Annotated[
        Annotated[int, Meta(ge=1 << 20)] | None, Meta(description="The log's largest size; the oldest goes first.")
    ] = None
    partitions: Annotated[
        int, Meta(ge=1, le=1024, description="Partitions of a new topic: how many can read at once.")
    ] = 8
    durability: Annotated[
        Literal["app-crash", "power"],
        Meta(description="What an accepted record survives: a crash of the program, or a power cut (slower)."),
    ] = "app-crash"


class Store(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ledger, which is the one that is right, and the copies made from it."""

    ledger: Annotated[str, Meta(description="Where the ledger is: `sqlite://` is in the data directory.")] = "sqlite://"
    search: Annotated[str, Meta(description="What answers searches: `ledger` is the ledger's own index.")] = "ledger"
    projections: Annotated[list[str], Meta(description="More copies, for other people's tools.")] = []
    posts_retention_us: Annotated[DurationUs, Meta(description="How long a post's text and index are kept.")] = field(
        name="posts_retention", default=90 * UNITS_US["d"]
    )
    names_retention_us: Annotated[
        DurationUs | None,
        Meta(description="How long authors' names and profiles are kept; without it as long as the text."),
    ] = field(name="names_retention", default=None)
    counts_retention_us: Annotated[
        DurationUs, Meta(description="How long counts, and the facts behind them, are kept.")
    ] = field(name="counts_retention", default=3 * UNITS_US["y"])


class Serve(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The HTTP API: where it listens, and whom it answers."""

    host: Annotated[str, Meta(min_length=1, description="The address; any but loopback needs a token.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, description="The port; 0 takes one that is free.")] = 8080
    processes: Annotated[
        int, Meta(ge=1, le=16, description="So many processes of `lapwing up` share the port and the questions.")
    ] = 1
    tls_cert: Annotated[str | None, Meta(description="A certificate's file, for HTTPS without a proxy.")] = None
    tls_key: Annotated[str | None, Meta(description="The file of its key.")] = None
    trusted_proxies: Annotated[list[str], Meta(description="Addresses whose `X-Forwarded-` headers are believed.")] = []
    hosts: Annotated[
        list[str], Meta(description="Names under which it may be asked, beside `host`, `localhost` and the loopback.")
    ] = []
    public_url: Annotated[
        Address | None,
        Meta(
            description="Where people reach it, as `https://alerts.example.org`; alerts link to their incident there."
        ),
    ] = None
    requests_per_minute: Annotated[
        int, Meta(ge=1, description="So many requests of one client; then 429 with `Retry-After`.")
    ] = 1_200
    query_budget_us: Annotated[SpanUs, Meta(description="So long may an interactive question take; then 503.")] = field(
        name="query_budget", default=UNITS_US["s"]
    )


class Function(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Python between two topics: it gets what comes on one, and what it returns goes on to the other."""

    name: Name
    from_: Annotated[str, Meta(description="The topic that it reads, from the first record on.")] = field(name="from")
    to: Annotated[str | None, Meta(description="The topic for what it returns; without one nothing is kept.")] = None
    errors: Annotated[str, Meta(description="The topic for what it failed on, with the reason.")] = "errors"
    run: Annotated[Run, Meta(description="`module:function`.")]
    retries: Annotated[
        int, Meta(ge=0, le=100, description="So often is a failure tried again, at growing intervals.")
    ] = 3
    timeout_us: Annotated[SpanUs, Meta(description="So long may one call take.")] = field(
        name="timeout", default=300 * UNITS_US["s"]
    )
    parallel: Annotated[
        int, Meta(ge=1, le=64, description="So many calls at once; the order is kept for each key.")
    ] = 1
    workers: Annotated[
        Literal["threads", "processes"],
        Meta(description="Where calls run; one that never returns can only be ended in a process."),
    ] = "threads"
    each: Annotated[bool, Meta(description="Called for each record, instead of with a frame of many.")] = False
    changes: Annotated[bool, Meta(description="Of post topics, edits and deletes too.")] = False


class Emergency(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How posts are found that may tell of an emergency."""

    gate: Annotated[
        str,
        Meta(min_length=1, description="Keywords: `shipped`, a TOML file or a folder of them, or `module:function`."),
    ] = "shipped"
    classifier: Annotated[
        str,
        Meta(min_length=1, description="Weights: `shipped`, a file that `lapwing train` wrote, or `module:function`."),
    ] = "shipped"


class Timer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Python that runs at intervals."""

    name: Annotated[str, Meta(description="What it is called in `status`; without one as what it runs.")] = ""
    run: Annotated[Run, Meta(description="`module:function`, called without arguments.")]
    every_us: Annotated[SpanUs, Meta(description="From one start to the next.")] = field(name="every")
    timeout_us: Annotated[SpanUs, Meta(description="So long may one run take.")] = field(
        name="timeout", default=300 * UNITS_US["s"]
    )
    catch_up: Annotated[
        Literal["once", "all", "none"],
        Meta(description="What is done about runs that were missed while Lapwing was down."),
    ] = "once"


class Collection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Documents that are not posts: JSON objects from a topic, each kept once for its key."""

    name: Name
    topic: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9._-]{1,249}$",
            description="Where its documents come from: a topic of your own, no `raw.` one.",
            extra={"words": "up to 249 letters, digits, '.', '_' or '-', as in 'observations'"},
        ),
    ]
    key: Annotated[
        str, Meta(min_length=1, description="The field that tells documents apart; a later one replaces an earlier.")
    ]


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reference values per region, beside the counts."""

    name: Name
    file: Annotated[
        str, Meta(min_length=1, description="CSV, JSON or GeoJSON; a relative path begins at the configuration file.")
    ]
    key: Annotated[str, Meta(min_length=1, description="The column that holds the region's code, name or place id.")]
    name_column: Annotated[
        str | None, Meta(description="The column of the region's name, in `names` if that is said; otherwise `key`.")
    ] = None
    names: Annotated[str | None, Meta(description="Another file, which has the names for the codes in `key`.")] = None
    code_column: Annotated[
        str | None, Meta(description="The column of `names` that holds the codes; otherwise it is called as `key` is.")
    ] = None
    country: Annotated[
        Country | None,
        Meta(description="Two letters; names are then looked for nowhere else."),
    ] = None
    population: Annotated[str | None, Meta(description="The column of inhabitants, from which `per_1000` is made.")] = (
        None
    )


Secret = Annotated[
    str,
    Meta(
        pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$",
        description="A secret: `env:NAME` or `file:PATH`; it never stands in the file itself.",
        extra={"secret": True, "words": "'env:NAME' for a variable, or 'file:PATH', as in 'env:MASTODON_TOKEN'"},
    ),
]


class Keep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which posts of a source are kept; the rest is counted as filtered. An empty list limits nothing."""

    words: Annotated[list[str], Meta(description="Any of these words or phrases.")] = []
    languages: Annotated[list[str], Meta(description="Any of these languages, as in `--lang`.")] = []
    places: Annotated[list[str], Meta(description="Any of these cities, as in `--place`.")] = []
    countries: Annotated[list[Country], Meta(description="Any of these countries, two letters.")] = []


class Listening(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every source has, whatever its network."""

    type: Annotated[str, Meta(min_length=1, description="The kind of source: a file in `sources/`.")]
    name: Annotated[
        str, Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$", description="As its type, unless said.", extra=NAMES)
    ] = ""
    topic: Annotated[
        str,
        Meta(
            pattern=r"^(raw\.[A-Za-z0-9._-]{1,240})?$",
            description="Where its records go: `raw.` and the network, and a suffix of your own to keep sources apart.",
            extra={"words": "'raw.', the network and perhaps a suffix, as in 'raw.mastodon' or 'raw.mastodon.au'"},
        ),
    ] = ""
    keep: Annotated[Keep, Meta(description="Which posts are kept.")] = Keep()
    paused: Annotated[bool, Meta(description="Not listened to for now.")] = False
    answers: Annotated[
        str | None,
        Meta(description="A topic of posts whose text is sent to whoever wrote the post, where that can be."),
    ] = None


class SourceTable(Struct, frozen=True, kw_only=True):
    """One source of the configuration: what every source has, and in `options` what is its network's own."""

    type: str
    name: str
    network: str
    topic: str
    keep: Keep
    paused: bool
    answers: str | None
    options: Struct | None


class Telling(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every channel has, whatever its kind."""

    type: Annotated[str, Meta(min_length=1, description="The kind of channel: a file in `notify/`.")]
    name: Annotated[
        str, Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$", description="As its type, unless said.", extra=NAMES)
    ] = ""
    paused: Annotated[bool, Meta(description="Nothing is sent for now; what is due waits, for a day at most.")] = False


class ChannelTable(Struct, frozen=True, kw_only=True):
    """One channel of the configuration: what every channel has, and in `options` what is its own."""

    type: str
    name: str
    paused: bool
    options: Struct


class RuleChannel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reader of a channel."""

    channel: Annotated[str, Meta(min_length=1, max_length=100, description="The name of a `[[channel]]`.")]
    recipient: Annotated[
        str,
        Meta(max_length=4_000, description="One of its addresses, or the mark by which it is listed; without one all."),
    ] = ""


ClockTime = Annotated[
    str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", extra={"words": "hours and minutes, as in '08:00'"})
]
ClockSpan = Annotated[
    str,
    Meta(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$",
        extra={"words": "from when to when, as in '22:00-06:00'"},
    ),
]


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody is told of, by which channel, and how often. An empty list limits nothing."""

    name: Name
    places: Annotated[
        list[str],
        Meta(
            max_length=100,
            description="Around any of these: cities as in `--place`, or points as in `-31.95, 115.86` (latitude first).",
        ),
    ] = []
    radius_km: Annotated[float, Meta(gt=0, le=20_000, description="So far around `places`.")] = 50.0
    countries: Annotated[
        list[Country],
        Meta(max_length=250, description="In any of these countries, two letters; beside `places` and `polygon`."),
    ] = []
    polygon: Annotated[
        str | list[list[float]] | dict[str, Any] | None,
        Meta(description="Inside it: GeoJSON, WKT, or a list of `[longitude, latitude]`; beside the other areas."),
    ] = None
    categories: Annotated[
        list[str], Meta(max_length=20, description="fire, flood, weather …; `weather` has flood and storm in it.")
    ] = []
    severity: Annotated[
        Literal["unknown", "minor", "moderate", "severe", "extreme"], Meta(description="The least severity.")
    ] = "minor"
    state: Annotated[Literal["possible", "confirmed"], Meta(description="From which state on.")] = "possible"
    languages: Annotated[
        list[str], Meta(max_length=100, description="Told by somebody in any of these languages, as in `--lang`.")
    ] = []
    words: Annotated[
        list[str], Meta(max_length=100, description="With any of these words, or all words of one of these phrases.")
    ] = []
    channels: Annotated[
        list[str | RuleChannel],
        Meta(max_length=100, description="Who is told: names of channels, or `{ channel = …, recipient = … }`."),
    ] = []
    budget: Annotated[
        int, Meta(ge=1, le=1_000, description="So many interrupts a day for each reader; the rest is in digests.")
    ] = 5
    digests: Annotated[
        list[ClockTime],
        Meta(min_length=1, max_length=24, description="When digests are sent; each counts as an interrupt."),
    ] = field(default_factory=lambda: ["08:00", "18:00"])
    quiet: Annotated[
        list[ClockSpan], Meta(max_length=24, description="When only what `breaks_through` interrupts: `22:00-06:00`.")
    ] = []
    zone: Annotated[str, Meta(min_length=1, max_length=64, description="The time zone of all these times.")] = "UTC"
    breaks_through: Annotated[
        Literal["never", "minor", "moderate", "severe", "extreme"],
        Meta(description="From this severity on quiet hours do not count; the budget always does."),
    ] = "severe"
    paused: Annotated[bool, Meta(description="Nobody is told for now.")] = False


def duration_us(text: str) -> int:
    """Microseconds in "90s", "7d", "3y" or "1h30m"; `ValueError` for anything else."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(us|ms|[smhdwy])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        message = f"{text!r} is not a duration; write a number and a unit, as in '90s', '15m', '7d' or '3y'"
        raise ValueError(message)
    return round(sum(float(number) * UNITS_US[unit] for number, unit in parts))


def format_duration(us: int) -> str:
    """A text that `duration_us` reads as `us`: in the largest unit that leaves no fraction, weeks apart."""
    for unit, size in reversed(UNITS_US.items()):
        if us and us % size == 0 and unit != "w":
            return f"{us // size}{unit}"
    return "0s"
