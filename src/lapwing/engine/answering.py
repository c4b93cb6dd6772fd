"""Answers to those who wrote: a topic of posts, whose texts a source sends to the authors, one after the other.

An answer is sent at least once: its key is the same when it is sent again, and networks that can drop a repeat do. The
same answer to the same post, which comes twice where a network repeats a post, is sent once as long as we or the network
remember it. One that cannot be sent goes to `errors` with the reason, and the others go on.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from contextlib import suppress
from functools import partial
from typing import Any, cast

import msgspec

from lapwing.contracts import Claimed, Log
from lapwing.engine.attention import Patience
from lapwing.engine.listening import DISCONNECTED, DISK_FULL_WAIT_S, LIMITED, Hands, Listener
from lapwing.engine.membership import Membership, Partition
from lapwing.errors import DiskFull, Fenced
from lapwing.hearing import Answer, Disconnected, RateLimited, RefusedBySource
from lapwing.model import Records

said = logging.getLogger("lapwing.sources")

READ_RECORDS = 100
WAIT_S = 0.25
KEEP_S = 1.0
TRY_S = 3_600.0
"""So long is an answer tried while the network cannot be reached, or wants us to wait."""
SENT_MAX = 10_000
"""So many answers are remembered, the newest; the network itself remembers for minutes, or a day."""
FAILED = "errors"


class _Post(msgspec.Struct):
    """What an answer's record must have: the post that is answered, with another text."""

    uid: str
    author: str
    text: str
    url: str | None = None
    network: str | None = None
    source: str | None = None


