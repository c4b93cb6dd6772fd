"""Messages in channels of Discord: by a bot's token, or by the address of a webhook.

Nobody is ever mentioned, and nothing that a post says is formatted or becomes a link. Discord drops a repeat of the bot's for
some minutes (`enforce_nonce`); a webhook's repeat is shown twice. A channel or webhook that was deleted is retired.
Answers to those who report on Discord are the source's affair.
Sources: discord/discord-api-docs of August 2026.
"""

from __future__ import annotations

import hashlib
import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from lapwing.hearing import RateLimited
from lapwing.notify._answers import judge
from lapwing.notify._wording import body_of, facts_of, quotes_of, rfc3339, title_of, url_of
from lapwing.settings import Secret
from lapwing.telling import Alert, ChannelRefused, Gone, Notifier, Recipient, Surroundings, Undeliverable, key_of
from lapwing.text.harmless import in_units, shortened

if TYPE_CHECKING:
    from lapwing.notify._fetch import Reply

TITLE_UNITS_MAX, TEXT_UNITS_MAX, DESCRIPTION_UNITS_MAX, VALUE_UNITS_MAX = 256, 2_000, 4_000, 300
"""Discord takes 256, 4,096 and 1,024, and 6,000 of all together."""
NONCE_CHARACTERS = 25
SECONDS_MAX = 86_400.0
AGENT = f"DiscordBot (lapwing, {version('lapwing')})"
CHANNEL = re.compile(r"\d{15,20}")
WEBHOOK = re.compile(r"/webhooks/(\d{15,20})/([A-Za-z0-9_-]{20,100})")
COLOURS = {"extreme": 0x8E1600, "severe": 0xD7301F, "moderate": 0xF59E0B, "minor": 0xFACC15, "unknown": 0x64748B}
CALM = 0x16A34A
"""The colour of an all-clear."""
GONE = {10003: "the channel was deleted", 10015: "the webhook was deleted"}
MARKUP = re.compile(r"([\\*_~`|>#\-+\[\]()<:!.])")
MENTION = re.compile(r"(@)")
INVISIBLE = "\u200b"
PUBLIC = "https://discord.com/api/v10"


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Channels of Discord."""

    token: Annotated[Secret | None, Meta(description="The token of a bot that may write in `channels`.")] = None
    channels: Annotated[list[str], Meta(description="Ids of channels to which every alert goes.")] = []
    webhook: Annotated[
        Secret | None, Meta(description="The address of a webhook: a channel's settings → Integrations.")
    ] = None
    url: Annotated[str, Meta(min_length=1, description="Where Discord's API is.")] = PUBLIC


class _Refusal(msgspec.Struct):
    code: int = 0
    message: str = ""
    retry_after: float | None = None


async def send(options: Options, alert: Alert, recipient: Recipient, surroundings: Surroundings) -> None:
    """Write the alert in a channel, as an embed."""
    from lapwing.notify._fetch import Request, safe_fetch

    said = embedded(alert)
    headers = {"Content-Type": "application/json", "User-Agent": AGENT}
    hook = WEBHOOK.fullmatch(recipient.address)
    if hook is not None:
        path = f"{hook[0]}?wait=true"
    else:
        if not options.token:
            raise ChannelRefused("there is no token of a bot", "write `token`, or use a webhook")
        path = f"/channels/{admitted(options, recipient.address)}/messages"
        headers["Authorization"] = f"Bot {options.token}"
        nonce = hashlib.sha256(key_of(alert, recipient).encode()).hexdigest()[:NONCE_CHARACTERS]
        said |= {"nonce": nonce, "enforce_nonce": True}
    request = Request(
        url=f"{options.url}{path}", headers=headers, body=msgspec.json.encode(said), private=options.url != PUBLIC
    )
    _judge(await safe_fetch(request, surroundings), surroundings)


def embedded(alert: Alert) -> dict[str, Any]:
    """The alert as Discord's message; of all texts nothing is markup any more."""
    quotes = "\n".join(f"> {plain(quote)}" for quote in quotes_of(alert))
    body = shortened(plain(body_of(alert)), TEXT_UNITS_MAX, in_units)
    embed: dict[str, Any] = {
        "title": shortened(plain(title_of(alert)), TITLE_UNITS_MAX, in_units),
        "description": shortened("\n\n".join(part for part in (body, quotes) if part), DESCRIPTION_UNITS_MAX, in_units),
        "color": CALM if alert.kind == "all-clear" else COLOURS[alert.severity],
        "timestamp": rfc3339(alert.at_us),
        "fields": [
            {"name": name, "value": shortened(plain(value), VALUE_UNITS_MAX, in_units), "inline": True}
            for name, value in facts_of(alert)
        ],
    }
    if url := url_of(alert):
        embed["url"] = url
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def plain(text: str) -> str:
    """The text as Discord shows it letter for letter: no markup, no mention, no link, no emoji by name."""
    return MENTION.sub(r"\1" + INVISIBLE, MARKUP.sub(r"\\\1", text))


def _judge(reply: Reply, surroundings: Surroundings) -> None:
    refusal = reply.json(_Refusal, _Refusal())
    if reply.status == 404 and refusal.code in GONE:
        raise Gone(f"{GONE[refusal.code]} ({refusal.code})")
    if reply.status == 403:
        raise Undeliverable(f"the bot may not write there ({refusal.code} {refusal.message[:80]})", "give it the right")
    if reply.status == 429 and refusal.retry_after is not None:
        wait_us = round(min(max(refusal.retry_after, 0.0), SECONDS_MAX) * 1e6)
        raise RateLimited("Discord wants us to wait", surroundings.time.now_us() + wait_us)
    judge(reply, f"{refusal.code} {refusal.message}" if refusal.message else "", surroundings)


def configured(options: Options) -> list[str]:
    """The channels and the webhook of the options."""
    return [*options.channels, *([options.webhook] if options.webhook else [])]


def admitted(options: Options, address: str) -> str:
    """A channel's id, or of a webhook's address what is behind that of the API."""
    address = address.strip()
    if CHANNEL.fullmatch(address) or WEBHOOK.fullmatch(address):
        return address
    for begins in (options.url, "https://discord.com/api/v10", "https://discord.com/api", "https://discordapp.com/api"):
        path = address.removeprefix(begins).partition("?")[0].rstrip("/")
        if address.startswith(begins) and WEBHOOK.fullmatch(path):
            return path
    raise Undeliverable("this is neither a channel's id nor the address of a webhook of Discord")


NOTIFIER = Notifier(
    options=Options,
    send=send,
    configured=configured,
    admitted=admitted,
    registers=False,
    example="""
[[channel]]
type = "discord"
name = "crisis-room"
webhook = "env:DISCORD_WEBHOOK"
""",
)
