"""Phones and desktops, by ntfy: a topic at ntfy.sh, or at a server of your own.

Whoever knows a public topic's name can read it and write to it, so that the name is its secret. ntfy has no idempotency key:
a message whose answer was lost is shown twice.
Source: ntfy's documentation up to v2.13.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from lapwing.hearing import BackOff, RateLimited
from lapwing.notify._answers import judge
from lapwing.notify._wording import title_of, url_of, whole_text
from lapwing.settings import Secret
from lapwing.telling import Alert, Notifier, Recipient, Surroundings, Undeliverable
from lapwing.text.harmless import in_bytes, shortened

if TYPE_CHECKING:
    from lapwing.notify._fetch import Reply

MESSAGE_BYTES_MAX = 4_000
"""A message of more than 4,096 bytes becomes an attachment."""
TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")
DAY_US = 86_400_000_000
DAILY_QUOTA = 42908
LIMITED = BackOff(first_s=10.0, max_s=600.0)
"""One request each five seconds is given back, after 60 at once."""
PRIORITIES = {"extreme": 5, "severe": 5, "moderate": 4, "unknown": 3, "minor": 3}
QUIET = 2
TAGS = {
    "flood": "ocean", "storm": "cloud_with_lightning_and_rain", "weather": "cloud_with_lightning_and_rain", "fire": "fire",
    "earthquake": "rotating_light", "accident": "collision", "health": "hospital", "crime": "police_car",
    "violence": "police_car", "infrastructure": "construction",
}  # fmt: skip
"""Short names of emoji, as ntfy draws them beside the title."""
CLEAR, WARNING, DIGEST, TEST = "white_check_mark", "warning", "newspaper", "test_tube"
OF_KIND = {"all-clear": CLEAR, "digest": DIGEST, "test": TEST}


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One server of ntfy."""

    topics: Annotated[list[str], Meta(min_length=1, description="Topics to which every alert goes.")]
    token: Annotated[Secret | None, Meta(description="An access token, where topics are protected.")] = None
    url: Annotated[str, Meta(min_length=1, description="The server.")] = "https://ntfy.sh"
    private: Annotated[bool, Meta(description="Whether the server may be on this machine or in this network.")] = False
    ports: Annotated[
        list[Annotated[int, Meta(ge=1, le=65_535)]], Meta(description="Ports that may be asked at a public server.")
    ] = msgspec.field(default_factory=lambda: [443])


class _Refusal(msgspec.Struct):
    code: int = 0
    error: str = ""


async def send(options: Options, alert: Alert, recipient: Recipient, surroundings: Surroundings) -> None:
    """Publish the alert to one topic."""
    from lapwing.notify._fetch import Request, safe_fetch

    headers = {"Content-Type": "application/json"}
    if options.token:
        headers["Authorization"] = f"Bearer {options.token}"
    request = Request(
        url=f"{options.url.rstrip('/')}/", headers=headers, private=options.private, ports=frozenset(options.ports),
        body=msgspec.json.encode(published(alert, admitted(options, recipient.address))),
    )  # fmt: skip
    _judge(await safe_fetch(request, surroundings), surroundings)


def published(alert: Alert, topic: str) -> dict[str, Any]:
    """The alert as ntfy takes it; plain text, no Markdown."""
    kind = OF_KIND.get(alert.kind)
    said: dict[str, Any] = {
        "topic": topic,
        "title": title_of(alert),
        "message": shortened(whole_text(alert), MESSAGE_BYTES_MAX, in_bytes) or title_of(alert),
        "priority": QUIET if kind else PRIORITIES[alert.severity],
        "tags": [kind] if kind else [tag for tag in (WARNING, TAGS.get(alert.category)) if tag],
    }
    if url := url_of(alert):
        said |= {"click": url, "actions": [{"action": "view", "label": "Open", "url": url}]}
    return said


def _judge(reply: Reply, surroundings: Surroundings) -> None:
    refusal = reply.json(_Refusal, _Refusal())
    if reply.status == 429:
        now_us = surroundings.time.now_us()
        if refusal.code == DAILY_QUOTA:  # it begins anew at midnight UTC
            raise RateLimited("today's messages of ntfy are used up", (now_us // DAY_US + 1) * DAY_US)
        if "retry-after" not in reply.headers:
            raise RateLimited("ntfy wants us to wait", None, LIMITED)
    judge(reply, f"{refusal.code} {refusal.error}" if refusal.error else "", surroundings)


def admitted(options: Options, address: str) -> str:
    """A topic's name."""
    del options
    address = address.strip()
    if not TOPIC.fullmatch(address):
        raise Undeliverable("this is no topic of ntfy: up to 64 letters, digits, `-` and `_`")
    return address


NOTIFIER = Notifier(
    options=Options,
    send=send,
    configured=lambda options: options.topics,
    admitted=admitted,
    registers=False,
    example="""
[[channel]]
type = "ntfy"
name = "my-phone"
topics = ["lapwing-4f2a9c81d0"]
""",
)
