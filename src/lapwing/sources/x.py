"""Posts of X: the filtered stream with its rules, or the sample stream; recent search fills what a break left.

Reading is paid for each post. A budget is counted in the cursor, by UTC day and month, and never exceeded.
Sources: X's documentation of August 2026 and its OpenAPI descriptions 2.162 to 2.167.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from lapwing.hearing import Source, SourceChunk, Surroundings, Unfit
from lapwing.sources._x_options import Options, unfit_budget


def check(options: Options) -> Unfit | None:
    """What cannot be listened to: an address that is not safe, no rules, a budget that opens no stream."""
    from lapwing.sources._addresses import unfit

    if options.stream == "filtered" and not options.rules:
        step = """write rules = ['flood place:"Toronto"'], or stream = "sample\""""
        return Unfit("rules", "the filtered stream says nothing without any", step)
    return unfit_budget(options) or unfit(options, "url")


async def read(options: Options, after: str, surroundings: Surroundings) -> AsyncGenerator[SourceChunk, None]:
    """Yield what comes, until cancelled.

    Raises `RefusedBySource` for a token, a right or rules that somebody has to mend, `RateLimited` and `Disconnected`
    with the waits that X asks for.
    """
    from lapwing.sources._x_listening import Listening

    async with aclosing(Listening(options, after, surroundings).chunks()) as chunks:
        async for chunk in chunks:
            yield chunk


SOURCE = Source(
    network="x",
    format="x_v2",
    options=Options,
    read=read,
    check=check,
    resume="overlap",
    silence_s=lambda _: 300.0,
    live=frozenset({"rules"}),
    example="""
[[source]]
type = "x"
name = "x.toronto"
token = "env:X_BEARER_TOKEN"
rules = ["flood place:Toronto", { value = "(storm OR hail) place:Toronto lang:en", tag = "storm" }]
reads_per_day = 5000
""",
)
