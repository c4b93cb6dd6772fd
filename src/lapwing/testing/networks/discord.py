"""Discord for one bot in one guild: the REST API v10 and the gateway, with sessions that can be resumed.

Sources: discord/discord-api-docs of August 2026; the order of frames as discord.py 2.7 expects it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from lapwing.testing.networks import discord_objects as objects
from lapwing.testing.networks.fake import SYSTEM_US, Fake
from lapwing.testing.networks.faults import Fault
from lapwing.testing.networks.limits import Limit
from lapwing.testing.networks.posts import Event, Post, Stock, Truth
from lapwing.testing.networks.serving import Route
from lapwing.testing.networks.streams import Listener, Outlet, converse, framed

REST = "/api/v10"
GATEWAY = "/gw"
HEARTBEAT_MS = 41_250
GUILDS, GUILD_MESSAGES, MESSAGE_CONTENT = 1 << 0, 1 << 9, 1 << 15
CONTENT_CHARACTERS_MAX = 2000
PAGE_MAX, PAGE_DEFAULT = 100, 50


class Session:
    """What one bot was told, so that it can be told again what it missed."""

    def __init__(self, id: str, position: int, intents: int) -> None:
        """Begins at a place of the stock's events."""
        self.id = id
        self.position = position
        self.intents = intents
        self.sent: list[bytes] = []
        """Every dispatch; the first has the number 1."""
        self.writing = position - 1
        """The event whose dispatch is on its way; it counts as told when it went out."""


