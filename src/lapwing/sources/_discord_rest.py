"""Discord's REST API: where the gateway is, what a channel had while nobody listened, and answers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from datetime import datetime
from importlib.metadata import version
from typing import Any

import msgspec

from lapwing.hearing import Answer, BackOff, Disconnected, RateLimited, RefusedBySource, SourceChunk, Surroundings
from lapwing.sources._addresses import named_by
from lapwing.sources._discord_events import Message
from lapwing.sources._discord_gateway import PORTAL
from lapwing.sources._discord_position import SKEW_US, Position, number_of
from lapwing.sources._http import Question, Reply, http_of
from lapwing.sources._limits import Pace
from lapwing.text.harmless import in_units, shortened

PAGE_MESSAGES = 100
PACE = Pace(every_s=0.05, burst=20)
"""Discord allows 50 requests a second."""
TEXT_UNITS_MAX = 2000
NONCE_CHARACTERS = 25
AGENT = f"DiscordBot (lapwing, {version('lapwing')})"
POST = re.compile(r"https://discord\.com/channels/(?:\d{1,20}|@me)/(\d{1,20})/(\d{1,20})")
TOKEN_BACK_OFF = BackOff(first_s=60.0, max_s=600.0)
"""Ten thousand refusals within ten minutes, and Discord bans the address."""


class Bot(msgspec.Struct, frozen=True):
    """Who asks, and where."""

    url: str
    token: str
    surroundings: Surroundings

    async def ask(self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None) -> Reply:
        """One request; 403 and 404 are for the caller to judge."""
        question = Question(
            url=f"{self.url}{path}",
            method=method,
            query=list((query or {}).items()),
            headers={
                "Authorization": f"Bot {self.token}",
                "User-Agent": AGENT,
                **({"Content-Type": "application/json"} if body is not None else {}),
            },
            body=None if body is None else msgspec.json.encode(body),
            passes=frozenset({403, 404}),
            pace=PACE,
            lane=f"discord {self.surroundings.name}",
            judge=_judge,
        )
        return await http_of(self.surroundings).ask(question)


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Named(msgspec.Struct):
    id: str


class _Starts(msgspec.Struct, frozen=True):
    remaining: int = 1
    reset_after: int = 0


class _Gateway(msgspec.Struct):
    url: str
    session_start_limit: _Starts = _Starts()


def _judge(reply: Reply) -> None:
    if reply.status == 401:
        raise RefusedBySource("Discord does not know this token", f"make a new one at {PORTAL} → Reset Token")


async def gateway_of(bot: Bot) -> str:
    """The address of the gateway; raises `RateLimited` where no more sessions may be begun today."""
    reply = await bot.ask("GET", "/gateway/bot")
    if reply.status != 200:
        raise RefusedBySource(f"Discord refuses the bot ({_error(reply)})", f"look at {PORTAL}")
    found = reply.json(_Gateway)
    if found.session_start_limit.remaining <= 0:
        until_us = bot.surroundings.time.now_us() + found.session_start_limit.reset_after * 1000
        raise RateLimited("this bot began too many sessions today", until_us)
    return named_by(bot.url, found.url)


async def filled(bot: Bot, position: Position, named: frozenset[str]) -> AsyncGenerator[SourceChunk, None]:
    """Yield what the channels in `position.todo` had meanwhile, and forget them one by one.

    Edits are found among the last hundred messages before; deletes of that time nobody tells. `named` channels that
    cannot be read are noted, others are none of ours.
    """
    for channel in list(position.todo):
        pages = _pages(bot, position, channel)
        refused = ""
        async for values, keys, problem in pages:
            refused = problem
            if values:
                yield _chunk(position, values, keys)
        del position.todo[channel]
        if refused and channel in named:
            position.unheard = f"the bot may not read channel {channel} ({refused})"
        yield _chunk(position, [], [])


def _chunk(position: Position, values: list[bytes], keys: list[str]) -> SourceChunk:
    return SourceChunk(
        values=values, keys=keys, cursor=position.written(), state="back-filling", reason="what was missed is read"
    )


async def _pages(
    bot: Bot, position: Position, channel: str
) -> AsyncGenerator[tuple[list[bytes], list[str], str], None]:
    """Yield records, their keys, and why the channel cannot be read."""
    after, guild = position.todo[channel], position.place(channel).guild
    before = {"before": str(number_of(after) + 1), "limit": str(PAGE_MESSAGES)}
    rows, refused = await _page(bot, channel, before)
    edited_after_us = position.heard_us - SKEW_US
    edited = [row for row in rows if _edited_us(row[0]) >= edited_after_us]
    yield (*_records(edited, guild), refused)
    while not refused:
        rows, refused = await _page(bot, channel, {"after": after, "limit": str(PAGE_MESSAGES)})
        if not rows:
            return
        for message, _ in rows:
            position.heard(channel, "", message.id)
        after = position.todo[channel] = rows[-1][0].id
        yield (*_records(rows, guild), refused)
        if len(rows) < PAGE_MESSAGES:
            return


async def _page(bot: Bot, channel: str, query: Mapping[str, str]) -> tuple[list[tuple[Message, bytes]], str]:
    """The messages of a page, the oldest first, each once; or why there are none."""
    reply = await bot.ask("GET", f"/channels/{channel}/messages", query)
    if reply.status != 200:
        return [], _error(reply)
    found: dict[int, tuple[Message, bytes]] = {}
    for raw in reply.json(list[msgspec.Raw]):
        message = _read(raw)
        found[number_of(message.id)] = (message, bytes(raw))
    return [found[number] for number in sorted(found)], ""


def _read(raw: msgspec.Raw) -> Message:
    """A message; of one that is not as it should be, the id, as the format refuses it later with the reason."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.decode(raw, type=Message)
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        return Message(id=msgspec.json.decode(raw, type=_Named).id)
    raise Disconnected("Discord's history has something that is no message")


