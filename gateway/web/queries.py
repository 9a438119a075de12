"""What the pages read, and the three things that they write.

Whoever asks for something of an entrance names the reader's scope; what lies outside
raises ``NotThere`` and never leaves here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from gateway.places.entrance import EntranceRow
from gateway.store import tables as t
from gateway.web.door import Door, State, counted, urgency
from gateway.web.scope import NotThere, Scope
from gateway.web.strip import LONG_MS, Line
from rules.load import titles as rule_titles

MOST_DOORS = 300
"""On one page; a leader of more sees those that need somebody first."""
RECENT_CASES = 10
SETUPS_LOOKED_AT = 5
"""Rules are renamed seldom; an older title is found among the latest few."""
_C, _J, _S, _M = t.cases.c, t.journal.c, t.states.c, t.messages.c
_UNSETTLED = _C.state != "settled"


# -- doors -----------------------------------------------------------------------


class Doors(NamedTuple):
    """What fits on a page.

    Attributes:
        shown: At most ``MOST_DOORS``.
        counts: How many are in which state; of a large scope only those that need somebody.
        whole: How many this reader may see altogether.
    """

    shown: list[Door]
    counts: Counter[State]
    whole: int


def doors(tx: Connection, scope: Scope) -> Doors:
    """All that this reader may see; of a whole community or district, those that need somebody."""
    rows = scope.entrances()
    states, cases = select(t.states), select(t.cases).where(_UNSETTLED).order_by(_C.filed_at_ms)
    if len(rows) <= MOST_DOORS:
        ids = [row.id for row in rows]
        states, cases = states.where(_S.entrance.in_(ids)), cases.where(_C.entrance.in_(ids))
        found = _joined(rows, tx.execute(states), tx.execute(cases))
        return Doors(found, counted(found), len(rows))
    with_case = select(_C.entrance).where(_UNSETTLED)
    states = states.where(or_(_S.contact == "open", _S.unknown_since_ms > 0, _S.entrance.in_(with_case)))
    found = _joined(rows, tx.execute(states), tx.execute(cases))
    pressing = [door for door in found if door.cases or door.state in ("open", "unknown")]
    return Doors(sorted(pressing, key=urgency)[:MOST_DOORS], counted(pressing), len(rows))


def door(tx: Connection, scope: Scope, entrance: str) -> Door:
    """
    Raises:
        NotThere: It is outside the scope.
    """
    row = scope.entrance(entrance)
    states = tx.execute(select(t.states).where(_S.entrance == entrance))
    cases = tx.execute(select(t.cases).where(_UNSETTLED, _C.entrance == entrance).order_by(_C.filed_at_ms))
    return _joined([row], states, cases)[0]


def _joined(rows: list[EntranceRow], states: Iterable[Row[Any]], cases: Iterable[Row[Any]]) -> list[Door]:
    known = {state.entrance: state for state in states}
    unsettled: dict[str, list[Row[Any]]] = defaultdict(list)
    for case in cases:
        unsettled[case.entrance].append(case)
    return [_door(row, known.get(row.id), tuple(unsettled.get(row.id, ()))) for row in rows]


def _door(row: EntranceRow, state: Row[Any] | None, cases: tuple[Row[Any], ...]) -> Door:
    if state is None:
        return Door(row, cases=cases)
    since = state.open_since_ms, state.unknown_since_ms, state.last_seen_ms, state.changed_at_ms
    return Door(row, state.contact, *since, cases)


# -- one entrance ------------------------------------------------------------------


class Health(NamedTuple):
    """What the device last said of itself; ``None`` where it never did."""

    last_ms: int
    battery_low: bool | None
    battery_pct: float | None
    battery_v: float | None
    rssi_dbm: float | None
    linkquality: int | None


def health(tx: Connection, scope: Scope, entrance: str) -> Health:
    scope.entrance(entrance)
    live = _J.entrance == entrance, _J.kind == "reading", ~_J.retained

    def last(column: Any) -> Any:
        newest = (
            select(column).where(*live, column.is_not(None)).order_by(_J.at_ms.desc(), _J.position.desc())
        )
        return tx.execute(newest.limit(1)).scalar()

    said = (_J.battery_low, _J.battery_pct, _J.battery_v, _J.rssi_dbm, _J.linkquality)
    return Health(last(_J.at_ms) or 0, *map(last, said))


def day(tx: Connection, scope: Scope, entrance: str, now_ms: int) -> list[Line]:
    """The journal of the last 24 hours, and the last word before them."""
    scope.entrance(entrance)
    from_ms = now_ms - LONG_MS
    columns = (_J.at_ms, _J.kind, _J.contact, _J.online, _J.boot, _J.seq)
    before = tx.execute(
        select(*columns)
        .where(_J.entrance == entrance, _J.at_ms < from_ms, _J.contact.is_not(None))
        .order_by(_J.at_ms.desc(), _J.position.desc())
        .limit(1)
    ).all()
    lines = tx.execute(
        select(*columns, _J.position)
        .where(_J.entrance == entrance, _J.at_ms >= from_ms)
        .union_all(
            select(*columns, _J.position).where(
                _J.entrance.is_(None), _J.kind.in_(("deaf", "listening")), _J.at_ms >= from_ms
            )
        )
        .order_by(_J.position)
    ).all()
    return [Line(*row[:6]) for row in (*before, *lines)]


def openings(tx: Connection, scope: Scope, entrance: str, since_ms: int) -> int:
    """How often it has been opened since then; a heartbeat that says "open" again is no opening."""
    scope.entrance(entrance)
    said = (
        select(_J.contact, func.lag(_J.contact).over(order_by=_J.position).label("before"))
        .where(_J.entrance == entrance, _J.at_ms >= since_ms, _J.contact.is_not(None), ~_J.retained)
        .subquery()
    )
    opened = (said.c.contact == "open") & (func.coalesce(said.c.before, "closed") != "open")
    return tx.execute(select(func.count()).select_from(said).where(opened)).scalar_one()


def recent_cases(tx: Connection, scope: Scope, entrance: str) -> list[Row[Any]]:
    scope.entrance(entrance)
    settled = select(t.cases).where(_C.entrance == entrance, _C.state == "settled")
    return list(tx.execute(settled.order_by(_C.filed_at_ms.desc()).limit(RECENT_CASES)))


# -- one case ----------------------------------------------------------------------


def case(tx: Connection, scope: Scope, ident: str) -> Row[Any]:
    """
    Raises:
        NotThere: There is none, or its entrance is outside the scope.
    """
    found = tx.execute(select(t.cases).where(_C.id == ident)).first()
    if found is None or not scope.sees(found.entrance):
        raise NotThere
    return found


class Event(NamedTuple):
    """One line of a case's story.

    Attributes:
        message: Its message, where somebody was told.
    """

    at_ms: int
    what: str
    who: str | None
    why: str
    facts: Mapping[str, Any]
    message: Row[Any] | None


def story(tx: Connection, scope: Scope, case: Row[Any]) -> list[Event]:
    """What happened to it, and whether those who were told have seen it."""
    scope.entrance(case.entrance)
    e = t.case_events.c
    found = tx.execute(select(t.case_events).where(e.case_id == case.id).order_by(e.id))
    messages = {m.id: m for m in tx.execute(select(t.messages).where(_M.case_id == case.id))}
    return [
        Event(row.at_ms, row.what, row.who, row.why, row.facts, messages.get(row.facts.get("message")))
        for row in found
    ]


def titles(tx: Connection) -> dict[str, Mapping[str, str]]:
    """What the rules are called, by name and language."""
    latest = select(t.setups.c.rules).order_by(t.setups.c.at_ms.desc()).limit(SETUPS_LOOKED_AT)
    found: dict[str, Mapping[str, str]] = {}
    for text in tx.execute(latest).scalars():
        for name, title in rule_titles(text).items():
            found.setdefault(name, title)
    return found


# -- the road ------------------------------------------------------------------------


def position(tx: Connection) -> int:
    return tx.execute(select(t.road.c.position)).scalar() or 0


def health_rows(tx: Connection) -> list[Row[Any]]:
    return list(tx.execute(select(t.health)))


# -- what is written -----------------------------------------------------------------


def mark_seen(tx: Connection, person: str, ident: str, at_ms: int) -> None:
    """Her messages about this case; when she first saw one stays."""
    tx.execute(
        update(t.messages)
        .where(_M.person == person, _M.case_id == ident, _M.seen_at_ms.is_(None))
        .values(seen_at_ms=at_ms)
    )


def login_was_used(tx: Connection, digest: str) -> bool:
    return tx.execute(select(t.logins.c.digest).where(t.logins.c.digest == digest)).first() is not None


def use_login(tx: Connection, digest: str, person: str, at_ms: int, expires_at_ms: int) -> bool:
    """Whether this link had not been used before."""
    if login_was_used(tx, digest):
        return False
    used = {"digest": digest, "person": person, "expires_at_ms": expires_at_ms, "used_at_ms": at_ms}
    tx.execute(insert(t.logins).values(used))
    return True
