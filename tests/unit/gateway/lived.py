"""What a gateway lived through, on a real SQLite file: the history that a replay has to tell the same way.

As in a replay, nobody acts on a case, and every message is accepted as soon as it goes out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import func, select, update

from gateway.cases.act import Act, Where
from gateway.history.keeping import House
from gateway.history.past import Recorded
from gateway.intake.dialects.answer import Report
from gateway.notify.message import Text, is_bundle
from gateway.road import Mark, Road
from gateway.store import tables as t
from gateway.store.database import open_database
from gateway.store.inbox import put_into_inbox
from gateway.tuning.whatif import Done, Filed
from rules.duration import DAY_MS
from tests.sensors import report
from tests.small_district import RULE
from tests.unit.gateway.test_road import T0, district

NEVER = 1 << 62


class Sent(NamedTuple):
    """One message as it went out; ``role`` is empty for an all-clear, which does not keep it."""

    at_ms: int
    person: str
    role: str
    text: str
    entrance: str
    held_ms: int


class Lived:
    """A road, its database, and what time it is there."""

    def __init__(self, path: Path, rules: str = RULE, doors: int = 3, now: int = T0) -> None:
        self.here = district(rules, doors)
        self.db = open_database(path / "doorward.db")
        self.began = self.now = now
        self._seq = 0
        self.road = Road.open(self.db, self.here, now)
        self.take(Mark("listening"))

    def close(self) -> None:
        self.db.close()

    # -- what happens ---------------------------------------------------------------

    def say(self, contact: str, door: int = 0, **more: Any) -> None:
        """The device reports; ``retained``: the broker remembers it."""
        retained = more.pop("retained", False)
        box = f"b-{door:05d}"
        topic = f"door/{box}/1/{'state' if retained else 'event'}"
        self.take(Report(topic, report(box, self._seq, contact, **more), retained, self.now))
        self._seq += 1

    def status(self, online: bool, door: int = 0) -> None:
        box = f"b-{door:05d}"
        said = f'{{"v":1,"id":"{box}","online":{str(online).lower()}}}'
        self.take(Report(f"door/{box}/status", said.encode(), False, self.now))

    def mark(self, kind: str) -> None:
        self.take(Mark(kind))

    def mute(self, until_ms: int, why: str = "Removal", **where: Any) -> None:
        self.act(
            Act(
                do="mute",
                person="maintainer",
                note=why,
                where=Where(**(where or {"entrance": ("door-*",)})),
                until_ms=until_ms,
            )
        )

    def unmute(self) -> None:
        """End all that hold."""
        with self.db.read() as tx:
            held = tx.execute(select(t.mutes.c.id).where(t.mutes.c.until_ms > self.now)).scalars().all()
        for ident in held:
            self.act(Act(do="unmute", person="maintainer", mute=ident))

    def act(self, act: Act) -> None:
        with self.db.write() as tx:
            put_into_inbox(tx, act, self.now)
        self.take()

    def restart(self) -> None:
        self.road = Road.open(self.db, self.here, self.now)
        self.take(Mark("listening"))

    def take(self, *items: Report | Mark) -> None:
        self._accept()
        self.road.take(items, now_ms=self.now)
        self._accept()

    def go(self, ms: int) -> None:
        """Time passes; the gateway wakes at each of its deadlines, the sender at each of its own."""
        end = self.now + ms
        while (due := min(self.road.next_deadline_ms() or NEVER, self._next_message())) <= end:
            self.now = max(due, self.now)
            self.take()
        self.now = end
        self.take()

    def condense(self) -> None:
        """Two days pass, and the house is kept: heartbeats become one row a day."""
        self.road.checkpoint(self.now)
        house = House(self.db, 90)
        while house.step(self.now + 3 * DAY_MS):
            pass

    def _accept(self) -> None:
        if self._next_message() > self.now:
            return
        m = t.messages.c
        with self.db.write() as tx:
            due = update(t.messages).where(m.state == "queued", m.next_try_ms <= self.now)
            tx.execute(due.values(state="accepted", accepted_at_ms=self.now))

    def _next_message(self) -> int:
        m = t.messages.c
        with self.db.read() as tx:
            waits = tx.execute(select(func.min(m.next_try_ms)).where(m.state == "queued")).scalar()
        return waits or NEVER

    # -- what stands in its tables ----------------------------------------------------

    def rows(self, table: Any) -> list[Any]:
        with self.db.read() as tx:
            return list(tx.execute(select(table)))

    def recorded(self, **more: Any) -> Recorded:
        """Its past, to be replayed."""
        given: dict[str, Any] = {
            "from_ms": self.began,
            "until_ms": self.now,
            "entrances": self.here.setup.entrances,
        }
        return Recorded(self.db, **(given | more))

    def alarms(self) -> set[tuple[str, str, int, int, int]]:
        return {
            (row.rule, row.entrance, row.since_ms, row.raised_at_ms, row.cleared_at_ms or 0)
            for row in self.rows(t.alarms)
            if row.raised_at_ms
        }

    def missed(self) -> int:
        return sum(1 for row in self.rows(t.alarms) if not row.raised_at_ms)

    def cases(self) -> list[Filed]:
        cases = {row.id: row for row in self.rows(t.cases)}
        return sorted(
            Filed(cases[e.case_id].entrance, e.why, e.at_ms, e.facts.get("person"))
            for e in self.rows(t.case_events)
            if e.what == "filed"
        )

    def messages(self) -> list[Sent]:
        return sorted(
            Sent(
                row.next_try_ms,
                row.person,
                "" if row.text_key == Text.ALL_CLEAR else row.facts["role"],
                row.text_key,
                row.entrance,
                row.next_try_ms - row.queued_at_ms,
            )
            for row in self.rows(t.messages)
            if row.state != "withdrawn"
        )

    def phone_rings(self) -> int:
        """How often a phone rings: what waited for the same moment goes out as one."""
        sent = [row for row in self.rows(t.messages) if row.state != "withdrawn"]
        return len({row.bundle if is_bundle(row.bundle) else row.id for row in sent})


def alarms_of(done: Done) -> set[tuple[str, str, int, int, int]]:
    return {(a.rule, a.entrance, a.since_ms, a.raised_ms, a.cleared_ms) for a in done.alarms}


def messages_of(done: Done) -> list[Sent]:
    return sorted(
        Sent(
            m.at_ms,
            m.person,
            "" if m.text == Text.ALL_CLEAR else m.role,
            m.text,
            m.entrance,
            m.held_ms,
        )
        for m in done.messages
    )
