"""Earthquakes of the United States Geological Survey: features of its GeoJSON summaries and of its event service.

The facts come from the documentation of USGS's GeoJSON summary format. A record is one feature; `split` makes those of
a FeatureCollection. The version is when the feature was last updated. An earthquake that several networks measured has
several ids, and the preferred one may change: `ids` has all, and one of the others becomes the alias, so that the same
earthquake under that id is known again.
"""

from __future__ import annotations

import re

import msgspec

from lapwing.contracts import Format
from lapwing.formats import _by_row
from lapwing.formats._by_row import Row
from lapwing.formats._reading import UNREADABLE, read
from lapwing.formats._rows import Outcome
from lapwing.formats._times import milliseconds_us
from lapwing.model import FINAL, Decoded, Records

ABSENT = msgspec.Raw()
"""Stands for a field that a record does not have."""

PAGE = re.compile(rb'[^"]*"')
"""Any object may be a collection, as its fields have no order; `split` looks for its name before it reads."""

_DELETED = "deleted"


class Point(msgspec.Struct, gc=False):
    coordinates: list[float] | None = None


class Properties(msgspec.Struct, gc=False):
    mag: float | None = None
    place: str | None = None
    time: float | None = None
    updated: float | None = None
    url: str | None = None
    status: str | None = None
    net: str | None = None
    ids: str | None = None
    title: str | None = None


class Feature(msgspec.Struct, gc=False):
    id: str | None = None
    properties: Properties | None = None
    geometry: Point | None = None


class Collection(msgspec.Struct, gc=False):
    type: str
    features: list[msgspec.Raw]


class Probe(msgspec.Struct, gc=False):
    """Just enough to tell earthquakes from every other feature."""

    type: str | None = None
    properties: msgspec.Raw = ABSENT


class ProbedProperties(msgspec.Struct, gc=False):
    time: msgspec.Raw = ABSENT
    net: msgspec.Raw = ABSENT
    code: msgspec.Raw = ABSENT
    ids: msgspec.Raw = ABSENT


_feature = msgspec.json.Decoder(Feature).decode
_collection = msgspec.json.Decoder(Collection).decode
_probe = msgspec.json.Decoder(Probe).decode
_probe_properties = msgspec.json.Decoder(ProbedProperties).decode


def recognises(value: bytes) -> bool:
    """Whether a record is a feature that is an earthquake of USGS."""
    try:
        probe = _probe(value)
        if probe.type != "Feature" or probe.properties is ABSENT:
            return False
        inside = _probe_properties(probe.properties)
    except UNREADABLE:
        return False
    return all(part is not ABSENT for part in (inside.time, inside.net, inside.code, inside.ids))


def split(value: bytes) -> list[bytes] | None:
    """Give the features of a collection, or None for everything else."""
    if b'"FeatureCollection"' not in value:
        return None
    try:
        collection = _collection(value)
    except UNREADABLE:
        return None
    features = [bytes(feature) for feature in collection.features]
    return features if features and collection.type == "FeatureCollection" else None


def decode(records: Records) -> Decoded:
    """Read a batch of features."""
    outcome = Outcome()
    made, refused = read(records.values, _feature)
    outcome.refused += refused
    rows: list[Row] = []
    for record, feature in enumerate(made):
        if feature is None:
            continue
        said = feature.properties
        if not feature.id or said is None:
            outcome.refuse(record, f"not a feature of USGS: no {'id' if said is not None else 'properties'}")
        elif said.updated is not None and milliseconds_us(said.updated) < 0:
            outcome.refuse(record, f"updated {said.updated:.0f} is not a time in milliseconds")
        elif said.status is not None and said.status.lower() == _DELETED:
            _delete(record, feature.id, said, outcome)
        else:
            rows.append(_row(record, feature.id, said, feature.geometry))
    return _by_row.finish(records, outcome, rows)


def _version(said: Properties) -> int:
    return 0 if said.updated is None else milliseconds_us(said.updated)


def _delete(record: int, name: str, said: Properties, outcome: Outcome) -> None:
    at_us = _version(said)
    outcome.delete(record, (f"usgs:{name}", 0), _author(name, said), (at_us or FINAL, at_us))


def _row(record: int, name: str, said: Properties, point: Point | None) -> Row:
    others = [each for each in (said.ids or "").split(",") if each and each != name]
    coordinates = (point and point.coordinates) or []
    return {
        "record": record,
        "uid": f"usgs:{name}",
        "version": _version(said),
        "author": _author(name, said),
        "author_name": said.net,
        "text": _words(said),
        "lang": "en",
        "said": None if said.time is None else f"{said.time:.0f}",
        "created_at_us": milliseconds_us(said.time),
        "longitude": coordinates[0] if len(coordinates) >= 2 else None,  # a third is the depth
        "latitude": coordinates[1] if len(coordinates) >= 2 else None,
        "url": said.url if said.url and said.url.startswith(("https://", "http://")) else None,
        "alias": f"usgs:{others[0]}" if others else None,
    }


def _author(name: str, said: Properties) -> str:
    """Name the seismic network that is preferred; without it the first two letters of the id are its code."""
    return f"usgs:{said.net or name[:2]}"


def _words(said: Properties) -> str | None:
    """Title and place; the title has nearly always the place in it."""
    title = said.title or (f"M {said.mag:.1f}" if said.mag is not None else "")
    if said.place and said.place not in title:
        title = f"{title} - {said.place}" if title else said.place
    return title or None


EXAMPLE = [
    b'{"type":"Feature","properties":{"mag":4.2,"place":"12 km E of Perth, Australia","time":1799143200000,'
    b'"updated":1799143260000,"url":"https://earthquake.example/us7000aaaa","status":"automatic","net":"us",'
    b'"code":"7000aaaa","ids":",us7000aaaa,au26aaaa,","type":"earthquake","title":"M 4.2 - 12 km E of Perth, Australia"},'
    b'"geometry":{"type":"Point","coordinates":[115.98,-31.95,10]},"id":"us7000aaaa"}',
    b'{"type":"Feature","properties":{"time":1799143200000,"updated":1799144200000,"status":"deleted","net":"us",'
    b'"code":"7000bbbb","ids":",us7000bbbb,"},"geometry":null,"id":"us7000bbbb"}',
]

FORMAT = Format(network="usgs", recognises=recognises, decode=decode, split=split, page=PAGE, example=EXAMPLE)
