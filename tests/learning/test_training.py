"""From labelled files to a classifier and its measures, on the command line, with a set that was invented for it."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import polars as pl
import pytest

from cli.running import lapwing
from lapwing.app.emergency import read_weights, write_weights
from lapwing.text.features import SIGNALS
from lapwing.text.weights import Decision
from learning.invented import write_labelled

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None, reason="training wants scikit-learn, the extra `train`"
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a labelled file, a classifier made of it, and a frozen file with its list."""
    folder = tmp_path_factory.mktemp("learning")
    write_labelled(folder / "posts.csv")
    assert lapwing(None, "train", folder / "posts.csv", "--out", folder / "model.parquet").code == 0
    frozen = write_labelled(folder / "frozen.csv", rounds=3)
    digest = hashlib.sha256(frozen.read_bytes()).hexdigest()
    (folder / "frozen.sha256").write_text(f"{digest}  frozen.csv\n", "utf-8")
    return folder


def useless(path: Path) -> Path:
    """A classifier that knows one word and says the same of every post."""
    rows = [{"kind": "word", "word": "nothing", "key": 1, "rarity": 1.0, "weight": 0.0}]
    rows += [{"kind": "signal", "word": name, "weight": 0.0} for name in SIGNALS]
    table = pl.DataFrame(rows, schema_overrides={"key": pl.UInt64})
    write_weights(table, Decision(bias=0.0, slope=1.0, shift=0.0, threshold=0.4, unsure=(0.3, 0.5)), path)
    return path


@pytest.mark.full
def test_it_tells_apart_what_it_has_not_seen_and_says_how_well(house: Path) -> None:
    found = lapwing(None, "evaluate", "--json", house / "frozen.csv", "--model", house / "model.parquet").json
    assert found["classifier_alone"]["posts"] == 120
    assert found["classifier_alone"]["macro_f1"]["value"] > 0.9
    assert found["classifier_alone"]["events"] == 5
    assert found["speed"]["posts_per_second_a_core"] > 0
    assert set(found["lang"]) == {"en"}


def test_the_same_files_and_seed_make_the_same_classifier(house: Path, tmp_path: Path) -> None:
    assert lapwing(None, "train", house / "posts.csv", "--out", tmp_path / "again.parquet").code == 0
    again, first = (pl.read_parquet(path) for path in (tmp_path / "again.parquet", house / "model.parquet"))
    assert again.equals(first)
    assert read_weights(tmp_path / "again.parquet").decision == read_weights(house / "model.parquet").decision


def test_words_of_one_event_and_names_of_people_have_no_weight(house: Path) -> None:
    words = pl.read_parquet(house / "model.parquet").filter(pl.col("kind") == "word")["word"].to_list()
    assert "officials" in words
    assert not {"fire", "flood", "earthquake"} & set(words)
    assert [word for word in words if "@" in word or "http" in word or "example" in word] == []


def test_what_was_trained_on_is_not_measured_on(house: Path) -> None:
    done = lapwing(None, "evaluate", house / "posts.csv", "--model", house / "model.parquet")
    assert done.code == 2
    assert "was trained on posts.csv" in done.err


@pytest.mark.full
def test_a_new_one_replaces_the_old_only_if_it_is_better(house: Path, tmp_path: Path) -> None:
    model, frozen = useless(tmp_path / "model.parquet"), house / "frozen.sha256"
    refused = lapwing(None, "train", house / "posts.csv", "--out", model)
    assert (refused.code, "give --frozen" in refused.err) == (2, True)
    better = lapwing(None, "train", house / "posts.csv", "--out", model, "--frozen", frozen, "--json")
    assert (better.code, better.json["written"], better.json["comparison"]["better"]) == (0, True, True)
    before = model.read_bytes()
    same = lapwing(None, "train", house / "posts.csv", "--out", model, "--frozen", frozen)
    assert (same.code, b"stays as it is" in same.out, model.read_bytes() == before) == (1, True, True)
    forced = lapwing(None, "train", house / "posts.csv", "--out", model, "--frozen", frozen, "--force")
    assert (forced.code, b"was written by --force" in forced.out) == (0, True)


def test_two_classifiers_are_held_against_each_other_on_frozen_files(house: Path, tmp_path: Path) -> None:
    old = useless(tmp_path / "old.parquet")
    words = ("evaluate", "--json", house / "frozen.sha256", "--model", house / "model.parquet", "--against", old)
    found = lapwing(None, *words).json
    assert found["better"]
    assert found["sets"]["frozen.csv"]["new"]["value"] > found["sets"]["frozen.csv"]["old"]["value"]


def test_a_frozen_file_that_was_changed_is_refused(house: Path, tmp_path: Path) -> None:
    (tmp_path / "frozen.csv").write_text("text,label\nfire,1\n", "utf-8")
    (tmp_path / "frozen.sha256").write_text((house / "frozen.sha256").read_text("utf-8"), "utf-8")
    done = lapwing(None, "evaluate", tmp_path / "frozen.sha256", "--against", house / "model.parquet")
    assert done.code == 1
    assert "is not as it was frozen" in done.err


def test_a_set_for_measuring_is_never_trained_on(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("id,keyword,location,text,target\n1,,,fire,1\n2,,,calm,0\n", "utf-8")
    done = lapwing(None, "train", tmp_path / "set.csv", "--out", tmp_path / "model.parquet")
    assert (done.code, "for measuring only" in done.err) == (2, True)


@pytest.mark.parametrize("content", [b"", b"text,label\na", b"\xff\xfe\x00", b"text,label\nfire,maybe\n", b"{}"])
def test_a_file_that_is_none_is_said_and_not_a_traceback(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    done = lapwing(None, "train", tmp_path / "bad.csv", "--out", tmp_path / "model.parquet")
    assert done.code in (1, 2)
    assert "bad.csv" in done.err or "trained on" in done.err
    assert not (tmp_path / "model.parquet").exists()
