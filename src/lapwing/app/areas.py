"""Polygons as people write them: GeoJSON, WKT, or a list of points."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from lapwing.errors import UsageError
from lapwing.incidents.rules import Ring

POINTS_MAX = 20_000
DEPTH_MAX = 10
HOW = "write GeoJSON, WKT as in POLYGON((115 -32, 117 -32, 117 -31)), or a list of [longitude, latitude]"

Polygons = tuple[tuple[Ring, ...], ...]


def polygons_of(said: Any) -> Polygons:
    """The polygons, each an outer ring and its holes; raises `UsageError` for what is none."""
    if said is None or said == "":
        return ()
    if isinstance(said, str):
        said = _text(said.strip())
    found = _geometry(said, 0) if isinstance(said, dict) else ((_ring(said),),)
    points = sum(len(ring) for rings in found for ring in rings)
    if not found or points > POINTS_MAX:
        raise UsageError(f"a polygon of {points:,} points", f"it needs at least 3 and may have {POINTS_MAX:,}")
    return found


def _text(text: str) -> Any:
    if not text.startswith(("{", "[")):
        return _well_known(text)
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as problem:
        raise UsageError(f"the polygon is no JSON ({problem})", HOW) from problem


def _geometry(said: dict[str, Any], depth: int) -> Polygons:
    """The polygons of a GeoJSON object (RFC 7946)."""
    kind = said.get("type")
    parts = {"FeatureCollection": "features", "GeometryCollection": "geometries"}.get(str(kind))
    if depth > DEPTH_MAX:
        raise UsageError("the polygon is nested too deeply", HOW)
    if parts is not None and isinstance(said.get(parts), list):
        return tuple(each for part in said[parts] if isinstance(part, dict) for each in _geometry(part, depth + 1))
    if kind == "Feature" and isinstance(said.get("geometry"), dict):
        return _geometry(said["geometry"], depth + 1)
    coordinates = said.get("coordinates")
    if kind == "Polygon" and isinstance(coordinates, list) and coordinates:
        return (tuple(map(_ring, coordinates)),)
    if kind == "MultiPolygon" and isinstance(coordinates, list):
        return tuple(tuple(map(_ring, rings)) for rings in coordinates if isinstance(rings, list) and rings)
    raise UsageError(f"{str(kind)[:40]} is no polygon", HOW)


def _ring(said: Any) -> Ring:
    if not isinstance(said, list | tuple):
        raise UsageError("a polygon is a list of points", HOW)
    ring = tuple(map(_point, said))
    if len(ring) > 1 and ring[0] == ring[-1]:
        ring = ring[:-1]
    if len(ring) < 3:
        raise UsageError("a polygon has at least three corners", HOW)
    return ring


def _point(said: Any) -> tuple[float, float]:
    numbers = said[:2] if isinstance(said, list | tuple) else ()
    if len(numbers) != 2 or not all(isinstance(each, int | float) and not isinstance(each, bool) for each in numbers):
        raise UsageError(f"{str(said)[:60]} is no point", HOW)
    try:
        longitude, latitude = map(float, numbers)
    except OverflowError as problem:
        raise UsageError("a point has a number beyond all bounds", HOW) from problem
    if not (abs(longitude) <= 180 and abs(latitude) <= 90):
        raise UsageError(f"longitude {longitude:g}, latitude {latitude:g} is nowhere", "longitude comes first")
    return longitude, latitude


_RING = re.compile(r"\(([^()]*)\)")


def _well_known(text: str) -> dict[str, Any]:
    """WKT (OGC 06-103r4) as GeoJSON: POLYGON and MULTIPOLYGON, in two dimensions."""
    match = re.fullmatch(r"(?:SRID=4326;)?\s*(MULTI)?POLYGON\s*(\(.*\))", text, flags=re.IGNORECASE | re.DOTALL)
    if match is None:
        raise UsageError(f"{text[:40]!r} is no polygon", HOW)
    parts = re.split(r"\)\s*\)\s*,\s*\(\s*\(", match[2]) if match[1] else [match[2]]
    polygons = [[_numbers(ring) for ring in _RING.findall(f"({part.strip('() ')})")] for part in parts]
    return {"type": "MultiPolygon", "coordinates": polygons}


def _numbers(ring: str) -> list[list[float]]:
    try:
        return [[float(each) for each in point.split()] for point in ring.split(",")]
    except ValueError as problem:
        raise UsageError(f"{ring[:40]!r} is no list of points", HOW) from problem
