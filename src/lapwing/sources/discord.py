"""Reports that a bot reads on Discord, and answers to those who wrote them.

A session is resumed after a break, and Discord says what was missed. Where it has forgotten the session, a new one
begins, and the channels' history is read by REST from the last message on; the span in which direct messages of people
who never wrote before may have come is noted as lost, since nobody can ask for them.

We speak the part of the gateway that is needed ourselves, and not by discord.py: there the addresses are globals of a
module, so that two bots, a test among them, could not differ; it has a clock of its own, drops the very bytes of a
frame, and hides from when to when nothing is missing. What is needed is a greeting, heartbeats and six kinds of events.

Threads are channels of their own. Of a message that was edited while a session was lost, the new text is found if it is
one of the last hundred before; deletes of that time are not told. Where a whole channel or guild is deleted, Discord
says nothing about single messages. Source: discord/discord-api-docs of August 2026.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from lapwing.hearing import Answer, Disconnected, Source, SourceChunk, Surroundings, Unfit
from lapwing.settings import Secret

if TYPE_CHECKING:
    from lapwing.sources._discord_events import Events
    from lapwing.sources._discord_gateway import Came
    from lapwing.sources._discord_position import Position
    from lapwing.sources._discord_rest import Bot
    from lapwing.sources._inbox import Inbox

GATHER_S = 0.05
FRAMES_MAX = 200
BEGIN_S = 60.0
"""A connection that has not begun its session by then is none."""
GUILDS_S = 10.0
"""So long guilds may take to say which channels they have."""
FRAME_BYTES_MAX = 64 << 20
"""Large guilds say all about themselves in one frame."""
AGAIN_S = (0.5, 2.0)

Id = Annotated[str, Meta(pattern=r"^\d{1,20}$", extra={"words": "the digits of its id, as in '800000000000000001'"})]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bot, and where it listens."""

    token: Annotated[Secret, Meta(description="The bot's token.")]
    channels: Annotated[
        list[Id],
        Meta(description="The ids of the channels that are listened to; all that the bot may see if none is named."),
    ] = []
    direct: Annotated[bool, Meta(description="Whether direct messages to the bot are reports too.")] = True
    url: Annotated[str, Meta(min_length=1, description="Where Discord's API is.")] = "https://discord.com/api/v10"


def check(options: Options) -> Unfit | None:
    """What cannot be listened to: an address that is not safe."""
    from lapwing.sources._addresses import unfit

    return unfit(options, "url")


async def read(options: Options, after: str, surroundings: Surroundings) -> AsyncGenerator[SourceChunk, None]:
    """Yield messages, edits and deletes, until cancelled.

    Raises `RefusedBySource` for a token, an intent or a right that somebody has to mend, `RateLimited`, `Disconnected`.
    """
    from lapwing.sources._discord_gateway import FORGOTTEN, SessionOver
    from lapwing.sources._discord_position import position_of

    position = position_of(after)
    while True:
        try:
            async with aclosing(_connection(options, position, surroundings)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except SessionOver as over:
            position.session, position.seq = "", None
            yield SourceChunk(cursor=position.written(), state="back-filling", reason=str(over))
            raise Disconnected(str(over), FORGOTTEN) from None
        await surroundings.time.sleep(surroundings.chance.uniform(*AGAIN_S))


async def _connection(
    options: Options, position: Position, surroundings: Surroundings
) -> AsyncGenerator[SourceChunk, None]:
    """Yield what comes on one connection; ends where Discord asks us to come again."""
    from lapwing.sources._addresses import named_by
    from lapwing.sources._discord_events import Events
    from lapwing.sources._discord_gateway import (
        DIRECT_MESSAGES,
        GUILD_MESSAGES,
        GUILDS,
        MESSAGE_CONTENT,
        Gateway,
        SessionOver,
    )
    from lapwing.sources._discord_rest import Bot, gateway_of
    from lapwing.sources._http import Question, http_of
    from lapwing.sources._inbox import Inbox

    bot = Bot(options.url, options.token, surroundings)
    resumed = bool(position.session and position.url)
    url = named_by(options.url, position.url) if resumed else await gateway_of(bot)
    intents = GUILDS | GUILD_MESSAGES | MESSAGE_CONTENT | (DIRECT_MESSAGES if options.direct else 0)
    asked = Question(url=url, query=[("v", "10"), ("encoding", "json")], bytes_max=FRAME_BYTES_MAX)
    async with http_of(surroundings).socket(asked) as socket:
        gateway = Gateway(socket, surroundings)
        try:
            await gateway.greet(options.token, intents, (position.session, position.seq))
            async with Inbox(gateway.next, gateway.beat) as inbox:
                events = Events(position, options.channels, options.direct)
                async with aclosing(_chunks(inbox, events, bot, position)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            if events.over == "forgotten":
                raise SessionOver("Discord no longer knows the session")
        finally:
            await gateway.leave()


async def _chunks(
    inbox: Inbox[Came], events: Events, bot: Bot, position: Position
) -> AsyncGenerator[SourceChunk, None]:
    """Yield what comes; between, what was missed, as soon as it is known where to look."""
    from lapwing.sources._discord_rest import filled

    time, options = bot.surroundings.time, bot.surroundings.options
    while not events.over:
        limit_s = None if events.began_us else BEGIN_S
        if events.waits_for_guilds:
            limit_s = max(0.0, GUILDS_S - (time.now_us() - events.began_us) / 1e6)
        came: list[Came] = []
        try:
            async with time.within(limit_s):
                came = await inbox.take(time, GATHER_S, FRAMES_MAX)
        except TimeoutError:
            if not events.began_us:
                raise Disconnected("Discord's gateway does not begin the session") from None
        if came:
            yield events.chunk(came)
        late = time.now_us() - events.began_us >= GUILDS_S * 1e6
        if events.began_us and position.filling and (late or not events.waits_for_guilds):
            async with aclosing(filled(bot, position, frozenset(options.channels))) as chunks:
                async for chunk in chunks:
                    yield chunk
            yield position.complete()
            events.joined()


async def respond(options: Options, answer: Answer, surroundings: Surroundings) -> None:
    """Reply to the message that the post was."""
    from lapwing.sources._discord_rest import Bot, say

    await say(Bot(options.url, options.token, surroundings), answer)


SOURCE = Source(
    network="discord",
    format="discord",
    options=Options,
    read=read,
    check=check,
    resume="overlap",
    silence_s=lambda _: 150.0,
    respond=respond,
    example="""
[[source]]
type = "discord"
name = "reports"
token = "env:DISCORD_BOT_TOKEN"
channels = ["800000000000000001"]
answers = "answers"
""",
)
