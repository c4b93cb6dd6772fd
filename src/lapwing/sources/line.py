"""Reports that people write to a LINE bot, and answers to them.

LINE posts events to a webhook, `/webhooks/<the source's name>`; each delivery is signed with the channel's secret, which
stands for a token. What LINE could not deliver while we were down it sends again only where *Webhook redelivery* is
switched on in its console; a repeat is dropped by the message's id. So `read` has nothing to connect to: it says that we
listen, as long as this process lives.

Answers are pushed to whoever wrote (or to the group, where they did not consent to be named), which counts towards the
month's quota; reply tokens are free but live for a minute and reach another process than the one that answers, so they
are not used. LINE drops a repeat for 24 hours by its key, and says nothing of people who blocked the bot.
Sources: line/line-openapi of July 2026, LINE's developer documentation.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import uuid
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from lapwing.hearing import (
    Answer,
    BackOff,
    Delivery,
    Disconnected,
    RefusedBySource,
    Source,
    SourceChunk,
    Surroundings,
    Unfit,
)
from lapwing.settings import Secret

if TYPE_CHECKING:
    from lapwing.sources._http import Reply

LISTENING_S = 5.0
TEXT_UNITS_MAX = 5000
ACCEPTED_BEFORE = 409
ADDRESS = re.compile(r"line:([UCR][0-9a-f]{32})")
CONSOLE = "LINE Developers console → Messaging API"
TOKEN_BACK_OFF = BackOff(first_s=60.0, max_s=600.0)


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One channel of LINE's Messaging API."""

    secret: Annotated[Secret, Meta(description="The channel secret, with which deliveries are signed.")]
    token: Annotated[Secret | None, Meta(description="The channel access token; only answers need it.")] = None
    standby: Annotated[
        bool,
        Meta(
            description="Whether messages are kept that LINE says another bot is to answer; they must not be answered."
        ),
    ] = False
    url: Annotated[str, Meta(min_length=1, description="Where LINE's API is.")] = "https://api.line.me"


class _Source(msgspec.Struct, gc=False):
    user: str | None = msgspec.field(name="userId", default=None)
    group: str | None = msgspec.field(name="groupId", default=None)
    room: str | None = msgspec.field(name="roomId", default=None)


class _Event(msgspec.Struct, gc=False):
    """What is needed of an event; the format reads the rest."""

    type: str = ""
    mode: str = ""
    source: _Source = msgspec.field(default_factory=_Source)

    @property
    def key(self) -> str:
        """The author as the format names them."""
        name = self.source.user or self.source.group or self.source.room
        return f"line:{name}" if name else ""


class _Body(msgspec.Struct):
    events: list[msgspec.Raw]


class _Error(msgspec.Struct):
    message: str = ""


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def check(options: Options) -> Unfit | None:
    """What cannot be listened to: an address that is not safe."""
    from lapwing.sources._addresses import unfit

    return unfit(options, "url")


async def read(options: Options, after: str, surroundings: Surroundings) -> AsyncGenerator[SourceChunk, None]:
    """Say every few seconds that we listen; what comes, comes through `receive`."""
    del options, after
    from_us: int | None = surroundings.time.now_us()
    while True:
        yield SourceChunk(covered_from_us=from_us, covered_to_us=surroundings.time.now_us())
        from_us = None
        await surroundings.time.sleep(LISTENING_S)


def receive(options: Options, headers: Mapping[str, str], body: bytes) -> Delivery:
    """The events of a delivery, each as its own bytes; 401 unless it is signed with the channel's secret."""
    if not signed(options.secret, body, headers.get("x-line-signature", "")):
        return Delivery(status=401, reason="the signature is missing or wrong")
    try:
        events = msgspec.json.decode(body, type=_Body).events
    except _UNREADABLE:
        return Delivery(status=400, reason="it is signed, and no delivery of events")
    values, keys = [], []
    for raw in events:
        try:
            event = msgspec.json.decode(raw, type=_Event)
        except _UNREADABLE:
            event = _Event()  # kept, and refused by the format with the reason
        # What somebody took back is always heard.
        if event.mode == "standby" and event.type != "unsend" and not options.standby:
            continue
        values.append(bytes(raw))
        keys.append(event.key)
    left_out = len(events) - len(values)
    return Delivery(values=values, keys=keys, reason=f"{left_out} for another bot (standby)" if left_out else "")


def signed(secret: str, body: bytes, signature: str) -> bool:
    """Whether a signature is the Base64 of the HMAC-SHA256 of exactly these bytes; as long for a wrong one as for a right one."""
    try:
        given = base64.b64decode(signature.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        given = b""
    return hmac.compare_digest(hmac.digest(secret.encode(), body, hashlib.sha256), given)


async def respond(options: Options, answer: Answer, surroundings: Surroundings) -> None:
    """Push the text to whoever wrote the post."""
    from lapwing.sources._http import Question, http_of
    from lapwing.text.harmless import in_units, shortened

    to = ADDRESS.fullmatch(answer.author)
    if to is None:
        raise RefusedBySource(f"{answer.author[:60]!r} is nobody of LINE", "answer posts of this source")
    if not options.token:
        raise RefusedBySource("there is no channel access token", f"write `token`, from {CONSOLE}")
    body = {
        "to": to[1],
        "messages": [{"type": "text", "text": shortened(answer.text.strip(), TEXT_UNITS_MAX, in_units)}],
    }
    await http_of(surroundings).ask(
        Question(
            url=f"{options.url}/v2/bot/message/push",
            method="POST",
            headers={
                "Authorization": f"Bearer {options.token}",
                "Content-Type": "application/json",
                "X-Line-Retry-Key": str(uuid.uuid5(uuid.NAMESPACE_URL, f"lapwing:{answer.key}")),
            },
            body=msgspec.json.encode(body),
            passes=frozenset({ACCEPTED_BEFORE}),
            lane=f"line {surroundings.name}",
            judge=_judge,
        )
    )


def _judge(reply: Reply) -> None:
    """Raise what a refusal of LINE means, where it means something else than its status does elsewhere."""
    try:
        said = msgspec.json.decode(reply.body, type=_Error).message
    except _UNREADABLE:
        said = ""
    if reply.status == 429 and "monthly limit" in said:
        raise RefusedBySource("the month's messages are used up", "buy more, or wait for the next month")
    if reply.status == 401:  # the token, and not the answer, is wrong
        raise Disconnected(f"LINE refuses the channel access token; issue a new one in the {CONSOLE}", TOKEN_BACK_OFF)


SOURCE = Source(
    network="line",
    format="line",
    options=Options,
    read=read,
    check=check,
    resume="none",
    silence_s=lambda _: 60.0,
    receive=receive,
    respond=respond,
    example="""
[[source]]
type = "line"
name = "line-reports"
secret = "env:LINE_CHANNEL_SECRET"
token = "env:LINE_CHANNEL_TOKEN"
answers = "answers"
""",
)
