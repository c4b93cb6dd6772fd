"""Stories that wait: each runs in a loop of its own, and has a deadline."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import ParamSpec

Given = ParamSpec("Given")

DEADLINE_S = 60.0


def story(test: Callable[Given, Awaitable[None]]) -> Callable[Given, None]:
    """Run a test that waits, for a minute at most."""

    @functools.wraps(test)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> None:
        async def within() -> None:
            async with asyncio.timeout(DEADLINE_S):
                await test(*args, **kwargs)

        asyncio.run(within())

    return run
