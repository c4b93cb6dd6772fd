"""What every notifier must keep. A new file is found here by itself, and its example is run."""

from __future__ import annotations

import asyncio
import re
from random import Random

import pytest

from lapwing import catalog, config, sections
from lapwing.config import ConfigError
from lapwing.notify._fetch import sessions_of
from lapwing.settings import Telling
from lapwing.telling import Recipient, Surroundings, Undeliverable
from notify.alerts import alert
from source_code import ROOT
from sources.hearing import HurriedTime

NOTIFIERS = catalog.names("notify")
PAGE = (ROOT / "docs" / "guide" / "notifiers.md").read_text("utf-8")

GARBAGE = [
    "",
    " ",
    "\n",
    "a\nb",
    "ü",
    "\x00",
    "\ud800",
    "{}",
    "[]",
    "null",
    "../..",
    "@",
    ":",
    "/",
    "a" * 10_000,
    "[" * 5_000,
]


def test_these_are_there() -> None:
    assert NOTIFIERS == ["discord", "fcm", "line", "mail", "ntfy", "page", "webhook", "webpush"]


@pytest.mark.parametrize("name", NOTIFIERS)
def test_its_example_is_a_channel_of_the_configuration(name: str) -> None:
    (table,) = config.parse(catalog.load("notify", name).example, environment={}).channels
    assert table.type == name
    assert not table.paused
    assert isinstance(table.options, catalog.load("notify", name).options)


@pytest.mark.parametrize("name", NOTIFIERS)
def test_its_keys_do_not_hide_those_that_all_have_and_the_guide_has_each_of_them(name: str) -> None:
    own = sections.keys(catalog.load("notify", name).options)
    assert not set(own) & set(sections.keys(Telling))
    section = PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]
    assert [key for key in own if f"`{key}`" not in section] == []


@pytest.mark.parametrize("name", NOTIFIERS)
def test_no_secret_may_stand_in_the_file(name: str) -> None:
    notifier = catalog.load("notify", name)
    for key in sections.secrets(notifier.options):
        without = re.sub(rf"(?m)^{key} = .*\n", "", notifier.example)
        with pytest.raises(ConfigError, match="secrets do not stand in this file"):
            config.parse(f'{without}\n{key} = "word"\n', environment={})


@pytest.mark.parametrize("name", NOTIFIERS)
def test_an_address_that_is_none_is_said_to_be_none_and_never_sent_to(name: str) -> None:
    notifier = catalog.load("notify", name)
    (table,) = config.parse(notifier.example, environment={}).channels
    for address in GARBAGE:
        said = ""
        try:
            kept = notifier.admitted(table.options, address)
            assert notifier.admitted(table.options, kept) == kept
        except Undeliverable as refused:
            said = str(refused)
        assert len(address.strip()) < 5 or address not in said, "it may be a secret"


@pytest.mark.parametrize("name", NOTIFIERS)
def test_what_it_cannot_send_it_says_by_an_error_that_has_a_name(name: str) -> None:
    notifier = catalog.load("notify", name)
    (table,) = config.parse(notifier.example, environment={}).channels

    async def run() -> None:
        surroundings = Surroundings(name=name, time=HurriedTime(), chance=Random(1), shared={})
        try:
            await notifier.send(table.options, alert(), Recipient(name, "\x00"), surroundings)
        finally:
            await sessions_of(surroundings).close()

    with pytest.raises(Exception) as problem:
        asyncio.run(run())
    assert type(problem.value).__module__ == "lapwing.telling"


def test_a_mistake_in_a_channel_is_blamed_by_its_path() -> None:
    with pytest.raises(ConfigError, match=r"channel\[0\]\.type: no notifier is called 'nfty'; did you mean 'ntfy'"):
        config.parse('[[channel]]\ntype = "nfty"\n', environment={})
    with pytest.raises(ConfigError, match=r"channel\[0\]\.topcis: there is no such key; did you mean 'topics'"):
        config.parse('[[channel]]\ntype = "ntfy"\ntopcis = ["a"]\n', environment={})
    two = '[[channel]]\ntype = "ntfy"\ntopics = ["a"]\n' * 2
    with pytest.raises(ConfigError, match="there is another channel called 'ntfy'"):
        config.parse(two, environment={})


def test_a_variable_sets_a_key_of_a_channel() -> None:
    text = '[[channel]]\ntype = "ntfy"\nname = "my-phone"\ntopics = ["a"]\n'
    given = {"LAPWING__CHANNEL__MY_PHONE__TOPICS": '["b", "c"]', "LAPWING__CHANNEL__MY_PHONE__TOKEN": "word"}
    (table,) = config.parse(text, environment=given).channels
    assert table.options.topics == ["b", "c"]  # type: ignore[attr-defined]
    assert table.options.token == "env:LAPWING__CHANNEL__MY_PHONE__TOKEN"  # type: ignore[attr-defined]
