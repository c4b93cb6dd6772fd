"""A source's `keep`: what is stored, what is counted as filtered and why, against a model that looks at one post at a time."""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl
import pytest

from lapwing import config
from lapwing.app.opening import Directory
from lapwing.engine.keeping import Forgotten, Keeping, keeping_of, mark_of, unwanted, words_of
from lapwing.errors import ConfigError, UsageError
from lapwing.ledger.sqlite.verify import verify
from lapwing.model import Records
from lapwing.settings import Keep, SourceTable

PERTH, SURABAYA = 2063523, 1625822
HEARD_US = 1_717_250_000_000_000  # 2024-06-01T13:53:20Z
COUNTS = ("received", "stored", "duplicates", "changes", "filtered", "refused")


def posts(*rows: tuple[str, str, str, int, str]) -> pl.DataFrame:
    """Source, text, language, place, country."""
    schema = {"source": pl.String, "text": pl.String, "lang": pl.String, "place": pl.UInt32, "country": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_each_list_limits_and_the_first_that_is_not_met_is_the_reason() -> None:
    frame = posts(
        ("a", "Hail in Perth", "en", PERTH, "AU"),
        ("a", "Rain in Perth", "en", PERTH, "AU"),
        ("a", "HÀIL here", "fr", PERTH, "AU"),
        ("a", "hailstorm, and a flash flood", "en", SURABAYA, "ID"),
        ("b", "Rain", "fr", 0, ""),
    )
    rule = Keeping(words_of(["hail", "Flash Flood"]), ("en",), (PERTH,), ("AU",))
    assert unwanted(frame, {"a": rule}).to_list() == [None, "words", "languages", "places", None]
    assert unwanted(frame, {"a": Keeping(countries=("ID",))}).to_list() == ["countries"] * 3 + [None, None]
    assert unwanted(frame[:0], {"a": rule}).to_list() == []


def test_a_rule_is_read_as_the_search_reads_its_words() -> None:
    assert keeping_of(Keep(), lambda _: []) is None
    made = keeping_of(Keep(words=["地震"], languages=["PT-br"], places=["Perth"]), lambda _: [PERTH])
    assert made is not None
    assert (made.languages, made.places) == (("pt",), (PERTH,))
    frame = posts(("a", "昨日の地震は", "pt", PERTH, "AU"), ("a", "昨日", "pt", PERTH, "AU"))
    assert unwanted(frame, {"a": made}).to_list() == [None, "words"]
    with pytest.raises(UsageError, match="no letters"):
        words_of(["…"])


def test_the_forgotten_are_known_by_marks_that_need_the_key() -> None:
    marks = frozenset({mark_of(b"k" * 32, "did:plc:ada")})
    names = pl.Series(["did:plc:ada", "did:plc:ben", None, ""])
    assert Forgotten(b"k" * 32, marks).among(names).to_list() == [True, False, False, False]
    assert Forgotten(b"z" * 32, marks).among(names).to_list() == [False] * 4
    assert b"ada" not in b"".join(marks)


def test_a_city_that_is_none_is_blamed_on_its_source(tmp_path: Path) -> None:
    with (
        closing(Directory(tmp_path, listening(here=["?!"]))) as directory,
        pytest.raises(ConfigError, match=r"source 'here', keep: .*no letters"),
    ):
        directory.worker()


def listening(**words: list[str]) -> config.Configuration:
    """Sources of these names, each with the words that are kept of it."""
    settings = config.parse("source = []\n[log]\npartitions = 1\n", environment={})
    sources = tuple(
        SourceTable(
            type="files", name=name, network="mastodon", topic="raw.mastodon", keep=Keep(words=some), paused=False,
            answers=None, options=None,
        )
        for name, some in words.items()
    )  # fmt: skip
    return msgspec.structs.replace(settings, sources=sources)


class Said(NamedTuple):
    """A version of a post, as one source heard it."""

    source: str
    number: int
    version: int
    text: str

    @property
    def record(self) -> bytes:
        edited = f"2024-06-01T11:00:{self.version:02}Z" if self.version else None
        author = f"https://a.example/users/{self.number % 3}"
        post = {
            "id": str(self.number),
            "uri": f"{author}/statuses/{self.number}",
            "created_at": "2024-06-01T10:00:00Z",
            "edited_at": edited,
            "visibility": "public",
            "language": "en",
            "content": f"<p>{self.text}</p>",
            "account": {"acct": str(self.number % 3), "uri": author, "fields": []},
        }
        return json.dumps(post, ensure_ascii=False).encode()


RULES = {"one": ["hail", "flash flood"], "two": ["hail"], "all": []}
WORDS = ["hail", "HAIL!", "Häil", "hailstorm", "flash flood", "flash, and flood", "sun"]


def heard(chance: random.Random, count: int) -> Iterator[Said]:
    """Versions of some posts, as sources may hear them: in any order, and again."""
    for _ in range(count):
        number, version = chance.randrange(12), chance.choice([0, 0, 1, 2])
        text = f"{random.Random(number * 10 + version).choice(WORDS)} {number} {version}"
        yield Said(chance.choice(list(RULES)), number, version, text)


def plain(text: str) -> str:
    """Words without accents and capitals, as one line."""
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return f" {' '.join(re.findall(r'[a-z0-9]+', bare.lower()))} "


def model(stream: list[Said]) -> tuple[dict[int, str], Counter[str]]:
    """The text of each post that stands, and what became of all records; looks at one record after the other."""
    known: dict[int, dict[int, str]] = {}
    became: Counter[str] = Counter(received=len(stream))
    for said in stream:
        wanted = not RULES[said.source] or any(f" {word} " in plain(said.text) for word in RULES[said.source])
        edits = said.number in known and said.version > min(known[said.number])
        if not wanted and not edits:
            became["filtered"] += 1
        elif said.number not in known:
            known[said.number] = {said.version: said.text}
            became["stored"] += 1
        elif said.version in known[said.number]:
            became["duplicates"] += 1
        else:
            known[said.number][said.version] = said.text
            became["changes"] += 1
    return {number: versions[max(versions)] for number, versions in known.items()}, became


@pytest.mark.parametrize("batch_records", [pytest.param(1, marks=pytest.mark.full), 7, 1_000])
def test_any_stream_in_any_batches_is_kept_as_the_model_keeps_it(
    tmp_path: Path, chance: random.Random, batch_records: int
) -> None:
    stream = list(heard(chance, 150))
    with closing(Directory(tmp_path, listening(**RULES))) as directory:
        now_us = directory.clock.now_us() - 60_000_000
        for said in stream:
            records = Records(
                source=said.source, network="mastodon", format="mastodon", values=[said.record],
                received_at_us=[HEARD_US],
            )  # fmt: skip
            directory.log.append("raw.mastodon", records, now_us=now_us)
        worker = directory.worker()
        worker.batch_records = batch_records
        worker.run(lambda: directory.behind() == 0)

        store = directory.ledger.store
        sums = ", ".join(f"sum({name})" for name in COUNTS)
        counts = dict(zip(COUNTS, store.connection.execute(f"SELECT {sums} FROM accounting").fetchone(), strict=True))
        assert [line for each in verify(store, directory.log.spans()) for line in each.broken] == []
        stands, became = model(stream)
        assert texts_of(directory) == stands
        assert counts == {name: became[name] for name in COUNTS}
        reasons = dict(store.connection.execute("SELECT reason, sum(records) FROM filtered GROUP BY reason"))
        assert reasons == {"keep: words": became["filtered"]}


def texts_of(directory: Directory) -> dict[int, str]:
    from lapwing.app import answers
    from lapwing.ledger.sqlite.selecting import Filters

    rows: list[dict[str, Any]] = answers.posts(directory.ledger.store, Filters(), None, 1_000)["posts"]
    return {int(row["uid"].rpartition("/")[2]): row["text"] for row in rows}
