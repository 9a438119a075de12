"""What every page needs, in one frozen value, and how a page leaves the house.

Rule 1: no page and no log shows a secret. Tokens stand in addresses, so addresses are
        never logged, never sent on (Referrer-Policy) and never kept (no-store).
Rule 2: a page works without its script; the script only makes it fresh.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment

from gateway.clock import Clock
from gateway.links import Links
from gateway.locale import LANGUAGES, Language
from gateway.places.model import Person, Registry
from gateway.store.database import Database
from gateway.templates import environment
from gateway.web.live import Live
from gateway.web.saying import Saying

STATIC = Path(__file__).parent / "static"
LANGUAGE_COOKIE = "language"
LANGUAGE_S = 365 * 24 * 3600
SHOW = ["GET", "HEAD"]
"""Methods that look and change nothing."""


def _version() -> str:
    """Of the style and the script, so that phones keep them until they change."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything that the pages are built from.

    Attributes:
        poke: Tells the gateway that something waits in the inbox.
        public_url: What addresses begin with, as phones reach them.
    """

    db: Database
    registry: Registry
    links: Links
    clock: Clock
    zone: tzinfo
    poke: Callable[[], None]
    public_url: str
    live: Live
    environments: dict[Language, Environment] = field(
        default_factory=lambda: {language: environment("gateway.web", language) for language in LANGUAGES}
    )
    version: str = field(default_factory=_version)

    @property
    def base(self) -> str:
        """The path that every address of ours begins with; usually empty."""
        return urlsplit(self.public_url).path.rstrip("/")

    def language(self, request: Request, person: Person | None) -> Language:
        """What the reader chose, else what her messages are written in, else Chinese."""
        for choice in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
            if choice in LANGUAGES:
                return choice
        return person.language if person else "zh"

    def saying(self, request: Request, person: Person | None) -> Saying:
        return Saying(self.language(request, person), self.zone, self.clock.now_ms(), self.registry)

    def page(
        self,
        request: Request,
        template: str,
        person: Person | None,
        status: int = 200,
        *,
        speaks: Person | None = None,
        **facts: Any,
    ) -> HTMLResponse:
        """A page in the reader's language; ``speaks``: who she will be once she has logged in."""
        say = self.saying(request, person or speaks)
        other = "en" if say.language == "zh" else "zh"
        given: dict[str, Any] = {
            "base": self.base,
            "say": say,
            "version": self.version,
            "me": person,
            "token": "",
            "live": "",
            "seen": "",
            "position": -1,
            "flash": None,
            "refresh": False,
            "form_token": self.links.form_token(person.id) if person else "",
            "other_language": f"?lang={other}",
        }
        html = self.environments[say.language].get_template(template).render(given | facts)
        response = HTMLResponse(html, status)
        if request.query_params.get("lang") in LANGUAGES:
            self.set_cookie(response, LANGUAGE_COOKIE, say.language, LANGUAGE_S)
        return response

    def go(self, path: str) -> RedirectResponse:
        """To another page of ours, after a POST."""
        return RedirectResponse(self.base + path, 303)

    def set_cookie(self, response: Response, name: str, value: str, longest_s: int) -> None:
        response.set_cookie(
            name,
            value,
            max_age=longest_s,
            path=f"{self.base}/",
            secure=self.public_url.startswith("https:"),
            httponly=True,
            samesite="lax",
        )

    def drop_cookie(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path=f"{self.base}/", httponly=True, samesite="lax")
