"""Alerts of the Common Alerting Protocol: versions 1.0, 1.1 and 1.2, as the XML that authorities publish.

The facts come from the OASIS standard "Common Alerting Protocol Version 1.2" and its forerunners. A record is one
`alert` document, verbatim. What is known of it is the sender, the identifier and when it was sent.

An Update replaces the alerts that it refers to: its uid is that of the earliest one and its own name an alias, as X does
it with edits; where it refers only to the last of a chain, that one's alias leads to the first. A Cancel deletes what it
refers to; `split` makes one Cancel for each reference, as one record can delete one post. Only alerts that are actual
and public become posts. One post speaks one language: English where an alert has it, as most readers and rules do, or
else the first. Where an alert holds is its platform's place: the middle of the box around all its polygons and circles.
"""

from __future__ import annotations

import re

from lapwing.contracts import Format
from lapwing.formats import _by_row
from lapwing.formats._by_row import Row
from lapwing.formats._cap_areas import Unfit, middle_of
from lapwing.formats._cap_documents import NAMESPACES, Alert, Info, read_alert
from lapwing.formats._rows import Outcome
from lapwing.formats._times import instant_us
from lapwing.model import Decoded, Records

REFERENCES_MAX = 1000
"""A longer list of references is not split."""

BEGINNING_BYTES = 4096
"""The root of an alert begins here, behind comments and style sheets."""

PAGE = re.compile(rb"[^<]*<")
"""Every alert may be a Cancel of several; `split` looks for the words before it reads."""

_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?alert[\s>]")
_CANCEL = re.compile(rb"<((?:[A-Za-z_][\w.-]*:)?)msgType\s*>\s*Cancel\s*</\1msgType\s*>")
_REFERENCES = re.compile(rb"(<((?:[A-Za-z_][\w.-]*:)?)references\s*>)([^<]*)(</\2references\s*>)")
_MESSAGES = {"Ack": "acknowledgement", "Error": "error message"}
_STATUSES = {"Exercise": "exercise", "System": "system message", "Test": "test", "Draft": "draft"}


def recognises(value: bytes) -> bool:
    """Whether a record is an alert, by its root and the name of its language."""
    beginning = bytes(value[:BEGINNING_BYTES])
    return beginning.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" and (
        _ROOT.search(beginning) is not None and any(name in beginning for name in NAMESPACES)
    )


def split(value: bytes) -> list[bytes] | None:
    """Give one Cancel for each alert that a Cancel refers to, or None for everything else."""
    if value.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"<" or _CANCEL.search(value) is None:
        return None
    found = _REFERENCES.search(value)
    each = found[3].split() if found else []
    if found is None or not 1 < len(each) <= REFERENCES_MAX:
        return None
    before, after = value[: found.start(3)], value[found.end(3) :]
    return [before + reference + after for reference in each]


def decode(records: Records) -> Decoded:
    """Read a batch of alerts."""
    outcome = Outcome()
    rows: list[Row] = []
    for record, value in enumerate(records.values):
        try:
            _sort(record, read_alert(value), rows, outcome)
        except Unfit as error:
            outcome.refuse(record, str(error))
    return _by_row.finish(records, outcome, rows)


def _sort(record: int, alert: Alert, rows: list[Row], outcome: Outcome) -> None:
    """Make a row of an alert, or put it where it belongs. Raises `Unfit`."""
    if not alert.identifier or not alert.sender:
        raise Unfit(f"no {'sender' if alert.identifier else 'identifier'}")
    sent_us = instant_us(alert.sent)
    if sent_us is None:
        raise Unfit(f"sent {alert.sent[:60]!r} is not a date" if alert.sent else "no sent")
    if alert.status != "Actual":
        if alert.status not in _STATUSES:
            raise Unfit(f"status {alert.status[:40]!r} is unknown" if alert.status else "no status")
        outcome.leave(_STATUSES[alert.status])
    elif alert.scope not in ("Public", ""):
        outcome.leave("not public")
    elif alert.message in _MESSAGES:
        outcome.leave(_MESSAGES[alert.message])
    elif alert.message == "Cancel":
        _delete(record, alert, sent_us, outcome)
    elif alert.message in ("Alert", "Update"):
        rows.append(_row(record, alert, sent_us))
    else:
        raise Unfit(f"msgType {alert.message[:40]!r} is unknown" if alert.message else "no msgType")


