"""One case: what is known of it, and its buttons.

Rule 1: a case link stands for one person and one case, and for nothing else. It works
        without a log-in, for each button, as often as she likes, until a day after the
        case was settled.
Rule 2: an act is safe in the inbox before anybody is told that it is saved.
Rule 3: "seen" is what a page's script or a button says, never that a page was fetched.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal, NamedTuple

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from gateway.cases.act import MOST_NOTE, Act
from gateway.cases.case import REASONS, REASONS_OF_DEVICE
from gateway.places.model import Person
from gateway.store.inbox import answer_of, put_into_inbox
from gateway.web import queries
from gateway.web.scope import Scope
from gateway.web.session import go_on, reader
from gateway.web.site import SHOW, Site
from rules.duration import DAY_MS

ANSWER_WITHIN_S = 2.0
LOOK_EVERY_S = 0.05
LATER = "later"
"""The gateway has not answered yet; what was asked stays in the inbox until it does."""


class Holder(NamedTuple):
    """Whom a case link stands for."""

    person: Person
    case: str


def holder(site: Site, token: str) -> Holder | None:
    """``None`` if the link is not ours, too old, or its case was settled a day ago.

    Raises:
        NotThere: She may not see that case any more.
    """
    link = site.links.read_case(token)
    person = site.registry.people.get(link.person) if link else None
    if link is None or person is None:
        return None
    with site.db.read() as tx:
        case = queries.case(tx, Scope(site.registry, person), link.case)
    over = case.settled_at_ms is not None and site.clock.now_ms() >= case.settled_at_ms + DAY_MS
    return None if over else Holder(person, link.case)


def routes(site: Site) -> APIRouter:
    router = APIRouter()

    @router.api_route("/case/{ident}", methods=SHOW)
    def one_case(request: Request, ident: str) -> Response:
        person = reader(site, request)
        if person is None:
            return site.go("/login")
        return go_on(site, request, _page(site, request, person, ident), person)

    @router.api_route("/c/{token}", methods=SHOW)
    def one_case_by_link(request: Request, token: str) -> Response:
        held = holder(site, token)
        if held is None:
            return site.go("/login?over" if site.links.read_case(token) else "/login?wrong")
        return _page(site, request, held.person, held.case, token)

    @router.post("/c/{token}/seen")
    def seen(token: str) -> Response:
        held = holder(site, token)
        if held is not None:
            with site.db.write() as tx:
                queries.mark_seen(tx, held.person.id, held.case, site.clock.now_ms())
        return Response(status_code=204)

    @router.post("/case/{ident}/act")
    async def act(
        request: Request,
        ident: str,
        do: Literal["take", "settle", "pass_up"] = Form(),
        form: str = Form(),
        token: str = Form(""),
        reason: str = Form(""),
        note: str = Form(""),
    ) -> Response:
        link = site.links.read_case(token)
        if token and (link is None or link.case != ident):
            raise HTTPException(403)
        held = await asyncio.to_thread(holder, site, token) if token else None
        person = held.person if held else None if token else reader(site, request)
        if person is None or not site.links.form_is_ours(form, person.id):
            raise HTTPException(403)
        note = note.replace("\r\n", "\n").strip()[:MOST_NOTE]  # the page's own limit, for those without it
        through = "link" if held else "page"
        asked = Act(do=do, person=person.id, case=ident, reason=reason, note=note, through=through)
        item = await asyncio.to_thread(_save, site, person, asked, bool(held))
        site.poke()
        said = await answer(site, item)
        return site.go(f"/c/{token}?said={said}" if held else f"/case/{ident}?said={said}")

    return router


def _page(site: Site, request: Request, person: Person, ident: str, token: str = "") -> Response:
    scope = Scope(site.registry, person)
    with site.db.read() as tx:
        case = queries.case(tx, scope, ident)
        facts: dict[str, Any] = {
            "case": case,
            "door": queries.door(tx, scope, case.entrance),
            "story": queries.story(tx, scope, case),
            "title": queries.titles(tx).get(case.rule, {}),
            "openings": queries.openings(tx, scope, case.entrance, case.since_ms),
            "position": queries.position(tx),
        }
    said = request.query_params.get("said")
    return site.page(
        request,
        "case.html",
        person,
        token=token,
        reasons=REASONS if case.subject == "door" else REASONS_OF_DEVICE,
        most_note=MOST_NOTE,
        flash=site.saying(request, person).answer(said) if said else None,
        live=f"/c/{token}/live" if token else "/live",
        seen=f"/c/{token}/seen" if token else "",
        refresh=case.state == "settled",  # without the script, nothing may take away a note half written
        **facts,
    )


def _save(site: Site, person: Person, act: Act, by_link: bool) -> int:
    """
    Raises:
        NotThere: The case is outside the scope.
    """
    now = site.clock.now_ms()
    with site.db.write() as tx:
        queries.case(tx, Scope(site.registry, person), act.case)
        if by_link:
            queries.mark_seen(tx, person.id, act.case, now)
        return put_into_inbox(tx, act, now)


async def answer(site: Site, item: int) -> str:
    """The gateway's, or ``LATER``; the other pages go on meanwhile."""
    end = asyncio.get_running_loop().time() + ANSWER_WITHIN_S
    while True:
        answer = await asyncio.to_thread(_look, site, item)
        if answer:
            return answer
        if asyncio.get_running_loop().time() >= end:
            return LATER
        await asyncio.sleep(LOOK_EVERY_S)


def _look(site: Site, item: int) -> str | None:
    with site.db.read() as tx:
        return answer_of(tx, item)
