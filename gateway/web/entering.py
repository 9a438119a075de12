"""Logging in without a password: a link goes to the phone that the tables know.

Rule 1: the answer is the same for everybody, in text and in time, so that nobody can
        find out who works here.
Rule 2: a link logs in once, and only when its button is pressed: chat robots open links.
"""

from __future__ import annotations

import hashlib

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from starlette.background import BackgroundTask

from gateway.cases.act import Act
from gateway.links import LOGIN_LINK_S, LoginLink
from gateway.store.inbox import put_into_inbox
from gateway.web import queries, session
from gateway.web.site import SHOW, Site


def routes(site: Site) -> APIRouter:
    router = APIRouter()

    @router.api_route("/login", methods=SHOW)
    def ask_for_link(request: Request) -> Response:
        asked = request.query_params
        told = "link_over" if "over" in asked else "link_wrong" if "wrong" in asked else ""
        return site.page(request, "login.html", None, told=told)

    @router.post("/login")
    def send_link(request: Request, person: str = Form()) -> Response:
        page = site.page(request, "login.html", None, told="sent")
        page.background = BackgroundTask(_ask_for, site, person)  # after the answer: its time says nothing
        return page

    @router.api_route("/l/{token}", methods=SHOW)
    def confirm(request: Request, token: str) -> Response:
        link = site.links.read_login(token)
        person = site.registry.people.get(link.person) if link else None
        with site.db.read() as tx:
            if link is None or person is None or queries.login_was_used(tx, _digest(link)):
                return site.page(request, "confirm.html", None, 403, guest=None, token="")
        return site.page(request, "confirm.html", None, speaks=person, guest=person, token=token)

    @router.post("/l/{token}")
    def log_in(request: Request, token: str) -> Response:
        link = site.links.read_login(token)
        person = site.registry.people.get(link.person) if link else None
        if link is not None and person is not None:
            now = site.clock.now_ms()
            with site.db.write() as tx:
                first = queries.use_login(tx, _digest(link), person.id, now, now + LOGIN_LINK_S * 1000)
            if first:
                response = site.go("/")
                session.begin(site, response, person)
                return response
        return site.page(request, "confirm.html", None, 403, guest=None, token="")

    @router.post("/logout")
    def log_out(request: Request, form: str = Form("")) -> Response:
        person = session.reader(site, request)
        response = site.go("/login")
        if person is None or site.links.form_is_ours(form, person.id):
            session.end(site, response)
        return response

    return router


def _digest(link: LoginLink) -> str:
    """Of the message, not of the token: each attempt to send it makes another token."""
    return hashlib.sha256(f"{link.person}\0{link.message}".encode()).hexdigest()


def _ask_for(site: Site, typed: str) -> None:
    """Somebody typed an id, or a name that only one person has."""
    people = site.registry.people
    known = [typed] if typed in people else [p.id for p in people.values() if p.name == typed.strip()]
    if len(known) == 1:
        with site.db.write() as tx:
            put_into_inbox(tx, Act(do="login", person=known[0]), site.clock.now_ms())
        site.poke()
