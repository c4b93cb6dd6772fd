"""Our own decoders read the evening: every good record, and none of the broken ones."""

from __future__ import annotations

import base64
import json
from datetime import datetime

import pytest

from lapwing.contracts import Format
from lapwing.demo import Options, Truth, generate
from lapwing.model import KINDS, Decoded, Records

READERS = {
    name: pytest.importorskip(f"lapwing.formats.{name}").FORMAT for name in ("x_v2", "x_v1", "mastodon", "jetstream")
}


def _decoded(format_: Format, source: str, lines: list[dict]) -> Decoded:
    records = [each["record"] for each in lines]
    values = [each.encode() if isinstance(each, str) else base64.b64decode(each["base64"]) for each in records]
    moments = [round(datetime.fromisoformat(each["received_at"]).timestamp() * 1_000_000) for each in lines]
    return format_.decode(
        Records(
            source=source, network=format_.network, format=lines[0]["format"], values=values, received_at_us=moments
        )
    )


@pytest.fixture(scope="module")
def read() -> tuple[list[tuple[list[int], Decoded]], Truth]:
    """For each source the numbers of its lines and what was read in them."""
    lines, truth = generate(7, Options(scale=0.02))
    heard: dict[tuple[str, str], tuple[list[int], list[dict]]] = {}
    for number, line in enumerate(lines):
        envelope = json.loads(line)
        numbers, envelopes = heard.setdefault((envelope["format"], envelope["source"]), ([], []))
        numbers.append(number)
        envelopes.append(envelope)
    return [(rows, _decoded(READERS[name], source, part)) for (name, source), (rows, part) in heard.items()], truth


def test_exactly_the_broken_records_are_refused(read: tuple[list[tuple[list[int], Decoded]], Truth]) -> None:
    parts, truth = read
    refused = {numbers[each.record] for numbers, decoded in parts for each in decoded.refused}
    broken = {line for line, _, _ in truth.broken}
    assert broken <= refused
    assert len(refused) == truth.accounting.refused + truth.duplicates["broken, repeated"]


def test_every_post_is_read_as_it_was_made(read: tuple[list[tuple[list[int], Decoded]], Truth]) -> None:
    parts, truth = read
    made = dict(zip(truth.posted.uid, zip(truth.posted.kind, truth.posted.created_us, strict=True), strict=True))
    found = {}
    for _, decoded in parts:
        plain = decoded.posts.unique("uid", keep="first", maintain_order=True)
        for uid, kind, created_us in plain.select("uid", "kind", "created_at_us").iter_rows():
            found.setdefault(uid, (KINDS[kind], created_us))
    assert found.keys() == made.keys()
    assert found == made


def test_likes_follows_deletes_and_edits_are_read(read: tuple[list[tuple[list[int], Decoded]], Truth]) -> None:
    parts, truth = read
    filtered: dict[str, int] = {}
    for _, decoded in parts:
        for reason, count in decoded.filtered.items():
            filtered[reason] = filtered.get(reason, 0) + count
    assert filtered == truth.filtered
    assert sum(decoded.changes.height for _, decoded in parts) == truth.deletes + 1
    seen = sum(decoded.posts.height for _, decoded in parts)
    copies = truth.accounting.duplicates - truth.duplicates["broken, repeated"]
    assert seen == truth.accounting.stored + truth.edits + copies
