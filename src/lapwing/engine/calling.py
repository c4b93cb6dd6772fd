"""Calls of the user's code that may block, raise, exit or return nonsense, and harm nobody: in a thread, or in a process.

A call in a thread that never returns can only be left behind; in a process it is ended, and the process started again.
"""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Protocol

import msgspec
import polars as pl

from lapwing.engine.posts import Post
from lapwing.engine.returned import Given, lines_of

ABANDONED_MAX = 16
"""So many calls of one function may be left behind in threads; then it is paused."""
REASON_CHARACTERS_MAX = 500
TRACE_LINES = 6
STDERR = 2
"""Where what a function prints goes."""
OUR_FOLDER = __file__.rpartition("engine")[0]
START_WAIT_S = 60.0
"""So long may a new process take to import the function."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of a call: lines of JSON, or the reason why there are none."""

    lines: list[bytes] | None = None
    reason: str = ""
    trace: str = ""
    """The last lines of the traceback."""
    timed_out: bool = False


class Caller(Protocol):
    """Calls one function, one call at a time."""

    def call(self, given: Given, timeout_s: float) -> Outcome:
        """What the function made of it; never raises for what the function did."""

    def close(self) -> None:
        """Let go of what is behind it."""


class TooManyAbandoned(Exception):
    """So many calls never returned that no more are made."""


class Abandoned:
    """The threads that were left behind, of all calls of one function."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def add(self, thread: threading.Thread) -> None:
        """Leave a thread behind."""
        with self._lock:
            self._threads = [each for each in [*self._threads, thread] if each.is_alive()]

    def check(self) -> None:
        """Raise `TooManyAbandoned` when there are `ABANDONED_MAX`."""
        with self._lock:
            self._threads = [each for each in self._threads if each.is_alive()]
            if len(self._threads) >= ABANDONED_MAX:
                message = f"{len(self._threads)} calls never returned; mend the function, or set workers = 'processes'"
                raise TooManyAbandoned(message)


def outcome_of(function: Callable[[Any], Any], given: Given) -> Outcome:
    """Call a function here and now; whatever it does, there is an outcome."""
    try:
        return Outcome([line for argument in given.arguments() for line in lines_of(function(argument))])
    except BaseException as problem:  # noqa: BLE001  (a user's function may raise anything, SystemExit too)
        return failed(problem)


def failed(problem: BaseException) -> Outcome:
    """Type, message and the last lines of where it happened."""
    try:
        said = str(problem)
    except Exception:  # noqa: BLE001  (an exception may be broken itself)
        said = "(its message cannot be read)"
    trace = "".join(traceback.format_tb(_of_the_user(problem.__traceback__))).splitlines()[-TRACE_LINES:]
    reason = f"{type(problem).__name__}: {said}"[:REASON_CHARACTERS_MAX]
    return Outcome(reason=_printable(reason), trace=_printable("\n".join(trace)))


def _of_the_user(trace: TracebackType | None) -> TracebackType | None:
    """Where the user's own file begins: how we called it tells nobody anything. Nothing, where it was never reached."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(OUR_FOLDER):
        trace = trace.tb_next
    return trace


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


class ThreadCaller:
    """Calls in a thread of this process, which is replaced when a call takes too long."""

    def __init__(self, function: Callable[[Any], Any], abandoned: Abandoned) -> None:
        self._function = function
        self._abandoned = abandoned
        self._thread: threading.Thread | None = None
        self._asked: queue.SimpleQueue[Given | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def begin(self, given: Given) -> None:
        """Start a call; `outcome` tells what became of it. Raises `TooManyAbandoned`."""
        self._abandoned.check()
        if self._thread is None or not self._thread.is_alive():
            self._asked, self._answers = queue.SimpleQueue(), queue.SimpleQueue()
            arguments = (self._function, self._asked, self._answers)
            self._thread = threading.Thread(target=_serve, args=arguments, daemon=True, name="lapwing-call")
            self._thread.start()
        self._asked.put(given)

    def outcome(self, wait_s: float) -> Outcome | None:
        """The outcome of the call that was begun, or None if it is not there within `wait_s`."""
        try:
            return self._answers.get(timeout=wait_s) if wait_s > 0 else self._answers.get_nowait()
        except queue.Empty:
            return None

    def abandon(self) -> None:
        """Leave the call and its thread behind."""
        if self._thread is not None:
            self._asked.put(None)  # should it return after all, the thread ends
            self._abandoned.add(self._thread)
            self._thread = None

    def call(self, given: Given, timeout_s: float) -> Outcome:
        """What the function made of it, or that it took too long."""
        self.begin(given)
        found = self.outcome(timeout_s)
        if found is None:
            self.abandon()
            return took_too_long(timeout_s)
        return found

    def close(self) -> None:
        """Let the thread end."""
        self._asked.put(None)
        self._thread = None


def _serve(function: Callable[[Any], Any], asked: queue.SimpleQueue[Any], answers: queue.SimpleQueue[Any]) -> None:
    while (given := asked.get()) is not None:
        answers.put(outcome_of(function, given))


def took_too_long(timeout_s: float) -> Outcome:
    """The outcome of a call that did not return."""
    return Outcome(reason=f"TimeoutError: did not return within {timeout_s:g} s", timed_out=True)


class ProcessCaller:
    """Calls in a process of its own, which is ended when a call takes too long, and started again when it is gone."""

    def __init__(self, run: str, folder: str) -> None:
        self._run = run
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None

    def _start(self) -> Outcome:
        """Start the process; without lines, the outcome says why it could not."""
        self._pipe, theirs = Pipe()
        command = [sys.executable, "-m", "lapwing.engine.calls", str(theirs.fileno()), self._run, self._folder]
        self._process = subprocess.Popen(  # noqa: S603  (our own module)
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=STDERR
        )
        theirs.close()
        return self._answer(START_WAIT_S, "importing it took longer than")

    def call(self, given: Given, timeout_s: float) -> Outcome:
        """What the function made of it, or that it took too long, or that its process ended."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            started = self._start()
            if started.lines is None:
                self.close()
                return started
        assert self._pipe is not None
        try:
            self._pipe.send_bytes(encode_given(given))
        except OSError:
            return self._gone()
        return self._answer(timeout_s, "")

    def _answer(self, wait_s: float, what: str) -> Outcome:
        assert self._pipe is not None
        try:
            if self._pipe.poll(wait_s):
                return msgspec.msgpack.decode(self._pipe.recv_bytes(), type=Outcome)
        except (OSError, EOFError, msgspec.DecodeError):
            return self._gone()
        self.close()
        return Outcome(reason=f"TimeoutError: {what} {wait_s:g} s") if what else took_too_long(wait_s)

    def _gone(self) -> Outcome:
        code = None
        if self._process is not None:
            try:
                code = self._process.wait(1.0)
            except subprocess.TimeoutExpired:
                code = None
        self.close()
        return Outcome(reason=f"ProcessEnded: its process ended with exit code {code}")

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None


def encode_given(given: Given) -> bytes:
    """For another process: what kind it is, and its bytes."""
    data = given.data
    if isinstance(data, pl.DataFrame):
        return b"f" + data.serialize()
    if isinstance(data, Post):
        return b"p" + msgspec.msgpack.encode(data)
    return b"v" + msgspec.msgpack.encode(data)


def decode_given(message: bytes) -> Given:
    """What `encode_given` encoded."""
    kind, data = message[:1], message[1:]
    if kind == b"f":
        return Given(pl.DataFrame.deserialize(data))
    return Given(msgspec.msgpack.decode(data, type=Post if kind == b"p" else Any))
