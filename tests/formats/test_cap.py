"""Alerts of the Common Alerting Protocol."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.reading_samples import decode, reason
from lapwing.formats import cap
from lapwing.formats._cap_areas import POINTS_MAX

ALERT = """<?xml version="1.0" encoding="UTF-8"?>
<!-- invented --><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
<identifier>met-1</identifier><sender>duty@met.example</sender><sent>2027-01-05T10:00:00-00:00</sent>
<status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
<info><language>ja</language><event>洪水</event><headline>洪水注意報</headline></info>
<info><language>en-AU</language><event>Flood</event><senderName>Met Office</senderName>
<headline>Flood watch for Warralong</headline><description>River rising
fast,   &amp; more.</description><web>https://met.example/w/1</web>
<area><areaDesc>Warralong catchment</areaDesc>
<polygon>-37.5,144.5 -37.5,145.5 -38.5,145.5 -38.5,144.5 -37.5,144.5</polygon><circle>-36.5,147.5 12.5</circle></area></info>
<info><language>en-GB</language><event>Flood</event><headline>Flood watch for Warralong</headline></info>
</alert>""".encode()
CANCEL = (
    ALERT.replace(b">Alert<", b">Cancel<")
    .replace(b"met-1", b"met-9")
    .replace(
        b"<info>",
        b"<references>duty@met.example,met-1,2027-01-05T10:00:00-00:00\n"
        b"duty@met.example,met-2,2027-01-05T20:30:00+10:00</references><info>",
        1,
    )
)
UPDATE = CANCEL.replace(b">Cancel<", b">Update<").replace(b"T10:00:00-00:00</sent>", b"T11:00:00Z</sent>")
SENT_US = 1_799_143_200_000_000
LATER_US = SENT_US + 3_600_000_000


def test_an_alert_in_english_where_it_has_it() -> None:
    (row,) = decode("cap", [ALERT]).posts.iter_rows(named=True)
    assert {name: value for name, value in row.items() if value is not None} == {
        "record": 0,
        "uid": "cap:duty@met.example,met-1",
        "uid_time_us": SENT_US,
        "version": SENT_US,
        "kind": 0,
        "author": "cap:duty@met.example",
        "author_name": "Met Office",
        "text": "Flood watch for Warralong\nRiver rising\nfast, & more.",
        "lang": "en-au",
        "created_at_us": SENT_US,
        "place_name": "Warralong catchment",
        "place_longitude": 146.0,
        "place_latitude": -37.5,
        "url": "https://met.example/w/1",
        "alias_time_us": 0,
    }


def test_without_english_the_first_language_speaks() -> None:
    (row,) = decode("cap", [ALERT.replace(b"en-", b"de-")]).posts.iter_rows(named=True)
    assert (row["lang"], row["text"], row["place_name"], row["author_name"]) == (
        "ja",
        "洪水注意報",
        None,
        "duty@met.example",
    )


def test_an_update_is_a_later_version_of_the_first_alert_that_it_replaces() -> None:
    (row,) = decode("cap", [UPDATE]).posts.iter_rows(named=True)
    assert (row["uid"], row["uid_time_us"]) == ("cap:duty@met.example,met-1", SENT_US)
    assert (row["alias"], row["alias_time_us"]) == ("cap:duty@met.example,met-9", LATER_US)
    assert (row["version"], row["created_at_us"]) == (LATER_US, LATER_US)


def test_a_cancel_deletes_each_alert_that_it_names() -> None:
    parts = cap.split(CANCEL)
    assert parts is not None
    half_past_us = SENT_US + 1_800_000_000
    assert decode("cap", parts).changes.rows() == [
        (0, 0, "cap:duty@met.example,met-1", SENT_US, "cap:duty@met.example", SENT_US, SENT_US),
        (1, 0, "cap:duty@met.example,met-2", half_past_us, "cap:duty@met.example", SENT_US, SENT_US),
    ]
    assert cap.PAGE.match(CANCEL)
    assert cap.split(UPDATE) is None
    assert decode("cap", [CANCEL]).changes["name"].to_list() == ["cap:duty@met.example,met-1"]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"Actual", b"Exercise", "exercise"),
        (b"Actual", b"Test", "test"),
        (b"Actual", b"System", "system message"),
        (b"Actual", b"Draft", "draft"),
        (b"Public", b"Restricted", "not public"),
        (b">Alert<", b">Ack<", "acknowledgement"),
        (b">Alert<", b">Error<", "error message"),
    ],
)
def test_what_is_not_for_all_is_filtered(old: bytes, new: bytes, why: str) -> None:
    assert decode("cap", [ALERT.replace(old, new)]).filtered == {why: 1}


@pytest.mark.parametrize("name", ["urn:oasis:names:tc:emergency:cap:1.1", "http://www.incident.com/cap/1.0"])
def test_older_versions_and_prefixes_are_read(name: str) -> None:
    older = ALERT.replace(b"urn:oasis:names:tc:emergency:cap:1.2", name.encode())
    prefixed = older.replace(b"<", b"<c:").replace(b"<c:/", b"</c:").replace(b"<c:?", b"<?").replace(b"<c:!", b"<!")
    prefixed = prefixed.replace(b"xmlns=", b"xmlns:c=")
    assert cap.recognises(older)
    assert cap.recognises(prefixed)
    assert decode("cap", [older, prefixed]).posts["text"].n_unique() == 1
    assert (
        len(
            cap.split(
                prefixed.replace(b">Alert<", b">Cancel<").replace(
                    b"<c:info>", b"<c:references>a,1,b a,2,b</c:references>", 1
                )
            )
            or []
        )
        == 2
    )


def test_areas_across_the_date_line_have_their_middle_there() -> None:
    fiji = ALERT.replace(
        b"-37.5,144.5 -37.5,145.5 -38.5,145.5 -38.5,144.5 -37.5,144.5", b"-17,179 -17,-177 -19,-177 -17,179"
    )
    (row,) = decode("cap", [fiji.replace(b"<circle>-36.5,147.5 12.5</circle>", b"")]).posts.iter_rows(named=True)
    assert (row["place_longitude"], row["place_latitude"]) == (-179.0, -18.0)


BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><alert>&b;</alert>'
LEAK = b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]><alert>&a;</alert>'


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"", "an empty record"),
        (b"{}", "not XML: not well-formed (invalid token): line 1, column 0"),
        (ALERT.partition(b"met-1")[0], "not XML: no element found: line 3, column 12"),
        (b"<rss/>", "not an alert: the document is <rss>"),
        (BOMB, "XML with a document type is not read: its entities may be bombs"),
        (LEAK, "XML with a document type is not read: its entities may be bombs"),
        (b"<a>" * 100_001, "XML of more than 50000 elements is not read"),
        (ALERT.replace(b"UTF-8", b"x-unknown"), "XML that cannot be read: unknown encoding: x-unknown"),
        (ALERT.replace(b"UTF-8", b"Shift_JIS"), "XML that cannot be read: multi-byte encodings are not supported"),
        (ALERT.replace(b"Met Office", b"M\xe9t\xe9o"), "not XML: not well-formed (invalid token): line 6, column 65"),
        (ALERT.replace(b"<identifier>met-1</identifier>", b""), "no identifier"),
        (ALERT.replace(b"duty@met.example", b" "), "no sender"),
        (ALERT.replace(b"2027-01-05T", b"today "), "sent 'today 10:00:00-00:00' is not a date"),
        (ALERT.replace(b"2027-01-05T", b"1999-01-05T"), "created_at '1999-01-05T10:00:00-00:00' is before 2006"),
        (ALERT.replace(b"Actual", b"Perhaps"), "status 'Perhaps' is unknown"),
        (ALERT.replace(b">Alert<", b">Whisper<"), "msgType 'Whisper' is unknown"),
        (ALERT.replace(b"info>", b"note>"), "Alert: no info"),
        (ALERT.replace(b">Alert<", b">Cancel<"), "Cancel: no reference of the form sender,identifier,sent"),
        (ALERT.replace(b"-36.5,147.5", b"nan,147.5"), "area: 'nan,147.5' is not a latitude and a longitude on Earth"),
        (ALERT.replace(b"-36.5,147.5", b"147.5,-36.5"), "area: '147.5,-36.5' is not a latitude and a longitude on Earth"),
        (
            ALERT.replace(b"-37.5,144.5 ", b"-37.5,144.5 " * POINTS_MAX),
            "areas of 20005 corners: more than 20000 are not read",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_a_reason(value: bytes, why: str) -> None:
    assert reason("cap", value) == why


@given(data=st.data())
def test_every_record_ends_once_whatever_happens_to_its_bytes(data: st.DataObject) -> None:
    values = []
    for _ in range(data.draw(st.integers(1, 4))):
        value = data.draw(st.sampled_from([ALERT, UPDATE, CANCEL]))
        start = data.draw(st.integers(0, len(value)))
        end = data.draw(st.integers(start, min(len(value), start + 60)))
        piece = data.draw(
            st.binary(max_size=20) | st.sampled_from([b"<", b"<a>", b"</info>", b"&a;", b"]]>", b"<!DOCTYPE a>"])
        )
        values.append(value[:start] + piece + value[end:])
    together = decode("cap", values)
    apart = [decode("cap", [value]) for value in values]
    assert together.posts.height == sum(each.posts.height for each in apart)
    assert all(isinstance(cap.recognises(value), bool) for value in values)
    for value in values:
        for part in cap.split(value) or []:
            assert cap.split(part) is None


def test_it_recognises_its_own() -> None:
    assert all(map(cap.recognises, [ALERT, UPDATE, CANCEL]))
    assert not cap.recognises(b'<rss version="2.0"><channel/></rss>')
    assert not cap.recognises(b'{"text":"<alert> urn:oasis:names:tc:emergency:cap:1.2"}')
