"""What programs hand in over HTTP: looked at on the doorstep, durable when the answer is given."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from lapwing.app.files import split
from lapwing.app.opening import Directory
from lapwing.app.topics import TOPIC
from lapwing.contracts import Format
from lapwing.errors import Unacceptable, UsageError
from lapwing.formats._detection import detect
from lapwing.formats._reading import explain
from lapwing.model import RECORD_BYTES_MAX, Records

POSTS = re.compile(r"raw\.([a-z0-9]+)(\..+)?")
BLAMED_MAX = 20
"""So many wrong records are named."""
DETECTED_AMONG = 50


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """What came in: the body's bytes, whether each line is a record, who sends it, and the key of a repetition."""

    topic: str
    body: bytes
    lines: bool
    source: str
    key: str | None = None


def accept(directory: Directory, handed: Handed) -> dict[str, Any]:
    """``{"topic", "records", "repeated"}`` when the records are durable; `repeated` if this key was accepted before.

    Raises `UsageError` for a topic that is not to be written to, `Unacceptable` for records that are not what they should
    be, `DiskFull`.
    """
    _check_topic(handed.topic)
    post_topic = POSTS.fullmatch(handed.topic)
    values = _split(handed, known=bool(post_topic))
    now_us = directory.clock.now_us()
    if post_topic:
        records = _posts(directory, handed, values, post_topic[1])
    else:
        times = [now_us] * len(values)
        records = Records(source=handed.source, network="", format="json", values=values, received_at_us=times)
    if not records.values:
        return {"topic": handed.topic, "records": 0, "repeated": False}
    fresh = True
    if handed.key is None:
        directory.log.append(handed.topic, records, now_us=now_us)
    else:
        fresh = directory.log.append_once(handed.topic, records, now_us=now_us, key=handed.key)
    return {"topic": handed.topic, "records": len(records.values), "repeated": not fresh}


def _check_topic(topic: str) -> None:
    if not TOPIC.fullmatch(topic):
        raise UsageError(
            f"{topic!r} is not the name of a topic",
            "use up to 249 letters, digits, `.`, `_` and `-`, and not only dots",
        )
    if topic.startswith("_lapwing"):
        raise UsageError(f"{topic} is one of our own topics", "write to another")
    if topic == "raw" or (topic.startswith("raw.") and not POSTS.fullmatch(topic)):
        raise UsageError(f"{topic} is no topic of posts", "write raw.<network> or raw.<network>.<suffix>, as in raw.x")


def _split(handed: Handed, *, known: bool) -> list[bytes]:
    """The records of a body, none larger than a record may be; where no format is `known` that reads them, each is JSON."""
    values = [line for line in handed.body.split(b"\n") if line.strip()] if handed.lines else [handed.body.strip()]
    wrong = []
    for number, value in enumerate(values):
        if len(value) > RECORD_BYTES_MAX:
            raise Unacceptable(f"record {number} has {len(value):,} bytes", [], status=413, next_step=_SMALLER)
        if (not known or value.startswith(b"[")) and (problem := not_json(value)) is not None:
            wrong.append({"record": number, "reason": problem})
    if wrong:
        raise Unacceptable("not JSON", wrong[:BLAMED_MAX], next_step="send JSON, or NDJSON as application/x-ndjson")
    return values


_SMALLER = f"a record may have {RECORD_BYTES_MAX:,} bytes"


def not_json(value: bytes) -> str | None:
    """Why a record is not JSON; None if it is."""
    try:
        value.decode("utf-8")
        msgspec.json.decode(value)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as problem:
        return explain(value, problem)
    return None


def _posts(directory: Directory, handed: Handed, values: list[bytes], network: str) -> Records:
    """Records of a network, of one format, every one of which decodes."""
    formats = directory.formats
    known = {name: formats[name] for name in formats if formats[name].network == network}
    if not known:
        networks = sorted({formats[name].network for name in formats} - {"", "unknown"})
        raise UsageError(f"no format reads posts of {network!r}", "known networks: " + ", ".join(networks))
    values = [part for value in values for part in _elements(value)]
    parts = [part for value in values for part in split(value, known)]
    name = detect(parts[:DETECTED_AMONG], known)
    if name is None:
        raise Unacceptable("these are not posts", _why_not(handed, parts, known), next_step=_AS_WRITTEN)
    times = [directory.clock.now_us()] * len(parts)
    records = Records(source=handed.source, network=network, format=name, values=parts, received_at_us=times)
    refused = [{"record": each.record, "reason": each.reason} for each in known[name].decode(records).refused]
    if refused:
        raise Unacceptable("some records cannot become posts", refused[:BLAMED_MAX], next_step="nothing was kept")
    return records


_AS_WRITTEN = "send each as the network itself writes it"


def _why_not(handed: Handed, parts: list[bytes], known: dict[str, Format]) -> list[dict[str, object]]:
    """What each record lacks to be a post, by every format that might have read it."""
    blamed = parts[:BLAMED_MAX]
    reasons: list[list[str]] = [[] for _ in blamed]
    for name, format in known.items():
        records = Records(
            source=handed.source, network=format.network, format=name, values=blamed, received_at_us=[0] * len(blamed)
        )
        for refused in format.decode(records).refused:
            reasons[refused.record].append(refused.reason if len(known) == 1 else f"as {name}: {refused.reason}")
    nothing = f"it is in none of the formats of {', '.join(sorted({each.network for each in known.values()}))}"
    return [{"record": number, "reason": "; ".join(said) or nothing} for number, said in enumerate(reasons)]


def _elements(value: bytes) -> list[bytes]:
    """The elements of an array, verbatim; anything else is one record."""
    if not value.startswith(b"["):
        return [value]
    return [bytes(element) for element in msgspec.json.decode(value, type=list[msgspec.Raw])]
