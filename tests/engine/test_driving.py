"""Works of one process that wait for others: begun, and ended, as it is wanted."""

from __future__ import annotations

import asyncio

import pytest

from lapwing.engine import driving
from lapwing.engine.driving import Crew, Work


def test_a_work_that_loses_the_request_to_end_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driving, "ASKED_AGAIN_S", 0.01)
    asked: list[int] = []
    begun = asyncio.Event()

    async def deaf() -> None:
        begun.set()
        while len(asked) < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                asked.append(1)

    async def story() -> None:
        crew: Crew[str] = Crew(lambda _: Work([deaf()], lambda _: True), {})
        await crew.want({"one": "this"})
        await begun.wait()  # who has not begun cannot lose a request
        await asyncio.wait_for(crew.close(), 30)

    asyncio.run(story())
    assert len(asked) == 2
