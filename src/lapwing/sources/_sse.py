"""Server-sent events out of bytes, as they come (WHATWG HTML, section 9.2): lines end in LF, CR or CRLF and nowhere else."""

from __future__ import annotations

from typing import NamedTuple

LINE_BYTES_MAX = 2 << 20


class Event(NamedTuple):
    """One event; a comment, which is a sign of life, has neither name nor data."""

    name: str
    data: bytes


class TooLong(ValueError):
    """A line that does not end."""


class EventCutter:
    """Cuts where an event ends. What has not ended yet waits; raises `TooLong` where it never does."""

    def __init__(self) -> None:
        self._pending = b""
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; give the events, and the comments, that have ended."""
        data = self._pending + data
        if data.endswith(b"\r"):  # its LF may come with the next bytes
            data, held = data[:-1], b"\r"
        else:
            held = b""
        *lines, rest = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._pending = rest + held
        self._check(len(self._pending))
        return [event for line in lines if (event := self._line(line)) is not None]

    def _line(self, line: bytes) -> Event | None:
        if not line:
            event = Event(self._name or "message", b"\n".join(self._data)) if self._data else None
            self._name, self._data, self._size = "", [], 0
            return event
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not field:
            return Event("", b"")
        if field == b"data":
            self._size += len(value)
            self._check(self._size)
            self._data.append(value)
        elif field == b"event":
            self._name = value[:100].decode("utf-8", "replace")
        return None

    def _check(self, size: int) -> None:
        if size > LINE_BYTES_MAX:
            raise TooLong(f"an event of more than {LINE_BYTES_MAX >> 20} MiB")
