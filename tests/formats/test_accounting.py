"""Whatever happens to the bytes of a record, it ends as exactly one thing, and nothing raises."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.reading_samples import decode, sample
from lapwing import catalog
from lapwing.contracts import Format
from lapwing.formats._detection import detect

NETWORKS = ("x_v1", "x_v2", "mastodon", "jetstream", "discord", "line", "feed_items", "usgs")
SAMPLES = {name: sample(f"{name}.ndjson") for name in NETWORKS}
SAMPLES["csv_rows"] = catalog.load("formats", "csv_rows").example
SAMPLES["oversize"] = catalog.load("formats", "oversize").example
FORMATS: dict[str, Format] = {name: catalog.load("formats", name) for name in SAMPLES}

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=1 << 62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["\0", "2027-01-05T10:00:00Z", "1", "9" * 400, "post", "delete", "create"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def swapped(draw: st.DrawFn, value: bytes) -> bytes:
    """One value somewhere inside in the place of which stands another."""
    whole = msgspec.json.decode(value)
    here = whole
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        key = draw(st.sampled_from(keys))
        if not isinstance(here[key], dict | list) or not here[key] or draw(st.integers(0, 4)) == 0:
            here[key] = draw(anything)
            return msgspec.json.encode(whole)
        here = here[key]


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    """A good record, or one that was cut, flipped, doubled or had a value swapped."""
    value = draw(st.sampled_from(SAMPLES[name]))
    at = draw(st.integers(0, len(value) - 1))
    how = draw(st.sampled_from(["good", "cut", "flip", "double", "swap", "swap", "swap", "noise"]))
    if how == "swap":
        return draw(swapped(value))
    flipped = bytes([value[at] ^ (1 << draw(st.integers(0, 7)))])
    return {
        "good": value,
        "cut": value[:at],
        "flip": value[:at] + flipped + value[at + 1 :],
        "double": value + value[:at],
        "noise": draw(st.binary(max_size=20)),
    }[how]


@pytest.mark.parametrize("name", SAMPLES)
@given(data=st.data())
def test_every_record_ends_once(name: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(mutated(name), min_size=1, max_size=12))
    together = decode(name, values)
    apart = [decode(name, [value]) for value in values]
    assert together.posts.height == sum(each.posts.height for each in apart)
    assert [each.reason for each in together.refused] == [each.reason for part in apart for each in part.refused]
    for format in FORMATS.values():
        assert all(isinstance(format.recognises(value), bool) for value in values)
        if format.split is not None:
            assert all(format.split(value) is None for value in values if b'"data":[' not in value)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"data":', b'{"commit":{"record":'])
def test_deep_nesting_is_refused(name: str, opening: bytes) -> None:
    assert len(decode(name, [opening * 100_000, *SAMPLES[name]]).refused) >= 1
    assert not FORMATS[name].recognises(opening * 100_000)


@pytest.mark.parametrize("name", SAMPLES)
def test_an_empty_batch_is_read(name: str) -> None:
    assert decode(name, []).posts.height == 0


@pytest.mark.parametrize("name", SAMPLES)
def test_the_format_is_found_out_of_a_sample(name: str) -> None:
    assert detect([b"dirt", *SAMPLES[name]], FORMATS) == name


def test_nothing_is_found_in_dirt() -> None:
    assert detect([b"dirt", b"{}", b""], FORMATS) is None
    assert detect([], FORMATS) is None
