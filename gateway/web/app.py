"""The pages and their addresses.

Rule 1: a GET shows and changes nothing, log-in links included: chat robots open links.
Rule 2: a button puts an act into the inbox and waits a moment for the gateway's answer;
        only the gateway changes alarms and cases.
Rule 3: what a reader may not see is 404 for her.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import tzinfo
from typing import Literal

from fastapi import FastAPI, Form, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from gateway.cases.act import MOST_NOTE, Act
from gateway.cases.case import REASONS
from gateway.clock import Clock
from gateway.links import Links
from gateway.places.model import Person, Registry
from gateway.store.database import Database
from gateway.web import queries
from gateway.web.door import counted, grouped
from gateway.web.live import Live
from gateway.web.scope import NotThere, Scope
from gateway.web.site import STATIC, Site
from gateway.web.strip import LONG_MS, spans
from rules.duration import DAY_MS

SESSION_COOKIE = "doorward"
SESSION_S = 7 * 24 * 3600
ANSWER_WITHIN_S = 2.0
GATEWAY_SILENT_MS = 30_000
MOST_DOORS = 300
"""On one page; a leader of more sees those that need somebody first."""

_HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


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

    @app.middleware("http")
    async def with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if request.url.path.startswith("/static/"):
            response.headers["cache-control"] = "public, max-age=31536000"
        return response

    _errors(app, site)
    _pages(app, site)
    _cases(app, site)
    _log_in(app, site)
    _machine(app, site)
    return app


def reader(site: Site, request: Request) -> Person | None:
    """Whose session it is."""
    person = site.links.read_session(request.cookies.get(SESSION_COOKIE, ""), SESSION_S)
    return site.registry.people.get(person or "")


def _errors(app: FastAPI, site: Site) -> None:
    @app.exception_handler(NotThere)
    async def not_there(request: Request, _error: Exception) -> Response:
        return site.page(request, "error.html", reader(site, request), 404, code=404)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: Exception) -> Response:
        code = error.status_code if isinstance(error, HTTPException) else 500
        return site.page(request, "error.html", reader(site, request), code, code=code)


def _pages(app: FastAPI, site: Site) -> None:
    @app.get("/")
    def my_doors(request: Request) -> Response:
        person = reader(site, request)
        if person is None:
            return site.go("/login")
        with site.db.read() as tx:
            found = queries.doors(tx, Scope(site.registry, person))
            position = queries.position(tx)
        pressing = sorted(found, key=lambda d: (not d.cases and d.state not in ("open", "unknown"),))
        return site.page(
            request,
            "doors.html",
            person,
            compounds=grouped(pressing[:MOST_DOORS]),
            counts=counted(found),
            more=max(len(found) - MOST_DOORS, 0),
            live="doors",
            position=position,
            refresh=True,
        )

    @app.get("/entrance/{ident}")
    def one_entrance(request: Request, ident: str) -> Response:
        person = reader(site, request)
        if person is None:
            return site.go("/login")
        now = site.clock.now_ms()
        with site.db.read() as tx:
            door = queries.door(tx, Scope(site.registry, person), ident)
            lines = queries.day(tx, ident, now)
            health = queries.health(tx, ident)
            recent = queries.recent_cases(tx, ident)
            position = queries.position(tx)
        binding = site.registry.device_of(ident, now)
        silent = door.row.for_rules(binding).silent_after_ms
        day = spans(
            lines,
            from_ms=now - LONG_MS,
            now_ms=now,
            silent_after_ms=silent,
            unknown_since_ms=door.unknown_since_ms,
        )
        return site.page(
            request,
            "entrance.html",
            person,
            door=door,
            day=day,
            day_from_ms=now - LONG_MS,
            health=health,
            recent=recent,
            trial=binding is not None and binding.trial,
            live="entrance",
            position=position,
            refresh=True,
        )

    @app.get("/live")
    async def live(request: Request) -> Response:
        return StreamingResponse(site.live.events(), media_type="text/event-stream")


def _case_page(site: Site, request: Request, person: Person, ident: str, token: str = "") -> Response:
    with site.db.read() as tx:
        case = queries.case(tx, Scope(site.registry, person), ident)
        door = queries.door(tx, Scope(site.registry, person), case.entrance)
        story = queries.events(tx, ident)
        position = queries.position(tx)
    if token and case.settled_at_ms and site.clock.now_ms() > case.settled_at_ms + DAY_MS:
        return site.go("/login")
    said = request.query_params.get("said")
    say = site.saying(request, person)
    return site.page(
        request,
        "case.html",
        person,
        case=case,
        door=door,
        story=story,
        reasons=REASONS,
        token=token,
        flash=say.answer(said) if said else None,
        live="case",
        seen=f"{site.base}/c/{token}/seen" if token else "",
        position=position,
        refresh=True,
        most_note=MOST_NOTE,
    )


def _cases(app: FastAPI, site: Site) -> None:
    @app.get("/case/{ident}")
    def one_case(request: Request, ident: str) -> Response:
        person = reader(site, request)
        return _case_page(site, request, person, ident) if person else site.go("/login")

    @app.get("/c/{token}")
    def one_case_by_link(request: Request, token: str) -> Response:
        link = site.links.read_case(token)
        person = site.registry.people.get(link.person) if link else None
        if link is None or person is None:
            return site.go("/login")
        return _case_page(site, request, person, link.case, token)

    @app.post("/c/{token}/seen")
    def seen(token: str) -> Response:
        link = site.links.read_case(token)
        if link is not None:
            with site.db.write() as tx:
                queries.mark_seen(tx, link.person, link.case, site.clock.now_ms())
        return Response(status_code=204)

    @app.post("/case/{ident}/act")
    async def act(
        request: Request,
        ident: str,
        do: Literal["take", "settle", "pass_up"] = Form(),
        form: str = Form(),
        token: str = Form(""),
        reason: str = Form(""),
        note: str = Form(""),
    ) -> Response:
        link = site.links.read_case(token) if token else None
        person = site.registry.people.get(link.person) if link else reader(site, request)
        if person is None or not site.links.form_is_ours(form, person.id) or (link and link.case != ident):
            raise HTTPException(403)
        with site.db.read() as tx:
            queries.case(tx, Scope(site.registry, person), ident)  # 404 outside the scope
        through = "link" if link else "page"
        asked = Act(
            do=do, person=person.id, case=ident, reason=reason, note=note[:MOST_NOTE], through=through
        )
        said = await _ask(site, asked)
        if link:
            with site.db.write() as tx:
                queries.mark_seen(tx, person.id, ident, site.clock.now_ms())
        return site.go(f"/c/{token}?said={said}" if token else f"/case/{ident}?said={said}")


async def _ask(site: Site, act: Act) -> str:
    """Hand an act to the gateway and wait a moment for its answer; ``later`` if none comes."""
    with site.db.write() as tx:
        item = queries.put_into_inbox(tx, act, site.clock.now_ms())
    site.poke()
    for _ in range(int(ANSWER_WITHIN_S / 0.05)):
        with site.db.read() as tx:
            answer = queries.answer_of(tx, item)
        if answer:
            return answer
        await asyncio.sleep(0.05)
    return "later"


def _log_in(app: FastAPI, site: Site) -> None:
    @app.get("/login")
    def ask_for_link(request: Request) -> Response:
        return site.page(request, "login.html", None, sent=False)

    @app.post("/login")
    async def send_link(request: Request, person: str = Form()) -> Response:
        """The answer is the same whether there is such a person or not."""
        known = [p.id for p in site.registry.people.values() if person.strip() in (p.id, p.name)]
        if len(known) == 1:
            with site.db.write() as tx:
                queries.put_into_inbox(tx, Act(do="login", person=known[0]), site.clock.now_ms())
            site.poke()
        return site.page(request, "login.html", None, sent=True)

    @app.get("/l/{token}")
    def confirm(request: Request, token: str) -> Response:
        link = site.links.read_login(token)
        person = site.registry.people.get(link.person) if link else None
        return site.page(request, "confirm.html", None, 200 if person else 403, guest=person, token=token)

    @app.post("/l/{token}")
    def log_in(request: Request, token: str) -> Response:
        link = site.links.read_login(token)
        person = site.registry.people.get(link.person) if link else None
        if person is not None:
            digest = hashlib.sha256(token.encode()).hexdigest()
            with site.db.write() as tx:
                if queries.use_login(tx, digest, person.id, site.clock.now_ms()):
                    response = site.go("/")
                    site.set_cookie(response, SESSION_COOKIE, site.links.session_token(person.id), SESSION_S)
                    return response
        return site.page(request, "confirm.html", None, 403, guest=None, token="")

    @app.post("/logout")
    def log_out(request: Request) -> Response:
        response = site.go("/login")
        site.drop_cookie(response, SESSION_COOKIE)
        return response


def _machine(app: FastAPI, site: Site) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        """503 when the road stands still, whatever a flag says."""
        now = site.clock.now_ms()
        with site.db.read() as tx:
            rows = {row.part: (row.at_ms, row.facts) for row in queries.health_rows(tx)}
        at_ms, facts = rows.get("gateway", (0, {}))
        ok = now - at_ms < GATEWAY_SILENT_MS and bool(facts.get("ok"))
        said = {part: {"age_ms": now - at, **facts} for part, (at, facts) in rows.items()}
        return JSONResponse({"ok": ok, "parts": said}, 200 if ok else 503)
