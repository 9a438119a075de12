"""For maintainers: which rules are in force, what is wrong with the files, mutes, what a rule means.

Rule 1: rules are written in files, never here; this page shows what became of them.
Rule 2: mutes are asked for here like a case is taken: an act in the inbox, answered by the
        gateway. Leaders may mute what lies in their place.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy import Connection, Row, select
from starlette.exceptions import HTTPException

from gateway.cases.act import MOST_NOTE, Act, Where
from gateway.cases.muting import LEADERS, LONGEST_MS, MAINTAINER, may_mute
from gateway.places.model import Person
from gateway.store import tables as t
from gateway.store.inbox import put_into_inbox
from gateway.store.resuming import active_rules
from gateway.store.rule_versions import refused, versions
from gateway.tuning.impact_words import impact_sentence
from gateway.tuning.previewing import Previewing
from gateway.web import queries
from gateway.web.casework import answer
from gateway.web.scope import NotThere
from gateway.web.session import go_on, reader
from gateway.web.site import SHOW, Site
from rules import duration

SHOWN_VERSIONS = 20
SHOWN_MUTES = 50
LENGTHS = ("30m", "2h", "8h", "1d", "3d", "7d")


def routes(site: Site) -> APIRouter:
    router = APIRouter()

    @router.api_route("/rules", methods=SHOW)
    def rulebook(request: Request) -> Response:
        person = reader(site, request)
        if person is None:
            return site.go("/login")
        _only(person, (MAINTAINER,))
        language = site.language(request, person)
        with site.db.read() as tx:
            active = active_rules(tx)
            found = versions(tx, SHOWN_VERSIONS)
            facts: dict[str, Any] = {
                "refused": refused(tx),
                "versions": [(one, impact_sentence(one.impact, language)) for one in found],
                "failed": _failed(tx, found[0].at_ms if found else 0),
                "position": queries.position(tx),
            }
        page = site.page(
            request,
            "rules.html",
            person,
            rules=active.rules.rules if active else (),
            live="/live",
            refresh=True,
            **facts,
        )
        return go_on(site, request, page, person)

    @router.api_route("/rules/{name}", methods=SHOW)
    def one_rule(request: Request, name: str) -> Response:
        person = reader(site, request)
        if person is None:
            return site.go("/login")
        _only(person, (MAINTAINER,))
        with site.db.read() as tx:
            active = active_rules(tx)
        rule = active.rules.named(name) if active else None
        if rule is None or active is None:
            raise NotThere
        language = site.language(request, person)
        shown = Previewing(rule, site.clock.now_ms(), site.zone, active.calendar, language)
        return go_on(site, request, site.page(request, "rule.html", person, rule=rule, shown=shown), person)

    @router.api_route("/mutes", methods=SHOW)
    def mutes(request: Request) -> Response:
        person = reader(site, request)
        if person is None:
            return site.go("/login")
        _only(person, (MAINTAINER, *LEADERS))
        now = site.clock.now_ms()
        said = request.query_params.get("said")
        with site.db.read() as tx:
            rows = _mutes(tx, site, person)
            position = queries.position(tx)
        page = site.page(
            request,
            "mutes.html",
            person,
            mutes=[row for row in rows if row.until_ms > now],
            over=[row for row in rows if row.until_ms <= now],
            places=_places(site, person),
            lengths=LENGTHS,
            most_note=MOST_NOTE,
            flash=site.saying(request, person).muting(said) if said else None,
            position=position,
        )
        return go_on(site, request, page, person)

    @router.post("/mutes")
    async def mute(
        request: Request,
        form: str = Form(),
        place: str = Form(""),
        entrance: str = Form(""),
        length: str = Form(),
        why: str = Form(""),
    ) -> Response:
        person = _presser(site, request, form)
        where = (
            Where(entrance=(entrance.strip(),))
            if entrance.strip()
            else Where(within=(place,) if place else ())
        )
        try:
            long_ms = min(duration.parse(length), LONGEST_MS)
        except ValueError:
            raise HTTPException(400) from None
        until_ms = site.clock.now_ms() + long_ms
        note = why.replace("\r\n", "\n").strip()[:MOST_NOTE]
        return await _do(site, Act(do="mute", person=person.id, note=note, where=where, until_ms=until_ms))

    @router.post("/mutes/{ident}/end")
    async def unmute(request: Request, ident: str, form: str = Form()) -> Response:
        person = _presser(site, request, form)
        return await _do(site, Act(do="unmute", person=person.id, mute=ident))

    return router


def _only(person: Person, roles: tuple[str, ...]) -> None:
    """
    Raises:
        NotThere: It is not for her.
    """
    if person.role not in roles:
        raise NotThere


def _presser(site: Site, request: Request, form: str) -> Person:
    person = reader(site, request)
    if person is None or not site.links.form_is_ours(form, person.id):
        raise HTTPException(403)
    _only(person, (MAINTAINER, *LEADERS))
    return person


async def _do(site: Site, act: Act) -> Response:
    def save() -> int:
        with site.db.write() as tx:
            return put_into_inbox(tx, act, site.clock.now_ms())

    item = await asyncio.to_thread(save)
    site.poke()
    return site.go(f"/mutes?said={await answer(site, item)}")


def _failed(tx: Connection, since_ms: int) -> list[Row[Any]]:
    """Rules that broke since the present ones were switched on."""
    g = t.gaps.c
    rows = tx.execute(
        select(t.gaps).where(g.kind == "rule_failed", g.at_ms >= since_ms).order_by(g.id.desc())
    )
    return list(rows.fetchmany(SHOWN_MUTES))


def _mutes(tx: Connection, site: Site, person: Person) -> list[Row[Any]]:
    """Those that she could have made, the latest end first."""
    rows = tx.execute(select(t.mutes).order_by(t.mutes.c.until_ms.desc()).limit(10 * SHOWN_MUTES)).all()
    hers = [
        row for row in rows if may_mute(person.id, Where.model_validate(row.scope).built(), site.registry)
    ]
    return hers[:SHOWN_MUTES]


def _places(site: Site, person: Person) -> list[str]:
    """The paths that she may mute, the widest first."""
    hers = {place for row in site.registry.entrances_of(person.id) for place in row.places}
    if person.role == MAINTAINER:
        hers = set(site.registry.places)
    else:
        below = {place for place in hers if f"{place}/".startswith(f"{person.place}/")}
        hers = {
            place for place in below if may_mute(person.id, Where(within=(place,)).built(), site.registry)
        }
    return sorted(hers, key=lambda place: (place.count("/"), place))
