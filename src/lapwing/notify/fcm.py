"""Phones, by Firebase Cloud Messaging (HTTP v1).

Each message has a `notification`, which the phone shows by itself, and `data` with the same in parts, for an app that shows
more. A device that uninstalled the app (`UNREGISTERED`) is retired. FCM has no idempotency key: a message whose answer was
lost is sent again, and replaces the first on the phone, since both have the same tag and collapse key.
Sources: FCM's REST reference and ErrorCode page of 2026; RFC 7523 for the access token.
"""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import Meta

from lapwing.errors import MissingDependency
from lapwing.hearing import BackOff, Disconnected, RateLimited
from lapwing.notify._answers import judge
from lapwing.notify._wording import body_of, facts_of, name_of, quotes_of, replaces, rfc3339, title_of, urgent, url_of
from lapwing.settings import Secret
from lapwing.telling import Alert, ChannelRefused, Gone, Notifier, Recipient, Surroundings, Undeliverable
from lapwing.text.harmless import in_bytes, shortened

if TYPE_CHECKING:
    from lapwing.notify._fetch import Reply, Request

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_LIVES_S = 3_600
TOKEN_EARLY_S = 300
"""So long before it expires a token is no longer used."""
PAYLOAD_BYTES_MAX = 4_000
"""FCM takes 4,096 of notification and data together; a topic takes 2,048."""
TOPIC_BYTES_MAX = 2_000
TTL_S = 4 * 3_600
"""A phone that is off so long does not want to know any more."""
COLLAPSE_ID_CHARACTERS = 32
TOPIC = re.compile(r"[a-zA-Z0-9\-_.~%]{1,900}")
TOKEN = re.compile(r"[A-Za-z0-9_:.\-]{8,4096}")
LIMITED = BackOff(first_s=60.0, max_s=3_600.0)
PRIORITIES = {True: ("high", "10", "high"), False: ("normal", "5", "normal")}
"""By whether it is urgent: of Android, APNs and Web Push."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Firebase project."""

    account: Annotated[Secret, Meta(description="The service account: the JSON file that Firebase's console makes.")]
    devices: Annotated[
        Secret | None,
        Meta(description="Registration tokens of devices, as a JSON list or one to a line; others may register."),
    ] = None
    topics: Annotated[list[str], Meta(description="FCM topics to which every alert goes.")] = []
    android_channel: Annotated[
        str | None, Meta(description="The app's notification channel; without one its default.")
    ] = None
    click_action: Annotated[
        str | None,
        Meta(description="What the app calls a tap, as `FLUTTER_NOTIFICATION_CLICK`; without one the app is opened."),
    ] = None
    url: Annotated[str, Meta(min_length=1, description="Where FCM is.")] = "https://fcm.googleapis.com"


class _Account(msgspec.Struct):
    project_id: str
    private_key: str
    client_email: str
    private_key_id: str = ""
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105  (an address)


class _Token(msgspec.Struct):
    access_token: str = ""
    expires_in: float = TOKEN_LIVES_S
    error: str = ""


class _Detail(msgspec.Struct):
    code: str = msgspec.field(name="errorCode", default="")
    violations: list[dict[str, Any]] = msgspec.field(name="fieldViolations", default_factory=list)


class _Error(msgspec.Struct):
    status: str = ""
    message: str = ""
    details: list[_Detail] = []


class _Refusal(msgspec.Struct):
    error: _Error = msgspec.field(default_factory=_Error)


async def send(options: Options, alert: Alert, recipient: Recipient, surroundings: Surroundings) -> None:
    """Hand the alert to FCM for one device, topic or installation."""
    account = _account_of(options)
    body = msgspec.json.encode({"message": message(options, alert, recipient.address)})
    for attempt in (1, 2):
        token = await _token(options, account, surroundings)
        reply = await _asked(
            f"{options.url}/v1/projects/{quote(account.project_id, safe='')}/messages:send",
            ({"Authorization": f"Bearer {token}", "Content-Type": "application/json"}, body),
            (options, surroundings),
        )
        if reply.status != 401 or attempt == 2:
            break
        surroundings.shared.pop(_remembered(account), None)  # it was taken back before its time
    _judge(reply, surroundings)


