"""Incidents: listed, shown with their evidence, and decided about."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from lapwing.contracts import Asked, Front, Page
from lapwing.serving.asking import JSON_ROWS_MAX, Limit, Name, Names
from lapwing.serving.exports import Export, Format, answered
from lapwing.serving.problems import problems
from lapwing.serving.reading import paged, streams
from lapwing.serving.security import asker, requires

INCIDENTS_PAGE = 50
GEOJSON_DEFAULT = 1_000
GEOJSON = "application/geo+json"
CAP = "application/cap+xml"

Mark = Annotated[str, Path(min_length=1, max_length=40, description="The incident's id.")]
State = Literal["possible", "confirmed", "fading", "closed"]


class Which(BaseModel, extra="forbid"):
    """Which incidents; parameters that repeat are OR-ed, different ones AND-ed."""

    state: list[State] = Field([], max_length=10, description="Repeatable.")
    category: Names = Field([], description="fire, flood, earthquake … Repeatable.")
    place: Names = Field([], description="A city by name, `Name, CC` or GeoNames id. Repeatable.")
    country: Names = Field([], description="Two letters. Repeatable.")
    since: Name | None = Field(None, description="With evidence from this time on.")
    until: Name | None = Field(None, description="That began before this time.")
    after: str | None = Field(None, max_length=400, description="The `next` of the page before.")

    def asked(self) -> Asked:
        """The filters as the front takes them."""
        return Asked(place=tuple(self.place), country=tuple(self.country), since=self.since, until=self.until)


class IncidentsAsked(Which):
    """Incidents."""

    limit: Limit = None
    format: Format = Field("json", description="One JSON value; or an export: a JSON object to a line, or CSV.")


class GeojsonAsked(Which):
    """Incidents for a map."""

    limit: int = Field(GEOJSON_DEFAULT, ge=1, le=JSON_ROWS_MAX, description="At most so many.")


class Point(BaseModel):
    """Where it is: two thirds of the located voices are within the radius."""

    longitude: float
    latitude: float
    radius_km: float


class Incident(BaseModel, extra="allow"):
    """Posts of different people about one thing."""

    id: str
    state: State
    reason: str | None = Field(description="Why it was closed: quiet, withdrawn, merged, dismissed.")
    category: str
    severity: str
    place: dict[str, Any] | None
    country: str | None
    point: Point | None
    first_at: str
    last_at: str
    people: int = Field(description="Independent voices: copies, reposts and one person's many posts are one.")
    posts: int
    reposts: int
    withdrawn: int = Field(description="Posts that were edited or deleted since.")


class Incidents(BaseModel):
    """A page of incidents, those with the latest evidence first."""

    incidents: list[Incident]
    next: str | None


class Word(BaseModel):
    """A word that decided."""

    word: str
    people: int = Field(description="Independent voices in whose posts it counted.")


class Card(Incident):
    """An incident with its evidence."""

    timeline: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
    words: list[Word] = Field(description="That spoke for an emergency, those of most voices first.")
    languages: dict[str, int]
    history: list[dict[str, Any]]
    complete: float | None
    gaps: list[dict[str, Any]]


class Into(BaseModel, extra="forbid"):
    """Into which incident."""

    into: str = Field(min_length=1, max_length=40)


class Decided(BaseModel):
    """What was written down, and the incident as it was then."""

    accepted: str
    incident: Incident


def router(front: Front) -> APIRouter:
    """`/api/v1/incidents` and what is below it."""
    routes = APIRouter(prefix="/api/v1", tags=["incidents"])
    _reading(routes, front)
    _exporting(routes, front)
    _deciding(routes, front)
    return routes


def _reading(routes: APIRouter, front: Front) -> None:
    read = [requires("read")]

    @routes.get(
        "/incidents", dependencies=read, response_model=Incidents, responses=streams("Incidents, latest first.")
    )
    async def incidents(asked: Annotated[IncidentsAsked, Query()]) -> Response:
        """What is happening: incidents that match, those with the latest evidence first."""
        about = asked.asked()

        def ask(limit: int, after: str | None) -> Page:
            return front.incidents(about, (tuple(asked.state), tuple(asked.category)), limit, after)

        return await paged(front, Export("incidents", asked.format, ask, asked.limit, asked.after), INCIDENTS_PAGE)

    @routes.get("/incidents/{id}", dependencies=read, response_model=Card, responses=problems(404, 507))
    async def incident(id: Mark) -> Response:
        """One incident with its evidence: timeline, point, three posts, people, languages, completeness."""
        return await answered(front.interactive, lambda: front.incident(id))


def _exporting(routes: APIRouter, front: Front) -> None:
    read = [requires("read")]

    @routes.get(
        "/incidents.geojson", dependencies=read, response_class=Response,
        responses=problems(507) | _body(GEOJSON, "A FeatureCollection, with `next` where there are more.", COLLECTION),
    )  # fmt: skip
    async def incidents_geojson(asked: Annotated[GeojsonAsked, Query()]) -> Response:
        """Incidents that match as GeoJSON (RFC 7946), for a map; one of which no point is known has no geometry."""
        about, which = asked.asked(), (tuple(asked.state), tuple(asked.category))
        found = await answered(front.patient, lambda: front.incidents_geojson(about, which, asked.limit, asked.after))
        found.headers["content-type"] = GEOJSON
        return found

    @routes.get(
        "/incidents/{id}/cap", dependencies=read, response_class=Response,
        responses=problems(404, 507) | _body(CAP, "A CAP 1.2 alert whose status is Draft.", {"type": "string"}),
    )  # fmt: skip
    async def incident_cap(id: Mark) -> Response:
        """An incident as a draft in the Common Alerting Protocol 1.2: a person looks at it before anybody is warned."""
        draft = await asyncio.wrap_future(front.interactive(lambda: front.incident_cap(id)))
        return Response(draft, media_type=CAP)


COLLECTION: dict[str, Any] = {
    "type": "object",
    "properties": {
        "type": {"const": "FeatureCollection"},
        "features": {"type": "array", "items": {"type": "object"}},
        "next": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["type", "features", "next"],
}


def _body(media_type: str, about: str, schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": about, "content": {media_type: {"schema": schema}}}}


def _deciding(routes: APIRouter, front: Front) -> None:
    write = [requires("write")]
    answers = problems(404, 422, 507)

    def decided(kind: str, about: str) -> None:
        async def decide(id: Mark, request: Request) -> Response:
            return await answered(front.interactive, lambda: front.decide(kind, id, "", asker(request)))

        decide.__doc__ = about
        routes.add_api_route(
            f"/incidents/{{id}}/{kind}", decide, methods=["POST"], dependencies=write, response_model=Decided,
            responses=answers, name=kind,
        )  # fmt: skip

    decided("confirm", "Say that an incident is true. To repeat it changes nothing.")
    decided("dismiss", "Say that an incident is none; it is closed. To repeat it changes nothing.")
    decided("mute", "Let nobody be alerted of an incident any more. To repeat it changes nothing.")
    decided("unmute", "Let alerts of a muted incident go out again. To repeat it changes nothing.")

    @routes.post("/incidents/{id}/merge", dependencies=write, response_model=Decided, responses=answers)
    async def merge(id: Mark, other: Into, request: Request) -> Response:
        """Say that an incident is another one, which stays. To repeat it changes nothing."""
        return await answered(front.interactive, lambda: front.decide("merge", id, other.into, asker(request)))
