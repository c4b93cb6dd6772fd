"""The examples of these sources are configurations that Lapwing understands."""

from __future__ import annotations

from pathlib import Path

import pytest

from lapwing import catalog, config

EXAMPLES = Path(__file__).parents[2] / "examples"
TYPES = ("bluesky", "mastodon")


@pytest.mark.parametrize("name", TYPES)
def test_an_example_file_is_understood(name: str) -> None:
    configuration = config.parse((EXAMPLES / f"{name}.toml").read_text("utf-8"), environment={})
    assert {source.type for source in configuration.sources} == {name}
    assert all(source.topic == f"raw.{name}" for source in configuration.sources)


@pytest.mark.parametrize("name", TYPES)
def test_the_example_of_a_source_is_understood(name: str) -> None:
    (source,) = config.parse(catalog.load("sources", name).example, environment={}).sources
    assert isinstance(source.options, catalog.load("sources", name).options)


def test_a_wrong_option_is_blamed_by_its_path() -> None:
    text = '[[source]]\ntype = "mastodon"\nurl = "mastodon.au"\n'
    with pytest.raises(config.ConfigError, match=r"url"):
        config.parse(text, environment={})
