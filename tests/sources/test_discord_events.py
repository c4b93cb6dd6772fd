"""What comes over Discord's gateway, frame by frame, and the answers that a bot gives."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from lapwing import catalog
from lapwing.hearing import Answer, Disconnected, RefusedBySource
from lapwing.sources._discord_events import Events
from lapwing.sources._discord_gateway import Came, frame_of
from lapwing.sources._discord_position import PLACES_MAX, Position, position_of, snowflake
from lapwing.testing.networks import DiscordFake
from sources.hearing import HurriedTime
from sources.held import held, surroundings_of

SOURCE = catalog.load("sources", "discord")
GUILD = "700000000000000001"
HERE = "800000000000000001"


def options(fake: DiscordFake, **words: Any) -> Any:
    return SOURCE.options(**({"token": fake.token, "url": fake.rest_url} | words))


def came(kind: str, number: int, **data: Any) -> Came:
    value = json.dumps({"op": 0, "t": kind, "s": number, "d": data}).encode()
    return Came(1_000_000 * number, value, frame_of(value))


def message(number: int, **data: Any) -> Came:
    person = {"id": "900000000000000107"}
    plain = {"id": str(1000 + number), "channel_id": HERE, "guild_id": GUILD, "author": person, "content": "hail"}
    return came("MESSAGE_CREATE", number, **(plain | data))


def begun(position: Position | None = None, channels: tuple[str, ...] = (), direct: bool = True) -> Events:
    events = Events(position or Position(), channels, direct)
    events.chunk([came("READY", 1, session_id="s", resume_gateway_url="wss://r.example", user={"username": "b"})])
    return events


def test_only_channels_that_are_listened_to_and_direct_messages_are_records() -> None:
    def heard(channels: tuple[str, ...], direct: bool) -> list[str]:
        chunk = begun(channels=channels, direct=direct).chunk(
            [message(2), message(3, channel_id="5"), message(4, channel_id="6", guild_id="")]
        )
        return [json.loads(value)["d"]["channel_id"] for value in chunk.values]

    assert heard((), True) == [HERE, "5", "6"]
    assert heard((), False) == [HERE, "5"]
    assert heard((HERE,), True) == [HERE, "6"]
    assert heard((HERE,), False) == [HERE]


def test_where_people_write_without_words_somebody_is_told_what_to_turn_on() -> None:
    events = begun()
    chunk = events.chunk([message(2, content=""), message(3, content="", attachments=[{}]), message(4, content="")])
    assert chunk.reason == "", "a picture needs no words, and two messages are few"
    chunk = events.chunk([message(5, content=""), message(6, content="", author={"id": "1", "bot": True})])
    assert "turn on Message Content Intent" in chunk.reason
    assert events.chunk([message(7)]).reason == ""


def test_what_cannot_be_read_is_kept_and_the_format_says_why() -> None:
    events = begun()
    nonsense = b'{"op":0,"t":"MESSAGE_CREATE","s":2,"d":{"id":7}}'
    torn = b'{"op":0,'
    chunk = events.chunk([Came(1, nonsense, frame_of(nonsense)), Came(2, torn, frame_of(torn))])
    assert list(chunk.values) == [nonsense, torn]
    assert len(held(SOURCE, list(chunk.values)).refused) == 2


def test_a_guild_tells_which_channels_are_to_be_filled_and_what_is_newest_there() -> None:
    at_us = 1_462_015_105_796_000  # of Discord's own example, 2016-04-30 11:18:25.796
    assert snowflake(at_us) == 41_944_705_796 << 22 == 175_928_847_298_985_984
    position = Position(heard_us=at_us)
    position.heard("21", GUILD, "175928847299117063")
    events = Events(position, (), False)
    ready: dict[str, Any] = {"session_id": "s", "guilds": [{"id": GUILD}], "user": {"username": "b"}}
    events.chunk([came("READY", 1, **ready)])
    assert events.waits_for_guilds
    channels = [
        {"id": "21", "type": 0, "last_message_id": "175928847299117063"},
        {"id": "22", "type": 0, "last_message_id": "175928847299117064"},
        {"id": "23", "type": 0, "last_message_id": "1"},
        {"id": "24", "type": 4},
    ]
    events.chunk([came("GUILD_CREATE", 2, id=GUILD, channels=channels)])
    assert not events.waits_for_guilds
    minute_before = str((41_944_705_796 - 60_000) << 22)
    assert position.todo == {"21": "175928847299117063", "22": minute_before}
    # 21 is asked although nothing new was said there: somebody may have edited. In 23 nothing was said for long.
    assert position_of(position.written()) == position


def test_of_many_channels_those_are_remembered_that_were_heard_last() -> None:
    position = Position()
    for number in range(PLACES_MAX + 10):
        position.heard(str(number), GUILD, "7")
        position.heard("0", GUILD, str(1000 + number))
    assert len(position.places) == PLACES_MAX
    assert "1" not in position.places
    assert position.places["0"].last == str(1000 + PLACES_MAX + 9)


def answer(
    text: str = "Thank you", url: str | None = f"https://discord.com/channels/{GUILD}/{HERE}/42", key: str = "k"
) -> Answer:
    return Answer(uid="discord:42", author="discord:7", url=url, text=text, key=key)


def respond(fake: DiscordFake, *answers: Answer, **words: Any) -> None:
    async def run() -> None:
        made = options(fake, **words)
        surroundings = surroundings_of(made, HurriedTime())
        try:
            for each in answers:
                await SOURCE.respond(made, each, surroundings)
        finally:
            for shared in surroundings.shared.values():
                await shared.close()

    asyncio.run(run())


def test_an_answer_replies_to_the_message_notifies_nobody_and_is_said_once() -> None:
    with DiscordFake() as fake:
        respond(fake, answer(), answer(), answer(key="another"))
        first, second = fake.sent
        assert first["channel_id"] == HERE
        assert first["content"] == "Thank you"
        assert first["message_reference"] == {"channel_id": HERE, "message_id": "42", "fail_if_not_exists": False}
        assert first["allowed_mentions"] == {"parse": [], "replied_user": False}
        # sha256("k") = 8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a
        assert (first["nonce"], first["enforce_nonce"]) == ("8254c329a92850f6d539dd376", True)
        assert second["nonce"] != first["nonce"]
        assert len([each for each in fake.requests if each.method == "POST"]) == 3


def test_a_long_answer_is_cut_between_characters() -> None:
    texts = ["a" * 2000, "a" * 2001, "🌊" * 1001, " x "]
    with DiscordFake() as fake:
        respond(fake, *[answer(text, key=text) for text in texts])
        said = [each["content"] for each in fake.sent]
    assert said == ["a" * 2000, "a" * 1999 + "…", "🌊" * 999 + "…", "x"], "a wave is two units"


def test_an_answer_that_can_never_be_sent_is_given_up_and_a_wrong_token_is_waited_for() -> None:
    with DiscordFake() as fake:
        for url in (
            None,
            "https://discord.com/channels/1/2",
            "https://evil.example/channels/1/2/3",
            f"{answer().url}/../../9",
        ):
            with pytest.raises(RefusedBySource, match="no address in Discord"):
                respond(fake, answer(url=url))
        with pytest.raises(RefusedBySource, match="Unknown Channel"):
            respond(fake, answer(url=f"https://discord.com/channels/{GUILD}/5/42"))
        with pytest.raises(Disconnected, match="does not know this token") as waits:
            respond(fake, answer(), token="wrong")
        assert waits.value.back_off is not None
        assert waits.value.back_off.first_s == 60.0
        assert fake.sent == []
