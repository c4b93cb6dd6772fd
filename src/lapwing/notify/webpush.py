"""Browsers and installed pages, by Web Push.

The address of a recipient is the subscription that a browser made, as JSON; whoever registers one chooses to which host we
send, so that only the hosts of push services are asked, and only at public addresses. A subscription that is gone (404, 410)
is retired. A repeat replaces the first in the browser (`tag`) and in the queue of the push service (`Topic`).
Sources: RFC 8030, 8291, 8292; Apple's and Mozilla's notes on their services.
"""

from __future__ import annotations

import hashlib
from fnmatch import fnmatchcase
from importlib.util import find_spec
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from lapwing.errors import MissingDependency
from lapwing.notify._answers import judge
from lapwing.notify._wording import body_of, name_of, replaces, rfc3339, title_of, urgent, url_of
from lapwing.settings import Secret
from lapwing.telling import Alert, ChannelRefused, Gone, Notifier, Recipient, Surroundings, Undeliverable
from lapwing.text.harmless import in_bytes, shortened

TTL_S = 4 * 3_600
BODY_BYTES_MAX = 2_000
"""Some services take less than the standard's 3,993 bytes; a phone shows less than this."""
WORD_LIVES_S = 12 * 3_600
"""At most 24 hours are allowed (RFC 8292), and Apple wants no more than one signature an hour."""
TOPIC_CHARACTERS = 32
GONE = (404, 410)
ENDPOINT_CHARACTERS_MAX = 1_024
HOSTS = ["fcm.googleapis.com", "*.push.services.mozilla.com", "*.push.apple.com", "*.notify.windows.com"]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who we are to the push services."""

    key: Annotated[
        Secret | None,
        Meta(
            description="The private VAPID key: 32 bytes in Base64, or PEM; without one it is made and kept in the data "
            "directory. Browsers subscribe to its public half; another key loses them all."
        ),
    ] = None
    contact: Annotated[
        str,
        Meta(
            pattern=r"^(mailto:[^@\s]+@[^@\s]+\.[^@\s]+|https://\S+)$",
            description="How push services reach you: `mailto:you@example.org` or a page.",
        ),
    ]
    hosts: Annotated[
        list[str], Meta(description="Push services that are sent to; `*` stands for any name. Empty: any public host.")
    ] = msgspec.field(default_factory=HOSTS.copy)
    private: Annotated[
        bool, Meta(description="Whether they may be on this machine or in this network, for tests of your own.")
    ] = False


class Keys(msgspec.Struct, frozen=True):
    """The browser's own: URL-safe Base64."""

    p256dh: str
    auth: str


class Subscription(msgspec.Struct, frozen=True):
    """What `PushSubscription.toJSON()` gives in the browser."""

    endpoint: str
    keys: Keys


def subscription_of(address: str) -> Subscription:
    """The subscription in an address; raises `Undeliverable` for what is none."""
    from lapwing.notify._web_push_messages import AUTH_BYTES, Unreadable, decoded, point_of

    try:
        found = msgspec.json.decode(address.encode(), type=Subscription)
        point_of(found.keys.p256dh)
        decoded(found.keys.auth, AUTH_BYTES)
    except (msgspec.DecodeError, UnicodeError, RecursionError, Unreadable):
        step = "register what `PushSubscription.toJSON()` gives"
        raise Undeliverable("this is no subscription of a browser", step) from None
    return found


def admitted(options: Options, address: str) -> str:
    """A subscription at a push service that we send to, in one form."""
    from lapwing.notify._fetch import checked

    found = subscription_of(address)
    if len(found.endpoint) > ENDPOINT_CHARACTERS_MAX:
        raise Undeliverable("its endpoint is too long")
    host = checked(found.endpoint, private=options.private).host or ""
    if options.hosts and not any(fnmatchcase(host.lower(), pattern.lower()) for pattern in options.hosts):
        raise Undeliverable(f"{host[:100]} is no push service that is allowed", "add it to `hosts`")
    keys = {"auth": found.keys.auth.rstrip("="), "p256dh": found.keys.p256dh.rstrip("=")}
    return msgspec.json.encode({"endpoint": found.endpoint, "keys": keys}).decode()


