"""Messages of Discord, as the gateway (version 10) dispatches them and as the history of a channel has them.

The facts come from discord/discord-api-docs (gateway events, message objects, message formatting, snowflakes). A record
is one frame, `{"op":0,"t":"MESSAGE_CREATE","s":7,"d":{…}}`, or the bare message object that REST gives; REST leaves out
`guild_id`, which a source puts into the message so that its address can be made. A bulk delete is a page: `split` makes
one MESSAGE_DELETE for each of its messages.

An update is an edit only when `edited_timestamp` is there: Discord sends one for every link preview, too. Bots,
webhooks and what Discord itself says ("joined the server") are filtered. A channel or guild that is deleted says nothing
about single messages, and posts do not keep their channel: it is filtered under its own name.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec

from lapwing.contracts import Format
from lapwing.formats import _by_row
from lapwing.formats._by_row import Row
from lapwing.formats._reading import UNREADABLE, explain, read
from lapwing.formats._rows import Outcome
from lapwing.formats._times import UNKNOWN_US, discord_id_us, instant_us
from lapwing.model import FINAL, KINDS, Decoded, Records

ABSENT = msgspec.Raw()
"""Stands for a field that a record does not have."""

PAGE = re.compile(rb'[^"]*"')
"""Any object may be a bulk delete, as the fields of a frame have no order; `split` looks for the name before it reads."""

POST, REPLY, REPOST = (KINDS.index(kind) for kind in ("post", "reply", "repost"))

_DISPATCH = 0
_OPCODES = {1: "heartbeat", 7: "reconnect", 9: "invalid session", 10: "hello", 11: "heartbeat acknowledged"}
_DEFAULT, _REPLY = 0, 19
_FORWARD = 1
"""The type of a reference to a message that was forwarded; the other is that of replies."""

_BULK = "MESSAGE_DELETE_BULK"
_COUNTED = {
    "READY", "RESUMED", "GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE", "CHANNEL_CREATE", "CHANNEL_UPDATE",
    "CHANNEL_DELETE", "THREAD_CREATE", "THREAD_UPDATE", "THREAD_DELETE", "TYPING_START", "MESSAGE_REACTION_ADD",
    "MESSAGE_REACTION_REMOVE", "GUILD_MEMBER_ADD", "GUILD_MEMBER_REMOVE", "GUILD_BAN_ADD",
}  # fmt: skip
"""Events that are counted under their own names."""

_MARKUP = re.compile(
    r"<(?:@!?(?P<user>\d+)|@&(?P<role>\d+)|#(?P<channel>\d+)|a?(?P<emoji>:\w+:)\d+|t:(?P<time>-?\d{1,11})(?::[A-Za-z])?"
    r"|/(?P<command>[^:<>]{1,100}):\d+|(?P<link>https?://[^\s<>]+))>"
)


class User(msgspec.Struct, gc=False):
    id: str | None = None
    username: str | None = None
    bot: bool | None = None


class Named(msgspec.Struct, gc=False):
    """A channel that is mentioned."""

    id: str | None = None
    name: str | None = None


class Reference(msgspec.Struct, gc=False):
    message_id: str | None = None
    type: int | None = None


class Forwarded(msgspec.Struct, gc=False):
    content: str | None = None


class Snapshot(msgspec.Struct, gc=False):
    message: Forwarded | None = None


class Message(msgspec.Struct, gc=False):
    """A message, whole, or what is left of it in the event of its delete."""

    id: str | None = None
    channel_id: str | None = None
    guild_id: str | None = None
    author: User | None = None
    content: str | None = None
    timestamp: str | None = None
    edited_timestamp: str | None = None
    type: int | None = None
    webhook_id: str | None = None
    mentions: list[User] | None = None
    mention_channels: list[Named] | None = None
    attachments: list[msgspec.Raw] | None = None
    message_reference: Reference | None = None
    message_snapshots: list[Snapshot] | None = None
    ids: list[str] | None = None


class Frame(msgspec.Struct, gc=False):
    """What the gateway sends; of a bare message nothing is here."""

    op: int | None = None
    t: str | None = None
    s: int | None = None
    d: msgspec.Raw = ABSENT


class Probe(msgspec.Struct, gc=False):
    """Just enough to tell Discord's frames and messages from everything else."""

    op: msgspec.Raw = ABSENT
    t: msgspec.Raw = ABSENT
    d: msgspec.Raw = ABSENT
    id: msgspec.Raw = ABSENT
    channel_id: msgspec.Raw = ABSENT
    author: msgspec.Raw = ABSENT
    content: msgspec.Raw = ABSENT
    timestamp: msgspec.Raw = ABSENT