def _records(rows: list[tuple[Message, bytes]], guild: str) -> tuple[list[bytes], list[str]]:
    """As records: history leaves out the guild, which is put back, so that the address of the message is known."""
    put = b'{"guild_id":"%s",' % guild.encode() if guild else b"{"
    return [put + value[1:] for _, value in rows], [message.key for message, _ in rows]


def _edited_us(message: Message) -> int:
    try:
        return round(datetime.fromisoformat(message.edited_timestamp or "").timestamp() * 1e6)
    except ValueError:
        return -1


async def say(bot: Bot, answer: Answer) -> None:
    """Reply to the message in its channel, notifying nobody. Discord drops a repeat for some minutes (`enforce_nonce`)."""
    found = POST.fullmatch(answer.url or "")
    if found is None:
        raise RefusedBySource(f"{answer.uid} has no address in Discord", "answer posts of this source")
    channel, message = found.groups()
    body = {
        "content": shortened(answer.text.strip(), TEXT_UNITS_MAX, in_units),
        "message_reference": {"channel_id": channel, "message_id": message, "fail_if_not_exists": False},
        "allowed_mentions": {"parse": [], "replied_user": False},
        "nonce": hashlib.sha256(answer.key.encode()).hexdigest()[:NONCE_CHARACTERS],
        "enforce_nonce": True,
    }
    try:
        reply = await bot.ask("POST", f"/channels/{channel}/messages", body=body)
    except RefusedBySource as refused:
        if refused.next_step.startswith("make a new one"):  # the token, and not the answer, is wrong
            raise Disconnected(str(refused), TOKEN_BACK_OFF) from None
        raise
    if reply.status in (403, 404):
        raise RefusedBySource(f"Discord does not take the answer ({_error(reply)})", "see what the bot may do there")


def _error(reply: Reply) -> str:
    try:
        error = msgspec.json.decode(reply.body, type=_Error)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return str(reply.status)
    message = "".join(each for each in error.message if each.isprintable())[:200]
    return f"{reply.status}: {message}" if message else str(reply.status)
