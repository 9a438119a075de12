"""The pages that one looks at: my doors, and one entrance."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.cases.muting import LEADERS, MAINTAINER
from gateway.web import queries
from gateway.web.door import grouped
from gateway.web.scope import Scope
from gateway.web.session import go_on, reader
from gateway.web.site import SHOW, Site
from gateway.web.strip import LONG_MS, spans


def routes(site: Site) -> APIRouter:
    router = APIRouter()

    @router.api_route("/", methods=SHOW)
    def my_doors(request: Request) -> Response:
        person = reader(site, request)
        if person is None:
            return site.go("/login")
        with site.db.read() as tx:
            found = queries.doors(tx, Scope(site.registry, person))
            titles = queries.titles(tx)
            position = queries.position(tx)
        page = site.page(
            request,
            "doors.html",
            person,
            compounds=grouped(found.shown),
            counts=found.counts,
            unsettled=sum(len(door.cases) for door in found.shown),
            titles=titles,
            whole=found.whole,
            more=found.whole - len(found.shown),
            may_mute=(MAINTAINER, *LEADERS),
            live="/live",
            position=position,
            refresh=True,
        )
        return go_on(site, request, page, person)

    @router.api_route("/entrance/{ident}", methods=SHOW)
    def one_entrance(request: Request, ident: str) -> Response:
        person = reader(site, request)
        if person is None:
            return site.go("/login")
        now = site.clock.now_ms()
        scope = Scope(site.registry, person)
        with site.db.read() as tx:
            door = queries.door(tx, scope, ident)
            lines = queries.day(tx, scope, ident, now)
            facts: dict[str, Any] = {
                "health": queries.health(tx, scope, ident),
                "recent": queries.recent_cases(tx, scope, ident),
                "titles": queries.titles(tx),
                "position": queries.position(tx),
            }
        binding = site.registry.device_of(ident, now)
        day = spans(
            lines,
            from_ms=now - LONG_MS,
            now_ms=now,
            silent_after_ms=door.row.for_rules(binding).silent_after_ms,
            unknown_since_ms=door.unknown_since_ms,
        )
        page = site.page(
            request,
            "entrance.html",
            person,
            door=door,
            day=day,
            day_from_ms=now - LONG_MS,
            trial=binding is not None and binding.trial,
            live="/live",
            refresh=True,
            **facts,
        )
        return go_on(site, request, page, person)

    return router
