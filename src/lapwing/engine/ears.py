"""All sources of one process: listened to, answered for, changed when the configuration changes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from random import Random

from lapwing.engine.answering import FAILED, Answering
from lapwing.engine.clock import Clock
from lapwing.engine.driving import AsyncTime, Crew, InThread, Look, Work, drive
from lapwing.engine.heard import Plan
from lapwing.engine.listening import Hands, Listener
from lapwing.hearing import SourceLog

said = logging.getLogger("lapwing.sources")


def ears_of(hands: Hands) -> Crew[Plan]:
    """Listens to sources, and answers for those that are asked to."""
    return Crew(partial(_begin, hands), hands.shared)


def _begin(hands: Hands, plan: Plan) -> Work[Plan]:
    listener = Listener(plan, hands)
    runs = [listener.run()]
    if plan.answers is not None and _can_answer(plan):
        runs.append(Answering(listener, hands, plan.answers).run())
    return Work(runs, listener.goes_on)


def _can_answer(plan: Plan) -> bool:
    """Whether answers of that topic can be sent; says why not."""
    if plan.source.respond is None:
        said.error("%s: nobody can be answered through %s, so take `answers` out", plan.name, plan.type)
        return False
    if plan.answers == FAILED or str(plan.answers).startswith(("raw.", "_lapwing")):
        said.error("%s: answers cannot stand in %s; name a topic of their own", plan.name, plan.answers)
        return False
    return True


def listen(log: SourceLog, clock: Clock, owner: tuple[str, Random], look: Look[Plan], stop: Callable[[], bool]) -> None:
    """Listen until `stop` to the sources that are wanted; where answers are, `log` is a `Log` too.

    `owner` is a name for the leases, and chance.
    """

    def ears(in_thread: InThread) -> Crew[Plan]:
        name, chance = owner
        return ears_of(Hands(log=log, time=AsyncTime(clock), chance=chance, owner=name, in_thread=in_thread, shared={}))

    drive("log", ears, look, stop)
