"""CPU time and memory of a process and all that it started, as the kernel counts them (Linux)."""

from __future__ import annotations

from pathlib import Path

import msgspec
import psutil


class Usage(msgspec.Struct, frozen=True):
    """CPU seconds since their start of a process, of what it started, and of those that ended already."""

    parent_s: float
    others_s: float

    @property
    def whole_s(self) -> float:
        """Of all of them."""
        return self.parent_s + self.others_s


class Tree:
    """A process and all that it started; ask often, since what ended in between is only known by its last answer."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._seconds: dict[int, float] = {}
        self.peak_bytes: dict[str, int] = {}
        """The most memory that each process ever had, by a name for people."""

    def usage(self) -> Usage:
        """CPU time up to now; notes the memory too."""
        for process in [self._root, *self._children()]:
            try:
                times = process.cpu_times()
                self._seconds[process.pid] = times.user + times.system
                self._note_peak(process)
            except psutil.NoSuchProcess:
                continue
        parent_s = self._seconds.get(self._root.pid, 0.0)
        return Usage(parent_s, sum(self._seconds.values()) - parent_s)

    def _children(self) -> list[psutil.Process]:
        try:
            return self._root.children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _note_peak(self, process: psutil.Process) -> None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace")
        except OSError:
            return
        peak = next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM")), 0)
        if peak:
            self.peak_bytes["ingest" if process.pid == self._root.pid else f"child {process.pid}"] = peak
