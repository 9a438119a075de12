"""Keeping house: old heartbeats become one row a day, what is too old goes.

A movement, and every other fact that a rule can watch, is kept as it came for
``keep_days``. A heartbeat that only repeats is condensed after ``CONDENSE_AFTER_MS``
to what silence rules and people can still use: how many, the first, the last, the
longest gap, the battery and the signal of the day. A silence worth a rule's attention
ends one row and begins another, so that a replay finds it where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, func, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gateway.store import tables as t
from gateway.store.database import Database
from rules.duration import DAY_MS, MINUTE_MS

CONDENSE_AFTER_MS = 2 * DAY_MS
AT_ONCE = 2_000
"""Rows in one transaction, so that the road never waits long. A city sends 150 a second."""

_J = t.journal.c
PATIENCE_MS = 30 * MINUTE_MS
"""A longer silence is kept as it was, where nobody says how patient the rules are."""
INFLUX_CURSOR = "influx"
_CURSOR = "condensed"


class _Last(NamedTuple):
    """What an entrance said last, and when."""

    at_ms: int
    facts: tuple[Any, ...]


class House:
    """Does a little of the work at each call.

    ``followers``: cursors of those who copy the journal; nothing is condensed before they have it.
    ``patience``: how long an entrance may say nothing before a rule could notice, in ms.
    """

    def __init__(
        self,
        db: Database,
        keep_days: int,
        followers: Collection[str] = (),
        patience: Callable[[str], int] = lambda entrance: PATIENCE_MS,
    ) -> None:
        self._db = db
        self._keep_ms = keep_days * DAY_MS
        self._followers = followers
        self._patience = patience
        self._last: dict[str, _Last] = {}
        self._row: dict[str, int] = {}  # by entrance: the row that is being added to

    def step(self, now_ms: int) -> bool:
        """Condense some and forget some; whether there may be more.

        Only what lies before the last checkpoint is touched: a restart replays the rest.
        """
        with self._db.write() as tx:
            upto = tx.execute(select(func.max(t.checkpoints.c.position))).scalar() or 0
            copied = [_cursor(tx, name) for name in self._followers]
            more = self._condense(tx, now_ms - CONDENSE_AFTER_MS, min([upto, *copied]))
            return self._forget(tx, now_ms - self._keep_ms, upto) or more

    def _condense(self, tx: Connection, before_ms: int, upto: int) -> bool:
        cursor = _cursor(tx, _CURSOR)
        rows = tx.execute(
            select(t.journal)
            .where(_J.position > cursor, _J.position <= upto, _J.at_ms < before_ms)
            .order_by(_J.position)
            .limit(AT_ONCE)
        ).all()
        if not rows:
            return False
        days: dict[tuple[str, int], dict[str, Any]] = {}
        repeats = [{"p": row.position} for row in rows if row.kind == "reading" and self._repeats(row, days)]
        if repeats:
            tx.execute(delete(t.journal).where(_J.position == bindparam("p")), repeats)
            tx.execute(_add_to_days(), list(days.values()))
        move_cursor(tx, _CURSOR, rows[-1].position)
        return len(rows) == AT_ONCE

    def _repeats(self, row: Row[Any], days: dict[tuple[str, int], dict[str, Any]]) -> bool:
        """Whether it only says again what was known; then it is counted in its day."""
        if row.retained:
            return False
        facts = (row.device, row.contact, row.tamper, row.battery_low, row.online)
        last = self._last.get(row.entrance)
        self._last[row.entrance] = _Last(row.at_ms, facts)
        silent = last is not None and row.at_ms - last.at_ms > self._patience(row.entrance)
        if silent:
            self._row.pop(row.entrance, None)
        if silent or last is None or last.facts != facts:
            return False
        begun = self._row.get(row.entrance)
        if begun is None or begun // DAY_MS != row.at_ms // DAY_MS:
            begun = self._row[row.entrance] = row.at_ms
        key = (row.entrance, begun)
        day = days.setdefault(key, _fresh_day(*key, row.at_ms))
        day["reports"] += 1
        day["last_ms"] = row.at_ms
        if row.at_ms - last.at_ms > day["longest_gap_ms"]:
            day["longest_gap_ms"], day["gap_from_ms"] = row.at_ms - last.at_ms, last.at_ms
        for name in ("battery_pct", "battery_v", "rssi_dbm"):
            day[name] = getattr(row, name) if getattr(row, name) is not None else day[name]
        return True

    @staticmethod
    def _forget(tx: Connection, before_ms: int, upto: int) -> bool:
        old = (
            select(_J.position)
            .where(_J.at_ms < before_ms, _J.position <= upto)
            .order_by(_J.position)
            .limit(AT_ONCE)
        )
        first = tx.execute(select(_J.at_ms).order_by(_J.position).limit(1)).scalar()
        tx.execute(delete(t.heard).where(t.heard.c.day_ms < before_ms - DAY_MS))
        if first is None or first >= before_ms:
            return False
        gone = tx.execute(delete(t.journal).where(_J.position.in_(old)))
        return gone.rowcount == AT_ONCE


def _cursor(tx: Connection, name: str) -> int:
    return tx.execute(select(t.cursors.c.position).where(t.cursors.c.name == name)).scalar() or 0


def move_cursor(tx: Connection, name: str, position: int) -> None:
    """Remember how far something that follows the journal has come."""
    upsert = sqlite_insert(t.cursors).values(name=name, position=position)
    tx.execute(
        upsert.on_conflict_do_update(index_elements=["name"], set_={"position": upsert.excluded.position})
    )


def _fresh_day(entrance: str, day_ms: int, at_ms: int) -> dict[str, Any]:
    return {
        "entrance": entrance,
        "day_ms": day_ms,
        "reports": 0,
        "first_ms": at_ms,
        "last_ms": at_ms,
        "longest_gap_ms": 0,
        "gap_from_ms": 0,
        "battery_pct": None,
        "battery_v": None,
        "rssi_dbm": None,
    }


def _add_to_days() -> Any:
    upsert = sqlite_insert(t.heard)
    new, old = upsert.excluded, t.heard.c
    wider = new.longest_gap_ms > old.longest_gap_ms
    return upsert.on_conflict_do_update(
        index_elements=["entrance", "day_ms"],
        set_={
            "reports": old.reports + new.reports,
            "last_ms": new.last_ms,
            "gap_from_ms": func.iif(wider, new.gap_from_ms, old.gap_from_ms),
            "longest_gap_ms": func.max(old.longest_gap_ms, new.longest_gap_ms),
            "battery_pct": func.coalesce(new.battery_pct, old.battery_pct),
            "battery_v": func.coalesce(new.battery_v, old.battery_v),
            "rssi_dbm": func.coalesce(new.rssi_dbm, old.rssi_dbm),
        },
    )
