"""`forget` and `purge`: a person, or all that a source brought, taken out of ledger and log for good.

In this order, so that a crash at any moment leaves nothing but work to be done again: the mark of the person goes into
the log and the ledger; what is theirs goes out of sight; those who listen are told; the records in the log are emptied;
places in the blocks are emptied; both files are written anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np
import polars as pl

from lapwing.app.alive import running
from lapwing.app.footprint import processes
from lapwing.app.opening import Directory
from lapwing.app.secret_keys import FORGETTING, existing_key, key_of
from lapwing.app.times import written
from lapwing.engine.keeping import Forgotten, author_in, mark_of
from lapwing.errors import UnknownName, UsageError
from lapwing.ledger.sqlite import forgetting
from lapwing.ledger.sqlite.forgetting import NOTHING, Doomed
from lapwing.ledger.sqlite.store import Store
from lapwing.model import COVERAGE, FORGETS, KINDS, Chunk, Records
from lapwing.values import Values

TOLD_S = 3.0
"""So long are posts only out of sight, so that the live stream, which looks once a second, tells by name what is gone."""
SCRUB_WAIT_S = 30.0
SCRUB_STEP_S = 0.2
STRONG_CHARACTERS = 5
"""A shorter id may be any word: others' records are not emptied because it stands in them."""
REPOST = KINDS.index("repost")
OURS = (FORGETS, COVERAGE)


class Person(msgspec.Struct, frozen=True):
    """Somebody of whom posts are held."""

    author: str
    names: tuple[str, ...]
    posts: int


def person(directory: Directory, text: str) -> Person:
    """Who is meant, by id or by a name that only one has.

    Raises `UsageError` where several have it, `UnknownName` where nobody is called so; an id need not be known.
    """
    found = _called(directory.ledger.store, text)
    if len(found) > 1:
        ids = ", ".join(each.author for each in found[:5])
        raise UsageError(f"{len(found)} people are called {text!r}: {ids}", "name one by this id")
    if found:
        return found[0]
    if not re.search(r"[:/@]", text):
        raise UnknownName("author", text, ())
    return Person(text, (), 0)


def _called(store: Store, text: str) -> list[Person]:
    """Everybody with this id, or with this name."""
    wanted = text.removeprefix("@").casefold()
    seqs: list[np.ndarray] = [np.empty(0, np.int64)]
    with store.snapshot():
        for block in store.texts.listed():
            called = store.texts.read(block, "author_name")["author_name"].str.to_lowercase() == wanted
            seqs.append(block.low + called.arg_true().to_numpy().astype(np.int64))
        authors = {text} | set(store.facts.at(np.concatenate(seqs), "author")["author"])
        held: dict[str, list[int]] = {}
        for block in store.facts.listed():
            column = store.facts.read(block, "author")["author"]
            for row in column.is_in(list(authors)).arg_true().to_list():
                held.setdefault(column[row], []).append(block.low + row)
        return [Person(author, _names(store, rows), len(rows)) for author, rows in held.items() if author]


def _names(store: Store, seqs: list[int]) -> tuple[str, ...]:
    names = store.texts.at(np.array(seqs, dtype=np.int64), "author_name")["author_name"]
    return tuple(sorted(names.drop_nulls().unique()))


def planned(directory: Directory, who: Person) -> dict[str, Any]:
    """What `forget` would remove: how many posts of theirs, how many reposts of those by others, and from when to when."""
    store = directory.ledger.store
    doomed = _of_people(store, [who.author])
    times = store.facts.at(doomed.seqs, "author", "created_at_us")
    own = times.filter(pl.col("author") == who.author)["created_at_us"]
    span = [written(int(each)) if each is not None else None for each in (own.min(), own.max())]  # type: ignore[arg-type]
    return {
        "author": who.author,
        "names": list(who.names),
        "contents": len(own),
        "reposts_by_others": len(times) - len(own),
        "from": span[0],
        "to": span[1],
    }


