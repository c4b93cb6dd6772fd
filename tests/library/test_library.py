"""What programs import, used as its documentation says."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import lapwing
from lapwing import config
from lapwing.app import answers
from lapwing.app.opening import Directory
from lapwing.errors import ConfigError, LapwingError, UsageError
from lapwing.ledger.sqlite.selecting import Filters
from source_code import ROOT

GUIDE = ROOT / "docs" / "guide" / "functions.md"
DEADLINE_S = 60
STATUS = {
    "id": "115500000000000001",
    "uri": "https://mastodon.au/users/kim/statuses/115500000000000001",
    "url": "https://mastodon.au/@kim/115500000000000001",
    "created_at": "2026-01-05T10:00:00.000Z",
    "content": "<p>The ground shook in Perth, everybody felt it</p>",
    "visibility": "public",
    "language": "en",
    "account": {"id": "1", "acct": "kim", "username": "kim", "url": "https://mastodon.au/@kim", "note": ""},
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a configuration, and the data directory in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAPWING_DATA", str(tmp_path / "data"))


def read(topic: str, **options: Any) -> list[Any]:
    return list(lapwing.consume(topic, follow=False, **options))


def status(number: int, **values: Any) -> dict[str, Any]:
    uri = f"https://mastodon.au/users/kim/statuses/{number}"
    return STATUS | {"id": str(number), "uri": uri, "created_at": _now()} | values


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def test_importing_takes_no_time_and_brings_no_frames() -> None:
    code = "import sys, lapwing; assert 'App' in dir(lapwing); print([m for m in ('polars', 'msgspec') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"[]\n"
    with pytest.raises(AttributeError, match="no attribute 'consumer'"):
        lapwing.consumer  # noqa: B018


def test_what_was_produced_is_consumed_in_the_order_of_its_key() -> None:
    for n in range(20):
        lapwing.produce("numbers", {"n": n}, key=f"k{n % 3}")
    numbers = [value["n"] for value in read("numbers")]
    assert sorted(numbers) == list(range(20))
    for key in range(3):
        of_key = [n for n in numbers if n % 3 == key]
        assert of_key == sorted(of_key)


@pytest.mark.parametrize("value", [1, "text", None, True, [1, {"a": None}], {"ü": "🐦"}])
def test_any_json_value_comes_back_as_it_was(value: Any) -> None:
    lapwing.produce("values", value)
    assert read("values") == [value]


@pytest.mark.parametrize("topic", ["", "a b", "a/b", "_lapwing.retries", "x" * 250, "ü", "raw.nowhere", "raw."])
def test_topics_that_cannot_be_written_to(topic: str) -> None:
    with pytest.raises(UsageError):
        lapwing.produce(topic, {"n": 1})


@pytest.mark.parametrize("value", [float("nan"), {"a": {1}}, {"a": b""}, object(), "\ud800"])
def test_values_that_are_not_json(value: Any) -> None:
    with pytest.raises(UsageError, match="the value is not JSON"):
        lapwing.produce("values", value)


def test_a_value_that_is_too_large_is_called_so() -> None:
    with pytest.raises(UsageError, match=r"the record is too large: a value of [\d,]+ bytes"):
        lapwing.produce("values", {"x": "y" * (1 << 20)})


def test_a_group_goes_on_after_the_last_record_whose_body_was_left() -> None:
    for n in range(5):
        lapwing.produce("numbers", n)
    seen = []
    for value in lapwing.consume("numbers", group="mine", follow=False):
        seen.append(value)
        if value == 2:
            break
    assert seen == [0, 1, 2]
    assert read("numbers", group="mine") == [2, 3, 4]
    assert read("numbers", group="mine") == []
    assert read("numbers", group="another") == [0, 1, 2, 3, 4]


def test_from_now_on_only_what_comes_later() -> None:
    lapwing.produce("numbers", 1)
    for group in (None, "late"):
        values = lapwing.consume("numbers", group=group, start="now")
        lapwing.produce("numbers", 2)
        assert next(values) == 2
        values.close()  # type: ignore[attr-defined]


def test_it_waits_for_a_topic_that_is_not_there_yet() -> None:
    values: Iterator[Any] = lapwing.consume("later", group="g")
    lapwing.produce("later", "at last")
    assert next(values) == "at last"


def test_two_programs_of_one_group_read_everything_once() -> None:
    for n in range(40):
        lapwing.produce("numbers", n, key=str(n))
    first, second = (lapwing.consume("numbers", group="both", follow=False) for _ in range(2))
    seen = [next(first)]
    seen += list(second)
    seen += list(first)
    seen += read("numbers", group="both")
    assert sorted(seen) == list(range(40))


def test_a_start_that_is_none() -> None:
    with pytest.raises(UsageError, match="'beginning' or 'now'"):
        lapwing.consume("numbers", start="middle")


def test_posts_come_decoded_cleaned_with_language_and_place() -> None:
    lapwing.produce("raw.mastodon", status(1))
    (post,) = read("raw.mastodon")
    assert post.text == "The ground shook in Perth, everybody felt it"
    assert (post.network, post.kind, post.lang, post.edited) == ("mastodon", "post", "en", False)
    assert (post.place.name, post.place.country, post.country) == ("Perth", "AU", "AU")
    assert post.created_at.utcoffset() == timedelta(0)


def test_what_no_network_sends_is_refused_by_a_post_topic() -> None:
    with pytest.raises(UsageError):
        lapwing.produce("raw.mastodon", {"text": "no status"})
    assert read("raw.mastodon") == []


def test_a_function_writes_posts_as_the_command_line_does() -> None:
    app = lapwing.App()
    app.function("raw.mastodon", to="frames", name="frames")(lambda posts: posts)
    app.function("raw.mastodon", to="single", name="single", each=True)(lambda post: post)
    for number in (1, 2, 3):
        lapwing.produce("raw.mastodon", status(number, content=f"<p>It rained &amp; poured in Melbourne, {number}</p>"))
    app.run(until_idle=True)
    with_ledger = Directory(config.data_directory(), config.parse(""))
    with_ledger.worker().run(lambda: with_ledger.behind() == 0)
    expected = answers.posts(with_ledger.ledger.store, Filters(), None, 10)["posts"]
    with_ledger.close()
    for post in expected:
        del post["sightings"]
    for topic in ("frames", "single"):
        found = sorted(read(topic), key=lambda post: post["uid"], reverse=True)
        for post in found:
            post.pop("operation", None)
        assert sorted(found[0]) == sorted(expected[0])
        assert found == sorted(expected, key=lambda post: post["uid"], reverse=True)


def test_edits_and_deletes_only_with_changes() -> None:
    app, edited = lapwing.App(), status(1, edited_at=_now(), content="<p>Now mended</p>")
    app.function("raw.mastodon", to="posts", name="posts", each=True)(lambda post: {"is": post.operation})
    app.function("raw.mastodon", to="all", name="all", each=True, changes=True)(
        lambda post: {"is": post.operation, "uid": post.uid, "text": post.text}
    )
    lapwing.produce("raw.mastodon", status(1))
    lapwing.produce("raw.mastodon", {"event": "status.update", "payload": json.dumps(edited)})
    lapwing.produce("raw.mastodon", {"event": "delete", "payload": "1"})
    app.run(until_idle=True)
    assert read("posts") == [{"is": "post"}]
    found = read("all")
    assert [value["is"] for value in found] == ["post", "edit", "delete"]
    assert found[1]["text"] == "Now mended"


def test_an_app_runs_several_functions_until_nothing_is_left() -> None:
    app = lapwing.App(log={"partitions": 3})

    @app.function("words", to="loud", parallel=2)
    def shout(words: Any) -> Any:
        return words.with_columns(words["text"].str.to_uppercase())

    @app.function("loud", to="long", each=True, retries=0)
    def lengthen(value: Any) -> Any:
        return {"text": value["text"] * 2} if value["text"] != "OH" else 1 / 0

    for text in ("ah", "oh"):
        lapwing.produce("words", {"text": text})
    app.run(until_idle=True)
    assert read("long") == [{"text": "AHAH"}]
    assert [letter["reason"] for letter in read("errors")] == ["ZeroDivisionError: division by zero"]
    assert shout.__name__ == "shout"
    assert {key for key, _ in Directory(config.data_directory()).log.spans()} == {"words", "loud", "long", "errors"}
    app.run(until_idle=True)
    assert len(read("long")) == 1


def test_options_of_a_function_are_checked_where_they_are_written() -> None:
    app = lapwing.App()
    for options, problem in (
        ({"timeout": "soon"}, "function f.timeout: 'soon' is not a duration"),
        ({"retries": -1}, "function f.retries"),
        ({"paralel": 2}, "did you mean 'parallel'"),
        ({"to": "raw.x"}, "holds what a network sent"),
        ({"to": "in"}, "would read what it writes"),
        ({"errors": "in"}, "would read what it writes"),
        ({"workers": "processes"}, "cannot be called in a process of its own"),
    ):
        with pytest.raises(UsageError, match=re.escape(problem)):
            app.function("in", **{"name": "f", **options})(lambda value: value)  # type: ignore[typeddict-item]
    app.function("in", name="f")(lambda value: value)
    with pytest.raises(UsageError, match="another function called 'f'"):
        app.function("in", name="f")(lambda value: value)
    with pytest.raises(UsageError, match="no section 'logs'"):
        lapwing.App(logs={"partitions": 2})
    with pytest.raises(ConfigError, match=r"log\.partitions"):
        lapwing.App(log={"partitions": 0})


def test_a_function_that_cannot_go_on_is_said() -> None:
    app = lapwing.App()
    never = threading.Event()
    app.function("in", name="stuck", each=True, timeout="5ms", retries=0)(lambda _: never.wait())
    for n in range(20):
        lapwing.produce("in", n)
    with pytest.raises(LapwingError, match=r"function stuck is paused: .*calls never returned"):
        app.run(until_idle=True)
    never.set()


def test_what_programs_report_adds_up() -> None:
    lapwing.report(consumed=120, produced=118, name="mine")
    lapwing.report(consumed=1, name="mine")
    (row,) = Directory(config.data_directory()).log.reports()
    assert (row["name"], row["consumed"], row["produced"]) == ("mine", 121, 118)
    with pytest.raises(UsageError):
        lapwing.report(consumed=-1)


def python_blocks() -> list[str]:
    return re.findall(r"^```python[^\n]*\n(.*?)^```", GUIDE.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def test_a_newcomers_ten_lines_run_as_they_stand(tmp_path: Path) -> None:
    program = python_blocks()[0]
    assert len([line for line in program.splitlines() if line.strip()]) <= 10
    (tmp_path / "first.py").write_text(program)
    said = subprocess.check_output([sys.executable, "first.py"], cwd=tmp_path, timeout=DEADLINE_S, text=True)
    assert said == "BIG QUAKE IN PERTH\n"


def test_a_program_with_processes_runs_until_it_is_told_to_stop(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import lapwing\napp = lapwing.App()\n"
        "@app.function('in', to='out', each=True, workers='processes')\n"
        "def shout(value):\n    return {'text': value['text'].upper()}\n"
        "if __name__ == '__main__':\n    app.run()\n"
    )
    lapwing.produce("in", {"text": "ah"})
    program = subprocess.Popen([sys.executable, "mine.py"], cwd=tmp_path, env=dict(os.environ))
    try:
        assert next(lapwing.consume("out")) == {"text": "AH"}
    finally:
        program.send_signal(signal.SIGTERM)
    assert program.wait(DEADLINE_S) == 0