class Answering:
    """Reads the topic of answers in a group of the source's own, and sends what is there."""

    def __init__(self, listener: Listener, hands: Hands, topic: str) -> None:
        self._listener, self._hands, self._topic = listener, hands, topic
        self._group = f"answers.{listener.plan.name}"
        self._log = cast(Log, hands.log)
        self._member = Membership(self._log, self._group, topic, hands.owner)
        self._in_hand: set[Partition] = set()
        self._sent: dict[str, None] = {}

    async def run(self) -> None:
        """Send until cancelled."""
        keeping = asyncio.create_task(self._keep())
        try:
            while True:
                if keeping.done():
                    keeping.result()
                if not await self._hands.in_thread(self._waiting):
                    await self._hands.time.sleep(WAIT_S)
                    continue
                for key in list(self._member.claims):
                    self._in_hand = {key}
                    await self._some_of(key)
                    self._in_hand = set()
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            await asyncio.shield(self._hands.in_thread(self._leave))

    async def _keep(self) -> None:
        """Keep our share of the partitions, however long an answer takes."""
        while True:
            with suppress(DiskFull):
                await self._hands.in_thread(lambda: self._member.keep(self._hands.time.now_us(), self._in_hand))
            await self._hands.time.sleep(KEEP_S if self._member.claims else WAIT_S)

    def _waiting(self) -> bool:
        return bool(self._member.claims) and bool(self._log.group_lag(self._group, self._topic))

    def _leave(self) -> None:
        with suppress(DiskFull):
            self._member.leave()

    async def _some_of(self, key: Partition) -> None:
        claim, log = self._member.claims.get(key), self._log
        if claim is None:
            return
        for chunk in await self._hands.in_thread(partial(log.read, *key, claim.next_offset, READ_RECORDS)):
            for row, value in enumerate(chunk.records.values):
                offset = chunk.base_offset + row
                if offset < claim.next_offset:
                    continue
                failure = await self._send(bytes(value))
                claim = await self._settled(claim, offset, bytes(value), failure)
                if claim is None:
                    return
                self._member.claims[key] = claim

    async def _settled(self, claim: Claimed, offset: int, value: bytes, failure: str) -> Claimed | None:
        """Say that this one is done with; None where somebody else goes on from here."""
        now_us = self._hands.time.now_us
        failed = [(FAILED, self._letter((claim.topic, claim.partition), offset, value, failure))] if failure else []
        while True:
            advance = partial(self._log.append_and_advance, claim, offset + 1, failed, now_us=now_us())
            try:
                moved: Claimed = await self._hands.in_thread(advance)
            except Fenced as taken_over:
                said.warning("%s: %s", self._group, taken_over)
                self._member.lose()
                return None
            except DiskFull as full:
                said.error("%s: %s", self._group, full)
                await self._hands.time.sleep(DISK_FULL_WAIT_S)
            else:
                return moved

    async def _send(self, value: bytes) -> str:
        """Send one answer, again and again if need be; why it could not be sent, or an empty text."""
        try:
            post = msgspec.json.decode(value, type=_Post)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            return f"this is no answer ({problem}); it needs uid, author and text"
        plan = self._listener.plan
        ours = post.network in (None, plan.source.network) and post.source in (None, plan.name)
        answer = Answer(uid=post.uid, author=post.author, url=post.url, text=post.text, key=_key(post))
        if not ours or not post.text.strip() or answer.key in self._sent:
            return ""
        failure = await self._delivered(answer)
        if not failure:
            self._remember(answer.key)
        return failure

    async def _delivered(self, answer: Answer) -> str:
        """Have the source send it, and wait out what passes; why it could not be sent, or an empty text."""
        patience, time = Patience(self._hands.chance), self._hands.time
        end_s = time.monotonic_s() + TRY_S
        try:
            while (trouble := await self._tried(answer, patience)) is not None:
                why, wait_s = trouble
                if time.monotonic_s() + wait_s > end_s:
                    return f"it was tried for {TRY_S / 60:.0f} minutes: {why}"
                await time.sleep(wait_s)
        except RefusedBySource as refused:
            return str(refused)
        except Exception as bug:  # noqa: BLE001  (one answer that fails harms no other)
            said.exception("%s: an error of ours", self._group)
            return f"{type(bug).__name__}: {bug}"
        return ""

    def _remember(self, key: str) -> None:
        """Note what was sent: a post that comes twice, as networks repeat themselves, is answered once."""
        self._sent[key] = None
        if len(self._sent) > SENT_MAX:
            del self._sent[next(iter(self._sent))]

    async def _tried(self, answer: Answer, patience: Patience) -> tuple[str, float] | None:
        """None where it was sent; otherwise why not yet, and how long to wait before it is tried again."""
        try:
            await self._respond(answer)
        except RateLimited as limited:
            wait_s = patience.wait_s(limited.back_off or LIMITED, 0.0)
            if limited.until_us is not None:
                wait_s = max(0.0, (limited.until_us - self._hands.time.now_us()) / 1e6)
            return str(limited), wait_s
        except (Disconnected, OSError, TimeoutError) as broken:
            back_off = getattr(broken, "back_off", None) or DISCONNECTED
            return str(broken) or type(broken).__name__, patience.wait_s(back_off, 0.0)
        return None

    async def _respond(self, answer: Answer) -> None:
        respond, surroundings = self._listener.plan.source.respond, self._listener.surroundings
        assert respond is not None
        await respond(surroundings.options, answer, surroundings)

    def _letter(self, key: Partition, offset: int, value: bytes, reason: str) -> Records:
        """An answer that could not be sent, with the reason, as functions write what they failed on."""
        try:
            record: Any = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            record = value.decode(errors="replace")
        letter = {
            "function": self._group, "topic": key[0], "partition": key[1], "offset": offset, "reason": reason,
            "record": record,
        }  # fmt: skip
        now_us = self._hands.time.now_us()
        return Records(
            source=self._group, network="", format="json", values=[msgspec.json.encode(letter)], received_at_us=[now_us]
        )


def _key(post: _Post) -> str:
    """The same for the same answer to the same post, wherever and how often it stands."""
    return hashlib.sha256(msgspec.json.encode([post.uid, post.author, post.text])).hexdigest()
