"""Samples as batches of records, and the law that every record ends as exactly one thing."""

from __future__ import annotations

from pathlib import Path

from lapwing import catalog
from lapwing.model import CHANGES, POSTS, Decoded, Records

SAMPLES = Path(__file__).parent / "samples"
RECEIVED_AT_US = 1_799_150_000_000_000
"""2027-01-05 11:53:20 UTC, after everything in the samples."""


def sample(name: str) -> list[bytes]:
    """The lines of a sample."""
    return [line for line in (SAMPLES / name).read_bytes().split(b"\n") if line]


def batch(format: str, values: list[bytes], source: str = "here") -> Records:
    """Records as a source would hand them over."""
    network = catalog.load("formats", format).network
    received = [RECEIVED_AT_US] * len(values)
    return Records(source=source, network=network, format=format, values=values, received_at_us=received)


def decode(format: str, values: list[bytes], source: str = "here") -> Decoded:
    """Decode, and check the accounting and the schemas."""
    decoded = catalog.load("formats", format).decode(batch(format, values, source))
    assert decoded.posts.schema == POSTS
    assert decoded.changes.schema == CHANGES
    ends = decoded.posts["record"].to_list() + decoded.changes["record"].to_list()
    ends += [refused.record for refused in decoded.refused]
    assert len(set(ends)) == len(ends)
    assert len(values) == len(ends) + sum(decoded.filtered.values())
    nullable = set(POSTS) - {"record", "uid", "uid_time_us", "version", "kind", "author", "text", "created_at_us"}
    assert all(decoded.posts[name].null_count() == 0 for name in set(POSTS) - nullable | {"alias_time_us"})
    return decoded


def reason(format: str, value: bytes) -> str:
    """Why one record is refused."""
    return decode(format, [value]).refused[0].reason
