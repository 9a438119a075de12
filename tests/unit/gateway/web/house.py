"""The pages on a real database, with a gateway that answers as it is told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from fastapi import FastAPI
from sqlalchemy import Table, func, insert, select, update

from gateway.clock import ManualClock
from gateway.links import Links
from gateway.places.entrance import Binding
from gateway.places.model import Person, Registry
from gateway.store import tables as t
from gateway.store.database import Database, open_database
from gateway.web import session
from gateway.web.app import build_app
from tests.small_district import GRID, entrance

NOON_MS = 1_773_892_800_000  # 2026-03-19 12:00 in Shanghai
HOSTILE = "<script>alert(1)</script>"


class House:
    """Everything that a test of the pages touches.

    Attributes:
        answer: What the gateway says to each act; ``None``: it is away.
    """

    def __init__(self, path: Path, public_url: str = "http://doors.test") -> None:
        self.path = path
        self.db: Database = open_database(path / "doorward.db")
        self.clock = ManualClock(NOON_MS)
        self.links = Links("a key of the tests")
        self.answer: str | None = "done"
        self.pokes = 0
        grid = GRID
        other = GRID.replace("第一", "第二")
        self.registry = Registry(
            [
                entrance(1),
                entrance(2),
                entrance(3),
                entrance(4, grid="第二网格"),
                entrance(0, id="gate", name=f"东门{HOSTILE}", kind="gate", building="", unit=""),
            ],
            [Binding("doorward:b-1#1", "door-00001", 0, None, "doorward", interval_ms=900_000)],
            [
                Person("worker", "王芳", "grid_worker", grid),
                Person("leader", f"陈静{HOSTILE}", "grid_leader", grid),
                Person("stranger", "赵敏", "grid_leader", other),
                Person("anna", "Anna Berg", "community", "龙华区/煤机街道/西湖社区", "en"),
                Person("maintainer", "马红", "maintainer", "龙华区"),
            ],
        )
        self.app = build_app(
            db=self.db,
            registry=self.registry,
            links=self.links,
            clock=self.clock,
            zone=ZoneInfo("Asia/Shanghai"),
            poke=self.poke,
            public_url=public_url,
        )
        self.put(t.road, id=1, position=7, committed_at_ms=NOON_MS)

    def poke(self) -> None:
        """The gateway looks into the inbox."""
        self.pokes += 1
        if self.answer is not None:
            with self.db.write() as tx:
                waiting = update(t.inbox).where(t.inbox.c.answer.is_(None))
                tx.execute(waiting.values(answer=self.answer, done_at_ms=self.clock.now_ms()))

    def put(self, table: Table, **values: Any) -> None:
        with self.db.write() as tx:
            tx.execute(insert(table).values(values))

    def rows(self, table: Table) -> list[Any]:
        with self.db.read() as tx:
            return list(tx.execute(select(table)))

    def everything(self) -> dict[str, tuple[int, list[Any]]]:
        """All that stands in the database, to see that nothing changed."""
        with self.db.read() as tx:
            return {
                name: (
                    tx.execute(select(func.count()).select_from(table)).scalar_one(),
                    list(tx.execute(select(table))),
                )
                for name, table in t.metadata.tables.items()
            }

    def door(
        self, ident: str, contact: str | None = "open", *, since_ms: int = 0, unknown_ms: int = 0
    ) -> None:
        self.put(
            t.states,
            entrance=ident,
            contact=contact,
            open_since_ms=since_ms if contact == "open" else 0,
            unknown_since_ms=unknown_ms,
            last_seen_ms=since_ms,
            changed_at_ms=since_ms,
        )

    def case(self, ident: str = "case-1", entrance: str = "door-00001", **changes: Any) -> None:
        values = {
            "id": ident,
            "entrance": entrance,
            "subject": "door",
            "state": "filed",
            "severity": "high",
            "rule": "left-open",
            "since_ms": NOON_MS - 600_000,
            "filed_at_ms": NOON_MS - 300_000,
            "owner": "worker",
            "owner_role": "grid_worker",
            "owner_why": "first_listed",
            "reopen_until_ms": 0,
            "setup": "x",
        }
        self.put(t.cases, **{**values, **changes})

    def event(
        self, what: str, why: str, *, who: str | None = None, case: str = "case-1", **facts: Any
    ) -> None:
        self.put(
            t.case_events,
            case_id=case,
            at_ms=NOON_MS - 60_000,
            what=what,
            who=who,
            through="page",
            why=why,
            facts=facts,
        )

    def message(
        self, ident: str = "m-1", person: str = "worker", case: str = "case-1", **changes: Any
    ) -> None:
        values = {
            "id": ident,
            "person": person,
            "about": "alarm",
            "case_id": case,
            "entrance": "door-00001",
            "text_key": "tell",
            "facts": {},
            "severity": 0,
            "bundle": person,
            "queued_at_ms": NOON_MS - 60_000,
            "expires_at_ms": NOON_MS + 3_600_000,
            "state": "accepted",
            "channel": 0,
            "next_try_ms": 0,
            "accepted_at_ms": NOON_MS - 50_000,
        }
        self.put(t.messages, **{**values, **changes})

    def seen(self) -> list[int | None]:
        return [row.seen_at_ms for row in self.rows(t.messages)]

    def phone(self, person: str | None = None) -> Phone:
        """A phone; with a name, one that is logged in."""
        phone = Phone(self)
        if person:
            for name in (session.SESSION, session.SINCE):
                phone.cookies.set(name, self.links.session_token(person), domain="doors.test")
        return phone


class Browser:
    """Asks the pages without a network, keeps cookies and follows nothing by itself.

    ``strict``: what breaks in a page breaks the test; else it is the page of a fault.
    """

    def __init__(self, app: FastAPI, address: str, *, strict: bool = True) -> None:
        self._app, self._address, self._strict = app, address, strict
        self.cookies = httpx.Cookies()

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=self._strict)
            async with httpx.AsyncClient(
                transport=transport, base_url=self._address, cookies=self.cookies
            ) as client:
                response = await client.request(method, path, **options)
                self.cookies = client.cookies
                return response

        return asyncio.run(once())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, **fields: str) -> httpx.Response:
        return self.ask("POST", path, data=fields)


class Phone(Browser):
    """A browser that knows the buttons of a case's page."""

    def __init__(self, house: House) -> None:
        super().__init__(house.app, "http://doors.test", strict=False)
        self._house = house

    def press(
        self, do: str, *, person: str = "worker", case: str = "case-1", **fields: str
    ) -> httpx.Response:
        """A button of a case's page."""
        form = self._house.links.form_token(person)
        return self.post(f"/case/{case}/act", do=do, form=form, **fields)