def _needs_cryptography() -> None:
    if find_spec("cryptography") is None:
        raise MissingDependency("cryptography", "notify")


async def send(options: Options, alert: Alert, recipient: Recipient, surroundings: Surroundings) -> None:
    """Hand the alert, encrypted, to the browser's push service."""
    _needs_cryptography()
    from lapwing.notify._fetch import Request, safe_fetch
    from lapwing.notify._web_push_messages import SALT_BYTES, encrypted, fresh_key

    subscription = subscription_of(admitted(options, recipient.address))  # what is allowed may have changed since
    keys = (subscription.keys.p256dh, subscription.keys.auth)
    body = encrypted(payload(alert), keys, fresh_key(), surroundings.chance.randbytes(SALT_BYTES))
    topic = hashlib.sha256(replaces(alert).encode()).hexdigest()[:TOPIC_CHARACTERS]
    headers = {
        "TTL": str(TTL_S),
        "Urgency": "high" if urgent(alert) else "normal",
        "Topic": topic,
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "Authorization": _word(options, subscription.endpoint, surroundings),
    }
    request = Request(url=subscription.endpoint, headers=headers, body=body, private=options.private)
    reply = await safe_fetch(request, surroundings)
    if reply.status in GONE:
        raise Gone(f"{reply.host} says that the subscription is gone ({reply.status})")
    said = reply.json(dict[str, Any], {})
    judge(reply, str(said.get("reason") or said.get("message") or ""), surroundings)


def payload(alert: Alert) -> bytes:
    """What the page's service worker gets: few bytes, as phones show little."""
    shown = {
        "id": alert.id,
        "tag": replaces(alert),
        "kind": alert.kind,
        "title": title_of(alert),
        "body": shortened(body_of(alert), BODY_BYTES_MAX, in_bytes),
        "severity": alert.severity,
        "category": name_of(alert.category),
        "url": url_of(alert)[:500],
        "at": rfc3339(alert.at_us),
        "lang": name_of(alert.language),
    }
    return msgspec.json.encode(shown)


def _word(options: Options, endpoint: str, surroundings: Surroundings) -> str:
    """Our signed word for one push service, the same for half a day."""
    from yarl import URL

    from lapwing.notify._web_push_messages import signed_word

    origin = str(URL(endpoint).origin())
    kept: dict[tuple[str, str], tuple[str, int]] = surroundings.shared.setdefault(f"vapid {surroundings.name}", {})
    now_s = surroundings.time.now_us() // 1_000_000
    name = (origin, hashlib.sha256(f"{options.key} {options.contact}".encode()).hexdigest())
    word, ends_s = kept.get(name, ("", 0))
    if not now_s < ends_s <= now_s + WORD_LIVES_S:
        own = _own_key(options)
        for gone in [each for each, (_, until_s) in kept.items() if until_s <= now_s]:
            del kept[gone]
        ends_s = now_s + WORD_LIVES_S
        word = signed_word(own, origin, options.contact, ends_s + 60)
        kept[name] = (word, ends_s)
    return word


def public_key(options: Options) -> str:
    """What a browser needs to subscribe: the `applicationServerKey`. The options have their secrets in place."""
    _needs_cryptography()
    from lapwing.notify._web_push_messages import public_text

    return public_text(_own_key(options))


def _own_key(options: Options) -> Any:
    """The private key; raises `ChannelRefused` for what is none."""
    from lapwing.notify._web_push_messages import Unreadable, private_key

    try:
        return private_key(options.key or "")
    except Unreadable as problem:
        raise ChannelRefused(f"`key` is no VAPID key: {problem}", "write 32 bytes in Base64, or PEM") from None


def keyed(options: Options, secret: bytes) -> Options:
    """The options with a key made of 32 secret bytes, unless they have one."""
    if options.key:
        return options
    _needs_cryptography()
    from lapwing.notify._web_push_messages import text_of

    return msgspec.structs.replace(options, key=text_of(secret))


NOTIFIER = Notifier(
    options=Options,
    send=send,
    configured=lambda _: [],
    admitted=admitted,
    parallel=16,
    shared=False,
    keyed=keyed,
    public=public_key,
    example="""
[[channel]]
type = "webpush"
name = "browsers"
key = "file:vapid.key"
contact = "mailto:alerts@example.org"
""",
)
