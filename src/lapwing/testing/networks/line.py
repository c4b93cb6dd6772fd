"""LINE's side of a bot: webhook deliveries, signed, repeated and wrong, and the API that takes answers.

Sources: line/line-openapi of July 2026 (webhook.yml, messaging-api.yml). Reply tokens live for a minute and for one answer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any, NamedTuple

import aiohttp
import msgspec
from aiohttp import web

from lapwing.testing.networks.fake import SYSTEM_US, Fake
from lapwing.testing.networks.faults import Fault
from lapwing.testing.networks.limits import Limit
from lapwing.testing.networks.posts import Post, Stock
from lapwing.testing.networks.serving import Route

REPLY_TOKEN_US = 60_000_000
MESSAGES_MAX = 5
DELIVERY_TIMEOUT_S = 2.0
"""LINE waits no longer for the 200."""
DESTINATION = "U8e742f61d673b39c7fff3cecb7536ef0"
GROUP = "Cb2f5ff47436671b6e533d8dc3614845d"
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Delivery(NamedTuple):
    """What is posted to a webhook: the body's very bytes, and the headers, the signature among them."""

    body: bytes
    headers: dict[str, str]

    @property
    def signature(self) -> str:
        """Base64 of the HMAC-SHA256 of the body."""
        return self.headers["x-line-signature"]