def forget(directory: Directory, author: str) -> dict[str, Any]:
    """Remove somebody, now and in future; what was removed, and what could not be."""
    mark = mark_of(key_of(directory.path, FORGETTING), author)
    now_us = directory.clock.now_us()
    record = msgspec.json.encode({"mark": mark.hex(), "at_us": now_us})
    ours = Records(source="", network="", format="json", values=[record], received_at_us=[now_us])
    directory.log.append(FORGETS, ours, now_us=now_us)
    find = partial(_of_people, authors=[author])
    theirs = partial(_among, authors=[author])
    return _remove(directory, find, [mark], _Log(directory, theirs, _naming([author]), _strong([author])))


def forget_again(directory: Directory) -> dict[str, Any]:
    """Once more for everybody who was forgotten: what came since lies in the log, and a crash may have left something."""
    marks = carry_over(directory)
    theirs = Forgotten(existing_key(directory.path, FORGETTING), marks).among if marks else _nobody
    find = partial(forgetting.by_people, theirs=theirs)
    return _remove(directory, find, [], _Log(directory, theirs, None, NOTHING))


def purge(directory: Directory, column: str, name: str) -> dict[str, Any]:
    """Remove all that a source (`column` "source") or a network ("network") brought; it may come again.

    Raises `UnknownName`. Posts that another source saw too stay when a source is purged.
    """
    table = {"source": "sources", "network": "networks"}[column]
    known = [each for (each,) in directory.ledger.store.connection.execute(f"SELECT name FROM {table}")]
    if name not in known:
        raise UnknownName(column, name, known)

    def choose(chunk: Chunk) -> Sequence[int]:
        return range(len(chunk.records.values)) if getattr(chunk.records, column) == name else ()

    find = partial(forgetting.by_source, column=column, name=name)
    return _remove(directory, find, [], _Log(directory, _nobody, NOTHING, NOTHING, choose), name)


def carry_over(directory: Directory) -> frozenset[bytes]:
    """Let the ledger know everybody who was forgotten according to the log, as after the ledger was made anew."""
    known = directory.ledger.forgotten()
    said = {
        (bytes.fromhex(each["mark"]), each["at_us"])
        for topic, partition in directory.log.spans()
        if topic == FORGETS
        for chunk in directory.log.read(topic, partition, 0, 1 << 60)
        for each in map(msgspec.json.decode, chunk.records.values)
    }
    if missing := sorted(pair for pair in said if pair[0] not in known):
        with directory.ledger.store.transaction() as connection:
            connection.executemany("INSERT OR IGNORE INTO forgotten VALUES (?, ?)", missing)
    return directory.ledger.forgotten()


def _remove(
    directory: Directory, find: forgetting.Find, marks: list[bytes], log: _Log, source: str = ""
) -> dict[str, Any]:
    store, clock = directory.ledger.store, directory.clock
    doomed = forgetting.hide(store, find, marks, clock.now_us())
    records = directory.log.empty(log.chosen, _instead)
    if len(doomed.seqs):
        clock.sleep(TOLD_S)
    erased = forgetting.erase(store, doomed, log.naming, source)
    scrubbed = _scrubbed(directory)
    return msgspec.structs.asdict(erased) | {
        "records": records,
        "waiting": log.left,
        "scrubbed": scrubbed,
        "again": bool(log.left or not scrubbed or ((marks or records) and _is_worked_on(directory))),
    }


def _is_worked_on(directory: Directory) -> bool:
    """Whether somebody else listens to sources or works here: they may have had records in hand."""
    others = [each for each in processes(directory) if each["pid"] != os.getpid()]
    return bool(others or running(directory.path))


def _scrubbed(directory: Directory) -> bool:
    """Whether both files could be written anew, and no reader kept the old pages."""
    end_s = directory.clock.monotonic_s() + SCRUB_WAIT_S
    store = directory.ledger.store
    steps: list[tuple[Callable[[], bool], Callable[[], bool]]] = [
        (partial(forgetting.scrub, store), partial(forgetting.cut_off, store)),
        (directory.log.scrub, directory.log.cut_off),
    ]
    for first, again in steps:
        done = first()
        while not done and directory.clock.monotonic_s() < end_s:
            directory.clock.sleep(SCRUB_STEP_S)  # a reader in another process ends its question
            done = again()
        if not done:
            return False
    return True


def _instead(topic: str) -> bytes:
    """Workers count an emptied record as forgotten; whoever reads another topic gets a JSON value, as promised."""
    return b"" if topic.startswith(("raw.", "_lapwing.")) else b"null"


