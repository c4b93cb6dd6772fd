"""What comes in with a request, read no further than it may be long."""

from __future__ import annotations

from fastapi import Request


class TooLarge(Exception):
    """The body is larger than it may be."""


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The whole body; raises `TooLarge` as soon as it is known to be."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > bytes_max:
        raise TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise TooLarge
    return bytes(body)