class DiscordFake(Fake):
    """One guild, one bot with one token, and the channels named. A uid is ``discord:`` and the message's id.

    `message_content` is the toggle of the developer portal: without it, a bot that asks for the intent is thrown out.
    """

    def __init__(
        self,
        *,
        token: str = "bot-token",  # noqa: S107
        channels: tuple[str, ...] = ("reports",),
        seed: int = 0,
        now_us: Callable[[], int] = SYSTEM_US,
        odd_every: int = 0,
    ) -> None:
        """Nobody is connected; 50 requests a second are allowed."""
        routes = [
            Route("GET", f"{REST}/gateway", self._gateway),
            Route("GET", f"{REST}/gateway/bot", self._gateway),
            Route("GET", f"{REST}/users/@me", self._me),
            Route("GET", f"{REST}/oauth2/applications/@me", self._application),
            Route("GET", f"{REST}/channels/{{channel}}/messages", self._messages),
            Route("POST", f"{REST}/channels/{{channel}}/messages", self._post),
            Route("GET", GATEWAY, self._connect, streams=True),
            Route("GET", GATEWAY + "/", self._connect, streams=True),
        ]
        super().__init__(routes, Stock(seed, now_us, self._name), self._refuse)
        self.token, self.odd_every = token, odd_every
        self.channel_ids = {name: str(800_000_000_000_000_001 + place) for place, name in enumerate(channels)}
        self.message_content = True
        self.heartbeat_ms = HEARTBEAT_MS
        self.acknowledges = True
        """Whether heartbeats are answered; where not, the connection is a zombie."""
        self.sent: list[dict[str, Any]] = []
        """What the bot posted, with its `channel_id` and the `id` that it got."""
        self.intents_asked: list[int] = []
        self.starts_left = 998
        """How many sessions may still be begun today."""
        self._limit = Limit(50, 1.0, now_us)
        self._sessions: dict[str, Session] = {}
        self._nonces: dict[str, dict[str, Any]] = {}

    @property
    def rest_url(self) -> str:
        """What discord.py has in `Route.BASE`."""
        return self.url + REST

    @property
    def gateway_url(self) -> str:
        """What discord.py has in `DiscordWebSocket.DEFAULT_GATEWAY`."""
        return self.ws_url + GATEWAY

    def limit(self, requests: int, window_s: float = 1.0) -> None:
        """Allow so many requests in each window."""
        self._limit = Limit(requests, window_s, self.stock.now_us)

    def say_in(self, channel: str, text: str | None = None, author: int | None = None) -> str:
        """Say something in a channel; `say` uses the first. Gives the uid."""
        notes = {"channel_id": self.channel_ids[channel]}
        uid = self.stock.add(text, author, notes=notes).uid
        self.tell()
        return uid

    def preview(self, uid: str) -> None:
        """Send an update of a message that nobody edited: the preview of a link was found."""
        self.stock.note("preview", self.stock.posts[uid])
        self.tell()

    def delete_bulk(self, uids: list[str]) -> None:
        """Take several messages of one channel back at once."""
        with self.stock.lock:
            posts = [self.stock.posts[uid] for uid in uids]
            for post in posts:
                post.deleted = True
            self.stock.note("bulk", None, ids=[post.id for post in posts], channel_id=posts[0].notes["channel_id"])
        self.tell()

    def reconnect(self) -> None:
        """Ask everybody to come again and resume (op 7)."""
        self.end_streams(lambda _: b'{"op":7,"s":null,"t":null,"d":null}', code=0)

    def invalidate(self, *, resumable: bool = False) -> None:
        """Call all sessions invalid (op 9); unless `resumable`, they are forgotten."""
        if not resumable:
            self._sessions.clear()
        words = b'{"op":9,"s":null,"t":null,"d":' + (b"true}" if resumable else b"false}")
        self.end_streams(lambda _: words, code=0)

    def forget_sessions(self) -> None:
        """Lose all sessions: who wants to resume has to begin anew."""
        self._sessions.clear()

    def hang_up(self, code: int) -> None:
        """Close every connection with a code of the gateway's: 4000 … 4014."""
        self.end_streams(code=code)

    def truth(self) -> Truth:
        """Tell which reports there are; the bot's own answers are none."""
        return self.stock.truth(lambda post: post.kind != "answer")

    def say_odd(self, which: int) -> Post:
        """Say a hard case: see `discord_objects.ODD`."""
        text, odd, notes = objects.ODD[which % len(objects.ODD)]
        return self.stock.add(text, odd=odd, notes=self._here() | notes)

    def _say(self, text: str | None, author: int | None, at_us: int | None) -> Post:
        with self.stock.lock:
            # The gateway takes the same lock: it never sees a message that has no channel yet.
            post = super()._say(text, author, at_us)
            post.notes.setdefault("channel_id", self._here()["channel_id"])
        return post

    def _here(self) -> dict[str, object]:
        return {"channel_id": next(iter(self.channel_ids.values()))}

    def _name(self, at_us: int, number: int, author: int, kind: str) -> tuple[str, str]:
        del author, kind
        id = objects.id_at(at_us, number)
        return id, f"discord:{id}"

    def _refuse(self, fault: Fault) -> web.Response:
        if fault.kind == "401":
            return _json({"message": "401: Unauthorized", "code": 0}, 401)
        return self._too_many(0.0 if fault.after_s is None else fault.after_s, told=fault.after_s is not None)

    def _too_many(self, after_s: float, *, told: bool = True) -> web.Response:
        headers = {"Retry-After": str(-int(-after_s // 1)), "X-RateLimit-Scope": "user"} if told else {}
        body = {"message": "You are being rate limited.", "retry_after": round(after_s, 3), "global": False}
        return _json(body, 429, headers)

    def _answer(self, request: web.Request, make: Callable[[], tuple[Any, int]]) -> web.Response:
        allowance = self._limit.take()
        left_s = max(0, allowance.reset_us - self.stock.now_us()) / 1_000_000
        if not allowance.allowed:
            self.note("429", f"{request.method} {request.path}", "the limit")
            return self._too_many(left_s)
        if request.headers.get("Authorization") != f"Bot {self.token}":
            return _json({"message": "401: Unauthorized", "code": 0}, 401)
        if not request.headers.get("User-Agent", "").startswith("DiscordBot ("):
            return _json({"message": "internal network error", "code": 40333}, 403)
        headers = {
            "X-RateLimit-Limit": str(allowance.limit),
            "X-RateLimit-Remaining": str(allowance.remaining),
            "X-RateLimit-Reset": f"{allowance.reset_us / 1_000_000:.3f}",
            "X-RateLimit-Reset-After": f"{left_s:.3f}",
            "X-RateLimit-Bucket": "invented",
        }
        return _json(*make(), headers)

    async def _gateway(self, request: web.Request) -> web.Response:
        starts = {"total": 1000, "remaining": self.starts_left, "reset_after": 14_400_000, "max_concurrency": 1}
        told = {"url": self.gateway_url, "shards": 1, "session_start_limit": starts}
        return self._answer(request, lambda: (told, 200))

    async def _me(self, request: web.Request) -> web.Response:
        return self._answer(request, lambda: (objects.bot_user(), 200))

    async def _application(self, request: web.Request) -> web.Response:
        app: dict[str, Any] = {
            "id": objects.BOT,
            "name": "fakebot",
            "icon": None,
            "description": "",
            "bot_public": False,
        }
        app |= {
            "bot_require_code_grant": False,
            "verify_key": "",
            "flags": 524_288,
            "owner": objects.bot_user(),
            "team": None,
        }
        return self._answer(request, lambda: (app, 200))

    async def _messages(self, request: web.Request) -> web.Response:
        return self._answer(
            request, lambda: self._page(request.match_info["channel"], dict(request.query), request.path)
        )

    def _page(self, channel: str, query: dict[str, str], path: str) -> tuple[Any, int]:
        if channel not in self.channel_ids.values():
            return {"message": "Unknown Channel", "code": 10003}, 404
        try:
            limit = int(query.get("limit", PAGE_DEFAULT))
            after, before = int(query.get("after", "0")), int(query.get("before", 1 << 63))
        except ValueError:
            limit = 0
        if not 1 <= limit <= PAGE_MAX:
            return {"message": "Invalid Form Body", "code": 50035}, 400
        with self.stock.lock:
            rows = [
                post
                for post in self.stock.posts.values()
                if post.notes["channel_id"] == channel and not post.deleted and after < int(post.id) < before
            ]
        rows.sort(key=lambda post: int(post.id))
        # Those nearest to `after`, or the newest; in either case the newest stands first.
        rows = (rows[:limit] if "after" in query else rows[-limit:])[::-1]
        if rows and self.page_fault(f"GET {path}"):
            rows = [rows[0], *rows]
        return [objects.message(post, post.text, post.edited_us, content=self.message_content) for post in rows], 200

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.read()
        return self._answer(request, lambda: self._take(request.match_info["channel"], body))

    def _take(self, channel: str, body: bytes) -> tuple[Any, int]:
        if channel not in self.channel_ids.values():
            return {"message": "Unknown Channel", "code": 10003}, 404
        try:
            asked = msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.MsgspecError:
            return {"message": "The request body contains invalid JSON.", "code": 50109}, 400
        content = asked.get("content") or ""
        if not (content or asked.get("embeds")) or len(content) > CONTENT_CHARACTERS_MAX:
            return {"message": "Invalid Form Body", "code": 50035}, 400
        nonce = str(asked.get("nonce", "")) if asked.get("enforce_nonce") else ""
        if nonce in self._nonces:
            return self._nonces[nonce], 200
        post = self.stock.add(content, notes={"kind": "answer", "channel_id": channel})
        self.tell()
        self.sent.append(asked | {"channel_id": channel, "id": post.id})
        answer = objects.message(post, content, None)
        if nonce:
            self._nonces[nonce] = answer
        return answer, 200

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False, timeout=1.0)
        await socket.prepare(request)
        bare = framed(request, socket)
        hello = {"op": 10, "s": None, "t": None, "d": {"heartbeat_interval": self.heartbeat_ms, "_trace": []}}
        await bare.send(msgspec.json.encode(hello))
        begun: asyncio.Future[tuple[Session, int]] = asyncio.get_running_loop().create_future()

        async def hear(text: str) -> None:
            if not await self._hear(text, bare, begun):
                await socket.close(code=4002)

        async def speak() -> None:
            session, seen = await begun
            with self.listening(_numbered(bare, session)) as listener:
                await self._speak(listener, session, seen)

        try:
            await converse(socket, speak(), hear)
        finally:
            if begun.done() and not begun.cancelled() and socket.close_code in (1000, 1001):
                self._sessions.pop(begun.result()[0].id, None)
        return socket

    async def _hear(self, text: str, bare: Outlet, begun: asyncio.Future[tuple[Session, int]]) -> bool:
        """Take one frame of the client's; False where it cannot be read."""
        try:
            frame = msgspec.json.decode(text, type=dict[str, Any])
            op, said = frame["op"], frame.get("d")
        except (msgspec.MsgspecError, KeyError):
            return False
        if op == 1 and self.acknowledges:
            await bare.send(b'{"op":11,"s":null,"t":null,"d":null}')
        if op not in (2, 6) or not isinstance(said, dict) or begun.done():
            return True
        if said.get("token") != self.token or self._faults.take(("401",), f"stream {GATEWAY}"):
            await bare.close(4004)
        elif op == 2:
            await self._identify(int(said.get("intents", 0)), bare, begun)
        elif (session := self._sessions.get(str(said.get("session_id")))) is None:
            await bare.send(b'{"op":9,"s":null,"t":null,"d":false}')
        else:
            begun.set_result((session, int(said.get("seq") or 0)))
        return True

    async def _identify(self, intents: int, bare: Outlet, begun: asyncio.Future[tuple[Session, int]]) -> None:
        self.intents_asked.append(intents)
        if intents & MESSAGE_CONTENT and not self.message_content:
            await bare.close(4014)
            return
        session = Session(f"5e55{len(self.intents_asked):04x}", len(self.stock.events), intents)
        self._sessions[session.id] = session
        begun.set_result((session, -1))

    async def _speak(self, listener: Listener, session: Session, seen: int) -> None:
        if seen < 0:
            await listener.outlet.send(msgspec.json.encode(objects.ready(session.id, self.gateway_url)))
            if session.intents & GUILDS:
                await listener.outlet.send(msgspec.json.encode(objects.guild(self.channel_ids)))
        else:
            for frame in session.sent[seen:]:
                await listener.outlet.send(frame)
            with self.stock.lock:
                missed = self.stock.events[session.position :]
            for event in missed:
                if written := self._written(event, session):
                    await listener.outlet.send(written)
            session.position += 0 if not missed else missed[-1].index + 1 - session.position
            await listener.outlet.send(b'{"t":"RESUMED","d":{"_trace":[]}}')
        await listener.follow(self.stock.events, session.position, lambda event: self._written(event, session))

    def _written(self, event: Event, session: Session) -> bytes | None:
        session.writing = event.index
        if not session.intents & GUILD_MESSAGES:
            return None
        with self.stock.lock:
            told = objects.dispatch(event, content=bool(session.intents & MESSAGE_CONTENT))
        return None if told is None else msgspec.json.encode(told)


def _numbered(bare: Outlet, session: Session) -> Outlet:
    """Give each dispatch its number and keep it for those who resume; what has an op already goes out as it is."""

    async def send(data: bytes) -> None:
        if data.startswith(b'{"op"'):
            await bare.send(data)
            return
        frame = b'{"op":0,"s":%d,' % (len(session.sent) + 1) + data[1:]
        session.sent.append(frame)
        session.position = max(session.position, session.writing + 1)
        await bare.send(frame)

    return bare._replace(send=send)


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    # Exactly this type and no charset: discord.py takes anything else for text.
    typed = {"Content-Type": "application/json"} | (headers or {})
    return web.Response(body=msgspec.json.encode(value), status=status, headers=typed)
