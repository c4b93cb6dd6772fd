"""Devices that receive alerts: those that register an address, and those that are added with a code and get a token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from math import ceil
from typing import Annotated, Any, Literal, Protocol

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from lapwing.contracts import Front
from lapwing.errors import UsageError
from lapwing.serving.exports import answered
from lapwing.serving.limiting import Buckets
from lapwing.serving.problems import problem, problems
from lapwing.serving.rules import ALERTS_PAGE, Alerts, Heard, RuleShown
from lapwing.serving.security import asker, requires

CODES_PER_MINUTE = 6
"""So many codes of one address are looked at."""
ROWS_MAX = 200
ADDRESS_CHARACTERS_MAX = 4_000

Id = Annotated[str, Path(min_length=1, max_length=20, description="The device's id.")]


class Receivers(Protocol):
    """What a data directory does for devices; each answer comes from a thread."""

    def channels(self) -> Future[dict[str, Any]]:
        """Where a device may be reached."""

    def make_code(self, by: str) -> Future[dict[str, Any]]:
        """A code for one device."""

    def add(self, name: str, code: str | None, by: str) -> Future[dict[str, Any]]:
        """A new device and its token; `code` is None where none is needed."""

    def listed(self) -> Future[dict[str, Any]]:
        """All devices."""

    def mine(self, id: str) -> Future[dict[str, Any]]:
        """One device."""

    def wish(self, id: str, said: dict[str, Any]) -> Future[dict[str, Any]]:
        """Tell a device of what it wants."""

    def move(self, id: str, channel: str, address: str) -> Future[dict[str, Any]]:
        """Reach a device elsewhere; with an empty address on its page alone."""

    def test(self, id: str) -> Future[dict[str, Any]]:
        """Send a test to a device."""

    def history(self, id: str, limit: int, after: str | None) -> Future[dict[str, Any]]:
        """What a device was told."""

    def say(self, id: str, alert: str, useful: bool) -> Future[dict[str, Any]]:
        """Write down whether an alert was useful to a device."""

    def leave(self, id: str) -> Future[dict[str, Any]]:
        """Remove a device."""


class Address(BaseModel, extra="forbid"):
    """Where a reader is reached."""

    channel: str = Field(min_length=1, max_length=100, description="The name of a `[[channel]]`.")
    address: str = Field(
        min_length=1, max_length=ADDRESS_CHARACTERS_MAX, description="A token, or a push subscription as JSON text."
    )


class Moved(BaseModel, extra="forbid"):
    """Where a device is reached from now on."""

    channel: str = Field("page", min_length=1, max_length=100, description="The name of a `[[channel]]`.")
    address: str = Field(
        "", max_length=ADDRESS_CHARACTERS_MAX, description="A push subscription as JSON text; empty: its page alone."
    )


class Registered(BaseModel):
    """By which mark a reader is known from now on."""

    channel: str
    reader: str


class ChannelShown(BaseModel):
    """A channel that a device may join."""

    name: str
    type: str
    public_key: str | None = Field(description="The `applicationServerKey` of push subscriptions.")
    problem: str | None = Field(description="Why it is not ready.")


class Channels(BaseModel):
    """Those that push first, the page itself last."""

    channels: list[ChannelShown]
    code_needed: bool = Field(description="Whether who asks needs a code to add a device.")


class CodeMade(BaseModel):
    """A code that counts once."""

    code: str
    expires_at: str
    seconds: int
    link: str | None = Field(description="Where the device opens it, by `serve.public_url`.")


class Joining(BaseModel, extra="forbid"):
    """A device that wants to be added."""

    name: str = Field(min_length=1, max_length=60, description="What people call it.")
    code: str | None = Field(None, max_length=40, description="From the page Rules; none for who may write anyway.")


class DeviceShown(BaseModel):
    """A device, without its address and its token."""

    id: str
    name: str
    added_at: str
    by: str
    channel: str
    push: bool = Field(description="It is reached also when its page is closed.")
    reachable: bool = Field(description="False: its push subscription is gone; it has to be made anew.")
    reader: str = Field(description="The mark by which alerts name it.")
    readers: list[str] = Field(description="That and earlier ones.")
    rule: RuleShown | None = Field(description="What it is told of; null: of nothing.")


class Joined(BaseModel):
    """The device and its token, which is not shown again."""

    token: str
    device: DeviceShown


class DeviceList(BaseModel):
    """All devices, in the order in which they were added."""

    devices: list[DeviceShown]


class Wish(BaseModel, extra="forbid"):
    """What a device wants to be told of: keys of `[[rule]]`."""

    places: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=20)
    radius_km: float = Field(50, gt=0, le=20_000)
    countries: list[Annotated[str, Field(max_length=2)]] = Field([], max_length=50)
    categories: list[Annotated[str, Field(max_length=40)]] = Field([], max_length=20)
    severity: Literal["unknown", "minor", "moderate", "severe", "extreme"] = "minor"
    state: Literal["possible", "confirmed"] = "possible"
    budget: int = Field(5, ge=1, le=100)
    quiet: list[Annotated[str, Field(max_length=11)]] = Field([], max_length=5)
    breaks_through: Literal["never", "minor", "moderate", "severe", "extreme"] = "severe"
    zone: str = Field("UTC", min_length=1, max_length=64)


class Tested(BaseModel):
    """The id of the test alert."""

    alert: str


class Opinion(BaseModel, extra="forbid"):
    """What a device says of an alert."""

    alert: str = Field(min_length=1, max_length=200, description="The alert's id.")
    useful: bool


class Gone(BaseModel):
    """The id of what is gone."""

    removed: str


class History(BaseModel, extra="forbid"):
    """Which part of it."""

    limit: int = Field(ALERTS_PAGE, ge=1, le=ROWS_MAX)
    after: str | None = Field(None, max_length=20, description="The `next` of the page before.")


def router(front: Front) -> APIRouter:
    """`POST` and `DELETE /api/v1/devices`: addresses that programs register."""
    routes = APIRouter(prefix="/api/v1/devices", tags=["alerts"])
    _addresses(routes, front)
    return routes


def receiving(receivers: Receivers, clock: Callable[[], float]) -> APIRouter:
    """The rest of `/api/v1/devices`: devices with a token of their own. `clock` tells seconds that never go back."""
    routes = APIRouter(prefix="/api/v1/devices", tags=["alerts"])
    _mine(routes, receivers)
    _told(routes, receivers)
    _joining(routes, receivers, Buckets(CODES_PER_MINUTE, clock))
    _all(routes, receivers)
    return routes


async def _said(answer: Future[dict[str, Any]]) -> Response:
    return Response(msgspec.json.encode(await asyncio.wrap_future(answer)), media_type="application/json")


def _device(request: Request) -> str:
    """The id of the device that asks; raises `UsageError` for anybody else."""
    who = getattr(request.state, "identity", None)
    if who is None or who.scope != "receive":
        raise UsageError("no device asks", "add this device at /receiver first, and send its own token")
    return str(who.name.partition("-")[2])


def _mine(routes: APIRouter, receivers: Receivers) -> None:
    own = [requires("receive")]

    @routes.get("/mine", dependencies=own, response_model=DeviceShown, responses=problems(507))
    async def mine(request: Request) -> Response:
        """The device that asks, and what it is told of."""
        return await _said(receivers.mine(_device(request)))

    @routes.put("/mine", dependencies=own, response_model=DeviceShown, responses=problems(404, 507))
    async def wish(wanted: Wish, request: Request) -> Response:
        """Tell the device that asks of this from now on. It is a rule that stands with the others."""
        return await _said(receivers.wish(_device(request), wanted.model_dump()))

    @routes.put("/mine/address", dependencies=own, response_model=DeviceShown, responses=problems(507))
    async def move(to: Moved, request: Request) -> Response:
        """Reach the device that asks by push, or on its page alone. What it knows is not told again."""
        return await _said(receivers.move(_device(request), to.channel, to.address))

    @routes.delete("/mine", dependencies=own, response_model=Gone, responses=problems(507))
    async def leave(request: Request) -> Response:
        """Remove the device that asks: its rule, its token, and what it was told."""
        return await _said(receivers.leave(_device(request)))


def _told(routes: APIRouter, receivers: Receivers) -> None:
    own = [requires("receive")]

    @routes.get("/mine/alerts", dependencies=own, response_model=Alerts, responses=problems(507))
    async def history(asked: Annotated[History, Query()], request: Request) -> Response:
        """What the device that asks was told, the newest first, and how much of it it called useful."""
        return await _said(receivers.history(_device(request), asked.limit, asked.after))

    @routes.post("/mine/feedback", dependencies=own, response_model=Heard, responses=problems(507))
    async def feedback(said: Opinion, request: Request) -> Response:
        """Say whether an alert was useful to the device that asks; others' alerts are not its to judge."""
        return await _said(receivers.say(_device(request), said.alert, said.useful))

    @routes.post("/mine/test", dependencies=own, response_model=Tested, responses=problems(507))
    async def test(request: Request) -> Response:
        """Send a test to the device that asks, and to no other."""
        return await _said(receivers.test(_device(request)))


