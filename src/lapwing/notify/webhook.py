"""Programs of anybody: the alert as JSON, signed, to an address of theirs.

The body is signed together with the time (`X-Lapwing-Timestamp`, seconds), so that nobody can change it or send it again
later, and it carries its idempotency key, so that a receiver can drop a repeat. `docs/guide/notifiers.md` shows how to check
both. An address that answers 410 is retired; a 404 is tried again for a day, since it comes with every careless deployment.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from lapwing.hearing import Disconnected
from lapwing.notify._answers import judge
from lapwing.notify._wording import body_of, name_of, quotes_of, rfc3339, title_of, url_of
from lapwing.settings import Secret
from lapwing.telling import Alert, Gone, Notifier, Recipient, Surroundings, key_of

VERSION = 1


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One address, and the secret that its owner and we share."""

    url: Annotated[str, Meta(min_length=1, description="Where alerts are posted to: https.")]
    secret: Annotated[Secret, Meta(description="What alerts are signed with: HMAC-SHA256.")]
    private: Annotated[bool, Meta(description="Whether it may be on this machine or in this network.")] = False
    ports: Annotated[
        list[Annotated[int, Meta(ge=1, le=65_535)]], Meta(description="Ports that may be asked at a public address.")
    ] = msgspec.field(default_factory=lambda: [443])


async def send(options: Options, alert: Alert, recipient: Recipient, surroundings: Surroundings) -> None:
    """Post the alert."""
    from lapwing.notify._fetch import Request, safe_fetch

    key = key_of(alert, recipient)
    body = msgspec.json.encode(written(alert, key))
    at_s = surroundings.time.now_us() // 1_000_000
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        "X-Lapwing-Timestamp": str(at_s),
        "X-Lapwing-Signature": f"sha256={signature(options.secret, at_s, body)}",
    }
    request = Request(
        url=recipient.address, headers=headers, body=body, private=options.private, ports=frozenset(options.ports)
    )
    reply = await safe_fetch(request, surroundings)
    if reply.status == 410:
        raise Gone(f"{reply.host} wants no more alerts (410)")
    if reply.status == 404:
        raise Disconnected(f"{reply.host} has nothing at this address (404)")
    judge(reply, "", surroundings)


def signature(secret: str, at_s: int, body: bytes) -> str:
    """The HMAC-SHA256 of time, a dot and body, in hexadecimal digits."""
    return hmac.digest(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hex()


def written(alert: Alert, key: str) -> dict[str, Any]:
    """The alert for programs; its texts are as harmless as elsewhere."""
    whole: dict[str, Any] = msgspec.to_builtins(alert)
    del whole["at_us"]
    texts = {
        "title": title_of(alert),
        "body": body_of(alert),
        "evidence": quotes_of(alert),
        "url": url_of(alert),
        "category": name_of(alert.category),
    }
    return {"version": VERSION, "key": key, "alert": whole | texts | {"at": rfc3339(alert.at_us)}}


def admitted(options: Options, address: str) -> str:
    """A web address that may be asked; raises `Undeliverable` for another."""
    from lapwing.notify._fetch import checked

    return str(checked(address.strip(), frozenset(options.ports), options.private))


NOTIFIER = Notifier(
    options=Options,
    send=send,
    configured=lambda options: [options.url],
    admitted=admitted,
    shared=False,
    registers=False,
    example="""
[[channel]]
type = "webhook"
name = "control-room"
url = "https://alerts.example.org/lapwing"
secret = "env:WEBHOOK_SECRET"
""",
)
