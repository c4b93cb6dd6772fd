"""Posts, counts and words as people and programs get them."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.running import HOUR, ingest, lapwing, lines, status

HOSTILE = "\x1b[31mred\x07 \u202eevil\u2066 =1+1\tx\x9b2J"


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten posts over ten minutes, a reply, a boost, one of hostile text, one in Perth."""
    folder = tmp_path_factory.mktemp("heard")
    data = folder / "data"
    posts = [status(60 * number, f"storm number{number}") for number in range(10)]
    posts.append(
        status(
            11,
            HOSTILE,
            in_reply_to_id="1",
            language="de",
            account={"acct": HOSTILE, "uri": "https://a.example/users/9"},
        )
    )
    posts.append(status(12, "Flooded street in Perth, Australia"))
    boosted = {"uri": "https://a.example/posts/0", "content": "<p>storm</p>"}
    posts.append(status(13, "", reblog=boosted))
    assert ingest(data, lines(folder / "here.ndjson", *posts)).code == 0
    table = folder / "there.csv"
    table.write_text("tweet_id,text,created_at,user\n7,=HYPERLINK(0),2024-06-01T10:00:30Z,@ada\n")
    assert ingest(data, table).code == 0
    return data


def posts(data: Path, *words: object) -> list[dict]:  # type: ignore[type-arg]
    return lapwing(data, "posts", "--json", *words).json["posts"]


def test_the_shape_of_posts(heard: Path) -> None:
    answer = lapwing(heard, "posts", "perth", "--json").json
    assert list(answer) == ["posts", "next"]
    assert answer["next"] is None
    (post,) = answer["posts"]
    expected = {
        "uid": "https://a.example/posts/12", "network": "mastodon", "source": "here", "kind": "post",
        "author": "https://a.example/users/0", "author_name": "ada", "text": "Flooded street in Perth, Australia",
        "lang": "en", "created_at": f"{HOUR}:00:12Z", "country": "AU", "edited": False, "sightings": ["here"],
    }  # fmt: skip
    assert {name: post[name] for name in expected} == expected
    assert post["received_at"].endswith("Z")
    assert (post["place"]["name"], post["place"]["country"], post["place"]["id"]) == ("Perth", "AU", 2063523)


def test_the_shape_of_counts_and_words(heard: Path) -> None:
    rows = lapwing(heard, "counts", "--json", "--place", "Perth").json
    assert rows == [
        {
            "window": f"{HOUR}:00:00Z", "place": {"id": 2063523, "name": "Perth", "country": "AU"}, "posts": 1, "reposts": 0,
            "people": 1, "people_exact": True, "complete": None, "processed": True, "gaps": [],
        }
    ]  # fmt: skip
    first = lapwing(heard, "words", "--json", "--limit", 1).json
    assert first == [{"word": "storm", "count": 11}]


FILTERED = {
    "--source here": 13, "--source there": 1, "--network unknown": 1, "--network mastodon": 13, "--country au": 1,
    "--place Perth": 1, "--place 2063523": 1, "--place Perth,AU": 1, "--place Melbourne": 0, "--lang de": 1,
    "--kind reply": 1, "--kind repost": 1, "--kind reply --kind repost": 2, "--source here --source there": 14,
    f"--since {HOUR}:09:00Z": 1, f"--since {HOUR}:09:00.000001Z": 0, f"--until {HOUR}:00:00Z": 0,
    f"--until {HOUR}:00:00.000001Z": 1, f"--since {HOUR}:01:00Z --until {HOUR}:02:00Z": 1, "--since 2024-06-01 --until 2024-06-02": 14,
    "--since 2024-06-02": 0,
}  # fmt: skip


@pytest.mark.parametrize("words", FILTERED)
def test_each_filter_and_counts_agree(words: str, heard: Path) -> None:
    typed = words.replace("Perth,AU", "Perth|AU").split()
    typed = [word.replace("|", ", ") for word in typed]
    assert len(posts(heard, "--limit", 100, *typed)) == FILTERED[words]
    if "--kind" not in words:
        rows = lapwing(heard, "counts", "--json", "--by", "none", "--window", "all", *typed).json
        assert sum(row["posts"] + row["reposts"] for row in rows) == FILTERED[words]


@pytest.mark.parametrize("size", [1, 3, 14, 20])
def test_pages_hold_everything_once_while_more_arrives(size: int, heard: Path, tmp_path: Path) -> None:
    seen: list[str] = []
    after: list[str] = []
    while True:
        page = lapwing(heard, "posts", "--json", "--limit", size, *after).json
        seen += [post["uid"] for post in page["posts"]]
        if page["next"] is None:
            break
        assert len(page["posts"]) == size
        after = ["--after", page["next"]]
    assert len(seen) == len(set(seen)) == 14


def test_a_page_is_not_moved_by_newer_posts(tmp_path: Path, data_dir: Path) -> None:
    ingest(data_dir, lines(tmp_path / "a.ndjson", *(status(number) for number in range(4))))
    first = lapwing(data_dir, "posts", "--json", "--limit", 2).json
    ingest(data_dir, lines(tmp_path / "b.ndjson", status(100), status(2, "other", uri="https://a.example/posts/later")))
    second = lapwing(data_dir, "posts", "--json", "--limit", 9, "--after", first["next"]).json
    old = [post["uid"][-1] for post in first["posts"] + second["posts"] if not post["uid"].endswith("later")]
    assert old == ["3", "2", "1", "0"]


