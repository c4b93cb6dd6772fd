"""What the compiled part takes gives the same as the careful way, on what is usual, odd and broken."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.reading_samples import batch, sample
from lapwing import catalog
from lapwing.demo import posts as demo_posts
from lapwing.model import Decoded
from lapwing.native import cutting, matching, picking, projection, scanning
from lapwing.native.compiled import compiled
from lapwing.native.picking import pick
from lapwing.places import mentions
from lapwing.places.gazetteer import build
from lapwing.places.homes import terms_of
from lapwing.text.fold import fold
from lapwing.text.keywords import find, keywords_of
from lapwing.text.words import cut_hashed, cut_lists
from places.test_gazetteer import TABLES

pytestmark = pytest.mark.needs(module="lapwing.native._core")

MODULES = (cutting, matching, picking, projection, scanning)
LETTERS = st.sampled_from("aé #@_-東京カーกทัأه地 \n\x1e\x1c'’ßﬁｶﾞ😀\u0306\u3099𠮷")
TEXT = st.one_of(
    st.text(st.one_of(LETTERS, st.characters(exclude_categories=("Cs",))), max_size=60),
    st.text(LETTERS, max_size=150),
    st.sampled_from(
        ["http://a", "https://t.co/x東京", "xhttps:/y http://", "#" + "東" * 61, "#" + "a" * 61 + "東", "é" * 80]
    ),
)


@contextmanager
def carefully() -> Iterator[None]:
    """As on a machine without a compiler."""
    with pytest.MonkeyPatch.context() as patch:
        for module in MODULES:
            patch.setattr(module, "compiled", lambda: None)
        yield


def decode(format: str, values: list[bytes]) -> Decoded:
    return catalog.load("formats", format).decode(batch(format, values))


def both_ways(format: str, values: list[bytes]) -> None:
    one = decode(format, values)
    with carefully():
        other = decode(format, values)
    assert one.posts.sort("record").rows() == other.posts.sort("record").rows()
    assert sorted(one.changes.rows()) == sorted(other.changes.rows())
    assert one.filtered == other.filtered
    assert one.refused == other.refused


def test_the_library_is_there() -> None:
    assert compiled() is not None


@settings(max_examples=300)
@given(st.lists(TEXT, max_size=8))
def test_terms(texts: list[str]) -> None:
    series = pl.Series(texts, dtype=pl.String)
    one = cut_hashed(series)
    with carefully():
        assert one.rows() == cut_hashed(series).rows()
    assert cut_hashed(pl.concat([pl.Series(["x"]), series])[1:]).rows() == one.rows()


@given(st.lists(TEXT, max_size=8))
def test_lines(texts: list[str]) -> None:
    series = pl.Series(texts, dtype=pl.String)
    one = fold(series)
    with carefully():
        assert one.to_list() == fold(series).to_list()


@given(st.lists(st.binary(max_size=9).map(lambda text: text.replace(b"\0", b"")), min_size=1, max_size=30), st.data())
def test_picking(texts: list[bytes], data: st.DataObject) -> None:
    rows = sorted(data.draw(st.sets(st.integers(0, len(texts) - 1))))
    assert pick(b"\0".join(texts), rows) == [texts[row] for row in rows]
    with carefully():
        assert pick(b"\0".join(texts), rows) == [texts[row] for row in rows]
        with pytest.raises(ValueError):
            pick(b"\0".join(texts), [len(texts)])
    with pytest.raises(ValueError):
        pick(b"\0".join(texts), [len(texts)])


def test_terms_of_any_length() -> None:
    letters = "".join(random.Random(7).choices("abcdefghijé", k=300))
    texts = pl.Series([letters[:size] for size in range(1, 300)])
    one = cut_hashed(texts)
    with carefully():
        assert one.rows() == cut_hashed(texts).rows()


def test_hashtags_and_mentions_beyond_count_are_left_to_the_careful_way() -> None:
    both = pl.Series(["#東京 " * 100, "plain", "w" * 200])
    one = cut_hashed(both)
    with carefully():
        assert one.rows() == cut_hashed(both).rows()


GAZETTEER = build(TABLES)
PLACES = "Perth New York San Francisco California 東京都 大阪 Paris TX France Bandung the a".split(" ")


@given(st.lists(st.lists(st.sampled_from(PLACES), max_size=12).map(" ".join), max_size=6))
def test_names_of_places(texts: list[str]) -> None:
    terms = terms_of([cut_hashed(pl.Series(texts, dtype=pl.String))], pl.Series(texts, dtype=pl.String))
    one = mentions.find(GAZETTEER, terms)
    with carefully():
        other = mentions.find(GAZETTEER, terms)
    for name in ("texts", "starts", "words", "slots"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()


OVERLAPPING = keywords_of(
    {
        "en": {
            "fire": ["fire", "fires", "fire*", "*wildfire*", "wild fire", "fire on", "*fire"],
            "flood": ["flood*", "flash flood", "*flood*", "flash floods on"],
            "other": ["on fire now", "flash", "fire flood"],
            "figurative": ["on fire", "fire is on", "flash is", "is flooded"],
        },
        "ja": {"earthquake": ["地震", "緊急地震速報", "緊急"], "figurative": ["地震 fire"]},
        "ar": {"earthquake": ["*زلزال*", "زلزال"]},
    }
)
SOUNDS = [
    "fire",
    "fires",
    "fireplace",
    "wildfire",
    "backfire",
    "wild",
    "on",
    "is",
    "now",
    "flood",
    "flooded",
    "flash",
    "地震",
    "緊急地震速報",
    "بالزلزال",
    "زلزال",
]
SAID = st.lists(st.sampled_from([*SOUNDS, "#fire", "#wildfires", "#地震", "été", "."]), max_size=12).map(" ".join)


@settings(max_examples=100)
@given(st.lists(st.one_of(SAID, TEXT), max_size=8))
def test_keywords(texts: list[str]) -> None:
    terms = cut_lists(pl.Series(texts, dtype=pl.String))
    one = find(OVERLAPPING, terms)
    with carefully():
        other = find(OVERLAPPING, terms)
    assert one.rows() == other.rows()
    assert one.schema == other.schema
    assert find(OVERLAPPING, pl.concat([cut_lists(pl.Series(["x"])), terms])[1:]).rows() == one.rows()


def test_a_keyword_of_few_bytes_goes_the_careful_way() -> None:
    short = keywords_of({"en": {"fire": ["a*", "fire"]}})
    assert short.groups is None
    found = find(short, cut_lists(pl.Series(["an ox", "an ax", "the fire"])))
    assert found["gate"].to_list() == ["a", "a", "fire"]


def test_of_many_keywords_the_first_eight_are_named_and_all_are_counted() -> None:
    words = [f"word{each}x" for each in "abcdefghijkl"]
    many = keywords_of({"en": {"other": words[:10], "flood": words[10:]}})
    terms = cut_lists(pl.Series([" ".join(words), "nothing", ""]))
    one = find(many, terms)
    assert one["gate"].to_list() == [", ".join(words[:8]), None, None]
    assert one["category"].to_list() == [7, 0, 0]  # two words of a flood say more than ten of no kind
    with carefully():
        assert find(many, terms).rows() == one.rows()


FORMATS = {"x_v2": "x_v2.ndjson", "jetstream": "jetstream.ndjson"}
ODD = [None, True, 0, -1, 7, 1.5, 10**19, "", "x", "7", "&amp;lt;", "\0", "\ud83d\ude00", [], [None], ["a"], {}, {"id": "1"}, [{}], [[1, 2]],
       [{"id": "1"}, {"id": 2}], "2140000012582912000", "2026-01-05T10:00:00Z"]  # fmt: skip


def lines(format: str) -> list[bytes]:
    made = list(demo_posts(60, 5, "time", format))
    return sample(FORMATS[format]) + [each.rstrip(b"\n") for each in made]


LINES = {format: lines(format) for format in FORMATS}


@pytest.mark.parametrize("format", FORMATS)
def test_samples_and_posts_of_the_demo(format: str) -> None:
    both_ways(format, LINES[format])


TWO_LISTS = [
    b'{"data":{"id":"2140000012582912001","author_id":"6","created_at":"2027-01-05T10:00:00Z","text":"RT own",'
    b'"referenced_tweets":[{"type":"retweeted","id":"5"}]},"includes":{"tweets":%s,"posts":%s}}' % lists
    for lists in [
        (b'[{"text":"wrong"}]', b'[{"id":"5","text":"right"}]'),
        (b'[{"id":"5"}]', b'[{"id":"5","text":"other"}]'),
        (b"[]", b'[{"id":"5","text":"right"}]'),
        (b'[{"id":"5","text":"right"}]', b"[]"),
        (b'[{"id":"5","text":null}]', b"null"),
    ]
] + [
    b'{"data":{"id":"2140000012582912002","author_id":"6","created_at":"2027-01-05T10:00:00Z","text":"here","geo":%s}}' % geo
    for geo in [b'{"country_code":"AU"}', b'{"coordinates":{"type":"Point"},"country_code":"AU"}', b'{"place_id":"p"}']
]  # fmt: skip


def test_lists_of_both_generations_and_places_without_a_name() -> None:
    both_ways("x_v2", TWO_LISTS)


TWINS = {"tweets": "posts", "posts": "tweets", "referenced_tweets": "referenced_posts", "note_tweet": "note_post"}


def places_in(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Every value inside a value, by its path."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places_in(each, (*path, key))


def changed(record: bytes, random: random.Random) -> bytes:
    """The record with something odd in some place: another value, a field more or twice or less, or broken bytes."""
    value = json.loads(record)
    path = random.choice([each for each in places_in(value) if each])
    inside = value
    for key in path[:-1]:
        inside = inside[key]
    way = random.randrange(7)
    if way <= 1:
        inside[path[-1]] = random.choice(ODD)
    elif way == 2:
        del inside[path[-1]]
    elif way == 6 and isinstance(inside, dict):
        inside[TWINS.get(path[-1], "country_code")] = random.choice([inside[path[-1]], *ODD])
    text = json.dumps(value, ensure_ascii=random.random() < 0.5, separators=random.choice([(",", ":"), (", ", " : ")]))
    if way == 3 and isinstance(path[-1], str):
        text = text.replace(f'"{path[-1]}"', f'"{path[-1]}":{json.dumps(random.choice(ODD))},"{path[-1]}"', 1)
    broken = bytearray(text.encode("utf-8", "surrogatepass"))
    if way == 4:
        broken[random.randrange(len(broken))] = random.choice(b'\x00\x1f"\\{}[],:eE.-09nt\x80\xc3\xe2\xed\xf0\xff')
    if way == 5:
        del broken[random.randrange(len(broken)) :]
    return bytes(broken)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=150)
@given(st.randoms(use_true_random=False))
def test_records_with_something_odd(format: str, random: random.Random) -> None:
    chosen = [random.choice(LINES[format]) for _ in range(20)]
    both_ways(format, [changed(each, random) if random.random() < 0.7 else each for each in chosen])
