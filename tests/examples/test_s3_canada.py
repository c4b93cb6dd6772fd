"""A replay that is tested against a table counted by hand, and processed again."""

from __future__ import annotations

from pathlib import Path

from cli.running import lapwing

EXAMPLES = Path(__file__).parents[2] / "examples"
CONFIG = EXAMPLES / "s3_canada_replay.toml"
EXPECTED = EXAMPLES / "s3_canada_expected.csv"


def run(data: Path, *words: object) -> tuple[int, str]:
    done = lapwing(data, "--config", CONFIG, *words)
    return done.code, done.out.decode() + done.err


def test_the_replay_is_what_was_counted_by_hand(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert run(data, "replay", EXAMPLES / "s3_canada.ndjson", "--speed", 0)[0] == 0
    assert run(data, "worker", "--until-empty")[0] == 0
    assert run(data, "compare", data, EXPECTED) == (0, "all 8 rows are as expected\n")
    rows = lapwing(data, "counts", "--window", "15m", "--json").json
    found = {
        (row["window"][14:16], row["place"]["name"]): (row["posts"], row["reposts"], row["people"]) for row in rows
    }
    assert found == {
        ("00", "Toronto"): (4, 1, 3),
        ("00", "Montréal"): (3, 1, 2),
        ("00", "Vancouver"): (2, 0, 1),
        ("00", "Halifax"): (1, 0, 1),
        ("15", "Toronto"): (1, 2, 3),
        ("15", "Vancouver"): (1, 0, 1),
    }
    code, said = run(data, "rebuild", "--since", "1h")
    assert code == 0, said
    assert run(data, "compare", data, EXPECTED) == (0, "all 8 rows are as expected\n")
    assert run(data, "verify")[0] == 0


def test_the_tester_says_which_row_differs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    run(
        data, "replay", EXAMPLES / "s3_canada.ndjson", "--speed", 0, "--faults", "duplicate=0.3,reorder=5m", "--seed", 2
    )
    run(data, "worker", "--until-empty")
    assert run(data, "compare", data, EXPECTED)[0] == 0, "repeats and another order change nothing"
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(EXPECTED.read_text().replace("Toronto,CA,1,2,3", "Toronto,CA,1,3,3"))
    code, said = run(data, "compare", data, wrong)
    assert (code, "1 of 8 rows differ" in said) == (1, True)


def test_the_busiest_and_the_quietest_of_the_hour(tmp_path: Path) -> None:
    data = tmp_path / "data"
    run(data, "replay", EXAMPLES / "s3_canada.ndjson", "--speed", 0)
    run(data, "worker", "--until-empty")
    hour = ("--window", "1h", "--since", "2026-01-05", "--until", "2026-01-05T01:00:00Z", "--json")

    def ranked(*words: object) -> list[tuple[str, int]]:
        return [(row["place"]["name"], row["posts"]) for row in lapwing(data, "counts", *hour, *words).json]

    assert ranked("--top", 1) == [("Toronto", 5)]
    assert ranked("--bottom", 1) == [("Halifax", 1)]
