"""Files that grow, are renamed, cut off and replaced, read on from where they were: the one door of sources to the disk.

A file is known by its number on the disk (device and inode), so that a new name makes no new file of it, and by its first
bytes, since numbers are given again to other files.
"""

from __future__ import annotations

import csv
import glob
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from lapwing.containers.batches import Batch
from lapwing.containers.cutting import cutter, peek
from lapwing.containers.decompress import GZIP, ZSTANDARD, decompress
from lapwing.containers.detection import BYTE_ORDER_MARK, HEAD_BYTES, Container, delimiter_of, detect
from lapwing.errors import UnreadableInput
from lapwing.hearing import Lost, RefusedBySource

READ_BYTES = 256 << 10
FILES_MAX = 1_000
"""So many files are followed; of more, the first by name."""
HEAD_KNOWN_BYTES = 256
"""By so many bytes a file is told from another with the same number."""
TEXTS_BYTES_MAX = 64 << 20
FORGOTTEN_MAX = 100


class Place(msgspec.Struct, omit_defaults=True):
    """How far one file was read."""

    path: str
    offset: int = 0
    """Bytes of what is in it, unpacked."""
    head: str = ""
    head_bytes: int = 0
    container: Container | None = None
    size: int = 0
    changed_ns: int = 0
    """Size and time of change when it was last read to its end."""


class Cursor(msgspec.Struct):
    """How far every file was read, by its number, and when all were looked at last."""

    files: dict[str, Place]
    looked_us: int = 0
    lost: list[Lost] = []
    """What is missing of the time that is not claimed yet."""


class Piece(NamedTuple):
    """Some records of one file."""

    values: Sequence[bytes]
    oversized: bool = False