def message(options: Options, alert: Alert, address: str) -> dict[str, Any]:
    """The alert as FCM's message, within FCM's size."""
    room = TOPIC_BYTES_MAX if address.startswith("topic:") else PAYLOAD_BYTES_MAX
    title, body = title_of(alert), body_of(alert)
    data = _data(alert, title)
    evidence = "\n".join(quotes_of(alert))
    for part in (evidence, ""):  # what posts said goes first when there is no room
        data["evidence"] = part
        left = room - in_bytes(title) - sum(in_bytes(name) + in_bytes(value) for name, value in data.items())
        if left >= 2 * in_bytes(body):
            break
    data["body"] = shortened(body, max(0, left // 2), in_bytes)
    data = {name: value for name, value in data.items() if value}
    android, apns, web = PRIORITIES[urgent(alert)]
    same = hashlib.sha256(replaces(alert).encode()).hexdigest()[:COLLAPSE_ID_CHARACTERS]
    shown = {"tag": same, "channel_id": options.android_channel, "click_action": options.click_action}
    link = url_of(alert)
    kind, _, name = address.partition(":") if address.startswith(("topic:", "fid:")) else ("token", "", address)
    return {
        kind: name,
        "notification": {"title": title, "body": data.get("body", "")},
        "data": data,
        "android": {
            "priority": android, "ttl": f"{TTL_S}s", "collapse_key": same,
            "notification": {name: value for name, value in shown.items() if value},
        },
        "apns": {
            "headers": {
                "apns-priority": apns, "apns-collapse-id": same,
                "apns-expiration": str(alert.at_us // 1_000_000 + TTL_S),
            },
            "payload": {"aps": {"sound": "default"} if urgent(alert) else {}},
        },
        "webpush": {
            "headers": {"TTL": str(TTL_S), "Urgency": web},
            **({"fcm_options": {"link": link}} if link.startswith("https://") else {}),
        },
    }  # fmt: skip


def _data(alert: Alert, title: str) -> dict[str, str]:
    """All that an app may want; every value is a text, as FCM demands."""
    place = alert.place
    return {
        "alert_id": alert.id, "incident": alert.incident, "kind": alert.kind, "title": title, "body": "",
        "category": name_of(alert.category), "severity": alert.severity, "url": url_of(alert), "at": rfc3339(alert.at_us),
        "place": dict(facts_of(alert)).get("Place", ""),
        "latitude": "" if place is None or place.latitude is None else f"{place.latitude:.5f}",
        "longitude": "" if place is None or place.longitude is None else f"{place.longitude:.5f}",
        "people": "" if alert.people is None else str(alert.people),
        "completeness": "" if alert.completeness is None else f"{alert.completeness:.2f}",
        "language": name_of(alert.language),
    }  # fmt: skip


def _judge(reply: Reply, surroundings: Surroundings) -> None:
    """Raise what FCM's error codes mean."""
    error = reply.json(_Refusal, _Refusal()).error
    codes = {detail.code for detail in error.details}
    fields = {str(each.get("field", "")) for detail in error.details for each in detail.violations}
    if reply.status == 404 and ("UNREGISTERED" in codes or error.status == "NOT_FOUND"):
        raise Gone("the device is no longer registered (UNREGISTERED)")
    if reply.status == 403 and "SENDER_ID_MISMATCH" in codes:
        raise Gone("the device belongs to another Firebase project (SENDER_ID_MISMATCH)")
    if reply.status == 400 and ("registration token" in error.message or "message.token" in fields):
        raise Gone("FCM says that this is no registration token")
    if reply.status == 429 and "retry-after" not in reply.headers:
        raise RateLimited("FCM's quota is used up for now (QUOTA_EXCEEDED)", None, LIMITED)
    judge(reply, " ".join(sorted(codes - {""})) or error.status or error.message, surroundings)


async def _token(options: Options, account: _Account, surroundings: Surroundings) -> str:
    """An access token that lives for a while yet; one for all who send for this account."""
    kept = surroundings.shared.get(_remembered(account))
    if kept is not None and kept[1] > surroundings.time.monotonic_s():
        return str(kept[0])
    body = f"grant_type={quote(GRANT, safe='')}&assertion={_assertion(account, surroundings.time.now_us())}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = await _asked(account.token_uri, (headers, body.encode()), (options, surroundings))
    found = reply.json(_Token, _Token())
    if reply.status in (400, 401, 403):
        what = f"Google refuses the service account ({shortened(found.error, 60) or reply.status})"
        raise ChannelRefused(what, "make a new key in Firebase's console")
    judge(reply, found.error, surroundings)
    if not found.access_token:
        raise Disconnected("Google answered without an access token")
    ends_s = surroundings.time.monotonic_s() + max(0.0, min(found.expires_in, TOKEN_LIVES_S) - TOKEN_EARLY_S)
    surroundings.shared[_remembered(account)] = (found.access_token, ends_s)
    return found.access_token


def _assertion(account: _Account, now_us: int) -> str:
    """A signed word that we are this account (RFC 7523, RS256)."""
    if find_spec("cryptography") is None:
        raise MissingDependency("cryptography", "notify")
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    at_s = now_us // 1_000_000
    header = {"alg": "RS256", "typ": "JWT", "kid": account.private_key_id}
    claims = {
        "iss": account.client_email, "scope": SCOPE, "aud": account.token_uri, "iat": at_s, "exp": at_s + TOKEN_LIVES_S,
    }  # fmt: skip
    signed = b".".join(_encoded(msgspec.json.encode(part)) for part in (header, claims))
    try:
        key = load_pem_private_key(account.private_key.encode(), None)
    except (ValueError, TypeError):
        raise ChannelRefused("the service account's private_key cannot be read", "take the file as it came") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ChannelRefused("the service account's private_key is no RSA key", "take the file as it came")
    return b".".join((signed, _encoded(key.sign(signed, padding.PKCS1v15(), hashes.SHA256())))).decode()


def _encoded(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def _remembered(account: _Account) -> str:
    return f"fcm token {account.client_email} {account.private_key_id} {account.token_uri}"


async def _asked(url: str, said: tuple[dict[str, str], bytes], by: tuple[Options, Surroundings]) -> Reply:
    """One POST; Google's hosts are public, and where the operator wrote another address, it is his."""
    from lapwing.notify._fetch import Request, safe_fetch

    headers, body = said
    options, surroundings = by
    request: Request = Request(url=url, headers=headers, body=body, private=options.url != _GOOGLE)
    return await safe_fetch(request, surroundings)


_GOOGLE = next(each.default for each in msgspec.structs.fields(Options) if each.name == "url")


def _account_of(options: Options) -> _Account:
    try:
        return msgspec.json.decode(options.account.encode(), type=_Account)
    except (msgspec.DecodeError, UnicodeError):
        step = "give the whole JSON file of the service account"
        raise ChannelRefused("`account` is no service account", step) from None


def configured(options: Options) -> list[str]:
    """The devices and topics of the options."""
    text = (options.devices or "").strip()
    try:
        devices = msgspec.json.decode(text.encode(), type=list[str]) if text.startswith("[") else text.split()
    except msgspec.DecodeError:
        raise Undeliverable("`devices` is no list of tokens", "write one to a line") from None
    return [*devices, *(f"topic:{topic}" for topic in options.topics)]


def admitted(options: Options, address: str) -> str:
    """A registration token, ``fid:`` with an installation, or ``topic:`` with a name."""
    del options
    address = address.strip()
    kind, _, name = address.partition(":")
    sound = TOPIC.fullmatch(name) if kind == "topic" else TOKEN.fullmatch(address)
    if not sound:
        raise Undeliverable("this is no registration token", "take what `getToken()` gives in the app")
    return address


NOTIFIER = Notifier(
    options=Options,
    send=send,
    configured=configured,
    admitted=admitted,
    parallel=16,
    example="""
[[channel]]
type = "fcm"
name = "phones"
account = "file:service-account.json"
devices = "env:DEVICE_TOKENS"
""",
)
