"""The receiving ends of the web: a push service with browsers behind it, ntfy, Discord's webhooks, and anybody's webhook.

Sources: RFC 8030, 8188, 8291, 8292; ntfy's documentation up to v2.13; discord/discord-api-docs of August 2026.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import msgspec
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lapwing.testing.networks.fake import SYSTEM_US
from lapwing.testing.networks.faults import Fault
from lapwing.testing.networks.receiving import Receiving, answered, retry_after
from lapwing.testing.networks.serving import Route

BODY_BYTES_MAX = 4_096
DAY_S = 86_400
CURVE = ec.SECP256R1()


class Browser:
    """One subscription, with the keys that only the browser knows."""

    def __init__(self, endpoint: str, number: int) -> None:
        """Keys are made from the number, so that they are always the same."""
        self.endpoint = endpoint
        self._auth = hashlib.sha256(f"auth {number}".encode()).digest()[:16]
        self._key = ec.derive_private_key(1_000_003 + number, CURVE)
        self.shown: dict[str, dict[str, Any]] = {}
        """By tag; a later message with the same tag replaces the earlier one."""

    @property
    def subscription(self) -> str:
        """What `PushSubscription.toJSON()` gives."""
        keys = {"p256dh": _encoded(_point(self._key.public_key())), "auth": _encoded(self._auth)}
        return msgspec.json.encode({"endpoint": self.endpoint, "expirationTime": None, "keys": keys}).decode()

    def read(self, body: bytes) -> bytes:
        """Decrypt a message (RFC 8291, 3.4; RFC 8188, 2); InvalidTag for one that is for somebody else."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size, "one record"
        shared = self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender))
        info = b"WebPush: info\0" + _point(self._key.public_key()) + sender
        secret = HKDF(hashes.SHA256(), 32, self._auth, info).derive(shared)
        key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
        nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
        plain = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
        assert plain.endswith(b"\x02"), "the last record"
        return plain[:-1]


class WebPushFake(Receiving):
    """A push service; `browser` subscribes one. It wants a valid VAPID word of the key that the browser was given."""

    def __init__(self, application_key: str) -> None:
        """`application_key` is the `applicationServerKey` of all subscriptions."""
        super().__init__([Route("POST", "/push/{id}", self._push)], self._refuse)
        self.application_key = application_key
        self.browsers: dict[str, Browser] = {}
        self.gone: dict[str, int] = {}
        """Subscriptions that ended, with the status that says so."""

    def browser(self) -> Browser:
        """Subscribe one more."""
        id = str(len(self.browsers))
        self.browsers[id] = Browser(f"{self.url}/push/{id}", len(self.browsers))
        return self.browsers[id]

    async def _push(self, request: web.Request) -> web.Response:
        body, headers, id = await request.read(), request.headers, request.match_info["id"]
        if "TTL" not in headers or headers.get("Content-Encoding") != "aes128gcm":
            return answered({"code": 400, "errno": 110, "error": "Bad Request"}, 400)
        if problem := self._wrong(headers.get("Authorization", "")):
            return answered({"reason": problem}, 403)
        topic = headers.get("Topic", "")
        if len(topic) > 32 or headers.get("Urgency") not in ("very-low", "low", "normal", "high"):
            return answered({"code": 400, "errno": 113, "error": "Bad Request"}, 400)
        if len(body) > BODY_BYTES_MAX:
            return answered({"code": 413, "errno": 104, "error": "Payload Too Large"}, 413)
        if id in self.gone:
            return answered({"code": self.gone[id], "errno": 106, "error": "Gone"}, self.gone[id])
        browser = self.browsers[id]
        shown = msgspec.json.decode(browser.read(body))
        browser.shown[shown["tag"]] = shown
        self.received.append(shown | {"ttl": headers["TTL"], "urgency": headers["Urgency"], "topic": topic})
        return web.Response(status=201, headers={"Location": f"{self.url}/m/{len(self.received)}"})

    def _wrong(self, authorization: str) -> str:
        """Say what is wrong with the sender's word, or nothing."""
        if not authorization.startswith("vapid t="):
            return "MissingAuthorization"
        word, _, key = authorization.removeprefix("vapid t=").partition(", k=")
        if key != self.application_key:
            return "VapidPkHashMismatch"
        head, claims, signature = word.split(".")
        raw = _decoded(signature)
        public = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, _decoded(key))
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        public.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        said, now_s = msgspec.json.decode(_decoded(claims)), SYSTEM_US() // 1_000_000
        sound = said["aud"] == self.url and now_s < said["exp"] <= now_s + DAY_S and said["sub"].startswith("mailto:")
        return "" if sound else "BadJwtToken"

    def _refuse(self, fault: Fault) -> web.Response:
        return web.Response(status=int(fault.kind), headers=retry_after(fault))


