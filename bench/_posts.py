"""Demo-like posts as lines on stdout, or in a file: made by a process of its own, whose CPU is nobody's to pay.

python bench/_posts.py COUNT SEED time|shuffled x_v2|jetstream > posts.ndjson
"""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import IO

from lapwing.demo import posts

LINES_AT_ONCE = 2_000
PIPE_BYTES = 1 << 20
F_SETPIPE_SZ = getattr(fcntl, "F_SETPIPE_SZ", 1031)


def generator(count: int, seed: int, order: str, network: str, into: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start a process that writes so many posts, each a line, into a file or a pipe."""
    command = [sys.executable, __file__, str(count), str(seed), order, network]
    return subprocess.Popen(command, stdout=into)


def file_of(path: Path, count: int, seed: int, network: str = "x_v2", order: str = "time") -> Path:
    """Make a file of posts; returns its path."""
    with path.open("wb") as file, generator(count, seed, order, network, file) as process:
        if process.wait():
            raise SystemExit("the posts could not be made")
    return path


def main() -> None:
    """Write the posts to stdout."""
    count, seed, order, network = sys.argv[1:]
    with contextlib.suppress(OSError):
        fcntl.fcntl(sys.stdout, F_SETPIPE_SZ, PIPE_BYTES)
    lines = posts(int(count), int(seed), order, network)  # type: ignore[arg-type]
    with contextlib.suppress(BrokenPipeError):
        while some := b"".join(islice(lines, LINES_AT_ONCE)):
            sys.stdout.buffer.write(some)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
