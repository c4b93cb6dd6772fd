"""Posts through gate and classifier: who passes, what is said, and why."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lapwing.app.emergency import load_classifier, load_gate, shipped_weights
from lapwing.errors import ConfigError
from lapwing.stages import classify, gate
from lapwing.text.features import SIGNALS
from lapwing.text.weights import VERDICTS, Decision, weights_of
from lapwing.text.words import cut_hashed, hash_terms
from resources import resource


def posts(*texts: str) -> pl.DataFrame:
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    return frame.with_columns(cut_hashed(frame["text"]))


def told(*texts: str, **resources: object) -> list[dict[str, object]]:
    """What both stages say of texts."""
    given = {name: resources.get(name) or resource(name) for name in ("gate", "classifier")}
    return classify.STAGE.make(given)(gate.STAGE.make(given)(posts(*texts))).to_dicts()


def small(**weights: float) -> object:
    """A classifier of a few words, each as rare as the others."""
    rows = [
        {"kind": "word", "word": word, "key": hash_terms(pl.Series([word]))[0], "rarity": 1.0, "weight": weight}
        for word, weight in weights.items()
    ]
    rows += [{"kind": "signal", "word": name, "weight": 0.0} for name in SIGNALS]
    decision = Decision(bias=0.0, slope=1.0, shift=0.0, threshold=0.5, unsure=(0.4, 0.6))
    return weights_of(pl.DataFrame(rows, schema_overrides={"key": pl.UInt64}), decision)


def test_a_sum_of_words_becomes_a_probability_and_says_why() -> None:
    classifier = small(fire=2.0, trapped=2.0, people=2.0, lol=-9.0)
    yes, no, talk = told("fire people trapped", "fire people lol", "hello people", classifier=classifier)
    assert yes["emergency"] == pytest.approx(1 / (1 + np.exp(-6 / np.sqrt(3))))
    assert (VERDICTS[yes["verdict"]], yes["because"]) == ("yes", "+fire · +people · +trapped")
    assert no["emergency"] == pytest.approx(1 / (1 + np.exp(5 / np.sqrt(3))))
    assert (VERDICTS[no["verdict"]], no["because"]) == ("no", None)
    assert (talk["gate"], talk["emergency"], VERDICTS[talk["verdict"]]) == (None, None, "not asked")


def test_where_few_words_are_known_the_verdict_is_unsure() -> None:
    few, small_part = told(
        "fire fuego llamas", "fire fire fire quema la casa de los vecinos del barrio", classifier=small(fire=9.0)
    )
    assert (few["emergency"], VERDICTS[few["verdict"]]) == (None, "unsure")
    assert (small_part["emergency"], VERDICTS[small_part["verdict"]]) == (None, "unsure")


def test_who_names_a_kind_of_emergency_is_unsure_where_another_is_a_no() -> None:
    classifier = small(fire=-1.0, police=-1.0, people=0.0, here=0.0)
    named, unnamed = told("fire people here", "police people here", classifier=classifier)
    assert named["emergency"] == unnamed["emergency"] == pytest.approx(1 / (1 + np.exp(1 / np.sqrt(3))))
    assert (VERDICTS[named["verdict"]], VERDICTS[unnamed["verdict"]]) == ("unsure", "no")
    assert named["because"] == "−fire"


def test_a_function_of_the_users_own_may_stand_for_either() -> None:
    mine = {
        "gate": lambda frame: frame["text"].str.contains("kitten"),
        "classifier": lambda frame: frame["text"].str.contains("tree").cast(pl.Float32),
    }
    rows = told("a kitten in a tree", "a kitten", "a fire", **mine)
    assert [(row["gate"], row["emergency"], VERDICTS[row["verdict"]]) for row in rows] == [
        ("", 1.0, "yes"),
        ("", 0.0, "no"),
        (None, None, "not asked"),
    ]


def test_a_function_that_forgets_a_post_is_found_out() -> None:
    with pytest.raises(ValueError, match="was given 2 posts and answered for 1"):
        told("a", "b", gate=lambda frame: [True])


def test_what_is_shipped_tells_reports_from_talk() -> None:
    report, talk, morning = told(
        "Magnitude 6.1 earthquake hits the coast, 12 people injured and 3 missing, officials say http://t.co/x",
        "haha that movie was such a disaster lol, I love you :)",
        "good morning, coffee first",
    )
    assert VERDICTS[report["verdict"]] == "yes"
    assert report["because"]
    assert VERDICTS[talk["verdict"]] == "no"
    assert VERDICTS[morning["verdict"]] == "not asked"


def test_what_is_shipped_is_small_and_holds_no_names_or_addresses() -> None:
    assert shipped_weights().stat().st_size <= 5_000_000
    words = pl.read_parquet(shipped_weights()).filter(pl.col("kind") == "word")["word"]
    assert len(words) > 10_000
    assert words.filter(words.str.contains("@|https?:|t\\.co")).to_list() == []


@pytest.mark.parametrize("load", [load_gate, load_classifier])
@pytest.mark.parametrize("named", ["nowhere.toml", "no_such_module:at_all", "json:no_such_function"])
def test_what_the_configuration_names_wrongly_is_blamed_there(load: object, named: str, tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"^emergency\.(gate|classifier): "):
        load(named, str(tmp_path))


def test_a_gate_of_ones_own_is_a_file_of_keywords(tmp_path) -> None:
    (tmp_path / "mine.toml").write_text('fire = ["bonfire*"]\n', "utf-8")
    rows = told("a bonfire", "a fire", gate=load_gate("mine.toml", str(tmp_path)))
    assert [row["gate"] for row in rows] == ["bonfire", None]


def test_a_broken_file_is_no_classifier(tmp_path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(ConfigError, match="is no classifier that can be used"):
        load_classifier("bad.parquet", str(tmp_path))
