"""Rows of any answer as CSV, piece by piece, safe to open in a spreadsheet."""

from __future__ import annotations

from typing import Any

from lapwing.app.tables import POST_COLUMNS, sheet_of
from lapwing.contracts import Page

COLUMNS: dict[str, tuple[str, ...]] = {
    "posts": POST_COLUMNS,
    "counts": (
        "window", "place_id", "place_name", "country", "posts", "reposts", "people", "people_exact", "complete",
        "processed", "gaps",
    ),
    "words": ("word", "count"),
    "places": ("id", "name", "country", "latitude", "longitude", "population", "posts", "reposts", "people"),
    "incidents": (
        "id", "state", "reason", "category", "severity", "place_id", "place_name", "country", "first_at", "last_at",
        "people", "posts", "reposts", "withdrawn", "official", "muted", "merged_into",
    ),
    "errors": (
        "id", "source", "network", "format", "topic", "partition", "offset", "reason", "received_at", "refused_at",
        "record",
    ),
}  # fmt: skip
"""What each kind of answer has in a table."""


def sheet(kind: str, page: Page, heading: bool) -> bytes:
    """The rows as CSV, with the names of the columns before them or without; those of a reference table come last."""
    table: list[list[Any]] = []
    if heading:
        table.append([*COLUMNS[kind], *(f"with.{column}" for column in page.columns)])
    for row in page.rows:
        flat, beside = _flat(row), row.get("with") or {}
        table.append([*map(flat.get, COLUMNS[kind]), *map(beside.get, page.columns)])
    return sheet_of(table).encode("utf-8", "surrogatepass")


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose place, gaps and undecodable record are values that fit into cells."""
    flat = dict(row)
    if place := row.get("place"):
        flat |= {"place_id": place["id"], "place_name": place["name"], "country": place["country"]}
    if "gaps" in row:
        flat["gaps"] = "; ".join(f"{gap['source']} {gap['from']}/{gap['to']} {gap['reason']}" for gap in row["gaps"])
    if isinstance(row.get("record"), dict):
        flat["record"] = row["record"]["base64"]
    return flat
