"""Firebase Cloud Messaging and Google's token endpoint: they check what the real ones check.

Sources: FCM's REST reference and ErrorCode page of 2026; RFC 7523.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs

import msgspec
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from lapwing.testing.networks.fake import SYSTEM_US
from lapwing.testing.networks.faults import Fault
from lapwing.testing.networks.receiving import Receiving, answered, retry_after
from lapwing.testing.networks.serving import Route

PROJECT = "demo-project"
PAYLOAD_BYTES_MAX = 4_096
RESERVED = ("google", "gcm")
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


class FcmFake(Receiving):
    """One project with the devices named; a message for another device is 404 UNREGISTERED."""

    def __init__(self, devices: tuple[str, ...] = ("device-one",)) -> None:
        """The service account's key is made now."""
        routes = [
            Route("POST", "/token", self._token),
            Route("POST", f"/v1/projects/{PROJECT}/messages:send", self._send),
        ]
        super().__init__(routes, self._refuse)
        self.devices = set(devices)
        self.others: set[str] = set()
        """Tokens of another project's devices."""
        self.tokens: list[str] = []
        """Access tokens that were given; the last one is good."""
        self._key = rsa.generate_private_key(65_537, 2_048)

    @property
    def account(self) -> str:
        """The service account's file."""
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return msgspec.json.encode(
            {
                "type": "service_account",
                "project_id": PROJECT,
                "private_key_id": "0" * 40,
                "private_key": pem.decode(),
                "client_email": f"sender@{PROJECT}.iam.gserviceaccount.com",
                "token_uri": f"{self.url}/token",
            }
        ).decode()

    def shown_on(self, device: str) -> dict[str, dict[str, Any]]:
        """What a phone shows in the end, by tag: a later message with the same tag replaces the earlier one."""
        mine = [each for each in self.received if each.get("token") == device]
        return {each["android"]["notification"]["tag"]: each for each in mine}

    def expire_tokens(self) -> None:
        """Take all access tokens back before their time."""
        self.tokens.append("none is good")

    async def _token(self, request: web.Request) -> web.Response:
        form = parse_qs((await request.read()).decode())
        head, claims, signature = (form.get("assertion") or [".."])[0].split(".")
        try:
            self._key.public_key().verify(
                _decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            return answered({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400)
        said = msgspec.json.decode(_decoded(claims))
        now_s = SYSTEM_US() // 1_000_000
        sound = said["scope"] == SCOPE and said["aud"] == f"{self.url}/token" and said["exp"] - said["iat"] <= 3_600
        if (
            not sound
            or form.get("grant_type") != ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
            or said["exp"] < now_s
        ):
            return answered({"error": "invalid_grant"}, 400)
        self.tokens.append(f"ya29.fake-{len(self.tokens)}")
        return answered({"access_token": self.tokens[-1], "expires_in": 3599, "token_type": "Bearer"})

    async def _send(self, request: web.Request) -> web.Response:
        if not self.tokens or request.headers.get("Authorization") != f"Bearer {self.tokens[-1]}":
            return refusal(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        message = msgspec.json.decode(await request.read())["message"]
        if wrong := self._wrong(message):
            return wrong
        self.received.append(message)
        return answered({"name": f"projects/{PROJECT}/messages/0:{len(self.received)}"})

    def _wrong(self, message: dict[str, Any]) -> web.Response | None:
        """Refuse what the service does not take."""
        data = message.get("data", {})
        problem = ""
        if any(not isinstance(value, str) for value in data.values()):
            problem = "Invalid value at 'message.data[0].value' (TYPE_STRING), 5"
        elif any(name in ("from", "message_type") or name.startswith(RESERVED) for name in data):
            problem = "Invalid data payload key"
        elif len(msgspec.json.encode([data, message.get("notification")])) > PAYLOAD_BYTES_MAX:
            problem = "Android message is too big"
        if problem:
            return refusal(400, "INVALID_ARGUMENT", problem, "INVALID_ARGUMENT")
        return self._unknown(message.get("token"))

    def _unknown(self, token: str | None) -> web.Response | None:
        """Refuse a device that is none of ours."""
        if token is None or token in self.devices:
            return None
        if token in self.others:
            return refusal(403, "PERMISSION_DENIED", "SenderId mismatch", "SENDER_ID_MISMATCH")
        if token.startswith("malformed"):
            what = "The registration token is not a valid FCM registration token"
            return refusal(400, "INVALID_ARGUMENT", what, "INVALID_ARGUMENT")
        return refusal(404, "NOT_FOUND", "Requested entity was not found.", "UNREGISTERED")

    def _refuse(self, fault: Fault) -> web.Response:
        if fault.kind == "401":
            return refusal(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        return refusal(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", "QUOTA_EXCEEDED", retry_after(fault))


def refusal(
    status: int, name: str, message: str, code: str = "", headers: dict[str, str] | None = None
) -> web.Response:
    """Refuse as Google's APIs do."""
    type_ = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
    error: dict[str, Any] = {"code": status, "message": message, "status": name}
    if code:
        error["details"] = [{"@type": type_, "errorCode": code}]
    return answered({"error": error}, status, headers)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
