"""What a process says while it runs: lines on stderr, for people on a terminal and as JSON for programs."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import msgspec


class _ForPrograms(logging.Formatter):
    """One JSON object a line: time, level, part, who, message, and an error's kind; never a secret."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "part": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
        return msgspec.json.encode(line).decode()


def configure(process: str, *, people: bool | None = None) -> None:
    """Say what is worth saying on stderr from here on, under the name of this process."""
    people = sys.stderr.isatty() if people is None else people
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        logging.Formatter(f"%(asctime)s {process}: %(message)s", "%H:%M:%S") if people else _ForPrograms(process)
    )
    root = logging.getLogger("lapwing")
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    root.propagate = False
