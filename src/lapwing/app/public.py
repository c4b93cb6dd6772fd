"""What programs import: read a topic, write to a topic, and functions between topics.

>>> import lapwing
>>> lapwing.produce("greetings", {"text": "good morning"}, data=folder)
>>> for value in lapwing.consume("greetings", data=folder, follow=False):
...     print(value["text"])
good morning
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from lapwing import config
from lapwing.app.consuming import STARTS, Consumer
from lapwing.app.opening import Directory
from lapwing.app.topics import check_topic
from lapwing.engine.inputs import POSTS_BEGIN
from lapwing.engine.posts import Place, Post
from lapwing.engine.returned import line_of
from lapwing.errors import UsageError
from lapwing.model import Records

__all__ = ["Place", "Post", "configuration_here", "consume", "produce", "report"]

CONFIGURATION = "lapwing.toml"
LARGE = "a record has at most"
"""What is said of a value that is too large."""
Data = str | Path | None
"""A data directory; None is `LAPWING_DATA`, or else `./lapwing-data`."""


def consume(
    topic: str, group: str | None = None, start: str = "beginning", data: Data = None, follow: bool = True
) -> Iterator[Any]:
    """Each record of a topic: of `raw.…` topics a `Post`, of others its JSON value.

    With a `group`, how far it was read is kept, and a program that is started again goes on there: a record counts as
    read when the next one is asked for, that is, after the loop's body. Several programs of one group share the topic's
    partitions. Without a group everything is read, from the "beginning" or from "now" on; a group begins there too, when
    it is new. With ``follow=False`` it ends where the topic ended when it began; otherwise it waits for more.

        >>> lapwing.produce("numbers", {"n": 1}, data=folder)
        >>> lapwing.produce("numbers", {"n": 2}, data=folder)
        >>> [value["n"] for value in lapwing.consume("numbers", group="mine", data=folder, follow=False)]
        [1, 2]
        >>> [value["n"] for value in lapwing.consume("numbers", group="mine", data=folder, follow=False)]
        []

    The order is that of the log for each key, and among records without one. Raises `UsageError` for a name that no
    topic can have, or another `start`.
    """
    check_topic(topic.removeprefix(POSTS_BEGIN) or topic)
    if start not in STARTS:
        raise UsageError(f"start {start!r} is nothing to begin at", "write 'beginning' or 'now'")
    if group is not None and not group:
        raise UsageError("a group has a name", "leave it away to read everything")
    directory = Directory(_path(data), configuration_here())
    return Consumer(directory, topic, group, start).values(follow)


def produce(topic: str, value: Any, key: str | None = None, data: Data = None) -> None:
    """Append one JSON value to a topic; it is durable when this returns.

    Values of the same `key` keep their order. A `raw.…` topic takes what its network itself sends, as a dict or as the
    network's own bytes, and no key; every other name of ``A-Z a-z 0-9 . _ -`` is free, except ours, which begin with ``_lapwing.``.

        >>> lapwing.produce("quakes", {"text": "the ground shook", "place": "Perth"}, key="Perth", data=folder)
        >>> lapwing.produce("quakes", {"magnitude": float("nan")}, data=folder)
        Traceback (most recent call last):
        lapwing.errors.UsageError: the value is not JSON: ...

    Raises `UsageError` (or `Unacceptable`, which is one) for a topic or value that cannot be, `DiskFull` where there is
    no room; then nothing was appended.
    """
    directory = _opened(_path(data))
    if topic.startswith(POSTS_BEGIN):
        if key is not None:
            raise UsageError(f"{topic} takes no key", "leave it away: a post is kept by what the network calls it")
        _produce_posts(directory, topic, value)
        return
    check_topic(topic)
    now_us = directory.clock.now_us()
    records = Records(
        source="library",
        network="",
        format="json",
        values=[_line(value)],
        received_at_us=[now_us],
        keys=None if key is None else [key],
    )
    directory.log.append(topic, records, now_us=now_us)


def _produce_posts(directory: Directory, topic: str, value: Any) -> None:
    from lapwing.app.accepting import Handed, accept

    body = value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else _line(value)
    accept(directory, Handed(topic=topic, body=body, lines=False, source="library"))


def _line(value: Any) -> bytes:
    try:
        return line_of(value)
    except (TypeError, ValueError, RecursionError) as problem:
        reason = str(problem).removeprefix("returned nonsense: ").removeprefix("returned ")
        if LARGE in reason:
            raise UsageError(f"the record is too large: {reason}", "send less in one record") from None
        raise UsageError(f"the value is not JSON: {reason}", "give what json.dumps can write, without NaN") from None


def report(consumed: int = 0, produced: int = 0, name: str | None = None, data: Data = None) -> None:
    """Say how much a program of your own has consumed and produced since it last said so; `status` shows the sums.

    `name` is the program's file unless it is said.

        >>> lapwing.report(consumed=120, produced=118, name="mine", data=folder)
    """
    if consumed < 0 or produced < 0:
        raise UsageError("a program cannot have consumed or produced less than nothing", "give what is new since")
    directory = _opened(_path(data))
    called = name or Path(sys.argv[0]).stem or "python"
    directory.log.report(called, consumed, produced, directory.clock.now_us())


def configuration_here(file: str | Path | None = None, **sections: dict[str, Any]) -> config.Configuration:
    """The configuration in `file`, or in ./lapwing.toml where there is one, with the `sections` given in its place.

    Raises `ConfigError`.
    """
    path = Path(file or CONFIGURATION)
    if file is not None and not path.exists():
        raise UsageError(f"there is no file {path}", "leave it away to use the defaults")
    made = config.parse(path.read_text(encoding="utf-8"), file=str(path)) if path.exists() else config.parse("")
    for name, table in sections.items():
        if name not in config.SECTIONS:
            raise UsageError(f"there is no section {name!r}", "known: " + ", ".join(config.SECTIONS))
        said = {key: json.loads(json.dumps(value)) for key, value in table.items()}
        made = msgspec.structs.replace(made, **{name: config.convert(config.SECTIONS[name], said, path=name)})
    return made


def _path(data: Data) -> Path:
    return config.data_directory(str(data) if data is not None else None)


_own = threading.local()


def _opened(path: Path) -> Directory:
    """The data directory, opened once in each thread and process; anew when its files are others."""
    opened: dict[tuple[int, Path], tuple[Directory, int]] = _own.__dict__.setdefault("opened", {})
    key = (os.getpid(), path.resolve())
    if key in opened:
        directory, inode = opened[key]
        if directory.log.path.exists() and directory.log.path.stat().st_ino == inode:
            return directory
        del opened[key]
    directory = Directory(key[1], configuration_here())
    opened[key] = directory, directory.log.path.stat().st_ino
    return directory
