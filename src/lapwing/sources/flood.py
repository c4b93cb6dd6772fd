"""One text, or the texts of a file, said again and again at a rate: for load tests, not for truth.

Everything about a post but its time follows from the seed and its number, so that two floods with one seed are one flood:
what was heard before is known. The posts are written as Mastodon's, by people of a server that cannot exist.
"""

from __future__ import annotations

import html
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from lapwing.hearing import RefusedBySource, Source, SourceChunk, Surroundings, Unfit

HOST = "flood.invalid"
"""A name that no server can have (RFC 6761)."""
SCATTER = 2_654_435_761
"""Odd, and far from a round number (Knuth's multiplicative hashing): authors take turns as if by chance."""
TICK_S = 0.1
POSTS_AT_ONCE = 2_000
SILENT_S = 120.0


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said, how often, and by how many."""

    text: Annotated[str, Meta(max_length=10_000, description="What every post says.")] = ""
    file: Annotated[
        str,
        Meta(
            description="A file in UTF-8 whose lines are the texts, said in turn; a relative path begins where we run."
        ),
    ] = ""
    column: Annotated[
        str, Meta(description="The column of `file` that holds the texts, where it is a table (CSV).")
    ] = ""
    per_second: Annotated[float, Meta(ge=0.001, le=50_000, description="Posts a second.")] = 10.0
    count: Annotated[int, Meta(ge=0, description="After so many posts it ends; 0: never.")] = 0
    people: Annotated[int, Meta(ge=1, le=10_000_000, description="By so many different authors.")] = 1_000
    lang: Annotated[
        str,
        Meta(
            pattern="^([a-z]{2,3})?$",
            description="The language that posts say they are in.",
            extra={"words": "two or three small letters, as in 'en'"},
        ),
    ] = ""
    seed: Annotated[int, Meta(ge=0, description="Another seed makes other posts of the same texts.")] = 1


class Cursor(msgspec.Struct, frozen=True):
    """How many posts were said, and until when."""

    number: int
    sure_us: int


class _Account(msgspec.Struct, frozen=True):
    acct: str
    url: str
    uri: str


class _Status(msgspec.Struct, frozen=True):
    """A status as Mastodon's API has it, with what the format reads."""

    id: str
    created_at: str
    visibility: str
    language: str | None
    uri: str
    url: str
    content: str
    account: _Account


def check(options: Options) -> Unfit | None:
    """What cannot be said: nothing, or two things at once."""
    if bool(options.text) != bool(options.file):
        return None
    what = "both text and file are given" if options.text else "there is nothing to say"
    return Unfit("text", what, 'write one of them: text = "…", or file = "texts.csv"')


async def read(options: Options, after: str, surroundings: Surroundings) -> AsyncGenerator[SourceChunk, None]:
    """Say posts at the rate, from the number in the cursor on."""
    time = surroundings.time
    said, begun_us = _texts(options), time.now_us()
    cursor = msgspec.json.decode(after, type=Cursor) if after else Cursor(0, begun_us)
    number = first = cursor.number
    from_us: int | None = cursor.sure_us  # while it did not run, nothing was said
    while not options.count or number < options.count:
        now_us = time.now_us()
        due = first + int((now_us - begun_us) / 1e6 * options.per_second)
        end = min(due, number + POSTS_AT_ONCE, options.count or due)
        times_us = [begun_us + round((each + 1 - first) / options.per_second * 1e6) for each in range(number, end)]
        posts = [_post(options, said, each, at_us) for each, at_us in zip(range(number, end), times_us, strict=True)]
        number, sure_us = end, now_us if end == due else (times_us[-1] if times_us else begun_us)
        yield SourceChunk(
            values=[value for value, _ in posts], keys=[key for _, key in posts],
            cursor=msgspec.json.encode(Cursor(number, sure_us)).decode(),
            covered_from_us=from_us, covered_to_us=sure_us, details={"said": number},
        )  # fmt: skip
        from_us = None
        if number == due:
            await time.sleep(max(TICK_S, min(1 / options.per_second, 10.0)))


def _texts(options: Options) -> list[str]:
    if (unfit := check(options)) is not None:
        raise RefusedBySource(unfit.what, unfit.next_step)
    if options.text:
        return [options.text]
    from lapwing.sources._files import texts

    return texts(options.file, options.column)


def _post(options: Options, said: list[str], number: int, at_us: int) -> tuple[bytes, str]:
    """The post of a number, and its author."""
    handle = f"drop{(number * SCATTER + options.seed) % 0xFFFFFFFF % options.people}"
    name = f"{options.seed}-{number}"
    uri = f"https://{HOST}/users/{handle}"
    created = datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    status = _Status(
        id=name,
        created_at=created,
        visibility="public",
        language=options.lang or None,
        uri=f"{uri}/statuses/{name}",
        url=f"https://{HOST}/@{handle}/{name}",
        content=f"<p>{html.escape(said[number % len(said)], quote=False)}</p>",
        account=_Account(handle, f"https://{HOST}/@{handle}", uri),
    )
    return msgspec.json.encode(status), uri


SOURCE = Source(
    network="flood",
    format="mastodon",
    options=Options,
    read=read,
    check=check,
    resume="exact",
    silence_s=lambda options: 3 / options.per_second + SILENT_S,
    example="""
[[source]]
type = "flood"
text = "Water over the road in Perth"
per_second = 100.0
""",
)
