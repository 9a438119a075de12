"""For machines: the stream that keeps pages fresh, and whether doorward works."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from gateway.web import queries
from gateway.web.casework import holder
from gateway.web.live import MOST_PAGES
from gateway.web.measuring import measured
from gateway.web.session import reader
from gateway.web.site import SHOW, Site

GATEWAY_SILENT_MS = 30_000
"""It says that it works every five seconds."""
PARTS = ("gateway", "sender")


def routes(site: Site) -> APIRouter:
    router = APIRouter()

    def stream() -> Response:
        if site.live.pages >= MOST_PAGES:
            raise HTTPException(503)
        return StreamingResponse(
            site.live.events(), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
        )

    @router.get("/live")
    async def live(request: Request) -> Response:
        if reader(site, request) is None:
            raise HTTPException(403)
        return stream()

    @router.get("/c/{token}/live")
    async def live_by_link(token: str) -> Response:
        if await asyncio.to_thread(holder, site, token) is None:
            raise HTTPException(403)
        return stream()

    @router.api_route("/healthz", methods=SHOW)
    def healthz() -> Response:
        """503 when the road stands still, whatever a flag says. Nothing here is about a person."""
        now = site.clock.now_ms()
        with site.db.read() as tx:
            rows = {row.part: row for row in queries.health_rows(tx) if row.part in PARTS}
        gateway = rows.get("gateway")
        ok = (
            gateway is not None
            and now - gateway.at_ms <= GATEWAY_SILENT_MS
            and gateway.facts.get("ok") is not False
        )
        said = {part: {"age_ms": now - row.at_ms, **row.facts} for part, row in rows.items()}
        return JSONResponse({"ok": ok, "parts": said}, 200 if ok else 503)

    @router.api_route("/metrics", methods=SHOW)
    def metrics() -> Response:
        """For Prometheus. Nothing here is about a person."""
        return Response(measured(site.db, site.clock.now_ms()), media_type=CONTENT_TYPE_LATEST)

    return router
