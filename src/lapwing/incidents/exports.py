"""Incidents in the shapes of others: GeoJSON (RFC 7946) and drafts in the Common Alerting Protocol 1.2 (OASIS, 2010)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

CAP_CATEGORIES = {
    "fire": "Fire", "crime": "Security", "violence": "Security", "weather": "Met", "flood": "Met", "storm": "Met",
    "earthquake": "Geo", "health": "Health", "infrastructure": "Infra", "accident": "Rescue",
}  # fmt: skip
CERTAINTIES = {"possible": "Possible", "confirmed": "Likely", "fading": "Likely", "closed": "Observed"}
NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
SENDER = "lapwing"


def geojson(incidents: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A FeatureCollection; an incident of which no point is known has no geometry."""
    return {"type": "FeatureCollection", "features": [_feature(each) for each in incidents]}


def _feature(incident: Mapping[str, Any]) -> dict[str, Any]:
    point = incident["point"]
    geometry = None
    if point is not None:
        geometry = {"type": "Point", "coordinates": [point["longitude"], point["latitude"]]}
    return {"type": "Feature", "id": incident["id"], "geometry": geometry, "properties": dict(incident)}


def cap(incident: Mapping[str, Any], sent: str, describe: str) -> str:
    """A CAP alert with the status Draft: a person looks at it before anybody is warned. `sent` is its time, RFC 3339."""
    point, place = incident["point"], incident["place"]
    name = f"{place['name']}, {place['country']}" if place else incident["country"] or "unknown"
    area = [f"<areaDesc>{_text(name)}</areaDesc>"]
    if point is not None:
        area.append(f"<circle>{point['latitude']},{point['longitude']} {max(point['radius_km'], 1.0)}</circle>")
    over = incident["state"] in ("fading", "closed")
    info = [
        f"<category>{CAP_CATEGORIES.get(incident['category'], 'Other')}</category>",
        f"<event>{_text(incident['category'])}</event>",
        f"<responseType>{'AllClear' if over else 'Monitor'}</responseType>",
        f"<urgency>{'Past' if over else 'Unknown'}</urgency>",
        f"<severity>{incident['severity'].capitalize()}</severity>",
        f"<certainty>{CERTAINTIES[incident['state']]}</certainty>",
        f"<onset>{_offset(incident['first_at'])}</onset>",
        f"<headline>{_text(incident['category'].capitalize() + ': ' + name)}</headline>",
        f"<description>{_text(describe)}</description>",
        f"<area>{''.join(area)}</area>",
    ]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<alert xmlns="{NAMESPACE}"><identifier>lapwing-{_text(incident["id"])}-{incident["changes"]}</identifier>'
        f"<sender>{SENDER}</sender><sent>{_offset(sent)}</sent><status>Draft</status><msgType>Alert</msgType>"
        f"<scope>Public</scope><info>{''.join(info)}</info></alert>\n"
    )


def _text(text: str) -> str:
    """Text that XML may hold: characters that it forbids are left out."""
    return escape("".join(each for each in text if each in "\t\n" or (each >= " " and each not in "\ufffe\uffff")))


def _offset(time: str) -> str:
    """As CAP writes times: whole seconds, and an offset instead of Z."""
    return time[:19] + "-00:00"
