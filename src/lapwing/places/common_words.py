"""Names of cities that in ordinary text are mostly something else: words, first and family names, clubs, brands."""

from __future__ import annotations

COMMON_NAMES = frozenset("""
    reading nice mobile bath hull
""".split())  # fmt: skip
