"""What stands behind the question mark: what a route does not declare is a mistake, and so is one value given twice."""

from __future__ import annotations

from typing import Any, get_origin

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

OPEN = ("/healthz", "/readyz", "/webhooks/{name}")
"""Asked by probes and networks, which may add parameters of their own. So may pages, which the document leaves out."""


async def check_parameters(request: Request) -> None:
    """Raise `RequestValidationError` for a parameter that the route does not have, or has once and was given twice."""
    route = request.scope["route"]
    if not request.query_params or not route.include_in_schema or route.path_format in OPEN:
        return
    declared, strict = _declared(route)
    given = [name for name, _ in request.query_params.multi_items()]
    wrong = [
        {"type": kind, "loc": ("query", name), "input": request.query_params[name]}
        for name in dict.fromkeys(given)
        if (kind := _mistake(declared.get(name), given.count(name), strict))
    ]
    if wrong:
        raise RequestValidationError(wrong)


def _mistake(repeats: bool | None, count: int, strict: bool) -> str:
    """Which mistake it is that a parameter is given so often; None stands for one that there is not."""
    if repeats is None:
        return "" if strict else "extra_forbidden"
    return "given_twice" if count > 1 and not repeats else ""


def _declared(route: Any) -> tuple[dict[str, bool], bool]:
    """The parameters of a route, each with whether it repeats; and whether a model of it refuses others by itself."""
    found: dict[str, bool] = {}
    strict = False
    for field in route.dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            strict = strict or kind.model_config.get("extra") == "forbid"
            found |= {each.alias or name: _repeats(each.annotation) for name, each in kind.model_fields.items()}
        else:
            found[field.alias] = _repeats(kind)
    return found, strict


def _repeats(annotation: Any) -> bool:
    return get_origin(annotation) is list
