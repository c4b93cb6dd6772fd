"""Unpacks gzip (RFC 1952) and Zstandard (RFC 8878) streams as they come, with a limit on what a small file may become.

Several members or frames one after another are one stream, as with the tools. What is neither is passed on as it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import zstandard

from lapwing.containers.cutting import peek
from lapwing.errors import CutOff, UnreadableInput

GZIP = b"\x1f\x8b"
ZSTANDARD = b"\x28\xb5\x2f\xfd"
SKIPPABLE = tuple(bytes([low]) + b"\x2a\x4d\x18" for low in range(0x50, 0x60))
"""Frames of Zstandard that hold no data."""

RATIO_MAX = 200
"""Bytes out for each byte in; real posts reach 30."""
FREE_BYTES = 64 << 20
"""So much may come out before the ratio is asked for."""
WINDOW_BYTES_MAX = 128 << 20
OUT_BYTES = 1 << 20
"""What is unpacked at a time."""
IN_BYTES = 1024
"""Zstandard unpacks all that it is given at once: one block of 128 KiB for every 4 bytes at worst."""


class Allowance:
    """How much has gone in and come out."""

    def __init__(self) -> None:
        self.taken = 0
        self.given = 0

    def check(self) -> None:
        """Raise `UnreadableInput` when more comes out than any honest file gives."""
        if self.given > FREE_BYTES and self.given > RATIO_MAX * max(self.taken, 1):
            raise UnreadableInput(
                f"{self.taken} compressed bytes became {self.given}: this looks like a decompression bomb",
                "unpack it by hand if you trust it",
            )


def decompress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes inside.

    Raises `UnreadableInput` after what could be read, when the stream is cut off or damaged, and for a bomb.
    """
    head, chunks = peek(chunks, len(ZSTANDARD))
    if head.startswith(GZIP):
        return _gathered(_gunzip(chunks))
    if head.startswith((ZSTANDARD, *SKIPPABLE)):
        return _gathered(_unzstandard(chunks))
    return iter(chunks)


def _gathered(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Join small parts: cutting is fast when it has much at once."""
    waiting: list[bytes] = []
    length = 0
    try:
        for part in parts:
            waiting.append(part)
            length += len(part)
            if length >= OUT_BYTES:
                yield b"".join(waiting)
                waiting, length = [], 0
    except UnreadableInput:
        yield b"".join(waiting)
        raise
    yield b"".join(waiting)


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    allowance = Allowance()
    member = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        allowance.taken += len(chunk)
        rest = chunk
        while rest:
            if member.eof:
                rest = rest.lstrip(b"\0")  # tape drives fill their blocks
                if not rest:
                    break
                member = zlib.decompressobj(wbits=31)
            try:
                out = member.decompress(rest, OUT_BYTES)
            except zlib.error as error:
                raise _damaged("gzip", allowance, error) from error
            rest = member.unused_data if member.eof else member.unconsumed_tail
            yield from _given(out, allowance)
    if not member.eof:
        raise _cut_off("gzip", allowance)


def _unzstandard(chunks: Iterable[bytes]) -> Iterator[bytes]:
    allowance = Allowance()
    unpacker = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX)
    frame = unpacker.decompressobj()
    begun = False
    for chunk in chunks:
        for at in range(0, len(chunk), IN_BYTES):
            rest = chunk[at : at + IN_BYTES]
            allowance.taken += len(rest)
            while rest:
                begun = True
                try:
                    out = frame.decompress(rest)
                except zstandard.ZstdError as error:
                    raise _damaged("zstd", allowance, error) from error
                rest = b""
                if frame.eof:
                    rest, frame, begun = frame.unused_data, unpacker.decompressobj(), False
                yield from _given(out, allowance)
    if begun:
        raise _cut_off("zstd", allowance)


def _given(out: bytes, allowance: Allowance) -> Iterator[bytes]:
    allowance.given += len(out)
    allowance.check()
    if out:
        yield out


def _damaged(name: str, allowance: Allowance, error: Exception) -> UnreadableInput:
    return UnreadableInput(f"the {name} stream is damaged before its byte {allowance.taken} ({error})")


def _cut_off(name: str, allowance: Allowance) -> CutOff:
    return CutOff(f"the {name} stream is cut off: it ends in the middle, after {allowance.taken} bytes")
