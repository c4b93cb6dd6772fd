"""Incidents: listed, shown with their evidence, and decided about."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from lapwing.contracts import Asked, Front, Page
from lapwing.serving.asking import Limit, Name, Names
from lapwing.serving.exports import Export, Format, answered
from lapwing.serving.problems import problems
from lapwing.serving.reading import paged, streams
from lapwing.serving.security import requires

INCIDENTS_PAGE = 50
GEOJSON_MAX = 10_000

Mark = Annotated[str, Path(min_length=1, max_length=40, description="The incident's id.")]
State = Literal["possible", "confirmed", "fading", "closed"]


class IncidentsAsked(BaseModel, extra="forbid"):
    """Which incidents; parameters that repeat are OR-ed, different ones AND-ed."""

    state: list[State] = Field([], max_length=10, description="Repeatable.")
    category: Names = Field([], description="fire, flood, earthquake … Repeatable.")
    place: Names = Field([], description="A city by name, `Name, CC` or GeoNames id. Repeatable.")
    country: Names = Field([], description="Two letters. Repeatable.")
    since: Name | None = Field(None, description="With evidence from this time on.")
    until: Name | None = Field(None, description="That began before this time.")
    limit: Limit = None
    after: str | None = Field(None, max_length=400, description="The `next` of the page before.")
    format: Format = Field("json", description="One JSON value; or an export: a JSON object to a line, or CSV.")

    def asked(self) -> Asked:
        """The filters as the front takes them."""
        return Asked(place=tuple(self.place), country=tuple(self.country), since=self.since, until=self.until)


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


class Card(Incident):
    """An incident with its evidence."""

    timeline: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
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


def _deciding(routes: APIRouter, front: Front) -> None:
    write = [requires("write")]
    answers = problems(404, 422, 507)

    def decided(kind: str, about: str) -> None:
        async def decide(id: Mark, request: Request) -> Response:
            by = getattr(request.scope.get("state", {}).get("identity"), "name", "") or "http"
            return await answered(front.interactive, lambda: front.decide(kind, id, "", by))

        decide.__doc__ = about
        routes.add_api_route(
            f"/incidents/{{id}}/{kind}", decide, methods=["POST"], dependencies=write, response_model=Decided,
            responses=answers, name=kind,
        )  # fmt: skip

    decided("confirm", "Say that an incident is true. To repeat it changes nothing.")
    decided("dismiss", "Say that an incident is none; it is closed. To repeat it changes nothing.")
    decided("mute", "Let nobody be alerted of an incident any more. To repeat it changes nothing.")

    @routes.post("/incidents/{id}/merge", dependencies=write, response_model=Decided, responses=answers)
    async def merge(id: Mark, other: Into, request: Request) -> Response:
        """Say that an incident is another one, which stays. To repeat it changes nothing."""
        by = getattr(request.scope.get("state", {}).get("identity"), "name", "") or "http"
        return await answered(front.interactive, lambda: front.decide("merge", id, other.into, by))
