"""What comes over the gateway: which of it is a record, and what it says about the session."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from lapwing.hearing import SourceChunk
from lapwing.sources._discord_gateway import DISPATCH, INVALID, RECONNECT, Came
from lapwing.sources._discord_position import DIRECT_LOST, Position

MESSAGES = ("MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK")
ENDS = ("CHANNEL_DELETE", "THREAD_DELETE")
WORDLESS_MAX = 3
"""So many messages of people without a word, and none with one: then the bot may not read them."""
SAID_BY_PEOPLE = (0, 19)
READABLE = (0, 2, 5, 10, 11, 12, 13)
"""Types of channels that have messages: text, voice, announcements, threads, stage."""
TURN_ON = (
    "messages come without their words: turn on Message Content Intent at discord.com/developers/applications → your "
    "application → Bot"
)


class Author(msgspec.Struct, gc=False):
    id: str = ""
    bot: bool = False


class Message(msgspec.Struct, gc=False):
    """What is needed of a message, or of what is left of one."""

    id: str = ""
    channel_id: str = ""
    guild_id: str = ""
    author: Author | None = None
    content: str = ""
    type: int = 0
    edited_timestamp: str | None = None
    webhook_id: str | None = None
    ids: list[str] = []
    attachments: list[msgspec.Raw] = []
    embeds: list[msgspec.Raw] = []
    sticker_items: list[msgspec.Raw] = []
    message_snapshots: list[msgspec.Raw] = []
    poll: msgspec.Raw | None = None

    @property
    def key(self) -> str:
        """The author as the format names them."""
        return f"discord:{self.author.id}" if self.author is not None and self.author.id else ""

    @property
    def wordless(self) -> bool:
        """Whether a person wrote it, and nothing of it can be seen."""
        by_person = self.author is not None and not self.author.bot and not self.webhook_id
        seen = (self.content, self.attachments, self.embeds, self.sticker_items, self.message_snapshots, self.poll)
        return by_person and self.type in SAID_BY_PEOPLE and not any(seen)


class _Id(msgspec.Struct, frozen=True, gc=False):
    id: str = ""
    username: str = ""


class _Ready(msgspec.Struct, gc=False):
    session_id: str
    resume_gateway_url: str = ""
    user: _Id = _Id()
    guilds: list[_Id] = []


class _Channel(msgspec.Struct, gc=False):
    id: str
    type: int = 0
    last_message_id: str | None = None


class _Guild(msgspec.Struct, gc=False):
    id: str
    channels: list[_Channel] = []
    threads: list[_Channel] = []


_message = msgspec.json.Decoder(Message).decode
_ready = msgspec.json.Decoder(_Ready).decode
_guild = msgspec.json.Decoder(_Guild).decode
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Events:
    """The frames of one connection, turned into chunks; the position goes along."""

    def __init__(self, position: Position, channels: Collection[str], direct: bool) -> None:
        self._position, self._channels, self._direct = position, frozenset(channels), direct
        self._details: dict[str, object] = {}
        self._told: dict[str, object] = {}
        self._wordless = 0
        self._waiting: set[str] = set()
        self.began_us = 0
        """When this connection's session began or was resumed; 0 before."""
        self.over = ""
        """Why the connection is to be left: "reconnect" to resume at once, "forgotten" where the session is over."""
        self._joined = False

    @property
    def waits_for_guilds(self) -> bool:
        """Whether guilds have still to say which channels they have."""
        return bool(self._waiting) and self._position.filling

    @property
    def reason(self) -> str:
        """What somebody should know who asks how the source is."""
        return TURN_ON if self._wordless >= WORDLESS_MAX else ""

    def chunk(self, came: Sequence[Came]) -> SourceChunk:
        """The records among some frames, and what was surely heard with them."""
        values: list[bytes] = []
        keys: list[str] = []
        times: list[int] = []
        for each in came:
            for key, value in self._taken(each):
                values.append(value)
                keys.append(key)
                times.append(each.at_us)
        live = self.began_us > 0 and not self._position.filling
        from_us = self._joint() if live else None
        if live:
            self._position.heard_us = max(self._position.heard_us, came[-1].at_us)
        details, self._told = (self._details if self._details != self._told else None), dict(self._details)
        return SourceChunk(
            values=values,
            keys=keys,
            received_at_us=times,
            cursor=self._position.written(),
            covered_from_us=from_us,
            covered_to_us=self._position.heard_us if live else None,
            state="live" if live else "back-filling",
            reason=self.reason if live else "what was missed is read",
            details=None if details is None else dict(details),
        )

    def joined(self) -> None:
        """What was surely heard was said by somebody else up to now."""
        self._joined = True

    def _joint(self) -> int | None:
        """Where what is heard begins, said once: where listening ended before, as a resumed session leaves out nothing."""
        if self._joined:
            return None
        self._joined = True
        return self._position.heard_us

    def _taken(self, came: Came) -> list[tuple[str, bytes]]:
        """The records of one frame with their keys; what is no message only moves us along."""
        frame = came.frame
        if frame.op in (RECONNECT, INVALID):
            resumable = frame.op == RECONNECT or bytes(frame.d).strip() == b"true"
            self.over = "reconnect" if resumable else "forgotten"
        if frame.op != DISPATCH:
            return []
        if frame.t != "READY" and frame.s is not None:
            self._position.seq = max(frame.s, self._position.seq or 0)
        try:
            return self._dispatched(came)
        except UNREADABLE:
            return [("", came.value)]  # the format says why it is refused

    def _dispatched(self, came: Came) -> list[tuple[str, bytes]]:
        kind, data = came.frame.t, came.frame.d
        if kind in MESSAGES:
            return self._message(came)
        if kind == "READY":
            self._begin(_ready(data), came)
        elif kind == "RESUMED":
            self.began_us = self.began_us or came.at_us
        elif kind == "GUILD_CREATE":
            self._see(_guild(data))
        elif kind in ENDS:
            self._position.places.pop(_message(data).id, None)
        return [("", came.value)] if kind is None or kind in ENDS else []

    def _begin(self, ready: _Ready, came: Came) -> None:
        self._position.begin(ready.session_id, came.frame.s, ready.resume_gateway_url, came.at_us)
        self.began_us = came.at_us
        self._details = {"bot": ready.user.username, "guilds": len(ready.guilds)}
        if self._position.filling:
            self._position.unheard = DIRECT_LOST if self._direct else ""
            self._waiting = set() if self._channels else {guild.id for guild in ready.guilds}
            for channel in [*self._channels, *(each for each in self._position.places if self._wants(each, None))]:
                self._position.want(channel)

    def _see(self, guild: _Guild) -> None:
        """Note the channels of a guild, of those that are listened to."""
        self._waiting.discard(guild.id)
        for channel in [*guild.channels, *guild.threads]:
            if channel.type not in READABLE or not self._wants(channel.id, guild.id):
                continue
            if self._position.filling:
                self._position.want(channel.id, channel.last_message_id or "")
            if channel.id in self._position.places or channel.id in self._position.todo or self._channels:
                self._position.place(channel.id).guild = guild.id

    def _wants(self, channel: str, guild: str | None) -> bool:
        if guild == "":
            return self._direct
        return not self._channels or channel in self._channels or (guild is None and self._is_direct(channel))

    def _is_direct(self, channel: str) -> bool:
        place = self._position.places.get(channel)
        return self._direct and place is not None and place.guild == ""

    def _message(self, came: Came) -> list[tuple[str, bytes]]:
        message = _message(came.frame.d)
        if not self._wants(message.channel_id, message.guild_id):
            return []
        if came.frame.t == "MESSAGE_CREATE":
            self._position.heard(message.channel_id, message.guild_id, message.id)
            self.count_words(message)
        if came.frame.t != "MESSAGE_DELETE_BULK":
            return [(message.key, came.value)]
        where = {"channel_id": message.channel_id} | ({"guild_id": message.guild_id} if message.guild_id else {})
        return [
            (
                "",
                msgspec.json.encode(
                    {"t": "MESSAGE_DELETE", "s": came.frame.s, "op": DISPATCH, "d": {"id": id, **where}}
                ),
            )
            for id in message.ids
        ]

    def count_words(self, message: Message) -> None:
        """Notice when nothing of what people write can be seen. Direct messages and mentions can always be."""
        if message.wordless:
            self._wordless += 1
        elif message.guild_id and message.content and message.author is not None and not message.author.bot:
            self._wordless = 0
