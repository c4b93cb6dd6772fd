"""Times out of texts and ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapwing.formats._times import (
    UNKNOWN_US,
    discord_id_us,
    instants_us,
    mastodon_id_us,
    milliseconds_us,
    old_instants_us,
    snowflake_us,
    tids_us,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.datetimes(timezones=st.just(UTC))


@given(st.lists(moments, min_size=1))
def test_rfc_3339_is_read_like_the_standard_library_reads_it(times: list[datetime]) -> None:
    expected = [(time - EPOCH) // timedelta(microseconds=1) for time in times]
    assert instants_us([time.strftime("%Y-%m-%dT%H:%M:%S.%fZ").zfill(27) for time in times]).tolist() == expected
    assert instants_us([time.isoformat() for time in times]).tolist() == expected


@given(moments)
def test_the_old_form_is_read_to_the_second(time: datetime) -> None:
    text = time.strftime("%a %b %d %H:%M:%S +0000 %Y")
    text = text[:26] + text[26:].zfill(4)
    assert old_instants_us([text]).tolist() == [(time.replace(microsecond=0) - EPOCH) // timedelta(microseconds=1)]


@given(st.lists(st.text() | st.none() | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", fullmatch=True)))
def test_no_text_makes_it_raise(texts: list[str | None]) -> None:
    together = instants_us(texts).tolist()
    assert together == [instants_us([text]).tolist()[0] for text in texts]
    assert len(old_instants_us(texts)) == len(texts)


@pytest.mark.parametrize(
    ("text", "time_us"),
    [
        ("2027-01-05T10:00:00Z", 1_799_143_200_000_000),
        ("2027-01-05T10:00:00.5Z", 1_799_143_200_500_000),
        ("2027-01-05T10:00:00.123456789Z", 1_799_143_200_123_456),
        ("2027-01-05T21:00:00.000+11:00", 1_799_143_200_000_000),
        ("2027-01-05 10:00:00+00:00", 1_799_143_200_000_000),
        ("2027-01-05 10:00:00", 1_799_143_200_000_000),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ("2027-02-29T00:00:00Z", UNKNOWN_US),
        ("2027-13-01T00:00:00Z", UNKNOWN_US),
        ("2027-01-05T24:01:00Z", UNKNOWN_US),
        ("2027-01-05T10:00:00é", UNKNOWN_US),
        ("", UNKNOWN_US),
        (None, UNKNOWN_US),
    ],
)
def test_instants(text: str | None, time_us: int) -> None:
    assert instants_us([text]).tolist() == [time_us]


def test_ids() -> None:
    assert snowflake_us("29999999999") == 0
    assert snowflake_us("30000000000") == 1_288_834_981_809_000
    assert snowflake_us("9" * 30) == snowflake_us("-5") == snowflake_us("x") == 0
    assert mastodon_id_us("115840250880000000") == 1_767_581_953_125_000
    assert mastodon_id_us("42") == mastodon_id_us("9" * 40) == mastodon_id_us("a1") == 0
    assert discord_id_us("175928847299117063") == 1_462_015_105_796_000  # the example of Discord's documentation
    assert discord_id_us(str(1 << 64)) == discord_id_us("-1") == discord_id_us("") == 0
    assert tids_us(["3mbo6jo6e2222", "self", "3mbo6jo6e222!", "zzzzzzzzzzzzz", "2222222222222", "é" * 13]).tolist() == [
        1_767_607_200_000_000, 0, 0, 0, 0, 0,
    ]  # fmt: skip


def test_milliseconds() -> None:
    assert milliseconds_us(1_799_143_200_123) == 1_799_143_200_123_000
    assert milliseconds_us(1_799_143_200_123.9) == 1_799_143_200_123_000
    assert milliseconds_us(None) == milliseconds_us(1e300) == milliseconds_us(1 << 63) == UNKNOWN_US