_frame = msgspec.json.Decoder(Frame).decode
_message = msgspec.json.Decoder(Message).decode
_probe = msgspec.json.Decoder(Probe).decode
_encode = msgspec.json.Encoder().encode


def recognises(value: bytes) -> bool:
    """Whether a record is a frame of the gateway, or a message."""
    try:
        probe = _probe(value)
    except UNREADABLE:
        return False
    if probe.op is not ABSENT:
        return probe.t is not ABSENT and probe.d is not ABSENT
    needed = (probe.id, probe.channel_id, probe.author, probe.content, probe.timestamp)
    return all(part is not ABSENT for part in needed)


def split(value: bytes) -> list[bytes] | None:
    """Give one MESSAGE_DELETE for each message of a bulk delete, or None for everything else."""
    if _BULK.encode() not in value:
        return None
    try:
        frame = _frame(value)
        bulk = _message(frame.d) if frame.op == _DISPATCH and frame.t == _BULK else Message()
    except UNREADABLE:
        return None
    where = {"channel_id": bulk.channel_id, "guild_id": bulk.guild_id}
    deletes = [{"id": name, **{key: each for key, each in where.items() if each}} for name in bulk.ids or ()]
    return [_encode({"t": "MESSAGE_DELETE", "s": frame.s, "op": _DISPATCH, "d": each}) for each in deletes] or None


def decode(records: Records) -> Decoded:
    """Read a batch of frames and messages."""
    outcome = Outcome()
    frames, refused = read(records.values, _frame)
    outcome.refused += refused
    rows: list[Row] = []
    for record, frame in enumerate(frames):
        if frame is None:
            continue
        if frame.op is None:
            message = _opened(record, records.values[record], outcome)
            _add(record, message, (rows, outcome))
        elif frame.op != _DISPATCH:
            outcome.leave(_OPCODES.get(frame.op, "other opcode"))
        else:
            _sort(record, frame, rows, outcome)
    return _by_row.finish(records, outcome, rows)


def _opened(record: int, value: bytes | msgspec.Raw, outcome: Outcome) -> Message | None:
    try:
        return _message(value)
    except UNREADABLE as error:
        outcome.refuse(record, explain(bytes(value), error))
        return None


def _sort(record: int, frame: Frame, rows: list[Row], outcome: Outcome) -> None:
    """Find messages and deletes among the events; count the others."""
    if frame.t in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
        message = _opened(record, frame.d, outcome)
        if message is not None and frame.t == "MESSAGE_UPDATE" and message.edited_timestamp is None:
            outcome.leave("update that is no edit")
        else:
            _add(record, message, (rows, outcome), direct="@me")
    elif frame.t in ("MESSAGE_DELETE", _BULK):
        message = _opened(record, frame.d, outcome)
        if message is not None:
            _delete(record, [message.id] if message.ids is None else message.ids, outcome)
    elif frame.t == "GUILD_DELETE" and b'"unavailable":true' in bytes(frame.d).replace(b" ", b""):
        outcome.leave("guild unavailable")  # an outage; nothing was deleted
    else:
        outcome.leave(frame.t if frame.t in _COUNTED else "other event")


def _delete(record: int, names: list[str | None] | list[str], outcome: Outcome) -> None:
    name = names[0] if len(names) == 1 else None
    if len(names) > 1:
        outcome.refuse(record, f"a bulk delete of {len(names)} messages that was not split")
    elif not name or not discord_id_us(name):
        outcome.refuse(record, "delete: no id")
    else:
        outcome.delete(record, (f"discord:{name}", discord_id_us(name)), None, (FINAL, 0))


def _add(record: int, message: Message | None, places: tuple[list[Row], Outcome], direct: str | None = None) -> None:
    """Make a row of a message, or say why there is none; `direct` stands for the guild of a message that has none."""
    rows, outcome = places
    if message is None:
        return
    if (reason := _why_refused(message)) is not None:
        outcome.refuse(record, reason)
    elif (reason := _why_left(message)) is not None:
        outcome.leave(reason)
    else:
        rows.append(_row(record, message, direct))


