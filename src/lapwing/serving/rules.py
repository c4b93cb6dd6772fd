"""Rules, alerts, and what readers say of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from lapwing.contracts import Front
from lapwing.serving.asking import Name
from lapwing.serving.bodies import TooLarge, read_body
from lapwing.serving.exports import answered
from lapwing.serving.problems import problem, problems
from lapwing.serving.security import asker, requires

ALERTS_PAGE = 50
ALERTS_MAX = 1_000
BODY_BYTES_MAX = 128 << 10

RuleName = Annotated[str, Path(min_length=1, max_length=100, description="Letters, digits, `.`, `_` and `-`.")]
EXAMPLE = {"places": ["Perth"], "radius_km": 50, "categories": ["flood", "storm"], "channels": ["phone"], "budget": 5}


def _body(*, required: bool) -> dict[str, Any]:
    """A rule as OpenAPI describes it: its keys are those of `[[rule]]`, which the configuration's page lists."""
    content = {"schema": {"type": "object"}, "example": EXAMPLE}
    return {"requestBody": {"required": required, "description": "The keys of `[[rule]]`, without `name`.",
                            "content": {"application/json": content}}}  # fmt: skip


class RuleShown(BaseModel, extra="allow"):
    """A rule: its keys, and how it stands."""

    name: str
    origin: str = Field(description="`file`, or `kept`.")
    hides_kept: bool = Field(description="One of the file hides a kept one of its name.")
    readers: int = Field(description="So many it tells at this moment.")
    problem: str | None


class Rules(BaseModel):
    """All rules, by name."""

    rules: list[RuleShown]


class RuleKept(BaseModel):
    """What was kept."""

    rule: RuleShown
    hidden_by_file: bool


class Removed(BaseModel):
    """What is gone."""

    removed: str


class TestAsked(BaseModel, extra="forbid"):
    """The time to test a rule on."""

    since: Name = Field("7d", description="From this time on: 2026-01-05T10:00:00Z, 2026-01-05, 2h (ago).")
    until: Name | None = Field(None, description="Up to this time, exclusive; without one until now.")


class Tested(BaseModel, extra="allow"):
    """What a rule would have sent to one reader."""

    rule: str
    incidents: int
    interrupts: int
    in_digests: int
    sent: list[dict[str, Any]]


class AlertsAsked(BaseModel, extra="forbid"):
    """Which alerts."""

    since: Name | None = Field(None, description="Sent from this time on: 2026-01-05T10:00:00Z, 2026-01-05, 2h (ago).")
    limit: int = Field(ALERTS_PAGE, ge=1, le=ALERTS_MAX)
    after: str | None = Field(None, max_length=20, description="The `next` of the page before.")


class Alerts(BaseModel):
    """A page of what readers were told, the newest first, and how much of all was called useful."""

    alerts: list[dict[str, Any]]
    next: str | None
    precision: dict[str, Any]


class Said(BaseModel, extra="forbid"):
    """What a reader says of an alert."""

    alert: str = Field(min_length=1, max_length=200, description="The alert's id.")
    useful: bool
    reader: str = Field("", max_length=12, description="The reader's mark; without one it is said for all.")


class Heard(BaseModel):
    """What was written down, and the precision with it."""

    alert: str
    useful: bool
    precision: dict[str, Any]


def router(front: Front) -> APIRouter:
    """`/api/v1/rules`, `/alerts` and `/feedback`."""
    routes = APIRouter(prefix="/api/v1", tags=["alerts"])
    _reading(routes, front)
    _changing(routes, front)
    _testing(routes, front)
    _readers(routes, front)
    return routes


def _reading(routes: APIRouter, front: Front) -> None:
    read = [requires("read")]

    @routes.get("/rules", dependencies=read, response_model=Rules, responses=problems(507))
    async def rules() -> Response:
        """All rules, by name; one of the file wins over a kept one."""
        return await answered(front.interactive, lambda: {"rules": front.rules()})

    @routes.get("/alerts", dependencies=read, response_model=Alerts, responses=problems(507))
    async def alerts(asked: Annotated[AlertsAsked, Query()]) -> Response:
        """What readers were told, the newest first, and what became of it."""

        def ask() -> dict[str, Any]:
            page, precision = front.alerts(asked.since, asked.limit, asked.after)
            return {"alerts": page.rows, "next": page.next, "precision": precision}

        return await answered(front.interactive, ask)


def _changing(routes: APIRouter, front: Front) -> None:
    write = [requires("write")]

    @routes.put(
        "/rules/{name}", dependencies=write, response_model=RuleKept, responses=problems(404, 413, 507),
        openapi_extra=_body(required=True),
    )  # fmt: skip
    async def keep(name: RuleName, request: Request) -> Response:
        """Keep a rule, in place of the one of this name; it counts within seconds. To repeat it changes nothing."""
        try:
            body = await read_body(request, BODY_BYTES_MAX)
        except TooLarge:
            return problem(413, f"a rule may have {BODY_BYTES_MAX:,} bytes", "simplify its polygon")
        return await answered(front.interactive, lambda: front.keep_rule(name, body, asker(request)))

    @routes.delete("/rules/{name}", dependencies=write, response_model=Removed, responses=problems(404, 507))
    async def remove(name: RuleName, request: Request) -> Response:
        """Let a kept rule go; what it holds back waits for another rule of the same reader."""
        return await answered(front.interactive, lambda: front.remove_rule(name, asker(request)))


def _testing(routes: APIRouter, front: Front) -> None:
    @routes.post(
        "/rules/{name}/test", dependencies=[requires("write")], response_model=Tested, responses=problems(404, 413, 507),
        openapi_extra=_body(required=False),
    )  # fmt: skip
    async def test(name: RuleName, asked: Annotated[TestAsked, Query()], request: Request) -> Response:
        """What a rule would have sent; with a body, what that one would have, and nothing is kept."""
        try:
            body = await read_body(request, BODY_BYTES_MAX)
        except TooLarge:
            return problem(413, f"a rule may have {BODY_BYTES_MAX:,} bytes", "simplify its polygon")
        return await answered(front.interactive, lambda: front.test_rule(name, body, (asked.since, asked.until)))


def _readers(routes: APIRouter, front: Front) -> None:
    @routes.post("/feedback", dependencies=[requires("write")], response_model=Heard, responses=problems(507))
    async def feedback(said: Said, request: Request) -> Response:
        """Say whether an alert was useful. What the same reader said of it before counts no more."""
        about = (said.alert, said.reader)
        return await answered(front.interactive, lambda: front.feedback(about, said.useful, asker(request)))
