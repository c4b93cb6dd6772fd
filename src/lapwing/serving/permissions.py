"""What each route declares that it needs, and who has declared nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import fastapi.routing
from fastapi import Depends, FastAPI, Request, params
from fastapi.security import HTTPBearer
from starlette.routing import Match

from lapwing.serving.identity import RANK, Permission

STATUSES = {
    401: "No token, or one that is not valid.",
    403: "The token's scope is too small, or a page of another site asks.",
    412: "The page that asks is older than the server.",
    421: "Asked under a name that is not ours.",
    429: "Too many requests; `Retry-After` says how long to wait.",
}
"""What the guard may answer instead of any route."""

NOTHING_DECLARED: Permission = "admin"
"""What a route needs that says nothing: the most."""


class Public:
    """The declaration that everybody may ask."""

    permission: Permission = "public"

    async def __call__(self) -> None:
        """Let pass."""


class Needs(HTTPBearer):
    """The declaration that a scope is needed; OpenAPI shows it as a bearer token."""

    def __init__(self, permission: Permission) -> None:
        super().__init__(
            scheme_name="token", bearerFormat="lw_…", auto_error=False, description="From `lapwing token create`."
        )
        self.permission = permission

    async def __call__(self, request: Request) -> None:  # type: ignore[override]
        """Let pass what the guard let pass; it decides before the body is read. Both must mean the same route."""
        granted = request.scope.get("state", {}).get("permission")
        assert granted is None or RANK[granted] >= RANK[self.permission], "the guard took this for another route"


_DECLARATIONS: dict[Permission, params.Depends] = {
    "public": Depends(Public()),
    "read": Depends(Needs("read")),
    "receive": Depends(Needs("receive")),
    "write": Depends(Needs("write")),
    "admin": Depends(Needs("admin")),
}


def requires(permission: Permission) -> params.Depends:
    """What a route says about itself: `@router.get("/posts", dependencies=[requires("read")])`.

    A router may say it for all of its routes. Where several are declared, the highest counts.
    """
    return _DECLARATIONS[permission]


def declare(app: FastAPI, path: str, permission: Permission) -> None:
    """Say what is needed for what has no dependencies: mounted files, `/openapi.json`. `path` as the route has it."""
    found = [each for each in _routes(app) if _path(each) == path]
    assert found, f"there is no route {path}"
    for each in found:
        getattr(each, "original_route", each).lapwing_permission = permission


def declared(app: FastAPI) -> list[tuple[str, str, Permission | None]]:
    """Method, path and permission of every route, in the order in which they are tried; a mount's method is `*`."""
    unseen = getattr(app.router, "_low_priority_routes", [])  # FastAPI's own static sites, which `needed` cannot see
    return [
        (method, _path(each) or "/", _declared(each))
        for each in [*_routes(app), *unseen]
        for method in sorted(_methods(each))
    ]


def undeclared(app: FastAPI) -> list[str]:
    """The routes without a permission, as in `GET /api/v1/posts`; there should be none. They need `admin`."""
    return [f"{method} {path}" for method, path, permission in declared(app) if permission is None]


def needed(app: FastAPI, scope: Any) -> Permission:
    """The permission that this request's route needs; "public" where there is no route, and so nothing but a 404 or 405.

    Found as the application finds it, the first route that matches; so that what is not allowed ends before its body
    is read.
    """
    scope = dict(scope)  # matching writes into it
    if scope["method"] == "HEAD":
        scope["method"] = "GET"
    for each in _routes(app):
        if each.matches(scope)[0] is Match.FULL:
            return _declared(each) or NOTHING_DECLARED
    return "public"


def show_permissions(app: FastAPI) -> None:
    """Have OpenAPI say `x-permission` for each operation, and the answers that the guard may give.

    Reading says that a token is optional: on a loopback address it is.
    """
    original = app.openapi

    def openapi() -> dict[str, Any]:
        schema = original()
        for each in _routes(app):
            operations = schema.get("paths", {}).get(getattr(each, "path_format", None), {})
            for method in getattr(each, "methods", None) or ():
                if method.lower() in operations:
                    _describe(operations[method.lower()], _declared(each) or NOTHING_DECLARED)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def _describe(operation: dict[str, Any], permission: Permission) -> None:
    operation["x-permission"] = permission
    if permission == "read":
        operation["security"] = [{}, {"token": []}]
    for status, meaning in STATUSES.items():
        content = {"application/problem+json": {"schema": {"type": "object"}}}
        operation.setdefault("responses", {}).setdefault(str(status), {"description": meaning, "content": content})


def _routes(app: FastAPI) -> Iterable[Any]:
    """All routes in the order in which they are tried, those of included routers as they are there."""
    flat = getattr(fastapi.routing, "iter_route_contexts", None)  # earlier versions of FastAPI copy them into the app
    return flat(app.routes) if flat else app.routes


def _declared(route: Any) -> Permission | None:
    said = [dependency.permission for dependency in _dependencies(getattr(route, "dependant", None))]
    by_hand = getattr(getattr(route, "original_route", route), "lapwing_permission", None)
    return max([*said, *([by_hand] if by_hand else [])], key=RANK.__getitem__, default=None)


def _dependencies(dependant: Any) -> Iterator[Public | Needs]:
    for inner in getattr(dependant, "dependencies", ()):
        if isinstance(inner.call, Public | Needs):
            yield inner.call
        yield from _dependencies(inner)


def _methods(route: Any) -> set[str]:
    """What a route answers to: HEAD too, where it answers GET."""
    own = set(getattr(route, "methods", None) or "*")
    return own | ({"HEAD"} if "GET" in own else set())


def _path(route: Any) -> str:
    return getattr(route, "path", None) or ""
