"""CAP's XML as typed values. Alerts come from anybody: document types, and with them entities, are refused unread."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree.ElementTree import Element, ParseError

import msgspec
from defusedxml import DefusedXmlException  # type: ignore[import-untyped]  # it brings no types
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from lapwing.formats._cap_areas import Area, Unfit

NAMESPACES = (
    b"urn:oasis:names:tc:emergency:cap:1.2",
    b"urn:oasis:names:tc:emergency:cap:1.1",
    b"http://www.incident.com/cap/1.0",
)

ELEMENTS_MAX = 50_000
"""More elements are refused; each costs a hundred times the bytes that it is written with."""

_SPACES = re.compile(r"[^\S\n]+")
_WORDS_MAX = 80


class Info(msgspec.Struct, frozen=True):
    """What an alert says in one language."""

    language: str
    event: str
    headline: str
    description: str
    sender_name: str
    web: str
    areas: list[Area]


class Alert(msgspec.Struct, frozen=True):
    """An alert; texts that are not there are empty."""

    identifier: str
    sender: str
    sent: str
    status: str
    message: str
    scope: str
    references: str
    infos: list[Info]


def read_alert(value: bytes) -> Alert:
    """Read one document. Raises `Unfit` for everything that is no alert, in words."""
    if value.count(b"<") > 2 * ELEMENTS_MAX:
        raise Unfit(f"XML of more than {ELEMENTS_MAX} elements is not read")
    root = _root(value)
    if _name(root) != "alert":
        raise Unfit(f"not an alert: the document is <{_name(root)[:_WORDS_MAX]}>")
    infos = [_info(each) for each in root if _name(each) == "info"]
    texts = _texts(root)
    return Alert(
        identifier=texts.get("identifier", ""),
        sender=texts.get("sender", ""),
        sent=texts.get("sent", ""),
        status=texts.get("status", ""),
        message=texts.get("msgType", ""),
        scope=texts.get("scope", ""),
        references=texts.get("references", ""),
        infos=infos,
    )


def _root(value: bytes) -> Element:
    if not value.strip():
        raise Unfit("an empty record")
    try:
        root: Element = fromstring(bytes(value), forbid_dtd=True)
    except DefusedXmlException as error:
        raise Unfit("XML with a document type is not read: its entities may be bombs") from error
    except ParseError as error:
        raise Unfit(f"not XML: {str(error)[:_WORDS_MAX]}") from error
    except (ValueError, LookupError, RecursionError) as error:  # encodings that expat does not know
        raise Unfit(f"XML that cannot be read: {str(error)[:_WORDS_MAX]}") from error
    return root


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _texts(elements: Iterable[Element]) -> dict[str, str]:
    """The texts of some elements by name, the first of each; line ends stay, other white space is one space."""
    texts: dict[str, str] = {}
    for element in elements:
        if element.text and element.text.strip():
            texts.setdefault(_name(element), _SPACES.sub(" ", element.text).strip())
    return texts


def _info(element: Element) -> Info:
    texts = _texts(element)
    return Info(
        language=texts.get("language", "en-US"),
        event=texts.get("event", ""),
        headline=texts.get("headline", ""),
        description=texts.get("description", ""),
        sender_name=texts.get("senderName", ""),
        web=texts.get("web", ""),
        areas=[_area(each) for each in element if _name(each) == "area"],
    )


def _area(element: Element) -> Area:
    shapes = {
        name: [each.text for each in element if _name(each) == name and each.text] for name in ("polygon", "circle")
    }
    return Area(_texts(element).get("areaDesc", ""), shapes["polygon"], shapes["circle"])