class NtfyFake(Receiving):
    """A server of ntfy; with a token, all its topics are protected."""

    def __init__(self, token: str | None = None) -> None:
        """Nothing was published."""
        super().__init__([Route("POST", "/", self._publish)], self._refuse)
        self.token = token
        self.daily: int | None = None
        """How many messages a day are free."""

    async def _publish(self, request: web.Request) -> web.Response:
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return answered({"code": 40301, "http": 403, "error": "forbidden"}, 403)
        if self.daily is not None and len(self.received) >= self.daily:
            what = "limit reached: daily message quota reached"
            return answered({"code": 42908, "http": 429, "error": what}, 429)
        said = msgspec.json.decode(await request.read())
        if len(said["message"].encode()) > BODY_BYTES_MAX:
            return answered({"code": 41301, "http": 413, "error": "too large"}, 413)
        self.received.append(said)
        return answered(said | {"id": f"xE73Iyuab{len(self.received)}", "event": "message"})

    def _refuse(self, fault: Fault) -> web.Response:
        code = {"401": 40101}.get(fault.kind, 42901)
        return answered({"code": code, "http": int(fault.kind), "error": "limit reached"}, int(fault.kind))


class DiscordWebhookFake(Receiving):
    """One webhook of Discord."""

    ID, TOKEN = "950000000000000001", "aVeryLongTokenOfAWebhook_0123456789"

    def __init__(self) -> None:
        """The webhook is there."""
        super().__init__([Route("POST", "/api/v10/webhooks/{id}/{token}", self._execute)], self._refuse)
        self.deleted = False

    @property
    def api(self) -> str:
        """Where the API is."""
        return f"{self.url}/api/v10"

    @property
    def webhook(self) -> str:
        """Its address, a secret."""
        return f"{self.api}/webhooks/{self.ID}/{self.TOKEN}"

    async def _execute(self, request: web.Request) -> web.Response:
        if self.deleted or (request.match_info["id"], request.match_info["token"]) != (self.ID, self.TOKEN):
            return answered({"message": "Unknown Webhook", "code": 10015}, 404)
        said = msgspec.json.decode(await request.read())
        embeds = said.get("embeds", [])
        too_long = any(
            _units(each.get("title", "")) > 256
            or _units(each.get("description", "")) > 4_096
            or any(_units(field["value"]) > 1_024 or not field["value"] for field in each.get("fields", []))
            for each in embeds
        )
        if too_long or not (embeds or said.get("content")):
            return answered({"message": "Invalid Form Body", "code": 50035, "errors": {}}, 400)
        self.received.append(said)
        return answered({"id": str(1_300_000_000_000_000_100 + len(self.received)), "embeds": embeds})

    def _refuse(self, fault: Fault) -> web.Response:
        said = {"message": "You are being rate limited.", "retry_after": fault.after_s or 0.3, "global": False}
        return answered(said, int(fault.kind), retry_after(fault))


class WebhookFake(Receiving):
    """A program of somebody's that checks signature and time, and drops what it has; `arrivals` counts repeats too."""

    TOLERANCE_S = 300

    def __init__(self, secret: str) -> None:
        """Nothing arrived."""
        super().__init__([Route("POST", "/{path:.*}", self._receive)], self._refuse)
        self.secret = secret
        self.arrivals: dict[str, int] = {}
        """How often each idempotency key arrived."""
        self.status = 200
        """What is answered to what is good."""

    async def _receive(self, request: web.Request) -> web.Response:
        body, headers = await request.read(), request.headers
        at = headers.get("X-Lapwing-Timestamp", "")
        expected = hmac.digest(self.secret.encode(), at.encode() + b"." + body, "sha256").hex()
        if not hmac.compare_digest(f"sha256={expected}", headers.get("X-Lapwing-Signature", "")):
            return web.Response(status=401)
        if abs(int(at) - SYSTEM_US() // 1_000_000) > self.TOLERANCE_S:
            return web.Response(status=400)
        if self.status != 200:
            return web.Response(status=self.status, headers={"Location": "http://169.254.169.254/"})
        said = msgspec.json.decode(body)
        self.arrivals[said["key"]] = self.arrivals.get(said["key"], 0) + 1
        if self.arrivals[said["key"]] == 1:
            self.received.append(said)
        return web.Response(status=204)

    def _refuse(self, fault: Fault) -> web.Response:
        return web.Response(status=int(fault.kind), headers=retry_after(fault))


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
