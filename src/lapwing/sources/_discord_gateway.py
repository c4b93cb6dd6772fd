"""One connection to Discord's gateway, version 10: greeting, heartbeats, and why it ends.

Sources: discord/discord-api-docs of August 2026 (gateway, opcodes and status codes).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import WSMsgType

from lapwing.errors import LapwingError
from lapwing.hearing import BackOff, Disconnected, RefusedBySource, Surroundings

if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID, HELLO, ACKNOWLEDGED = 0, 1, 2, 6, 7, 9, 10, 11
GUILDS, GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT = 1 << 0, 1 << 9, 1 << 12, 1 << 15

HELLO_S = 30.0
CLOSE_S = 2.0
KEEPS_SESSION = 4000
"""We close with this code: with 1000 or 1001 the session would be over, and could not be resumed."""
INTERVAL_S_BOUNDS = (1.0, 300.0)
FORGOTTEN = BackOff(first_s=3.0, max_s=600.0)
"""A bot may begin 1,000 sessions a day, and no more than one in five seconds."""

PORTAL = "discord.com/developers/applications → your application → Bot"
REFUSALS = {
    4004: ("Discord does not know this token", f"make a new one at {PORTAL} → Reset Token"),
    4010: ("Discord refuses the shard", "this is an error of ours; report it"),
    4011: ("the bot is in too many guilds for one connection", "use a bot that is in fewer than 2,500 guilds"),
    4012: ("Discord no longer speaks version 10 of its gateway", "install a newer Lapwing"),
    4013: ("Discord does not know what we ask for", "install a newer Lapwing"),
    4014: ("the bot may not read the content of messages", f"turn on Message Content Intent: {PORTAL}"),
}
"""Close codes after which nobody should come again before something was changed."""
SESSION_ENDED = (4007, 4009)


class SessionOver(LapwingError):
    """Discord has forgotten the session; a new one is to be begun."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """What every frame has."""

    op: int | None = None
    t: str | None = None
    s: int | None = None
    d: msgspec.Raw = msgspec.Raw(b"null")


class Came(msgspec.Struct, frozen=True):
    """A frame, when it came, and its own bytes."""

    at_us: int
    value: bytes
    frame: Frame


class _Hello(msgspec.Struct):
    heartbeat_interval: float


_frame = msgspec.json.Decoder(Frame).decode


def frame_of(value: bytes) -> Frame:
    """What a frame says; nothing where it cannot be read, so that its bytes are kept and refused later, with the reason."""
    try:
        return _frame(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Frame(op=DISPATCH)


class Gateway:
    """What is said and heard on one socket. `next` and `beat` are readers of an `Inbox`."""

    def __init__(self, socket: ClientWebSocketResponse[bool], surroundings: Surroundings) -> None:
        self._socket, self._time, self._chance = socket, surroundings.time, surroundings.chance
        self._interval_s = INTERVAL_S_BOUNDS[1]
        self._acknowledged = True
        self._number: int | None = None

    async def greet(self, token: str, intents: int, session: tuple[str, int | None]) -> None:
        """Wait for the hello, then resume the session, or begin one where its name is empty."""
        async with self._time.within(HELLO_S):
            came = await self.next()
            while came.frame.op != HELLO:
                came = await self.next()
        try:
            interval_s = msgspec.json.decode(came.frame.d, type=_Hello).heartbeat_interval / 1000.0
        except msgspec.DecodeError:
            raise Disconnected("Discord's gateway does not greet as it should") from None
        self._interval_s = min(max(interval_s, INTERVAL_S_BOUNDS[0]), INTERVAL_S_BOUNDS[1])
        name, self._number = session
        if name:
            await self._say(RESUME, {"token": token, "session_id": name, "seq": self._number})
        else:
            properties = {"os": "linux", "browser": "lapwing", "device": "lapwing"}
            await self._say(IDENTIFY, {"token": token, "intents": intents, "properties": properties})

    async def next(self) -> Came:
        """The next frame; raises what the end of the connection means."""
        message = await self._socket.receive()
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            raise ended(self._socket.close_code)
        value = bytes(message.data)
        came = Came(self._time.now_us(), value, frame_of(value))
        if came.frame.op == ACKNOWLEDGED:
            self._acknowledged = True
        elif came.frame.op == HEARTBEAT:
            await self._say(HEARTBEAT, self._number)
        elif came.frame.op == DISPATCH and came.frame.s is not None:
            self._number = max(came.frame.s, self._number or 0)
        return came

    async def beat(self) -> Came | None:
        """Say at intervals that we live; raises `Disconnected` where the other side no longer does."""
        await self._time.sleep(self._interval_s * self._chance.random())
        while self._acknowledged:
            self._acknowledged = False
            await self._say(HEARTBEAT, self._number)
            await self._time.sleep(self._interval_s)
        raise Disconnected("Discord's gateway did not answer the last heartbeat")

    async def leave(self) -> None:
        """Close so that the session can be resumed; a side that does not answer is not waited for."""
        with suppress(TimeoutError, OSError):
            async with self._time.within(CLOSE_S):
                await self._socket.close(code=KEEPS_SESSION)

    async def _say(self, op: int, what: Any) -> None:
        await self._socket.send_str(msgspec.json.encode({"op": op, "d": what}).decode())


def ended(code: int | None) -> LapwingError:
    """What a close code means."""
    if code in REFUSALS:
        return RefusedBySource(*REFUSALS[code])
    if code in SESSION_ENDED:
        return SessionOver(f"Discord ended the session ({code})")
    return Disconnected(f"Discord closed the connection ({code})")
