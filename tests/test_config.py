"""lapwing.toml, the environment over it, and blame by path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from lapwing import catalog, config, settings
from lapwing.errors import ConfigError

DAY_US = 86_400_000_000


def test_nothing_is_a_good_configuration() -> None:
    made = config.parse("", environment={})
    assert made.log == config.Log(
        url="sqlite://", retention_us=604_800_000_000, retention_bytes=None, partitions=8, durability="app-crash"
    )
    assert (made.store.ledger, made.store.search, made.store.projections) == ("sqlite://", "ledger", [])
    assert made.store.posts_retention_us == 90 * DAY_US
    assert made.store.counts_retention_us == 1095 * DAY_US
    assert set(made.origins.values()) == {"default"}


def test_the_environment_wins_over_the_file_and_both_are_remembered() -> None:
    text = '[log]\nretention = "2d"\npartitions = 4\n[store]\nposts_retention = "1w"\n'
    environment = {"LAPWING__LOG__PARTITIONS": "16", "LAPWING__LOG__DURABILITY": "power", "HOME": "/"}
    made = config.parse(text, file="my.toml", environment=environment)
    assert (made.log.retention_us, made.log.partitions, made.log.durability) == (2 * DAY_US, 16, "power")
    shown = {path: (value, origin) for path, value, origin in config.rows(made)}
    assert shown["log.retention"] == ('"2d"', "my.toml")
    assert shown["log.partitions"] == ("16", "LAPWING__LOG__PARTITIONS")
    assert shown["log.durability"] == ('"power"', "LAPWING__LOG__DURABILITY")
    assert shown["store.posts_retention"] == ('"7d"', "my.toml")
    assert shown["store.counts_retention"] == ('"3y"', "default")
    assert shown["log.retention_bytes"] == ("(none)", "default")


def test_the_process_environment_is_read_when_no_other_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAPWING__LOG__PARTITIONS", "3")
    assert config.parse().log.partitions == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[log]\nretentoin = "7d"', "log.retentoin: there is no such key; did you mean 'retention'?"),
        ("[lgo]", "lapwing.toml: lgo: there is no such section; did you mean 'log'?"),
        ("[log]\npartitions = 0", "log.partitions: expected `int` >= 1"),
        ('[log]\npartitions = "8"', "log.partitions: expected `int`, got `str`"),
        (
            '[log]\ndurability = "pwer"',
            "log.durability: invalid enum value 'pwer'; write one of: 'app-crash', 'power'",
        ),
        (
            '[log]\nretention = "7 days"',
            "log.retention: '7 days' is not a duration; write a number and a unit, as in '90s', '15m', '7d' or '3y'",
        ),
        (
            "[log]\nretention = 7",
            "log.retention: 7 has no unit; write it as a text with one, as in '90s', '15m', '7d' or '3y'",
        ),
        ('[log]\nretention = "1s"', "log.retention: expected a duration >= 1m"),
        ("[store]\nprojections = [1]", "store.projections[0]: expected `str`, got `int`"),
        ("log = 3", "log: is a section; write it as [log]"),
        ("[log", "lapwing.toml: is not TOML: Expected ']' at the end of a table declaration (at end of document)"),
    ],
)
def test_a_bad_file_is_blamed_by_path(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, environment={})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[log]\nurl = "kafka://a:9092"', "log.url: kafka:// is not available yet; write 'sqlite://'"),
        ('[store]\nledger = "mysql://a/b"', "store.ledger: mysql:// is not available yet; write 'sqlite://'"),
        (
            '[store]\nprojections = ["cassandra://a"]',
            "store.projections: cassandra:// is not available yet; leave the list empty",
        ),
        ('[store]\nledger = "oracle://a"', "store.ledger: 'oracle://a' is nothing that we know; write 'sqlite://'"),
    ],
)
def test_what_is_not_built_yet_says_so(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, environment={})
    assert str(caught.value) == message


def test_without_a_word_about_sources_it_is_bluesky_and_none_can_be_said() -> None:
    made = config.parse("", environment={})
    assert [(each.name, each.type, each.topic) for each in made.sources] == [("bluesky", "bluesky", "raw.bluesky")]
    assert config.parse("source = []", environment={}).sources == ()


def test_a_source_has_what_all_have_and_what_is_its_own() -> None:
    text = """[[source]]
