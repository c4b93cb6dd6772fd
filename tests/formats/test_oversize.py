"""Stand-ins for records that were too long."""

from __future__ import annotations

from formats.reading_samples import decode, reason
from lapwing.containers.batches import Long
from lapwing.formats import oversize


def test_they_are_refused_for_good() -> None:
    record = Long(b'{"text":"' + b"\xff" * 2_000_000).done().record()
    assert oversize.recognises(record)
    assert reason("oversize", record) == "record of 2000009 bytes is longer than 1 MiB; not retriable"


def test_others_are_refused_too() -> None:
    assert decode("oversize", [b"{}", b"\xff"]).posts.height == 0
    assert not oversize.recognises(b"{}")