def test_hostile_text_does_not_reach_the_terminal(heard: Path) -> None:
    table = lapwing(heard, "posts", "evil").out.decode()
    assert "red" in table
    assert "evil" in table
    assert not set(table) & set("\x1b\x07\u202e\u2066\x9b\t")
    assert "\u202e" in posts(heard, "evil")[0]["author_name"]  # programs get what was said


def test_a_spreadsheet_sees_no_formula(heard: Path) -> None:
    done = lapwing(heard, "posts", "--format", "csv", "--source", "there")
    (row,) = csv.DictReader(io.StringIO(done.out.decode()))
    assert (row["text"], row["author_name"]) == ("'=HYPERLINK(0)", "'@ada")


def test_ndjson_is_one_post_to_a_line(heard: Path) -> None:
    found = [json.loads(line) for line in lapwing(heard, "posts", "--format", "ndjson", "--limit", 5).out.splitlines()]
    assert found == posts(heard, "--limit", 5)


def counted(data: Path, *words: object) -> list[tuple]:  # type: ignore[type-arg]
    rows = lapwing(data, "counts", "--json", *words).json
    return [(row["window"][11:16], *(row[name] for name in ("posts", "reposts", "people"))) for row in rows]


def test_windows_of_each_width(heard: Path) -> None:
    assert counted(heard, "--by", "none", "--network", "discord") == [], "known, and not heard yet"
    assert counted(heard, "--by", "none", "--network", "mastodon") == [("10:00", 7, 1, 3), ("10:05", 5, 0, 1)]
    whole = [("10:00", 12, 1, 3)]
    assert counted(heard, "--by", "none", "--network", "mastodon", "--window", "15m") == whole
    assert counted(heard, "--by", "none", "--network", "mastodon", "--window", "1h") == whole
    assert counted(heard, "--by", "none", "--network", "mastodon", "--window", "1d") == [("00:00", 12, 1, 3)]
    assert counted(heard, "--by", "none", "--network", "mastodon", "--window", "all") == whole
    since = ("--since", f"{HOUR}:07:30Z", "--window", "all", "--by", "none")
    assert counted(heard, *since) == [("10:07", 2, 0, 1)]


def test_the_hour_of_a_place_is_the_same_as_its_windows(heard: Path) -> None:
    assert counted(heard, "--place", "Perth", "--window", "1h") == [("10:00", 1, 0, 1)]


def test_countries_and_ranks(heard: Path) -> None:
    rows = lapwing(heard, "counts", "--json", "--by", "country", "--window", "all").json
    assert [(row["country"], row["posts"]) for row in rows] == [(None, 12), ("AU", 1)]
    for words in (("--top", 1), ("--bottom", 1), ("--top", 3, "--sort", "people")):
        (row,) = lapwing(heard, "counts", "--json", "--window", "all", *words).json
        assert row["place"]["name"] == "Perth"


WRONG = {
    "counts --window 7m": "7m is not a multiple of 5m", "counts --window 0m": "not a multiple", "counts --window soon": "not a length of time",
    "counts --by plaec": "'place', 'country', 'none'", "counts --sort post": "'posts'", "posts --kind pst": "did you mean 'post'",
    "posts --source heer": "did you mean 'here' or 'there'?", "posts --network mastadon": "did you mean 'mastodon'?",
    "posts --place Pert": "did you mean 'Perth'", "posts --place Melborne": "'Melbourne'", "posts --place 999999998": "GeoNames id",
    "posts --place 99999999999999999999": "no city", "posts --place ²": "no city",
    "posts --country UK": "did you mean 'GB'?", "posts --country ZZ": "ISO 3166", "posts --country Australia": "two letters",
    "posts --lang English": "two or three letters", "posts --format jsn": "'json'", "posts --lmit 3": "--limit",
    "posts --since yesterday": "is not a time", "posts --since 2024-06-02 --until 2024-06-01": "is not before", "posts --until 2024-13-01": "--until",
    "posts --after x": "is not one that we gave", "posts --limit 0": "--limit", "post": "did you mean 'posts'?", "errors lst": "'list'",
    "posts --since 99999999999999999999d": "--since",
}  # fmt: skip


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_word_says_what_was_meant(words: str, heard: Path) -> None:
    done = lapwing(heard, *words.split())
    assert (done.code, done.out) == (2, b"")
    assert WRONG[words] in done.err


def test_a_query_that_cannot_be_read_names_its_column(heard: Path) -> None:
    done = lapwing(heard, "posts", 'storm "unclosed')
    assert done.code == 2
    assert "query, column 7" in done.err


def test_nothing_is_asked_where_nothing_is(tmp_path: Path) -> None:
    for command in (["posts"], ["counts"], ["words"], ["status"], ["verify"], ["errors"], ["backup", "x"]):
        done = lapwing(tmp_path / "none", *command)
        assert (done.code, "run `lapwing ingest FILE` first" in done.err) == (2, True)
    assert not (tmp_path / "none").exists()


def test_a_very_long_text_is_shown_in_part_and_given_whole(tmp_path: Path, data_dir: Path) -> None:
    ingest(data_dir, lines(tmp_path / "a.ndjson", status(1, "long " * 10_000)))
    shown = lapwing(data_dir, "posts").out.decode()
    assert len(shown) < 5_000
    assert "49,999 characters" in shown
    assert len(posts(data_dir)[0]["text"]) == 49_999


def test_a_terminal_without_our_letters_gets_question_marks(tmp_path: Path, data_dir: Path) -> None:
    ingest(data_dir, lines(tmp_path / "a.ndjson", status(1, "rain in 東京")))
    command = [sys.executable, "-m", "lapwing", "--data", str(data_dir), "posts"]
    environment = os.environ | {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert b"rain in ??" in done.stdout
