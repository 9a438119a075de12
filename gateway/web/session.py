"""Whose phone it is: two signed cookies, and nothing about them on the server.

``doorward`` says who it is and lasts twelve hours; each page that she opens herself makes
it new, a page that refreshes itself does not. ``doorward-since`` says when she logged in;
seven days later, or without it, nothing is made new any more.
"""

from __future__ import annotations

from typing import Final

from fastapi import Request
from fastapi.responses import Response

from gateway.places.model import Person
from gateway.web.site import Site

SESSION: Final = "doorward"
SESSION_S: Final = 12 * 3600
SINCE: Final = "doorward-since"
SINCE_S: Final = 7 * 24 * 3600
BY_ITSELF: Final = "x-by-itself"
"""A header that our script sends when it refreshes a page."""


def reader(site: Site, request: Request) -> Person | None:
    """Whose session it is; nobody's if she has left the tables."""
    person = site.links.read_session(request.cookies.get(SESSION, ""), SESSION_S)
    return site.registry.people.get(person or "")


def begin(site: Site, response: Response, person: Person) -> None:
    site.set_cookie(response, SESSION, site.links.session_token(person.id), SESSION_S)
    site.set_cookie(response, SINCE, site.links.session_token(person.id), SINCE_S)


def go_on(site: Site, request: Request, response: Response, person: Person) -> Response:
    """She looked at a page of her session: it lasts twelve hours from now."""
    since = site.links.read_session(request.cookies.get(SINCE, ""), SINCE_S)
    if since == person.id and BY_ITSELF not in request.headers:
        site.set_cookie(response, SESSION, site.links.session_token(person.id), SESSION_S)
    return response


def end(site: Site, response: Response) -> None:
    site.drop_cookie(response, SESSION)
    site.drop_cookie(response, SINCE)
