"""What may be asked: the command line's filters as query parameters, each checked before anything is read."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from lapwing.contracts import Asked, Counting
from lapwing.serving.exports import Format

JSON_ROWS_MAX = 10_000
"""More rows than this are an export."""
RANKED_MAX = 100

Name = Annotated[str, Field(max_length=100)]
Names = Annotated[list[Name], Field(max_length=30)]
Limit = Annotated[
    int | None,
    Field(ge=1, le=1_000_000_000, description="At most so many; exports without a limit give all."),
]


class Filters(BaseModel, extra="forbid"):
    """Which posts; parameters that repeat are OR-ed, different ones AND-ed."""

    source: Names = Field([], description="Only posts that this source saw. Repeatable.")
    network: Names = Field([], description="x, mastodon, bluesky … Repeatable.")
    place: Names = Field([], description="A city by name, `Name, CC` or GeoNames id. Repeatable.")
    country: Names = Field([], description="Two letters. Repeatable.")
    lang: Names = Field([], description="Two or three letters. Repeatable.")
    kind: Names = Field([], description="post, reply, quote or repost. Repeatable.")
    since: Name | None = Field(None, description="From this time on: 2026-01-05T10:00:00Z, 2026-01-05, 2h (ago).")
    until: Name | None = Field(None, description="Up to this time, exclusive.")
    format: Format = Field("json", description="One JSON value; or an export: a JSON object to a line, or CSV.")

    def asked(self) -> Asked:
        """The filters as the front takes them."""
        return Asked(
            source=tuple(self.source), network=tuple(self.network), place=tuple(self.place),
            country=tuple(self.country), lang=tuple(self.lang), kinds=tuple(self.kind),
            since=self.since, until=self.until,
        )  # fmt: skip


class PostsAsked(Filters):
    """Posts."""

    q: str | None = Field(
        None, max_length=1_000, description='Words are AND-ed; `OR`, `-word`, `"a phrase"`, `#tag`, `@name`, `prefix*`.'
    )
    limit: Limit = None
    after: str | None = Field(None, max_length=4_000, description="The `next` of the page before.")
    pseudonyms: bool = Field(False, description="Without names: people and posts under keyed pseudonyms.")


class CountsAsked(Filters):
    """Counts."""

    window: str = Field("5m", max_length=20, description="A multiple of 5m, or `all` for the whole range.")
    by: Literal["place", "country", "none"] = "place"
    top: int = Field(0, ge=0, le=RANKED_MAX, description="Only the places with the most.")
    bottom: int = Field(0, ge=0, le=RANKED_MAX, description="Only the places with the least, of those with a post.")
    sort: Literal["posts", "reposts", "people"] = "posts"
    at_least: int = Field(0, ge=0, le=1_000_000, description="Rows of fewer people show no numbers.")
    with_: Name | None = Field(
        None,
        alias="with",
        description="The values of this reference table beside each row, and posts per 1,000 people.",
    )
    limit: Limit = None
    after: str | None = Field(None, max_length=4_000, description="The `next` of the page before.")

    def counting(self) -> Counting:
        """What is counted, as the front takes it."""
        return Counting(
            window=self.window, by=self.by, top=self.top, bottom=self.bottom, sort=self.sort, table=self.with_,
            at_least=self.at_least,
        )  # fmt: skip


class WordsAsked(Filters):
    """Words."""

    q: str | None = Field(None, max_length=1_000, description="As of posts.")
    limit: int = Field(50, ge=1, le=10_000, description="At most so many words.")


class PlacesAsked(Filters):
    """Places."""

    limit: Limit = None
    after: str | None = Field(None, max_length=4_000, description="The `next` of the page before.")


class LettersAsked(BaseModel, extra="forbid"):
    """Dead letters."""

    reason: str | None = Field(None, max_length=1_000, description="Only reasons that contain this.")
    topic: Name | None = Field(None, description="Only this topic.")
    limit: Limit = None
    after: str | None = Field(None, max_length=20, description="The `next` of the page before.")
    format: Format = Field("json", description="One JSON value; or an export: a JSON object to a line, or CSV.")


class LettersExported(BaseModel, extra="forbid"):
    """Dead letters with their records."""

    reason: str | None = Field(None, max_length=1_000, description="Only reasons that contain this.")
    topic: Name | None = Field(None, description="Only this topic.")
    limit: Limit = None
    format: Literal["ndjson", "csv"] = Field("ndjson", description="A JSON object to a line, or CSV.")


def page_size(limit: int | None, default: int) -> int:
    """How many rows a page of JSON has; raises `RequestValidationError` where only an export gives so many."""
    if limit is not None and limit > JSON_ROWS_MAX:
        told = f"{limit} is more than the {JSON_ROWS_MAX} rows of a page; follow `next` from page to page, or take an export"
        raise RequestValidationError([{"type": "page_size", "loc": ("query", "limit"), "input": limit, "msg": told}])
    return limit or default