class Follower:
    """Reads what is new in some files. `places` always say what was yielded."""

    def __init__(self, pattern: str, cursor: Cursor, settle_us: int) -> None:
        self._pattern, self._settle_us = pattern, settle_us
        self.places, self._looked_us = cursor.files, cursor.looked_us
        self.problems: dict[str, str] = {}
        self.unread = False
        """Whether a file could not be opened at the last look."""
        self.lost = cursor.lost
        self.too_many = 0

    def look(self, now_us: int) -> Iterator[Piece]:
        """Everything that is new; files that are gone are forgotten."""
        found = self._found(now_us)
        before, self.problems, self.unread = self.problems, {}, False
        for number, (path, status) in found.items():
            place = self.places.setdefault(number, Place(str(path)))
            place.path = str(path)
            try:
                if not _packed(path):
                    yield from self._grown(place, path, now_us)
                elif (status.st_size, status.st_mtime_ns) == (place.size, place.changed_ns):
                    self.problems |= {path.name: before[path.name]} if path.name in before else {}
                elif now_us - status.st_mtime_ns // 1000 >= self._settle_us:
                    yield from self._whole(place, path, status, now_us)
            except UnreadableInput as problem:
                self.problems[path.name] = str(problem)
            except OSError as problem:
                self.unread = True
                self.problems[path.name] = problem.strerror or type(problem).__name__
        self._looked_us = now_us

    def cursor(self) -> Cursor:
        """Where to go on."""
        return Cursor(self.places, self._looked_us, self.lost)

    def _found(self, now_us: int) -> dict[str, tuple[Path, os.stat_result]]:
        """Files that match, and those that did and have another name now, by number and in the order of names."""
        matching = _matching(self._pattern)
        self.too_many = max(0, len(matching) - FILES_MAX)
        found = dict(sorted(matching.items(), key=lambda each: str(each[1][0]))[:FILES_MAX])
        gone = [number for number in self.places if number not in found]
        folders = {Path(self.places[number].path).parent for number in gone}
        beside = {number: each for folder in sorted(folders) for number, each in _files_in(folder).items()}
        for number in gone:
            if number in beside:
                found[number] = beside[number]
            elif number not in matching:
                self._forget(self.places.pop(number), now_us)
        return found

    def _forget(self, place: Place, now_us: int) -> None:
        if place.size > place.offset and not place.path.endswith((".gz", ".zst")):
            why = f"{Path(place.path).name} was taken away before it was read to its end"
            self._lose(Lost(self._looked_us, now_us, why))

    def _lose(self, lost: Lost) -> None:
        self.lost = [*self.lost, lost][-FORGOTTEN_MAX:]

    def _grown(self, place: Place, path: Path, now_us: int) -> Iterator[Piece]:
        """What was written behind the place where it was read to, but for a line that has not ended."""
        with path.open("rb") as file:
            status = path.stat()
            self._same(place, path, file, now_us)
            if status.st_size <= place.offset:
                place.size = status.st_size
                return
            quiet = now_us - status.st_mtime_ns // 1000 >= self._settle_us
            if (status.st_size, status.st_mtime_ns) == (place.size, place.changed_ns):
                if quiet:
                    yield from self._last_line(place, file)
                return
            if place.container is None and not self._recognised(place, file, quiet):
                return
            assert place.container is not None
            offset = place.offset
            file.seek(offset)
            ours = cutter(place.container, offset)
            while data := file.read(READ_BYTES):
                for batch in ours.feed(data):
                    place.offset = batch.offset
                    yield from _pieces(batch)
            place.size, place.changed_ns = status.st_size, status.st_mtime_ns

    def _recognised(self, place: Place, file: BinaryIO, quiet: bool) -> bool:
        """Whether enough is there to tell what the file is cut by; then that is known."""
        file.seek(0)
        head = file.read(HEAD_BYTES)
        if b"\n" not in head and len(head) < HEAD_BYTES and not quiet:
            return False
        place.container = detect(head)
        if place.offset == 0 and head.startswith(BYTE_ORDER_MARK):
            place.offset = len(BYTE_ORDER_MARK)
        return True

    def _same(self, place: Place, path: Path, file: BinaryIO, now_us: int) -> None:
        """Begin anew with a file that was cut off, or is another one with the same number; else know it better."""
        head = file.read(HEAD_KNOWN_BYTES)
        size = path.stat().st_size
        if size < place.offset or _mark(head[: place.head_bytes]) != (place.head or _mark(b"")):
            if place.offset:
                why = f"{path.name} was cut off or replaced; what was written to it just before may be missing"
                self._lose(Lost(self._looked_us, now_us, why))
            place.offset, place.container, place.size, place.changed_ns = 0, None, 0, 0
        place.head, place.head_bytes = _mark(head), len(head)

    def _last_line(self, place: Place, file: BinaryIO) -> Iterator[Piece]:
        """A last line without an end that is a whole JSON value: the file is complete, and its writer ends no lines."""
        if place.container is None or place.container.kind != "lines":
            return
        file.seek(place.offset)
        rest = file.read(READ_BYTES)
        value = rest.strip()
        if value and b"\n" not in value and _is_json(value):
            place.offset += len(rest)
            yield Piece([value])

    def _whole(self, place: Place, path: Path, status: os.stat_result, now_us: int) -> Iterator[Piece]:
        """What is in a packed file, behind the place where it was read to."""
        with path.open("rb") as file:
            self._same_packed(place, file, now_us, path)
            file.seek(0)
            head, chunks = peek(decompress(iter(lambda: file.read(READ_BYTES), b"")))
            place.container = place.container or detect(head)
            begin = len(BYTE_ORDER_MARK) if head.startswith(BYTE_ORDER_MARK) else 0
            place.offset = max(place.offset, begin)
            ours = cutter(place.container, place.offset)
            try:
                for data in _after(chunks, place.offset):
                    for batch in ours.feed(data):
                        place.offset = batch.offset
                        yield from _pieces(batch)
            except UnreadableInput:
                # Once more only when it has changed: it may still be on its way here.
                place.size, place.changed_ns = status.st_size, status.st_mtime_ns
                raise
            for batch in ours.finish():
                place.offset = batch.offset
                yield from _pieces(batch)
            place.size, place.changed_ns = status.st_size, status.st_mtime_ns

    def _same_packed(self, place: Place, file: BinaryIO, now_us: int, path: Path) -> None:
        head = file.read(HEAD_KNOWN_BYTES)
        if place.head_bytes and _mark(head[: place.head_bytes]) != place.head:
            place.offset, place.container = 0, None
            self._lose(Lost(self._looked_us, now_us, f"{path.name} was replaced; some of the old one may be missing"))
        place.head, place.head_bytes = _mark(head), len(head)


