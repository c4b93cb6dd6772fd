"""How long an answer may be."""

from __future__ import annotations

ELLIPSIS = "…"


def shortened(text: str, units_max: int) -> str:
    """The text, cut where it has more UTF-16 code units than a network takes; characters stay whole."""
    text = text.strip()
    encoded = text.encode("utf-16-le", "replace")
    if len(encoded) // 2 <= units_max:
        return text
    return encoded[: 2 * (units_max - len(ELLIPSIS))].decode("utf-16-le", "ignore").rstrip() + ELLIPSIS
