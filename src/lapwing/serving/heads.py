"""HEAD, wherever GET is: what GET would answer, without its body (RFC 9110, 9.3.2)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Send


class HeadAsGet:
    """Asks the application as GET does, passes the head of the answer on, and lets go of the rest: a body that never ends,
    or takes long to be read, is not made.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        begun = asyncio.Event()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and not begun.is_set():
                await send(message)
                begun.set()

        asking = asyncio.ensure_future(self._app({**scope, "method": "GET"}, receive, sending))
        beginning = asyncio.ensure_future(begun.wait())
        await asyncio.wait((asking, beginning), return_when=asyncio.FIRST_COMPLETED)
        for each in (asking, beginning):
            each.cancel()
        said = (await asyncio.gather(asking, beginning, return_exceptions=True))[0]
        if not begun.is_set() and isinstance(said, BaseException):
            raise said
        await send({"type": "http.response.body", "body": b"", "more_body": False})
