"""Documents that are not posts: `GET /api/v1/collections/{name}`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from lapwing.contracts import Front, Page
from lapwing.serving.asking import Limit
from lapwing.serving.exports import Export
from lapwing.serving.problems import problems
from lapwing.serving.reading import paged
from lapwing.serving.security import requires

DOCUMENTS_PAGE = 100

NDJSON = {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}


class DocumentsAsked(BaseModel, extra="forbid"):
    """Documents of a collection."""

    q: str | None = Field(None, max_length=1_000, description="As the `q` of posts, over all texts in a document.")
    limit: Limit = None
    after: str | None = Field(None, max_length=100, description="The `next` of the page before.")
    format: Literal["json", "ndjson"] = Field("json", description="One JSON value; or all of them, one to a line.")


class Document(BaseModel):
    """A document, and when it came."""

    key: str
    source: str
    received_at: str
    document: dict[str, Any]


class Documents(BaseModel):
    """A page of documents, those whose key came last first."""

    documents: list[Document]
    next: str | None


def router(front: Front) -> APIRouter:
    """The route."""
    routes = APIRouter(prefix="/api/v1", tags=["collections"])
    answers = problems(404, 507) | {200: {"description": "Documents, newest key first."} | NDJSON}

    @routes.get("/collections/{name}", dependencies=[requires("read")], response_model=Documents, responses=answers)
    async def documents(
        name: Annotated[str, Path(max_length=100)], asked: Annotated[DocumentsAsked, Query()]
    ) -> Response:
        """The documents of a collection, or those that match, newest key first."""

        def ask(limit: int, after: str | None) -> Page:
            return front.documents(name, asked.q, limit, after)

        return await paged(front, Export("documents", asked.format, ask, asked.limit, asked.after), DOCUMENTS_PAGE)

    return routes