def _joining(routes: APIRouter, receivers: Receivers, guesses: Buckets) -> None:
    @routes.get("/channels", dependencies=[requires("read")], response_model=Channels, responses=problems(507))
    async def channels(request: Request) -> Response:
        """Where a device may be reached, and what a browser needs to subscribe."""
        found = await asyncio.wrap_future(receivers.channels())
        return JSONResponse({**found, "code_needed": not getattr(request.state, "may_write", False)})

    @routes.post("/codes", dependencies=[requires("write")], response_model=CodeMade, responses=problems(507))
    async def code(request: Request) -> Response:
        """A code with which one device may be added, within ten minutes."""
        return await _said(receivers.make_code(asker(request)))

    @routes.post("/join", dependencies=[requires("public")], response_model=Joined, responses=problems(507))
    async def join(joining: Joining, request: Request) -> Response:
        """Add a device, with a code; who may write needs none. Ten wrong guesses end every open code."""
        if joining.code is None and getattr(request.state, "may_write", False):
            return await _said(receivers.add(joining.name, None, asker(request)))
        wait_s = guesses.wait_s(str(getattr(request.state, "client", "")))
        if wait_s:
            answer = problem(429, "too many codes", f"wait {ceil(wait_s)} s")
            answer.headers["Retry-After"] = str(ceil(wait_s))
            return answer
        return await _said(receivers.add(joining.name, joining.code or "", "code"))


def _addresses(routes: APIRouter, front: Front) -> None:
    write = [requires("write")]

    @routes.post("", dependencies=write, response_model=Registered, responses=problems(507))
    async def register(device: Address) -> Response:
        """Keep a reader's address on a channel. To repeat it changes nothing."""
        return await answered(front.interactive, lambda: front.device(device.channel, device.address, True))

    @routes.delete("", dependencies=write, response_model=Registered, responses=problems(507))
    async def unregister(device: Address) -> Response:
        """Forget a reader, what waits for it, and what it was told. The address is in the body, so that no log has it."""
        return await answered(front.interactive, lambda: front.device(device.channel, device.address, False))


def _all(routes: APIRouter, receivers: Receivers) -> None:
    @routes.get("", dependencies=[requires("read")], response_model=DeviceList, responses=problems(507))
    async def listed() -> Response:
        """The devices that were added."""
        return await _said(receivers.listed())

    @routes.delete("/{id}", dependencies=[requires("write")], response_model=Gone, responses=problems(404, 507))
    async def remove(id: Id) -> Response:
        """Remove a device: its token ends at once."""
        return await _said(receivers.leave(id))
