"""Messages to people and groups on LINE, pushed by a bot.

LINE drops a repeat for 24 hours by its retry key, so that an alert arrives once there. It says nothing of people who blocked
the bot. Pushed messages count towards the month's quota.
Sources: line/line-openapi of July 2026, LINE's developer documentation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from lapwing.hearing import BackOff, RateLimited
from lapwing.notify._answers import judge
from lapwing.notify._wording import title_of, urgent, whole_text
from lapwing.settings import Secret
from lapwing.telling import Alert, ChannelRefused, Gone, Notifier, Recipient, Surroundings, Undeliverable, key_of
from lapwing.text.harmless import in_units, shortened

if TYPE_CHECKING:
    from lapwing.notify._fetch import Reply

TEXT_UNITS_MAX = 5_000
ACCEPTED_BEFORE = 409
ADDRESS = re.compile(r"(?:line:)?([UCR][0-9a-f]{32})")
MONTHLY = BackOff(first_s=3_600.0, max_s=3_600.0)
PUBLIC = "https://api.line.me"


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One channel of LINE's Messaging API."""

    token: Annotated[Secret, Meta(description="The channel access token.")]
    to: Annotated[list[str], Meta(description="Ids of people, groups and rooms to which every alert goes.")] = []
    url: Annotated[str, Meta(min_length=1, description="Where LINE's API is.")] = PUBLIC


class _Detail(msgspec.Struct):
    message: str = ""
    property: str = ""


class _Refusal(msgspec.Struct):
    message: str = ""
    details: list[_Detail] = []


async def send(options: Options, alert: Alert, recipient: Recipient, surroundings: Surroundings) -> None:
    """Push the alert as one text."""
    from lapwing.notify._fetch import Request, safe_fetch

    text = shortened(f"{title_of(alert)}\n\n{whole_text(alert)}".strip(), TEXT_UNITS_MAX, in_units)
    body = {
        "to": admitted(options, recipient.address),
        "messages": [{"type": "text", "text": text}],
        "notificationDisabled": not urgent(alert),
    }
    headers = {
        "Authorization": f"Bearer {options.token}",
        "Content-Type": "application/json",
        "X-Line-Retry-Key": key_of(alert, recipient),
    }
    request = Request(
        url=f"{options.url}/v2/bot/message/push", headers=headers, body=msgspec.json.encode(body),
        private=options.url != PUBLIC,
    )  # fmt: skip
    _judge(await safe_fetch(request, surroundings), surroundings)


def _judge(reply: Reply, surroundings: Surroundings) -> None:
    if reply.status == ACCEPTED_BEFORE:
        return
    refusal = reply.json(_Refusal, _Refusal())
    if reply.status == 429 and "monthly limit" in refusal.message:
        raise RateLimited("the month's messages of LINE are used up", None, MONTHLY)
    if reply.status == 400 and ("'to'" in refusal.message or any(each.property == "to" for each in refusal.details)):
        raise Gone("LINE knows nobody by this id")
    if reply.status == 401:
        raise ChannelRefused("LINE refuses the channel access token", "issue a new one in the LINE Developers console")
    judge(reply, refusal.message, surroundings)


def admitted(options: Options, address: str) -> str:
    """The id of a person, group or room."""
    del options
    found = ADDRESS.fullmatch(address.strip())
    if found is None:
        raise Undeliverable("this is no id of LINE: U, C or R and 32 hexadecimal digits")
    return found[1]


NOTIFIER = Notifier(
    options=Options,
    send=send,
    configured=lambda options: options.to,
    admitted=admitted,
    parallel=4,
    registers=False,
    example="""
[[channel]]
type = "line"
name = "volunteers"
token = "env:LINE_CHANNEL_TOKEN"
to = ["C8e742f61d673b39c7fff3cecb7536ef0"]
""",
)
