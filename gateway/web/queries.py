"""What the pages read. Every answer is cut to the reader's scope before it leaves here."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, or_, select, update

from gateway.cases.act import Act
from gateway.places.entrance import EntranceRow
from gateway.store import tables as t
from gateway.web.door import Door
from gateway.web.scope import NotThere, Scope
from gateway.web.strip import LONG_MS, Line

RECENT_CASES = 10
_C, _J = t.cases.c, t.journal.c


def doors(tx: Connection, scope: Scope) -> list[Door]:
    """All that this reader may see."""
    rows = scope.entrances()
    states = {row.entrance: row for row in tx.execute(select(t.states))}
    cases: dict[str, list[Row[Any]]] = defaultdict(list)
    for case in tx.execute(select(t.cases).where(_C.state != "settled").order_by(_C.filed_at_ms)):
        cases[case.entrance].append(case)
    return [_door(row, states.get(row.id), cases.get(row.id, [])) for row in rows]


def door(tx: Connection, scope: Scope, entrance: str) -> Door:
    """
    Raises:
        NotThere: It is outside the scope.
    """
    row = scope.entrance(entrance)
    state = tx.execute(select(t.states).where(t.states.c.entrance == entrance)).first()
    cases = tx.execute(select(t.cases).where(_C.entrance == entrance, _C.state != "settled")).all()
    return _door(row, state, list(cases))


def _door(row: EntranceRow, state: Row[Any] | None, cases: list[Row[Any]]) -> Door:
    if state is None:
        return Door(row, cases=tuple(cases))
    return Door(
        row,
        state.contact,
        state.open_since_ms,
        state.unknown_since_ms,
        state.last_seen_ms,
        state.changed_at_ms,
        tuple(cases),
    )


class Health(NamedTuple):
    """What the device last said of itself."""

    last_ms: int
    battery_pct: float | None
    battery_v: float | None
    rssi_dbm: float | None


def health(tx: Connection, entrance: str) -> Health:
    newest = select(_J.at_ms).where(_J.entrance == entrance, _J.kind == "reading", ~_J.retained)
    last = tx.execute(newest.order_by(_J.at_ms.desc()).limit(1)).scalar() or 0
    said = []
    for column in (_J.battery_pct, _J.battery_v, _J.rssi_dbm):
        said.append(
            tx.execute(
                select(column)
                .where(_J.entrance == entrance, column.is_not(None))
                .order_by(_J.at_ms.desc())
                .limit(1)
            ).scalar()
        )
    return Health(last, *said)


def day(tx: Connection, entrance: str, now_ms: int) -> list[Line]:
    """The journal of the last 24 hours, and the last word before them."""
    from_ms = now_ms - LONG_MS
    columns = (_J.at_ms, _J.kind, _J.contact, _J.online, _J.boot, _J.seq)
    before = tx.execute(
        select(*columns)
        .where(_J.entrance == entrance, _J.at_ms < from_ms, _J.contact.is_not(None))
        .order_by(_J.at_ms.desc())
        .limit(1)
    ).all()
    lines = tx.execute(
        select(*columns)
        .where(
            or_(_J.entrance == entrance, _J.kind.in_(("deaf", "listening"))),
            _J.at_ms >= from_ms,
            ~_J.retained,
        )
        .order_by(_J.position)
    ).all()
    return [Line(*row) for row in (*before, *lines)]


def recent_cases(tx: Connection, entrance: str) -> list[Row[Any]]:
    return list(
        tx.execute(
            select(t.cases)
            .where(_C.entrance == entrance, _C.state == "settled")
            .order_by(_C.filed_at_ms.desc())
            .limit(RECENT_CASES)
        )
    )


def case(tx: Connection, scope: Scope, ident: str) -> Row[Any]:
    """
    Raises:
        NotThere: There is none, or its entrance is outside the scope.
    """
    found = tx.execute(select(t.cases).where(_C.id == ident)).first()
    if found is None or not scope.sees(found.entrance):
        raise NotThere
    return found


def events(tx: Connection, ident: str) -> list[Row[Any]]:
    c = t.case_events.c
    return list(tx.execute(select(t.case_events).where(c.case_id == ident).order_by(c.id)))


def position(tx: Connection) -> int:
    return tx.execute(select(t.road.c.position)).scalar() or 0


def put_into_inbox(tx: Connection, act: Act, at_ms: int) -> int:
    made = tx.execute(insert(t.inbox).values(at_ms=at_ms, act=act.model_dump()))
    key = made.inserted_primary_key
    return int(key[0]) if key else 0


def answer_of(tx: Connection, item: int) -> str | None:
    return tx.execute(select(t.inbox.c.answer).where(t.inbox.c.id == item)).scalar()


def mark_seen(tx: Connection, person: str, ident: str, at_ms: int) -> None:
    m = t.messages.c
    tx.execute(
        update(t.messages)
        .where(m.person == person, m.case_id == ident, m.seen_at_ms.is_(None))
        .values(seen_at_ms=at_ms)
    )


def use_login(tx: Connection, digest: str, person: str, at_ms: int) -> bool:
    """Whether this link had not been used before."""
    if tx.execute(select(t.logins.c.digest).where(t.logins.c.digest == digest)).first():
        return False
    tx.execute(insert(t.logins).values(digest=digest, person=person, expires_at_ms=at_ms, used_at_ms=at_ms))
    return True


def health_rows(tx: Connection) -> list[Row[Any]]:
    return list(tx.execute(select(t.health)))