def _delete(record: int, alert: Alert, sent_us: int, outcome: Outcome) -> None:
    first = _first(alert)
    if first is None:
        raise Unfit("Cancel: no reference of the form sender,identifier,sent")
    outcome.delete(record, first, f"cap:{alert.sender}", (sent_us, sent_us))


def _row(record: int, alert: Alert, sent_us: int) -> Row:
    infos = _spoken(alert.infos)
    if not infos:
        raise Unfit(f"{alert.message}: no info")
    own = f"cap:{alert.sender},{alert.identifier}"
    first = _first(alert) if alert.message == "Update" else None
    areas = [area for info in infos for area in info.areas]
    longitude, latitude = middle_of(areas) or (None, None)
    web = next((info.web for info in infos if info.web.startswith(("https://", "http://"))), None)
    return {
        "record": record,
        "uid": own if first is None else first[0],
        "uid_time_us": sent_us if first is None else first[1],
        "version": sent_us,
        "author": f"cap:{alert.sender}",
        "author_name": next((info.sender_name for info in infos if info.sender_name), alert.sender),
        "text": _words(infos),
        "lang": infos[0].language,
        "said": alert.sent,
        "created_at_us": sent_us,
        "place_name": next((area.description for area in areas if area.description), None),
        "place_longitude": longitude,
        "place_latitude": latitude,
        "url": web,
        "alias": None if first is None or first[0] == own else own,
        "alias_time_us": 0 if first is None or first[0] == own else sent_us,
    }


def _first(alert: Alert) -> tuple[str, int] | None:
    """Name the earliest alert that this one refers to, and when it was sent."""
    found = []
    for reference in alert.references.split():
        sender, _, rest = reference.partition(",")
        identifier, _, sent = rest.rpartition(",")
        sent_us = instant_us(sent)
        if sender and identifier and sent_us is not None:
            found.append((sent_us, f"cap:{sender},{identifier}"))
    return (min(found)[1], min(found)[0]) if found else None


def _spoken(infos: list[Info]) -> list[Info]:
    """Those in English, or else in the language of the first."""
    english = [info for info in infos if info.language.lower().partition("-")[0] == "en"]
    return english or [info for info in infos if info.language == infos[0].language]


def _words(infos: list[Info]) -> str | None:
    """Headlines, or else what it is about, and descriptions, each once: infos often differ in their areas alone."""
    parts = [part for info in infos for part in (info.headline or info.event, info.description) if part]
    return "\n".join(dict.fromkeys(parts)) or None


EXAMPLE = [
    b'<?xml version="1.0" encoding="UTF-8"?>\n<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>2027-1'
    b"</identifier><sender>duty@met.example</sender><sent>2027-01-05T10:00:00-00:00</sent><status>Actual</status>"
    b"<msgType>Alert</msgType><scope>Public</scope><info><language>en-AU</language><category>Met</category>"
    b"<event>Hail</event><urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty>"
    b"<senderName>Met Office</senderName><headline>Hail near Perth</headline><description>Stones of 4 cm.</description>"
    b"<area><areaDesc>Perth</areaDesc><circle>-31.95,115.86 20</circle></area></info></alert>",
    b'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>2027-2</identifier><sender>duty@met.example'
    b"</sender><sent>2027-01-05T12:00:00-00:00</sent><status>Actual</status><msgType>Cancel</msgType>"
    b"<scope>Public</scope><references>duty@met.example,2027-1,2027-01-05T10:00:00-00:00</references></alert>",
]

FORMAT = Format(network="cap", recognises=recognises, decode=decode, split=split, page=PAGE, example=EXAMPLE)
