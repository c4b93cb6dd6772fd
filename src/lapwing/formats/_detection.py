"""Which format a file is in, by asking every format about some of its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lapwing.contracts import Format


def detect(records: Sequence[bytes], formats: Mapping[str, Format]) -> str | None:
    """Name the format that recognises most of `records`, the first by name where two are equal; None for no record."""
    counts = {name: sum(map(formats[name].recognises, records)) for name in sorted(formats)}
    best = max(counts, key=lambda name: counts[name], default=None)
    return best if best is not None and counts[best] else None