def _pieces(batch: Batch) -> Iterator[Piece]:
    """The records of a batch; one that was too long comes as what stands for it."""
    if len(batch.records):
        yield Piece(list(batch.records))
    if batch.oversized is not None:
        yield Piece([batch.oversized.record()], oversized=True)


def _matching(pattern: str) -> dict[str, tuple[Path, os.stat_result]]:
    """The files of a folder, those that a pattern names, or the one of that name, by number."""
    path = Path(pattern)
    if path.is_dir():
        return _files_in(path)
    names = glob.glob(pattern, recursive=True) if glob.has_magic(pattern) else [pattern]  # noqa: PTH207 - it may be absolute
    return _regular(Path(name) for name in names)


def _files_in(folder: Path) -> dict[str, tuple[Path, os.stat_result]]:
    try:
        return _regular(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return {}


def _regular(paths: Iterable[Path]) -> dict[str, tuple[Path, os.stat_result]]:
    found: dict[str, tuple[Path, os.stat_result]] = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            found.setdefault(f"{status.st_dev}:{status.st_ino}", (path, status))
    return found


def exists(pattern: str) -> bool:
    """Whether there is a folder or file of that name; of a pattern, the folder in which it begins."""
    if not glob.has_magic(pattern):
        return Path(pattern).exists()
    parts = Path(pattern).parts
    fixed = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:fixed]).exists() if fixed else True


def _packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4).startswith((GZIP, ZSTANDARD))


def _mark(head: bytes) -> str:
    return sha256(head).hexdigest()[:16]


def _is_json(value: bytes) -> bool:
    try:
        msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _after(chunks: Iterator[bytes], offset: int) -> Iterator[bytes]:
    for chunk in chunks:
        if offset < len(chunk):
            yield chunk[offset:]
        offset = max(0, offset - len(chunk))


def texts(name: str, column: str) -> list[str]:
    """The lines of a file that are not blank, or one column of a table. Raises `RefusedBySource`."""
    try:
        with Path(name).open("rb") as file:
            data = file.read(TEXTS_BYTES_MAX + 1)
        whole = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        why = getattr(problem, "strerror", None) or "it is no text in UTF-8"
        raise RefusedBySource(f"{name} cannot be read ({why})", "name a file of texts") from None
    if len(data) > TEXTS_BYTES_MAX:
        raise RefusedBySource(f"{name} has more than {TEXTS_BYTES_MAX >> 20} MiB", "give a smaller one")
    found = _column(name, whole, column) if column else [line.strip() for line in whole.split("\n")]
    found = [text for text in found if text]
    if not found:
        raise RefusedBySource(f"there is no text in {name}", "name another file, or another column")
    return found


def _column(name: str, whole: str, column: str) -> list[str]:
    rows = csv.DictReader(whole.splitlines(keepends=True), delimiter=delimiter_of(whole.partition("\n")[0].encode()))
    if column not in (rows.fieldnames or ()):
        columns = ", ".join(map(repr, rows.fieldnames or ()))[:300]
        raise RefusedBySource(f"{name} has no column {column!r}", f"its columns are {columns}")
    try:
        return [(row[column] or "").strip() for row in rows]
    except csv.Error as problem:
        raise RefusedBySource(f"{name} is no table ({problem})", "mend it, or leave column out to take lines") from None
