"""The pages and their addresses. Read this first, then ``casework.py``.

Rule 1: a GET shows and changes nothing, log-in links included: chat robots open links.
Rule 2: a button puts an act into the inbox and waits a moment for the gateway's answer;
        only the gateway changes alarms and cases.
Rule 3: what a reader may not see is 404 for her.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import tzinfo

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from gateway.clock import Clock
from gateway.links import Links
from gateway.places.model import Registry
from gateway.store.database import Database
from gateway.web import casework, entering, looking, queries, rulebook, watching
from gateway.web.guard import HEADERS, Guard
from gateway.web.live import Live
from gateway.web.scope import NotThere
from gateway.web.session import reader
from gateway.web.site import STATIC, Site

log = logging.getLogger(__name__)


def build_app(
    *,
    db: Database,
    registry: Registry,
    links: Links,
    clock: Clock,
    zone: tzinfo,
    poke: Callable[[], None],
    public_url: str,
) -> FastAPI:
    """All pages.

    Args:
        poke: Tells the gateway that something waits in the inbox.
        public_url: What links begin with; https makes cookies secure.
    """

    def position() -> int:
        with db.read() as tx:
            return queries.position(tx)

    site = Site(
        db=db,
        registry=registry,
        links=links,
        clock=clock,
        zone=zone,
        poke=poke,
        public_url=public_url,
        live=Live(position),
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        site.live.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.site = site
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Guard, base=site.base)
    for room in (looking, casework, entering, rulebook, watching):
        app.include_router(room.routes(site))
    _errors(app, site)
    return app


def _errors(app: FastAPI, site: Site) -> None:
    """Every fault is a page in the reader's language."""

    def page(request: Request, code: int) -> Response:
        return site.page(request, "error.html", reader(site, request), code, code=code)

    @app.exception_handler(NotThere)
    async def not_there(request: Request, _error: Exception) -> Response:
        return page(request, 404)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: Exception) -> Response:
        return page(request, error.status_code if isinstance(error, HTTPException) else 500)

    @app.exception_handler(RequestValidationError)
    async def not_our_form(request: Request, _error: Exception) -> Response:
        return page(request, 400)

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        """Outside the guard, so it carries the headers itself."""
        log.error("a page failed: %s", type(error).__name__)
        response = page(request, 500)
        response.headers.update(HEADERS)
        return response
