"""`lapwing tables` and `lapwing counts --with`: values per region beside the counts, and what found no place."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from cli.running import ingest, lapwing, lines, status

INCOME = "code,income\n10,1500.5\n20,900\n30,..\n"
PEOPLE = "code,name,inhabitants\n10,Perth (C),2000\n20,City of Nowhere,500\n30,Melbourne,0\n"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five people in Perth, one in Melbourne, two in Adelaide, and three tables."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "income.csv").write_text(INCOME, "utf-8")
    (tmp_path / "tables" / "people.csv").write_text(PEOPLE, "utf-8")
    (tmp_path / "countries.json").write_text('[{"iso": "AU", "calls": "000"}, {"iso": "GB", "calls": "999"}]', "utf-8")
    (tmp_path / "lapwing.toml").write_text(
        '[[table]]\nname = "income"\nfile = "tables/income.csv"\nkey = "code"\nnames = "tables/people.csv"\n'
        'name_column = "name"\ncountry = "AU"\npopulation = "inhabitants"\n'
        '[[table]]\nname = "calls"\nfile = "countries.json"\nkey = "iso"\n',
        "utf-8",
    )
    cities = ["Perth, Western Australia"] * 5 + ["Melbourne, Australia"] + ["Adelaide, Australia"] * 2
    posts = [
        status(
            number,
            f"Hail in {city}",
            account={"acct": f"p{number}", "uri": f"https://a.example/users/{number}", "fields": []},
        )
        for number, city in enumerate(cities, 1)
    ]
    folder = tmp_path / "data"
    assert ingest(folder, lines(tmp_path / "posts.ndjson", *posts)).code == 0
    return folder


def test_values_beside_counts(data: Path) -> None:
    rows = lapwing(data, "counts", "--window", "all", "--with", "income", "--json").json
    found = {row["place"]["name"]: row["with"] for row in rows}
    assert found == {
        "Perth": {"code": 10, "name": "Perth (C)", "inhabitants": 2000, "income": 1500.5, "per_1000": 2.5},
        "Melbourne": {"code": 30, "name": "Melbourne", "inhabitants": 0, "income": None, "per_1000": None},
        "Adelaide": None,
    }
    shown = lapwing(data, "counts", "--window", "all", "--with", "income").out.decode()
    assert "per_1000" in shown
    assert "1,500.50" in shown


def test_values_beside_countries(data: Path) -> None:
    rows = lapwing(data, "counts", "--window", "all", "--by", "country", "--with", "calls", "--json").json
    assert [(row["country"], row["with"]) for row in rows] == [("AU", {"iso": "AU", "calls": "000"})]


def test_how_rows_were_joined_and_what_is_left(data: Path) -> None:
    [report] = lapwing(data, "tables", "income", "--json").json
    assert (report["rows"], report["joined_rows"], report["how"]) == (3, 2, {"name": 2})
    assert [(each["key"], each["name"]) for each in report["unmatched_rows"]] == [("20", "City of Nowhere")]
    assert report["unmatched_inhabitants"] == 0.2
    assert (report["people"]["located"], report["people"]["share_unmatched"]) == (8, 0.25)
    assert [(each["place"]["name"], each["people"]) for each in report["people"]["places"]] == [("Adelaide", 2)]
    shown = lapwing(data, "tables").out.decode()
    assert "2 of 3 rows belong to 2 places (2 by name)" in shown
    assert "25.0% of 8 people post from places without a row" in shown
    assert "City of Nowhere" in shown
    joins = lapwing(data, "tables", "income", "--joins", "--json").json
    assert [(each["key"], each["place_name"], each["how"]) for each in joins] == [
        ("10", "Perth", "name"),
        ("30", "Melbourne", "name"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            'key = "code"',
            'key = "kode"',
            "no column of tables/income.csv (table 'income') is called 'kode'; did you mean 'code'?",
        ),
        ('name_column = "name"', "", "names is said without name_column"),
        ('"inhabitants"', '"inhabitant"', "did you mean 'inhabitants'?"),
        ("tables/income.csv", "tables/none.csv", "tables/none.csv cannot be read"),
        ('"AU"', '"Australia"', "table[0].country"),
    ],
)
def test_a_table_that_is_off_says_where(data: Path, before: str, after: str, message: str) -> None:
    path = data.parent / "lapwing.toml"
    path.write_text(path.read_text("utf-8").replace(before, after, 1), "utf-8")
    done = lapwing(data, "counts", "--with", "income")
    assert done.code in (1, 2)
    assert message in done.err


def test_an_unknown_table_is_named(data: Path) -> None:
    done = lapwing(data, "counts", "--with", "incom")
    assert (done.code, "did you mean 'income'?" in done.err) == (2, True)
