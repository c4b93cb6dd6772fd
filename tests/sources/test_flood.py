"""A flood says what it is told, as often as it is told, and the same again with the same seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lapwing import catalog
from lapwing.hearing import RefusedBySource, SourceChunk
from sources.hearing import HurriedTime, Room
from sources.held import chunks_until, held, values_of

SOURCE = catalog.load("sources", "flood")


def read(least: int, after: str = "", **words: Any) -> list[SourceChunk]:
    made = SOURCE.options(**({"text": "Water over the road", "per_second": 1000.0} | words))
    return chunks_until(SOURCE, made, after, HurriedTime(), lambda chunks: len(values_of(chunks)) >= least)


def test_one_text_is_said_by_many() -> None:
    chunks = read(300, people=10, lang="en")
    values = values_of(chunks)
    found = held(SOURCE, values)
    assert (len(found.posts), found.refused) == (len(values), [])
    assert set(found.posts.values()) == {"Water over the road"}
    keys = {key for chunk in chunks for key in chunk.keys or ()}
    assert len(keys) == 10
    assert keys == {json.loads(value)["account"]["uri"] for value in values}
    assert all(key.startswith("https://flood.invalid/users/drop") for key in keys)
    assert chunks[0].covered_from_us is not None


def test_the_lines_of_a_file_are_said_in_turn(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("Hail <here> & there\n\n橋が通行止めです\n", encoding="utf-8")
    posts = held(SOURCE, values_of(read(4, text="", file=str(path)))[:4]).posts
    assert list(posts.values()) == ["Hail <here> & there", "橋が通行止めです"] * 2


def test_the_column_of_a_table_is_said_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text('id;words\n1;"Hail;\nand wind"\n2;Flood\n3;\n', encoding="utf-8")
    values = values_of(read(2, text="", file=str(path), column="words"))[:2]
    assert [json.loads(value)["content"] for value in values] == ["<p>Hail;\nand wind</p>", "<p>Flood</p>"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ({"text": ""}, "there is nothing to say"),
        ({"file": "texts.txt"}, "both text and file"),
        ({"text": "", "file": "nowhere.txt"}, "cannot be read"),
        ({"text": "", "file": "{empty}"}, "there is no text"),
        ({"text": "", "file": "{table}", "column": "words"}, "has no column 'words'"),
    ],
)
def test_what_cannot_be_said_is_refused(tmp_path: Path, words: dict[str, str], what: str) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "table.csv").write_text("id,text\n1,Hail\n")
    names = {"{empty}": str(tmp_path / "empty.txt"), "{table}": str(tmp_path / "table.csv")}
    with pytest.raises(RefusedBySource, match=what):
        read(1, **{key: names.get(value, value) for key, value in words.items()})


def test_from_every_cursor_it_goes_on_with_the_next_number() -> None:
    chunks = read(400, count=400)
    assert _numbers(values_of(chunks)) == list(range(400))
    before = 0
    for chunk in chunks:
        before += len(chunk.values)
        again = read(400 - before, str(chunk.cursor), count=400)
        assert _numbers(values_of(again)) == list(range(before, 400))
        if again:
            assert again[0].covered_from_us == chunk.covered_to_us


def _numbers(values: list[bytes]) -> list[int]:
    return [int(json.loads(value)["id"].split("-")[1]) for value in values]


def test_a_seed_makes_the_same_posts_and_another_makes_others() -> None:
    def told(**words: Any) -> list[tuple[str, str]]:
        return [(each["uri"], each["content"]) for each in map(json.loads, values_of(read(50, **words))[:50])]

    assert told(seed=3) == told(seed=3)
    assert not set(told(seed=3)) & set(told(seed=4))


def test_it_says_as_many_as_it_should_and_gives_them_the_time_at_which_they_are_due() -> None:
    time = HurriedTime(100.0)
    made = SOURCE.options(text="Hail", per_second=2.0)
    begun_us = time.now_us()
    chunks = chunks_until(SOURCE, made, "", time, lambda chunks: len(values_of(chunks)) >= 60)
    assert time.now_us() - begun_us >= 30 * 1_000_000
    assert chunks[-1].covered_to_us is not None
    assert len(values_of(chunks)) <= (chunks[-1].covered_to_us - begun_us) / 500_000
    seconds = [json.loads(value)["created_at"][17:19] for value in values_of(chunks)[1:11]]
    assert len(set(seconds)) in (5, 6), "two of them in each second"


def test_in_its_engine_it_ends_when_all_are_said_and_begins_again_where_it_was(tmp_path: Path) -> None:
    room = Room(tmp_path)
    made = SOURCE.options(text="Hail", per_second=20_000.0, count=12_000)
    for least in (500, 12_000):
        with room.listening("flood", SOURCE, made):
            room.wait_until(lambda least=least: len(room.values()) >= least)
    assert sorted(_numbers(room.values())) == list(range(12_000))