type = "mastodon"
name = "au"
url = "https://mastodon.au"
every = "5m"
topic = "raw.mastodon.au"
keep = { countries = ["AU"] }
token = "env:TOKEN"
"""
    (made,) = config.parse(text, environment={"LAPWING__SOURCE__AU__EVERY": "10m"}).sources
    assert (made.name, made.network, made.topic, made.keep.countries) == ("au", "mastodon", "raw.mastodon.au", ["AU"])
    options: Any = made.options
    assert (options.url, options.every_us, options.token) == ("https://mastodon.au", 600_000_000, "env:TOKEN")
    rows = {path: value for path, value, _ in config.rows(config.parse(text, environment={"TOKEN": "s3cret"}))}
    assert rows["source[0].token"] == '"env:TOKEN"'
    assert rows["source[0].every"] == '"5m"'
    assert rows["source[0].topic"] == '"raw.mastodon.au"'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[source]]\ntype = "mastodn"\nurl = "https://a.example"', "source[0].type: no source is called 'mastodn'; did you mean 'mastodon'?"),
        ('[[source]]\nname = "a"', "source[0].type: is missing; write one of: "),
        ('[[source]]\ntype = "mastodon"\nurl = "https://a.example"\nevry = "5m"', "source[0].evry: there is no such key; did you mean 'every'?"),
        ('[[source]]\ntype = "mastodon"\nurl = "https://a.example"\ntoken = "abcdef"', "source[0].token: is a secret, and secrets do not stand in this file"),
        ('[[source]]\ntype = "bluesky"\ntopic = "observations"', "source[0].topic: 'observations' is not as it must be written; write 'raw.', the network and perhaps a suffix, as in 'raw.mastodon'"),
        ('[[source]]\ntype = "mastodon"\nname = "au"', "source[0].url: is missing from the source 'au' of type 'mastodon'; write url = … (the server, as `https://mastodon.au`)"),
        ('[[source]]\ntype = "feeds"', "source[0].urls: is missing from the source 'feeds' of type 'feeds'; write urls = … (the addresses of the feeds"),
    ],
)  # fmt: skip
def test_a_wrong_source_is_blamed_by_its_key(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, environment={})
    assert str(caught.value).startswith(message)
    assert "abcdef" not in str(caught.value)


MASTODON = '[[source]]\ntype = "mastodon"\n'
X = '[[source]]\ntype = "x"\ntoken = "env:X"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MASTODON + 'url = "mastodon.au"', "source[0].url: 'mastodon.au' is not as it must be written; write the server with its scheme, and nothing behind it, as in 'https://mastodon.au'"),
        (MASTODON + 'url = "https://a.example"\nname = "Bee Gees"', "source[0].name: 'Bee Gees' is not as it must be written; write up to 100 letters, digits, '.', '_' or '-', a letter or digit first, as in 'mastodon.au'"),
        (MASTODON + 'url = "https://a.example"\nkeep = { countries = ["AU", "Peru"] }', "source[0].keep.countries[1]: 'Peru' is not as it must be written; write two capital letters of ISO 3166, as in 'AU' or 'ID'"),
        (MASTODON + 'url = "https://a.example"\ntoken = "env:"', "source[0].token: is not as it must be written; write 'env:NAME' for a variable, or 'file:PATH', as in 'env:MASTODON_TOKEN'"),
        ('[[source]]\ntype = "bluesky"\ncollections = ["posts"]', "source[0].collections[0]: 'posts' is not as it must be written; write `post`, `repost`, `like` or a collection's full name, as in 'app.bsky.feed.post'"),
        ('[[rule]]\nname = "a"\nchannels = ["b"]\nquiet = ["22-6"]', "rule[0].quiet[0]: '22-6' is not as it must be written; write from when to when, as in '22:00-06:00'"),
    ],
)  # fmt: skip
def test_what_is_written_wrongly_is_said_in_words(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, environment={})
    assert str(caught.value) == message


def patterns(hint: Any) -> Iterator[tuple[str, bool]]:
    """Every pattern in a type, and whether it is said in words too."""
    for meta in getattr(hint, "__metadata__", ()):
        if meta.pattern:
            yield meta.pattern, "words" in (meta.extra or {})
    for part in get_args(hint):
        yield from patterns(part)


def test_every_pattern_of_ours_and_of_every_source_is_said_in_words() -> None:
    own = [settings.Listening, settings.Telling, settings.Keep, *config.SECTIONS.values(), *config.TABLES.values()]
    sections = own + [catalog.load("sources", each).options for each in catalog.names("sources")]
    found = [
        (section.__name__, key, pattern, said)
        for section in sections
        for key, hint in get_type_hints(section, include_extras=True).items()
        for pattern, said in patterns(hint)
    ]
    assert len(found) > 20
    assert [each for each in found if not each[3]] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MASTODON + 'url = "http://a.example"', "source[0].url: http:// is not encrypted, so it is for this machine alone, and not for a.example; write https://"),
        ('[[source]]\ntype = "feeds"\nurls = ["https://a.example/f", "http://b.example/f"]', "source[0].urls[1]: http:// is not encrypted, so it is for this machine alone, and not for b.example; write https://"),
        ('[[source]]\ntype = "bluesky"\nhosts = ["a.example", "ws://b.example"]', "source[0].hosts[1]: ws:// is not encrypted, so it is for this machine alone, and not for b.example; write wss://"),
        ('[[source]]\ntype = "discord"\ntoken = "env:D"\nurl = "http://d.example"', "source[0].url: http:// is not encrypted"),
        ('[[source]]\ntype = "line"\nsecret = "env:L"\nurl = "line.example"', "source[0].url: 'line.example' is no address; write it as https://host"),
        (X + 'rules = ["flood"]\nurl = "http://x.example"', "source[0].url: http:// is not encrypted"),
        (X, "source[0].rules: the filtered stream says nothing without any; write rules = ['flood place:\"Toronto\"'], or stream = \"sample\""),
        (X + 'rules = ["flood"]\nrecover = "none"\nreads_per_day = 100', "source[0].reads_per_day: a budget of 100 reads is no more than stream_reserve, so the stream would never be opened"),
        (MASTODON + 'url = "https://a.example"\nstream = true', "source[0].stream: streams are for users alone, since Mastodon 4.2; give a token"),
        ('[[source]]\ntype = "flood"', "source[0].text: there is nothing to say; write one of them"),
    ],
)  # fmt: skip
def test_what_could_never_be_listened_to_is_refused_before_anything_starts(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, environment={})
    assert str(caught.value).startswith(message)


def test_this_machine_itself_may_be_asked_without_encryption() -> None:
    made = config.parse(MASTODON + 'url = "http://127.0.0.1:3000"', environment={})
    assert getattr(made.sources[0].options, "url", "") == "http://127.0.0.1:3000"


def test_a_secret_of_the_environment_stands_only_there() -> None:
    environment = {"LAPWING__SOURCE__BLUESKY__HOSTS": '["a.example"]', "SECRET": "s3cret"}
    made = config.parse("", environment=environment)
    assert {origin for path, origin in made.origins.items() if path == "source[0].hosts"} == {
        "LAPWING__SOURCE__BLUESKY__HOSTS"
    }
    assert config.secret("env:SECRET", environment) == "s3cret"
    with pytest.raises(ConfigError, match="NOWHERE: the environment has no such variable"):
        config.secret("env:NOWHERE", environment)


def test_a_table_of_which_there_is_none_may_stand_there_empty() -> None:
    assert config.parse("rule = []\n", environment={}) == config.parse("", environment={})


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("LAPWING__LOG__URLL", "x", "LAPWING__LOG__URLL: [log] has no key 'urll'; did you mean 'url'?"),
        ("LAPWING__STOR__URL", "x", "LAPWING__STOR__URL: there is no section [stor]; did you mean 'store'?"),
        ("LAPWING__RULE__A__BUDGET", "1", "LAPWING__RULE__A__BUDGET: no [[rule]] has this name and key"),
        (
            "LAPWING__FUNCTION__SHOUT__RUN",
            "a:b",
            "LAPWING__FUNCTION__SHOUT__RUN: no [[function]] has this name and key",
        ),
        (
            "LAPWING__LOG__PARTITIONS",
            "many",
            "log.partitions (from LAPWING__LOG__PARTITIONS): expected `int`, got `str`",
        ),
        (
            "LAPWING__STORE__POSTS_RETENTION",
            "9",
            "store.posts_retention (from LAPWING__STORE__POSTS_RETENTION): '9' is not a duration; "
            "write a number and a unit, as in '90s', '15m', '7d' or '3y'",
        ),
    ],
)
def test_a_bad_variable_is_blamed_by_its_name(variable: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse("", environment={variable: value})
    assert str(caught.value).startswith(message)


FUNCTION = '[[function]]\nname = "shout.it"\nfrom = "raw.mastodon"\nrun = "seeds:shout"\n'


def test_there_may_be_several_functions_and_the_environment_names_one() -> None:
    text = FUNCTION + '[[function]]\nname = "b"\nfrom = "a"\nrun = "seeds:b"\ntimeout = "90s"\n'
    made = config.parse(text, environment={"LAPWING__FUNCTION__SHOUT_IT__RETRIES": "7"})
    assert [(each.name, each.from_, each.retries, each.timeout_us) for each in made.functions] == [
        ("shout.it", "raw.mastodon", 7, 300_000_000), ("b", "a", 3, 90_000_000),
    ]  # fmt: skip
    shown = {path: (value, origin) for path, value, origin in config.rows(made)}
    assert shown["function[0].retries"] == ("7", "LAPWING__FUNCTION__SHOUT_IT__RETRIES")
    assert shown["function[1].timeout"] == ('"90s"', "lapwing.toml")
    assert shown["function[1].errors"] == ('"errors"', "default")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FUNCTION + FUNCTION, "function[1].name: there is another function called 'shout.it'; give it another name"),
        ('[function]\nname = "a"', "function: there may be several; write it as [[function]]"),
        ('[[function]]\nname = "a"', "function[0].from: is missing from the function 'a'; write from = … (the topic that it reads"),
        ('[[timer]]\nrun = "tidy"\nevery = "5m"', "timer[0].run: 'tidy' is not as it must be written; write a module, a colon"),
        ('[[timer]]\nrun = "a:tidy"\nevery = 5', "timer[0].every: 5 has no unit"),
        ('[[collection]]\nname = "a/b"\ntopic = "t"\nkey = "id"', "collection[0].name: 'a/b' is not as it must be written; write up to 100"),
    ],
)  # fmt: skip
def test_one_of_several_tables_is_blamed_by_its_number(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, environment={})
    assert str(caught.value).startswith(message)


def test_a_variable_may_be_a_list() -> None:
    with pytest.raises(ConfigError, match="cassandra:// is not available yet"):
        config.parse("", environment={"LAPWING__STORE__PROJECTIONS": '["cassandra://a"]'})
    assert config.parse("", environment={"LAPWING__STORE__PROJECTIONS": "[]"}).store.projections == []


class Fishing(msgspec.Struct, frozen=True, kw_only=True):
    """A component's options, as any component may have them."""

    url: Annotated[str, Meta(min_length=1)]
    every_us: int = msgspec.field(name="every", default=300_000_000)


