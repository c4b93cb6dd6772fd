"""The shapes of answers, for the OpenAPI document; answers themselves are encoded by msgspec, without a detour."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Place(BaseModel):
    """A city of GeoNames."""

    id: int = Field(description="Its GeoNames id.")
    name: str
    country: str


class LocatedPlace(Place):
    """Where a post is, and how that is known."""

    by: str
    confidence: float
    evidence: str | None


class Post(BaseModel):
    """One post."""

    uid: str
    network: str
    source: str = Field(description="The first that saw it; `sightings` are all.")
    kind: str
    author: str
    author_name: str | None
    text: str | None = Field(description="None once it expired.")
    lang: str | None
    created_at: str
    received_at: str | None
    url: str | None
    about: str | None
    place: LocatedPlace | None
    country: str | None
    edited: bool
    sightings: list[str]


class Posts(BaseModel):
    """A page of posts, newest first."""

    posts: list[Post]
    next: str | None = Field(description="The `after` of the next page; None at the end.")


class Gap(BaseModel):
    """A time in which a source was not heard."""

    source: str
    from_: str = Field(alias="from")
    to: str
    reason: str


class Count(BaseModel):
    """Posts, reposts and people of a window; `place` with by=place, `country` with by=country."""

    window: str
    place: Place | None = None
    country: str | None = None
    posts: int | None = Field(description="None where fewer people than `at_least` are behind it; the next two too.")
    reposts: int | None
    people: int | None
    people_exact: bool
    complete: float | None
    processed: bool
    gaps: list[Gap]
    with_: dict[str, Any] | None = Field(
        None, alias="with", description="Where a table was asked for: its values, or null where it has no such place."
    )


class Counts(BaseModel):
    """A page of counts."""

    counts: list[Count]
    next: str | None


class Word(BaseModel):
    """A word, and how many posts have it."""

    word: str
    count: int


class Words(BaseModel):
    """The most frequent words."""

    words: list[Word]


class City(BaseModel):
    """A city that posts are in."""

    id: int
    name: str
    country: str
    latitude: float | None
    longitude: float | None
    population: int | None
    posts: int
    reposts: int
    people: int


class Cities(BaseModel):
    """A page of cities."""

    places: list[City]
    next: str | None


class Status(BaseModel, extra="allow"):
    """How things stand."""

    at: str
    accounting: dict[str, int] = Field(
        description="received = stored + duplicates + changes + filtered + refused, since the beginning."
    )
    sources: list[dict[str, Any]]
    lag_records: int
    dead_letters: int


class Letter(BaseModel):
    """A record that was refused, and why."""

    id: int
    source: str
    network: str
    format: str
    topic: str
    partition: int
    offset: int
    reason: str
    received_at: str
    refused_at: str


class WholeLetter(Letter):
    """A dead letter with its record, as text, or as base64 where it is not UTF-8."""

    record: str | dict[str, str]


class Letters(BaseModel):
    """A page of dead letters, newest first."""

    errors: list[Letter]
    next: str | None


class Retried(BaseModel):
    """What became of the dead letters that were read again."""

    moved: int = Field(description="Could be read now.")
    refused: int = Field(description="Are refused still.")


class Discarded(BaseModel):
    """What became of a dead letter that was given up."""

    discarded: int = Field(description="1, or 0 where it did not wait any more.")


class Health(BaseModel):
    """That all is well."""

    status: str
