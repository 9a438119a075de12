"""Keeping house on a real journal: what is condensed, what stays, what goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from gateway.history.keeping import AT_ONCE, CONDENSE_AFTER_MS, INFLUX_CURSOR, House, move_cursor
from gateway.store import tables as t
from gateway.store.database import Database, open_database
from rules.duration import DAY_MS, HOUR_MS, MINUTE_MS

MORNING_MS = 20_000 * DAY_MS
NOW_MS = MORNING_MS + DAY_MS + CONDENSE_AFTER_MS
KEEP_DAYS = 90


class Kept:
    """A journal, and how much of it is under a checkpoint."""

    def __init__(self, path: Path) -> None:
        self.db: Database = open_database(path / "doorward.db")
        self._position = 0

    def say(self, at_ms: int, contact: str | None = "closed", door: str = "a", **facts: Any) -> None:
        self._position += 1
        row = {"kind": "reading", "entrance": door, "device": f"d-{door}", "contact": contact} | facts
        with self.db.write() as tx:
            tx.execute(insert(t.journal).values(position=self._position, at_ms=at_ms, **row))

    def checkpoint(self) -> None:
        with self.db.write() as tx:
            tx.execute(
                insert(t.checkpoints).values(position=self._position, at_ms=NOW_MS, setup="s", state=b"")
            )

    def house(self, now_ms: int = NOW_MS, **options: Any) -> House:
        house = House(self.db, KEEP_DAYS, **options)
        while house.step(now_ms):
            pass
        return house

    def lines(self) -> list[tuple[int, str | None]]:
        """(minutes since morning, contact) of what is still there as it came."""
        j = t.journal.c
        with self.db.read() as tx:
            rows = tx.execute(select(j.at_ms, j.contact).order_by(j.position)).all()
        return [((at - MORNING_MS) // MINUTE_MS, contact) for at, contact in rows]

    def days(self) -> list[Any]:
        with self.db.read() as tx:
            return list(tx.execute(select(t.heard)))


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    kept = Kept(tmp_path)
    yield kept
    kept.db.close()


def test_heartbeats_become_one_row_a_day_and_movements_stay(kept: Kept) -> None:
    for minutes in (0, 15, 30, 75, 90):
        kept.say(MORNING_MS + minutes * MINUTE_MS, battery_pct=90.0 - minutes)
    kept.say(MORNING_MS + 100 * MINUTE_MS, "open")
    kept.say(MORNING_MS + 101 * MINUTE_MS, "closed")
    kept.say(MORNING_MS + 116 * MINUTE_MS, "closed", rssi_dbm=-70.0)
    kept.checkpoint()
    kept.house(patience=lambda entrance: DAY_MS)
    assert kept.lines() == [(0, "closed"), (100, "open"), (101, "closed")]
    (day,) = kept.days()
    assert (day.entrance, day.day_ms, day.reports) == ("a", MORNING_MS + 15 * MINUTE_MS, 5)
    assert (day.first_ms, day.last_ms) == (MORNING_MS + 15 * MINUTE_MS, MORNING_MS + 116 * MINUTE_MS)
    assert (day.longest_gap_ms, day.gap_from_ms) == (45 * MINUTE_MS, MORNING_MS + 30 * MINUTE_MS)
    assert (day.battery_pct, day.rssi_dbm) == (0.0, -70.0)


@pytest.mark.parametrize(
    "changed",
    [{"tamper": True}, {"battery_low": True}, {"online": False}, {"device": "another"}, {"contact": None}],
    ids=lambda changed: next(iter(changed)),
)
def test_every_fact_that_a_rule_can_watch_stays_as_it_came(kept: Kept, changed: dict[str, Any]) -> None:
    kept.say(MORNING_MS)
    kept.say(MORNING_MS + MINUTE_MS, **changed)
    kept.say(MORNING_MS + 2 * MINUTE_MS)
    kept.checkpoint()
    kept.house()
    assert [minutes for minutes, _ in kept.lines()] == [0, 1, 2]


def test_what_is_young_or_not_under_a_checkpoint_is_left_alone(kept: Kept) -> None:
    kept.say(MORNING_MS)
    kept.say(MORNING_MS + MINUTE_MS)
    kept.say(NOW_MS - CONDENSE_AFTER_MS)
    kept.house()
    assert len(kept.lines()) == 3, "nothing is under a checkpoint"
    kept.checkpoint()
    kept.house()
    assert len(kept.lines()) == 2, "the last one is too young"


def test_two_doors_and_two_days_are_kept_apart(kept: Kept) -> None:
    for minutes in (0, 15):
        for door in ("a", "b"):
            kept.say(MORNING_MS + minutes * MINUTE_MS, door=door)
    kept.say(MORNING_MS - HOUR_MS + DAY_MS, door="a")
    kept.say(MORNING_MS + DAY_MS - 1, door="a")
    kept.checkpoint()
    kept.house(patience=lambda entrance: DAY_MS)
    assert [(day.entrance, day.reports) for day in kept.days()] == [("a", 3), ("b", 1)]


def test_a_long_silence_stays_where_it_was(kept: Kept) -> None:
    """The report that ends it stays as it came, and what follows is a row of its own."""
    for minutes in (0, 15, 30, 75, 90, 105):
        kept.say(MORNING_MS + minutes * MINUTE_MS)
    kept.checkpoint()
    kept.house()
    assert kept.lines() == [(0, "closed"), (75, "closed")]
    spans = [
        ((d.first_ms - MORNING_MS) // MINUTE_MS, (d.last_ms - MORNING_MS) // MINUTE_MS) for d in kept.days()
    ]
    assert spans == [(15, 30), (90, 105)]


def test_a_day_that_comes_in_pieces_adds_up(kept: Kept) -> None:
    kept.say(MORNING_MS)
    rows = [
        {"position": n + 10, "at_ms": MORNING_MS + n * 1_000, "kind": "reading", "entrance": "a"}
        | {"device": "d-a", "contact": "closed"}
        for n in range(1, AT_ONCE + 500)
    ]
    with kept.db.write() as tx:
        tx.execute(insert(t.journal), rows)
        tx.execute(insert(t.checkpoints).values(position=10_000, at_ms=NOW_MS, setup="s", state=b""))
    kept.house()
    (day,) = kept.days()
    assert (day.reports, day.longest_gap_ms) == (AT_ONCE + 499, 1_000)
    assert day.last_ms == MORNING_MS + (AT_ONCE + 499) * 1_000


def test_nothing_is_condensed_before_the_copy_has_it(kept: Kept) -> None:
    kept.say(MORNING_MS)
    kept.say(MORNING_MS + MINUTE_MS)
    kept.say(MORNING_MS + 2 * MINUTE_MS)
    kept.checkpoint()
    kept.house(followers=[INFLUX_CURSOR])
    assert len(kept.lines()) == 3
    with kept.db.write() as tx:
        move_cursor(tx, INFLUX_CURSOR, 2)
    kept.house(followers=[INFLUX_CURSOR])
    assert [minutes for minutes, _ in kept.lines()] == [0, 2]


def test_what_is_too_old_goes_copied_or_not(kept: Kept) -> None:
    kept.say(MORNING_MS, "open")
    kept.say(MORNING_MS + 30 * DAY_MS, "closed")
    kept.checkpoint()
    kept.house(MORNING_MS + KEEP_DAYS * DAY_MS, followers=[INFLUX_CURSOR])
    assert len(kept.lines()) == 2
    kept.house(MORNING_MS + KEEP_DAYS * DAY_MS + 1, followers=[INFLUX_CURSOR])
    assert [contact for _, contact in kept.lines()] == ["closed"]


def test_a_clock_that_was_set_back_leaves_the_order_of_the_journal(kept: Kept) -> None:
    kept.say(MORNING_MS + HOUR_MS)
    kept.say(MORNING_MS)
    with kept.db.write() as tx:
        tx.execute(update(t.journal).where(t.journal.c.position == 2).values(contact="open"))
    kept.checkpoint()
    kept.house()
    assert kept.lines() == [(60, "closed"), (0, "open")]