def test_a_component_is_blamed_by_its_place_in_the_list() -> None:
    made = config.convert(Fishing, {"url": "https://a.example", "every": "90s"}, path="source[0]")
    assert made == Fishing(url="https://a.example", every_us=90_000_000)
    for table, message in (
        ({"url": ""}, "source[0].url: expected `str` of length >= 1"),
        ({"ulr": "x"}, "source[0].ulr: there is no such key; did you mean 'url'?"),
        ({}, "source[0].url: is missing; write url = …"),
    ):
        with pytest.raises(ConfigError) as caught:
            config.convert(Fishing, table, path="source[0]")
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("250ms", 250_000),
        ("90s", 90_000_000),
        ("1.5h", 5_400_000_000),
        ("1h30m", 5_400_000_000),
        ("7d", 604_800_000_000),
        ("2w", 1_209_600_000_000),
        ("3y", 94_608_000_000_000),
    ],
)
def test_durations(text: str, us: int) -> None:
    assert config.duration_us(text) == us


@pytest.mark.parametrize("text", ["", "7", "d", "7 d", "-7d", "7D", "7d!", "7dd", "1e3s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        config.duration_us(text)


@given(st.integers(min_value=0, max_value=10**15))
def test_a_formatted_duration_reads_as_itself(us: int) -> None:
    assert config.duration_us(config.format_duration(us)) == us


def test_the_data_directory_is_the_option_else_the_variable_else_here() -> None:
    assert config.data_directory("a", {"LAPWING_DATA": "b"}) == Path("a")
    assert config.data_directory(None, {"LAPWING_DATA": "b"}) == Path("b")
    assert config.data_directory(None, {}) == Path("lapwing-data")


def test_every_key_is_described_and_every_section_refuses_what_it_does_not_know() -> None:
    for name, section in (config.SECTIONS | config.TABLES).items():
        _, parts = msgspec.json.schema_components([section])
        schema = parts[section.__name__]
        undescribed = [key for key, each in schema["properties"].items() if not each.get("description")]
        assert (name, undescribed, schema.get("additionalProperties")) == (name, [], False)
