"""Dead letters: seen, exported, mended and read again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import zstandard

from lapwing.app import accepting, collections
from lapwing.app.opening import Directory
from lapwing.app.times import written_out
from lapwing.containers import recordings
from lapwing.containers.documents import read_document
from lapwing.errors import TooSlow, Unacceptable, UsageError
from lapwing.ledger.sqlite import discarding, documents
from lapwing.ledger.sqlite.documents import FORMAT as DOCUMENT
from lapwing.model import RETRIES, Records

COLUMNS = (
    "id",
    "source",
    "network",
    "format",
    "topic",
    "partition",
    "offset",
    "reason",
    "received_at_us",
    "refused_at_us",
)


def listed(
    directory: Directory, reason: str | None, topic: str | None, limit: int, before: int = 1 << 62
) -> list[dict[str, Any]]:
    """The newest dead letters of lower numbers than `before`, without their records; `reason` is any part of the reason."""
    rows = directory.ledger.store.connection.execute(
        f"SELECT {', '.join(COLUMNS)} FROM dead_letters WHERE retried = 0 AND (?1 IS NULL OR instr(reason, ?1)) "
        "AND (?2 IS NULL OR topic = ?2) AND id < ?4 ORDER BY id DESC LIMIT ?3",
        (reason, topic, limit, before),
    )
    return [written_out(dict(zip(COLUMNS, row, strict=True))) for row in rows]


def shown(directory: Directory, number: int) -> tuple[dict[str, Any], bytes]:
    """One dead letter and its record; raises `UsageError` if there is none of that number."""
    row = directory.ledger.store.connection.execute(
        f"SELECT {', '.join(COLUMNS)}, record FROM dead_letters WHERE id = ?", (number,)
    ).fetchone()
    if row is None:
        raise UsageError(f"there is no dead letter {number}", "`lapwing errors list` shows them")
    return written_out(dict(zip(COLUMNS, row[:-1], strict=True))), zstandard.decompress(row[-1])


def exported(directory: Directory, limit: int) -> Iterator[dict[str, Any]]:
    """Dead letters with their records, as text or base64."""
    for letter in listed(directory, None, None, limit):
        yield whole(directory, letter["id"])


def whole(directory: Directory, number: int) -> dict[str, Any]:
    """One dead letter with its record, as text or base64; raises `UsageError` if there is none of that number."""
    letter, record = shown(directory, number)
    return letter | {"record": recordings.readable(record)}


def retried(
    directory: Directory, numbers: tuple[int, ...], every: bool, mended: bytes | None, patience_s: float = math.inf
) -> tuple[int, int]:
    """Read dead letters again, one of them perhaps mended; how many moved, and how many are refused still.

    Raises `Unacceptable` for a mended record that cannot be read either; then nothing was changed. Raises `TooSlow` when they were not worked through in `patience_s`; they are in the log then, and will be.
    """
    if bool(numbers) == every or (mended is not None and len(numbers) != 1):
        raise UsageError("say which dead letters: their numbers, or --all", "--with takes one number")
    waiting = [letter["id"] for letter in listed(directory, None, None, 1 << 40)]
    for number in numbers:
        shown(directory, number)  # a number that there is not stops everything before anything is read again
    chosen = waiting if every else sorted(set(numbers) & set(waiting))
    if mended is not None and chosen:
        _check(directory, chosen[0], mended)
    of_collections = sum(_send_again(directory, number, mended) for number in chosen)
    end_s = directory.clock.monotonic_s() + patience_s
    if of_collections:
        collections.work_off(directory, lambda: directory.clock.monotonic_s() > end_s)
    _work_off(directory, end_s)
    refused = _waiting(directory, chosen)
    return len(chosen) - refused, refused


def discarded(directory: Directory, numbers: tuple[int, ...]) -> int:
    """Give dead letters up: they are accounted for as filtered; how many waited until now. To repeat it changes nothing.

    Raises `UsageError` if there is none of a number; then nothing was changed.
    """
    for number in numbers:
        shown(directory, number)
    return discarding.discard(directory.ledger.store, sorted(set(numbers)))


def _check(directory: Directory, number: int, mended: bytes) -> None:
    """Raise `Unacceptable` for a record that cannot take the place of this dead letter."""
    letter, _ = shown(directory, number)
    reason = _wrong_document(directory, letter, mended) if letter["format"] == DOCUMENT else None
    if letter["format"] in directory.formats:
        records = Records(
            source=letter["source"], network=letter["network"], format=letter["format"],
            values=[mended], received_at_us=[directory.clock.now_us()],
        )  # fmt: skip
        reason = next((each.reason for each in directory.formats[letter["format"]].decode(records).refused), None)
    if reason is not None:
        raise Unacceptable(
            "the mended record cannot be read",
            [{"record": 0, "reason": reason}],
            next_step="the dead letter is as it was",
        )


def _wrong_document(directory: Directory, letter: dict[str, Any], mended: bytes) -> str | None:
    """Why a record is no document of the collection that refused the letter; None where it is one."""
    if (problem := accepting.not_json(mended)) is not None:
        return problem
    for kept in documents.listed(directory.ledger.store):
        if kept.topic == letter["topic"] and letter["reason"].startswith(f"collection {kept.name!r}: "):
            found = read_document(mended, kept.key)
            return found if isinstance(found, str) else None
    return None


def _send_again(directory: Directory, number: int, mended: bytes | None) -> bool:
    """Put a dead letter into the log once more; whether it is a document of a collection, not a post."""
    letter, record = shown(directory, number)
    record = record if mended is None else mended
    if letter["format"] == DOCUMENT:
        collections.send_again(directory, letter, record)
        return True
    now_us = directory.clock.now_us()
    records = Records(
        source=letter["source"], network=letter["network"], format=letter["format"],
        values=[record], received_at_us=[now_us], cursors=[str(number)],
    )  # fmt: skip
    directory.log.append(RETRIES, records, now_us=now_us)
    return False


def _waiting(directory: Directory, numbers: list[int]) -> int:
    """How many of these dead letters wait to be mended."""
    statement = "SELECT count(*) FROM dead_letters WHERE retried = 0 AND id IN ({})"
    return sum(count for (count,) in directory.ledger.store.select(statement, numbers))


def _work_off(directory: Directory, end_s: float) -> None:
    """Work until the topic of retries is empty, here or in whichever worker has it."""
    worker = directory.worker()
    worker.linger_us = 0  # who asked waits for it
    worker.run(lambda: directory.behind((RETRIES,)) == 0 or directory.clock.monotonic_s() > end_s)
    if directory.behind((RETRIES,)):
        raise TooSlow("the retry is in the log, and not worked through yet", "look at the dead letters again later")
