"""What every fake network offers to a test: a server, a stock of posts, faults, and an account of what happened."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from aiohttp import web

from lapwing.engine.clock import SystemClock
from lapwing.testing.networks.faults import DRAWN, REFUSALS, Fault, Faults, Happened
from lapwing.testing.networks.posts import Post, Stock, Truth
from lapwing.testing.networks.serving import Asked, Route, Server
from lapwing.testing.networks.streams import Listener, Outlet

SYSTEM_US: Callable[[], int] = SystemClock().now_us
"""The machine's own clock, which a fake has if it is given none."""

FLOW_S = 0.02
"""How often a flow says what is due."""


class Fake:
    """One network. Each of them is one class that stands on this one, and adds its routes and its own hard cases."""

    def __init__(self, routes: list[Route], stock: Stock, refuse: Callable[[Fault], web.Response]) -> None:
        """`odd_every`, set by the network, makes each so many-th post one of its hard cases; 0 makes none."""
        self.stock = stock
        self.odd_every = 0
        self._faults = Faults()
        self._server = Server(routes, self._faults, refuse)
        self._listeners: set[Listener] = set()
        self._flows = 0

    def __enter__(self) -> Self:
        """Listen on a port of loopback."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Cut everything and end the thread."""
        self._server.close()

    def start(self) -> None:
        """Come up, on the port that it had before."""
        self._server.start()

    def stop(self) -> None:
        """Go down: what is open is cut, and connections are refused until `start`."""
        self._server.stop()

    @property
    def port(self) -> int:
        """The port on 127.0.0.1; the same one over restarts."""
        assert self._server.port, "enter the fake first: with …Fake() as fake"
        return self._server.port

    @property
    def url(self) -> str:
        """Where it is: ``http://127.0.0.1:40123``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """The same for WebSockets: ``ws://127.0.0.1:40123``."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Asked]:
        """Everything that was asked, in order."""
        return self._server.requests

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    @property
    def happened(self) -> list[Happened]:
        """What went wrong so far, in order."""
        return list(self._faults.happened)

    @property
    def pending(self) -> int:
        """How many faults are armed or scheduled, and have not happened."""
        return self._faults.pending()

    def say(self, count: int = 1, *, text: str | None = None, author: int | None = None) -> list[str]:
        """Say so many posts now, invented where nothing else is asked for; their uids, in order."""
        uids = [self._say(text, author, None).uid for _ in range(count)]
        self.tell()
        return uids

    def say_at(self, at_us: int, text: str | None = None, author: int | None = None) -> str:
        """Say one post now that gives another time as its own, in the past or in the future; its uid."""
        uid = self._say(text, author, at_us).uid
        self.tell()
        return uid

    def edit(self, uid: str, text: str | None = None) -> None:
        """Change what a post says; KeyError for one that never was."""
        self.stock.edit(uid, text)
        self.tell()

    def delete(self, uid: str) -> None:
        """Take a post back; KeyError for one that never was."""
        self.stock.delete(uid)
        self.tell()

    def truth(self) -> Truth:
        """Tell what a listener holds in the end, if it missed nothing."""
        return self.stock.truth()

    def flow(self, posts_per_s: float, seconds: float) -> None:
        """Have the server's thread say posts at a rate for some time; returns at once. `flowing` tells when it is over."""
        self._flows += 1
        self._server.on_loop(lambda: self._server.spawn(self._flow(posts_per_s, seconds)))

    @property
    def flowing(self) -> bool:
        """Whether a flow has still something to say."""
        return self._flows > 0

    def fault(self, kind: str, *, times: int = 1, after_s: float | None = None, seconds: float | None = None) -> None:
        """Let something go wrong at the next chance, so many times in a row; see `faults.py` for the kinds.

        `after_s` is what a 429 says when to come again; `seconds` is how long a stall, a time down or a slow answer lasts.
        """
        self._faults.arm(Fault(kind, seconds, after_s), times)
        self.tell()

    def faults(self, seed: int, count: int, over_posts: int, kinds: tuple[str, ...] = DRAWN) -> None:
        """Draw so many faults, each to be armed at one of the next `over_posts` posts that are said."""
        begin = len(self.stock.posts)
        self._faults.draw(random.Random(seed), count, range(begin, begin + over_posts), kinds)  # noqa: S311

    def tell(self) -> None:
        """Wake the streams, as there may be something for them."""
        self._server.on_loop(self._wake_all)

    @contextmanager
    def listening(self, outlet: Outlet) -> Iterator[Listener]:
        """Keep a listener in the account while its stream is open."""
        listener = Listener(outlet, self._faults, self._server)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def end_streams(self, words: Callable[[Listener], bytes | None] = lambda _: None, code: int = 1001) -> None:
        """End every stream that is open now, cleanly, after `words` were said to it if there are any; code 0 ends nothing."""

        def end() -> None:
            for listener in self._listeners:
                last = words(listener)
                if last is not None:
                    listener.last_words.append(last)
                listener.ending = code
            self._wake_all()

        self._server.on_loop(end)

    def page_fault(self, at: str) -> str:
        """Which of *duplicate* and *back* is to happen to the page that is being made; empty for none."""
        fault = self._faults.take(("duplicate", "back"), at)
        return fault.kind if fault else ""

    def note(self, kind: str, at: str, detail: str = "") -> None:
        """Write down what the network itself refused: a limit, a token."""
        self._faults.note(kind, at, detail)

    def _say(self, text: str | None, author: int | None, at_us: int | None) -> Post:
        number = len(self.stock.posts)
        odd = bool(self.odd_every) and text is None and number % self.odd_every == self.odd_every - 1
        post = self.say_odd(number // self.odd_every) if odd else self.stock.add(text, author, at_us)
        self._faults.said(number)
        return post

    def say_odd(self, which: int) -> Post:
        """Say a hard case of this network, one after another; a network that has none says something plain."""
        del which
        return self.stock.add()

    async def _flow(self, posts_per_s: float, seconds: float) -> None:
        try:
            loop = asyncio.get_running_loop()
            begun_s, said = loop.time(), 0
            total = round(posts_per_s * seconds)
            while said < total:
                due = min(total, int((loop.time() - begun_s) * posts_per_s) + 1)
                for _ in range(due - said):
                    self._say(None, None, None)
                said = due
                self._wake_all()
                await asyncio.sleep(FLOW_S)
        finally:
            self._flows -= 1

    def _wake_all(self) -> None:
        for listener in self._listeners:
            listener.wake.set()


def refused_plainly(fault: Fault) -> web.Response:
    """Answer a 429 or 401 as most do: a short text, and Retry-After where it says when."""
    headers = {} if fault.after_s is None else {"Retry-After": str(max(1, round(fault.after_s)))}
    return web.Response(status=int(fault.kind), text="refused", headers=headers)


__all__ = ["REFUSALS", "SYSTEM_US", "Fake", "refused_plainly"]
