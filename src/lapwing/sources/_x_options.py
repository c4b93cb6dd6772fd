"""What may stand in a `[[source]]` of type `x`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lapwing.hearing import Unfit
from lapwing.settings import Secret


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule, and what to call it."""

    value: Annotated[str, Meta(description="What to listen for, in X's operators.")]
    tag: Annotated[str, Meta(max_length=200, description="A name, which comes with each post that matches.")] = ""


Posts = Annotated[int, Meta(ge=1)]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One app of X, what to listen for, and how much that may cost."""

    token: Annotated[Secret, Meta(description="The app's bearer token.")]
    rules: Annotated[
        list[str | Rule],
        Meta(description="What to listen for: texts, or tables with `value` and `tag`; may change while it runs."),
    ] = []
    stream: Annotated[
        Literal["filtered", "sample"],
        Meta(description="Posts that match `rules`, or a hundredth of all (for enterprises)."),
    ] = "filtered"
    recover: Annotated[
        Literal["search", "none"],
        Meta(description="How a break is filled: by recent search, which is paid for too, or not at all."),
    ] = "search"
    backfill_minutes: Annotated[
        int, Meta(ge=0, le=5, description="So much the stream itself fills after a break (for enterprises).")
    ] = 0
    reads_per_day: Annotated[Posts | None, Meta(description="So many posts are read in a UTC day, never more.")] = None
    reads_per_month: Annotated[
        Posts | None, Meta(description="So many posts are read in a month of UTC, never more.")
    ] = None
    stream_reserve: Annotated[
        int,
        Meta(
            ge=0,
            description="With fewer reads left the stream is closed, as so many may be under way; search reads the rest.",
        ),
    ] = 250
    end_stuck_connections: Annotated[
        bool, Meta(description="Whether to end the app's other connections when they take the place of ours.")
    ] = False
    url: Annotated[str, Meta(min_length=1, description="Where X's API is.")] = "https://api.x.com"

    @property
    def searches(self) -> bool:
        """Whether recent search fills what the stream did not say."""
        return self.recover == "search" and self.stream == "filtered"


PAGE_POSTS_MIN = 10
"""X gives no smaller page of search."""


def unfit_budget(options: Options) -> Unfit | None:
    """What is wrong with a budget by which nothing would ever be read."""
    limits = {"reads_per_day": options.reads_per_day, "reads_per_month": options.reads_per_month}
    limit, key = min(((value, key) for key, value in limits.items() if value is not None), default=(None, ""))
    if limit is None or limit > options.stream_reserve:
        return None
    step = "allow more reads, or lower stream_reserve"
    if not options.searches:
        what = f"a budget of {limit} reads is no more than stream_reserve, so the stream would never be opened"
        return Unfit(key, what, step)
    if limit < PAGE_POSTS_MIN:
        what = f"X gives no page of fewer than {PAGE_POSTS_MIN} posts, and {limit} reads are allowed"
        return Unfit(key, what, step)
    return None