class LineFake(Fake):
    """The platform for one channel. `say`, `edit` and `delete` queue events; `post_to` delivers them. A uid is ``line:`` and the id."""

    def __init__(
        self,
        *,
        secret: str = "8c570fa6dd201bb328f1c1eac23a96d8",  # noqa: S107 - of LINE's published test vector
        token: str = "line-token",  # noqa: S107
        seed: int = 0,
        now_us: Callable[[], int] = SYSTEM_US,
        odd_every: int = 0,
    ) -> None:
        """Nothing is queued, nothing was sent."""
        routes = [
            Route("POST", "/v2/bot/message/reply", self._reply),
            Route("POST", "/v2/bot/message/push", self._push),
            Route("GET", "/v2/bot/message/quota", self._quota),
            Route("GET", "/v2/bot/message/quota/consumption", self._consumption),
            Route("GET", "/v2/bot/info", self._info),
        ]
        super().__init__(routes, Stock(seed, now_us, self._name), self._refuse)
        self.secret, self.token, self.odd_every = secret, token, odd_every
        self.sent: list[dict[str, Any]] = []
        """What was accepted: ``{"to" or "replyToken", "messages", …}``, in order; `to` is who gets it in both cases."""
        self.quota: int | None = None
        """How many messages may be pushed this month."""
        self.undelivered: list[dict[str, Any]] = []
        """Events that no webhook has taken yet; after a refusal they stay, as redeliveries."""
        self._delivered: list[dict[str, Any]] = []
        self._told = 0
        self._reply_tokens: dict[str, tuple[int, str]] = {}
        self._retry_keys: dict[str, tuple[str, dict[str, Any]]] = {}
        self._limit = Limit(2000, 1.0, now_us)

    def limit(self, requests: int, window_s: float = 1.0) -> None:
        """Allow so many requests in each window."""
        self._limit = Limit(requests, window_s, self.stock.now_us)

    def sign(self, body: bytes) -> str:
        """Give the signature of a body."""
        return base64.b64encode(hmac.new(self.secret.encode(), body, hashlib.sha256).digest()).decode()

    def delivery(self, events: list[dict[str, Any]] | None = None, *, signature: str | None = None) -> Delivery:
        """Give what LINE would post now: the events given, or all that are undelivered; with a wrong signature if asked for."""
        self._queue()
        chosen = self.undelivered if events is None else events
        body = msgspec.json.encode({"destination": DESTINATION, "events": chosen})
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "LineBotWebhook/2.0",
            "x-line-signature": self.sign(body) if signature is None else signature,
        }
        return Delivery(body, headers)

    def verify(self) -> Delivery:
        """Give what the button *Verify* posts: no event at all."""
        return self.delivery([])

    def post_to(self, url: str, *, signature: str | None = None) -> int:
        """Post all that is undelivered to a webhook; the status, 0 for none in time. What is not taken stays, as redelivery.

        It blocks; where the webhook is served by the same thread, call it by `asyncio.to_thread`. Faults: *duplicate*
        posts it twice, *back* posts older events with it, *half* and *cut* end the connection within the body.
        """
        self._queue()
        fault = self._faults.take(("duplicate", "back", "half", "cut"), f"POST {url}")
        kind = fault.kind if fault else ""
        events = [*_again(self._delivered[-5:]), *self.undelivered] if kind == "back" else list(self.undelivered)
        delivery = self.delivery(events, signature=signature)
        whole = kind not in ("half", "cut")
        statuses = [
            self._server.wait_for(_deliver(url, delivery, whole)) for _ in range(2 if kind == "duplicate" else 1)
        ]
        if statuses[-1] // 100 == 2:
            self._delivered += self.undelivered
            self.undelivered = []
        else:
            self.undelivered = _again(self.undelivered)
        return statuses[-1]

    def redeliver(self, count: int = 5) -> None:
        """Queue the events that were taken last once more, marked as redeliveries."""
        self._queue()
        self.undelivered = [*_again(self._delivered[-count:]), *self.undelivered]

    def say_odd(self, which: int) -> Post:
        """Say a hard case: a sticker, a picture, a place, somebody who did not consent, an event that nobody knows."""
        cases: tuple[tuple[str, str, dict[str, Any]], ...] = (
            ("", "a sticker", {"message": {"type": "sticker", "packageId": "446", "stickerId": "1988"}}),
            ("", "a picture", {"message": {"type": "image", "contentProvider": {"type": "line"}}}),
            ("", "a place", {"message": {"type": "location", "latitude": 13.75, "longitude": 100.5, "title": "here"}}),
            ("น้ำท่วม 🌊", "", {"source": {"type": "group", "groupId": GROUP}}),
            ("", "an unknown event", {"type": "weather"}),
        )
        text, odd, changes = cases[which % len(cases)]
        return self.stock.add(text, odd=odd, notes={"changes": changes})

    def _name(self, at_us: int, number: int, author: int, kind: str) -> tuple[str, str]:
        del at_us, author, kind
        id = str(585_000_000_000_000_001 + number)
        return id, f"line:{id}"

    def _queue(self) -> None:
        """Turn what happened since the last time into webhook events."""
        with self.stock.lock:
            fresh = self.stock.events[self._told :]
            self._told = len(self.stock.events)
        for event in fresh:
            post = event.post
            if post is None:
                continue
            user = f"U{post.author:032x}"
            told: dict[str, Any] = {
                "webhookEventId": _ulid(event.at_us, event.index),
                "deliveryContext": {"isRedelivery": False},
                "timestamp": event.at_us // 1000,
                "source": {"type": "group", "groupId": GROUP, "userId": user},
                "mode": "active",
            }
            message: dict[str, Any] = {
                "id": post.id,
                "type": "text",
                "quoteToken": f"qt_{post.number}",
                "text": event.text,
            }
            if event.kind == "delete":
                self.undelivered.append({"type": "unsend", "unsend": {"messageId": post.id}} | told)
                continue
            reply_token = hashlib.md5(told["webhookEventId"].encode(), usedforsecurity=False).hexdigest()
            self._reply_tokens[reply_token] = (event.at_us, GROUP)
            told |= {"type": "message" if event.kind == "create" else "messageEdited", "replyToken": reply_token}
            changes = post.notes.get("changes")
            changes = dict(changes) if isinstance(changes, dict) else {}
            if "message" in changes:
                message = {"id": post.id} | changes.pop("message")
            self.undelivered.append(told | {"message": message} | changes)

    def _refuse(self, fault: Fault) -> web.Response:
        if fault.kind == "401":
            return self._json({"message": "Authentication failed. Confirm that the access token is valid."}, 401)
        headers = {} if fault.after_s is None else {"Retry-After": str(max(1, round(fault.after_s)))}
        return self._json({"message": "The API rate limit has been exceeded. Try again later."}, 429, headers)

    def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
        named = {"X-Line-Request-Id": f"request-{len(self.requests)}"} | (headers or {})
        return web.Response(
            body=msgspec.json.encode(value), status=status, headers=named, content_type="application/json"
        )

    def _admit(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._refuse(Fault("401"))
        if not self._limit.take().allowed:
            self.note("429", f"POST {request.path}", "the limit")
            return self._refuse(Fault("429"))
        return None

    async def _reply(self, request: web.Request) -> web.Response:
        body = await request.read()
        if refusal := self._admit(request):
            return refusal
        asked, wrong = _read(body, "replyToken")
        if wrong or "X-Line-Retry-Key" in request.headers:
            return self._json(wrong or {"message": "The retry key is not allowed here"}, 400)
        said_us, to = self._reply_tokens.pop(asked["replyToken"], (0, ""))
        if self.stock.now_us() - said_us > REPLY_TOKEN_US:
            return self._json({"message": "Invalid reply token"}, 400)
        return self._json(self._accept(asked | {"to": to}))

    async def _push(self, request: web.Request) -> web.Response:
        body = await request.read()
        if refusal := self._admit(request):
            return refusal
        asked, wrong = _read(body, "to")
        if wrong:
            return self._json(wrong, 400)
        key = request.headers.get("X-Line-Retry-Key", "")
        if key in self._retry_keys:
            accepted, answer = self._retry_keys[key]
            answer = {"message": "The retry key is already accepted"} | answer
            return self._json(answer, 409, {"x-line-accepted-request-id": accepted})
        if self.quota is not None and self._pushed() >= self.quota:
            return self._json({"message": "You have reached your monthly limit."}, 429)
        answer = self._accept(asked)
        if key:
            self._retry_keys[key] = (f"request-{len(self.requests)}", answer)
        return self._json(answer)

    def _accept(self, asked: dict[str, Any]) -> dict[str, Any]:
        first = 461_230_966_842_064_897 + 10 * len(self.sent)
        self.sent.append(asked)
        return {
            "sentMessages": [{"id": str(first + each), "quoteToken": "qt"} for each in range(len(asked["messages"]))]
        }

    def _pushed(self) -> int:
        return sum("replyToken" not in sent for sent in self.sent)

    async def _quota(self, request: web.Request) -> web.Response:
        told = {"type": "none"} if self.quota is None else {"type": "limited", "value": self.quota}
        return self._admit(request) or self._json(told)

    async def _consumption(self, request: web.Request) -> web.Response:
        return self._admit(request) or self._json({"totalUsage": self._pushed()})

    async def _info(self, request: web.Request) -> web.Response:
        return self._admit(request) or self._json({"userId": DESTINATION, "basicId": "@fake", "displayName": "fake"})


def _read(body: bytes, whom: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Read what is to be sent, or say what is wrong with it."""
    try:
        asked = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}, {"message": "The request body could not be parsed as JSON"}
    messages = asked.get("messages")
    if not isinstance(asked.get(whom), str) or not asked[whom]:
        return {}, _invalid(whom, "May not be empty")
    if not isinstance(messages, list) or not 1 <= len(messages) <= MESSAGES_MAX:
        return {}, _invalid("messages", f"Size must be between 1 and {MESSAGES_MAX}")
    for place, message in enumerate(messages):
        if not isinstance(message, dict) or (message.get("type") == "text" and not message.get("text")):
            return {}, _invalid(f"messages[{place}].text", "May not be empty")
    return asked, None


def _invalid(where: str, why: str) -> dict[str, Any]:
    return {"message": "The request body has 1 error(s)", "details": [{"message": why, "property": where}]}


def _again(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event | {"deliveryContext": {"isRedelivery": True}} for event in events]


def _ulid(at_us: int, number: int) -> str:
    """Write a time in milliseconds and a number as 26 letters that sort as they do."""
    whole = at_us // 1000 << 80 | number
    return "".join(_LETTERS[whole >> 5 * place & 31] for place in reversed(range(26)))


async def _deliver(url: str, delivery: Delivery, whole: bool) -> int:
    async def half() -> Any:
        yield delivery.body[: len(delivery.body) // 2]
        raise ConnectionResetError

    timeout = aiohttp.ClientTimeout(total=DELIVERY_TIMEOUT_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            body = delivery.body if whole else half()
            async with session.post(url, data=body, headers=delivery.headers) as answer:
                await answer.read()
                return answer.status
    except (aiohttp.ClientError, ConnectionError, TimeoutError):
        return 0