def _of_people(store: Store, authors: list[str]) -> Doomed:
    return forgetting.by_people(store, partial(_among, authors=authors), authors)


def _among(names: pl.Series, authors: list[str]) -> pl.Series:
    return names.is_in(authors).fill_null(False)


def _nobody(names: pl.Series) -> pl.Series:
    return pl.repeat(False, len(names), eager=True)


def _written_in(author: str) -> list[str]:
    """How an author's id stands in records: networks write their own part of it only."""
    if author.startswith("x:"):
        return [author.removeprefix("x:")]
    if "://" in author or author.startswith("did:"):
        return [author]
    own = author.rpartition("/")[2]
    return [own, own.partition("@")[0]]


def _pattern(texts: list[str]) -> re.Pattern[bytes]:
    """Finds any of these as a whole word; a slash may be written with backslashes before it, as JSON in JSON has it."""
    found = [re.escape(text).encode("utf-8", "surrogatepass").replace(b"/", rb"\\*/") for text in texts if text]
    return re.compile(rb"(?<![0-9A-Za-z_])(?:" + b"|".join(found) + rb")(?![0-9A-Za-z_-])") if found else NOTHING


def _naming(authors: list[str]) -> re.Pattern[bytes] | None:
    """Finds every record that these people can have written; None where only reading it tells."""
    texts = [text for author in authors for text in _written_in(author)]
    return _pattern(texts) if all(text.isascii() for text in texts) else None


def _strong(authors: list[str]) -> re.Pattern[bytes]:
    """Finds records that name these people beyond doubt."""
    texts = [_written_in(author)[0] for author in authors]
    return _pattern([text for text in texts if len(text) >= STRONG_CHARACTERS])


class _Log:
    """Which records of the log are emptied: theirs, and others' that name them, if they were worked through."""

    def __init__(
        self,
        directory: Directory,
        theirs: Callable[[pl.Series], pl.Series],
        written: re.Pattern[bytes] | None,
        naming: re.Pattern[bytes],
        choose: Callable[[Chunk], Sequence[int]] | None = None,
    ) -> None:
        self._formats = directory.formats
        self._theirs, self._written, self.naming, self._choose = theirs, written, naming, choose
        self._read = {key: offset for key, (_, _, offset) in directory.ledger.claims().items()}
        self.left = 0
        """Others' records that name them and wait for a worker: they stay, and go with the log's retention."""

    def chosen(self, chunk: Chunk) -> Sequence[int]:
        if chunk.topic in OURS:
            return ()
        if self._choose is not None:
            return self._choose(chunk)
        values = Values.of(chunk.records.values)
        if self._written is not None and not self._written.search(values.buffer):
            return ()
        rows = [row for row, value in enumerate(values) if self._written is None or self._written.search(value)]
        own = self._own(chunk, rows)
        naming = [row for row in rows if row not in own and self.naming.search(values[row])]
        if chunk.topic.startswith("raw."):
            end = self._read.get((chunk.topic, chunk.partition), 0) - chunk.base_offset
            self.left += sum(row >= end for row in naming)
            naming = [row for row in naming if row < end]
        return sorted(own | set(naming))

    def _own(self, chunk: Chunk, rows: list[int]) -> set[int]:
        """Records that they wrote, that repost what they wrote, or that tell of what they did."""
        records = chunk.records
        if records.format not in self._formats or not rows:
            return set()
        some = msgspec.structs.replace(
            records,
            values=[records.values[row] for row in rows],
            received_at_us=[records.received_at_us[row] for row in rows],
            keys=None,
            cursors=None,
        )
        decoded = self._formats[records.format].decode(some)
        posts, changes = decoded.posts, decoded.changes
        shared = posts.select(pl.when(pl.col("kind") == REPOST).then(author_in("about")))[:, 0]
        named = changes.select(pl.coalesce(pl.col("author"), author_in("name")))[:, 0]
        found = [
            *posts["record"].filter(self._theirs(posts["author"]) | self._theirs(shared)),
            *changes["record"].filter(self._theirs(named)),
        ]
        return {rows[row] for row in found}
