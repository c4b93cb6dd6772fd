"""The public test kit: a clock that is wound by hand, marks at which a process dies, and networks that are faked faithfully.

What it offers is for tests of Lapwing and of what others build on it; nothing in production imports it. The fake
networks are in `lapwing.testing.networks`; they need aiohttp, which nothing here imports before they are asked for.
"""

from lapwing.testing.clock import SimulatedClock
from lapwing.testing.marks import CrashMarks, Mark, crash_at

__all__ = ["CrashMarks", "Mark", "SimulatedClock", "crash_at"]