def _why_refused(message: Message) -> str | None:
    if not message.id:
        return "not a Discord message: no id"
    if not discord_id_us(message.id):
        return f"id {message.id[:40]!r} is not a number"
    if message.author is None or not message.author.id:
        return "no author"
    if message.edited_timestamp is not None and instant_us(message.edited_timestamp) is None:
        return f"edited_timestamp {message.edited_timestamp[:60]!r} is not a date"
    return None


def _why_left(message: Message) -> str | None:
    if message.webhook_id:
        return "webhook"
    if message.author is not None and message.author.bot:
        return "bot"
    if message.type not in (_DEFAULT, _REPLY, None):
        return "system message"
    if not message.content and not message.attachments and _forwarded(message) is None:
        return "no content"  # also what arrives where the bot may not read messages
    return None


def _forwarded(message: Message) -> str | None:
    """Give the words of a message that was forwarded; a forward has none of its own."""
    reference = message.message_reference
    if reference is None or reference.type != _FORWARD or not message.message_snapshots:
        return None
    snapshot = message.message_snapshots[0].message
    return None if snapshot is None else snapshot.content


def _row(record: int, message: Message, direct: str | None) -> Row:
    name, author = message.id or "", message.author or User()
    created = discord_id_us(name) if message.timestamp is None else instant_us(message.timestamp)
    edited = message.edited_timestamp and instant_us(message.edited_timestamp)
    forwarded = _forwarded(message)
    guild = message.guild_id or direct
    about = message.message_reference and message.message_reference.message_id
    kind = REPLY if message.type == _REPLY else POST if forwarded is None else REPOST
    return {
        "record": record,
        "uid": f"discord:{name}",
        "uid_time_us": discord_id_us(name),
        "version": edited or 0,
        "kind": kind,
        "author": f"discord:{author.id}",
        "author_name": author.username,
        "text": _plain(message.content or forwarded or "", message),
        "said": message.timestamp,
        "created_at_us": UNKNOWN_US if created is None else created,
        "url": f"https://discord.com/channels/{guild}/{message.channel_id}/{name}"
        if guild and message.channel_id
        else None,
        "about": f"discord:{about}" if about and kind != POST else None,
    }


def _plain(content: str, message: Message) -> str:
    """Write mentions, emojis, times and links as people see them; Markdown stays, as it reads well."""
    if "<" not in content:
        return content
    users = {user.id: user.username for user in message.mentions or ()}
    channels = {channel.id: channel.name for channel in message.mention_channels or ()}

    def shown(found: re.Match[str]) -> str:
        kind, words = found.lastgroup, found[found.lastgroup or 0]
        if kind == "user":
            return f"@{users.get(words) or 'user'}"
        if kind == "channel":
            return f"#{channels.get(words) or 'channel'}"
        if kind == "time":
            return _moment(int(words)) or found[0]
        return {"role": "@role", "command": f"/{words}"}.get(kind or "", words)

    return _MARKUP.sub(shown, content)


def _moment(seconds: int) -> str | None:
    """Write a time, which Discord shows to each reader in their own zone, in UTC."""
    try:
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds):%Y-%m-%d %H:%M} UTC"
    except OverflowError:
        return None


EXAMPLE = [
    b'{"t":"MESSAGE_CREATE","s":2,"op":0,"d":{"id":"1586674237440000001","channel_id":"800000000000000001",'
    b'"guild_id":"700000000000000001","author":{"id":"900000000000000003","username":"ada"},'
    b'"content":"<@900000000000000004> hail in Perth","timestamp":"2026-12-27T09:17:14.000000+00:00",'
    b'"edited_timestamp":null,"mentions":[{"id":"900000000000000004","username":"bo"}],"attachments":[],"type":0}}',
    b'{"t":"MESSAGE_DELETE_BULK","s":3,"op":0,"d":{"ids":["1586674237440000001","1586674237440000002"],'
    b'"channel_id":"800000000000000001","guild_id":"700000000000000001"}}',
]

FORMAT = Format(network="discord", recognises=recognises, decode=decode, split=split, page=PAGE, example=EXAMPLE)
