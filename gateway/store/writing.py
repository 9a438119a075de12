"""What one batch changes, written in one transaction.

The batch names the position that it saw. If the database has moved on meanwhile,
somebody else works on it, and nothing is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gateway.cases.desk import Changes, Handled, Over
from gateway.errors import StoreError
from gateway.notify.accounts import Sent, settle
from gateway.notify.message import KEEPS_MS, SEVERITY_RANK, Message, Text, bundle_of, message_id
from gateway.store import tables as t
from rules.mute import Mute
from rules.outcome import (
    AlarmCleared,
    AlarmMissed,
    AlarmRaised,
    DoorChanged,
    GapFound,
    Outcome,
    RuleFailed,
)
from rules.reading import Reading

QUARANTINE_KEEPS = 1_000
"""The newest are kept."""
UNKNOWN_KEEPS = 10_000
BYTES_KEPT = 64 * 1024
"""Of a payload in quarantine; its true size stands beside it."""


class JournalRow(NamedTuple):
    """One line of the journal: a reading, or a mark that replay needs."""

    position: int
    at_ms: int
    kind: str
    entrance: str | None = None
    reading: Reading | None = None
    setup: str | None = None
    """Of a mark: what it carries, the hash of a setup or a mute as JSON."""


class Quarantined(NamedTuple):
    at_ms: int
    topic: str
    payload: bytes
    reason: str


class UnknownDevice(NamedTuple):
    at_ms: int
    device: str
    topic: str
    payload: bytes
    reason: str


class MuteRow(NamedTuple):
    """A mute as it is from now on, and who did it."""

    mute: Mute
    why: str
    who: str
    at_ms: int


@dataclass(slots=True)
class Written:
    """Everything that a batch changes."""

    journal: list[JournalRow] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)
    quarantine: list[Quarantined] = field(default_factory=list)
    unknown: list[UnknownDevice] = field(default_factory=list)
    gaps: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    answers: list[tuple[int, int, str]] = field(default_factory=list)
    mutes: list[MuteRow] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def move_road(tx: Connection, seen: int, position: int, at_ms: int) -> None:
    """Say how far the gateway has come.

    Raises:
        StoreError: Somebody else has moved it since ``seen``.
    """
    moved = tx.execute(
        update(t.road)
        .where(t.road.c.id == 1, t.road.c.position == seen)
        .values(position=position, committed_at_ms=at_ms)
    )
    if moved.rowcount != 1:
        raise StoreError(
            f"the road is not at position {seen} any more",
            mend="Another gateway works on this database; stop one of them.",
        )


def write(tx: Connection, written: Written, setup: str, rules: str, at_ms: int) -> None:
    """Write it all; the caller commits. ``setup`` and ``rules`` are hashes of what decided it."""
    _write_journal(tx, written.journal)
    _write_outcomes(tx, written.outcomes, setup, rules)
    _write_changes(tx, written.changes)
    _write_strays(tx, written, at_ms)
    for row in written.mutes:
        _write_mute(tx, row)
    for item, done_at, answer in written.answers:
        tx.execute(update(t.inbox).where(t.inbox.c.id == item).values(done_at_ms=done_at, answer=answer))
    count(tx, written.counts)


_INSERT_JOURNAL = str(sqlite_insert(t.journal).on_conflict_do_nothing().compile(dialect=sqlite.dialect()))
"""For ``exec_driver_sql``, which takes values by their place. SQLAlchemy's own way with many
rows looks each value up by its name: a fifth of a batch's time (``make bench``)."""


def _write_journal(tx: Connection, rows: Sequence[JournalRow]) -> None:
    if rows:
        tx.exec_driver_sql(_INSERT_JOURNAL, [_journal_values(row) for row in rows])


def _journal_values(row: JournalRow) -> tuple[Any, ...]:
    """In the order of the table's columns."""
    position, at_ms, kind, entrance, r, setup = row
    if r is None:
        r = Reading(setup or "", at_ms)
    return (
        position,
        at_ms,
        kind,
        entrance,
        r.device,
        r.contact,
        r.retained,
        r.boot,
        r.seq,
        r.battery_pct,
        r.battery_v,
        r.battery_low,
        r.tamper,
        r.online,
        r.online_scope if r.online is not None else None,
        r.rssi_dbm,
        r.linkquality,
        r.device_time,
    )


def _write_outcomes(tx: Connection, outcomes: Iterable[Outcome], setup: str, rules: str) -> None:
    states: dict[str, dict[str, Any]] = {}
    for o in outcomes:
        match o:
            case DoorChanged():
                states[o.entrance] = {
                    "entrance": o.entrance,
                    "contact": o.contact,
                    "open_since_ms": o.open_since_ms,
                    "unknown_since_ms": o.unknown_since_ms,
                    "last_seen_ms": o.last_seen_ms,
                    "changed_at_ms": o.at_ms,
                }
            case AlarmRaised() | AlarmMissed():
                raised = o.at_ms if isinstance(o, AlarmRaised) else None
                tx.execute(
                    sqlite_insert(t.alarms)
                    .values(
                        id=o.alarm,
                        rule=o.rule,
                        entrance=o.entrance,
                        condition=o.condition,
                        verdict=o.condition,
                        since_ms=o.since_ms,
                        due_ms=o.due_ms,
                        raised_at_ms=raised,
                        cleared_at_ms=None if raised else o.at_ms,
                        cleared_why=None if raised else "missed",
                        late=o.late if isinstance(o, AlarmRaised) else True,
                        muted_until_ms=o.muted_until_ms if isinstance(o, AlarmRaised) else 0,
                        setup=setup,
                        rules=rules,
                    )
                    .on_conflict_do_nothing()
                )
            case AlarmCleared():
                tx.execute(
                    update(t.alarms)
                    .where(t.alarms.c.id == o.alarm)
                    .values(cleared_at_ms=o.at_ms, cleared_why=o.reason)
                )
            case GapFound():
                facts = {"device": o.device, "boot": o.boot, "first": o.first, "last": o.last}
                write_gap(tx, o.at_ms, "reports", o.entrance, facts | {"missing": o.missing})
            case RuleFailed():
                broke = {"rule": o.rule, "error": o.error, "everywhere": o.everywhere}
                write_gap(tx, o.at_ms, "rule_failed", o.entrance, broke)
    if states:
        upsert = sqlite_insert(t.states)
        names = ("contact", "open_since_ms", "unknown_since_ms", "last_seen_ms", "changed_at_ms")
        tx.execute(
            upsert.on_conflict_do_update(
                index_elements=["entrance"], set_={name: upsert.excluded[name] for name in names}
            ),
            list(states.values()),
        )


def _write_changes(tx: Connection, changes: Changes) -> None:
    if changes.cases:
        upsert = sqlite_insert(t.cases)
        rows = [asdict(case) for case in changes.cases.values()]
        set_ = {name: upsert.excluded[name] for name in rows[0] if name != "id"}
        tx.execute(upsert.on_conflict_do_update(index_elements=["id"], set_=set_), rows)
    for alarm, case in changes.joined:
        tx.execute(update(t.alarms).where(t.alarms.c.id == alarm).values(case_id=case))
    if changes.events:
        tx.execute(
            insert(t.case_events),
            [
                {
                    "case_id": e.case,
                    "at_ms": e.at_ms,
                    "what": e.what,
                    "who": e.who,
                    "through": e.through,
                    "why": e.why,
                    "facts": dict(e.facts),
                }
                for e in changes.events
            ],
        )
    for message in changes.messages:
        queue(tx, message)
    for over in changes.all_clear:
        _tell_over(tx, over)
    for handled in changes.handled:
        _tell_handled(tx, handled)


def queue(tx: Connection, message: Message) -> None:
    """Put a message into the outbox.

    One that is there already stays as it is, unless it waits for longer or was withdrawn unsent.
    """
    upsert = sqlite_insert(t.messages)
    new, old = upsert.excluded, t.messages.c
    waits_longer = (old.state == "queued") & (old.bundle != old.person) & (new.next_try_ms < old.next_try_ms)
    sooner = {
        name: new[name]
        for name in (
            "about",
            "case_id",
            "facts",
            "severity",
            "bundle",
            "expires_at_ms",
            "next_try_ms",
            "state",
        )
    }
    tx.execute(
        upsert.values(
            id=message.id,
            person=message.person,
            about=message.about,
            case_id=message.case,
            entrance=message.entrance,
            text_key=message.text,
            facts=dict(message.facts),
            severity=SEVERITY_RANK[message.severity],
            bundle=message.bundle,
            queued_at_ms=message.queued_at_ms,
            expires_at_ms=message.expires_at_ms,
            state="queued",
            channel=0,
            next_try_ms=max(message.queued_at_ms, message.not_before_ms),
        ).on_conflict_do_update(
            index_elements=["id"],
            set_=sooner,
            where=waits_longer | ((old.state == "withdrawn") & old.accepted_at_ms.is_(None)),
        )
    )


_TELLING = (Text.REMIND, Text.TELL, Text.PASSED)


def _tell_over(tx: Connection, over: Over) -> None:
    """The all-clear: to everyone whose message was accepted, or may have been."""
    alarm, at_ms, ended_ms, quiet, reason = over
    found = tx.execute(
        select(t.messages).where(t.messages.c.about == alarm.id, t.messages.c.text_key.in_(_TELLING))
    ).all()
    accounts = settle(_sent(tx, found))
    _withdraw(tx, accounts.withdraw)
    by_person = {row.person: row for row in found}
    for person in accounts.tell:
        told = by_person[person]
        until_ms = quiet.get(told.facts.get("role", ""), 0)
        queue(
            tx,
            Message(
                id=message_id("all_clear", alarm.id, person),
                person=person,
                about=alarm.id,
                text=Text.ALL_CLEAR,
                facts={k: told.facts[k] for k in _LASTING if k in told.facts}
                | {"over_ms": ended_ms, "reason": reason},
                bundle=bundle_of(person, until_ms) if until_ms else person,
                case=told.case_id,
                entrance=alarm.entrance,
                queued_at_ms=at_ms,
                expires_at_ms=max(at_ms, until_ms) + KEEPS_MS,
                not_before_ms=until_ms,
            ),
        )


_LASTING = ("place", "grid", "kind", "rule", "condition", "title", "since_ms")
"""The facts of a telling that its all-clear repeats."""


def _tell_handled(tx: Connection, handled: Handled) -> None:
    """Somebody settled it with a reason: whoever else was told of this case hears it."""
    case, at_ms, quiet = handled
    found = tx.execute(
        select(t.messages).where(t.messages.c.case_id == case.id, t.messages.c.text_key.in_(_TELLING))
    ).all()
    accounts = settle(_sent(tx, found))
    _withdraw(tx, accounts.withdraw)
    by = tx.execute(
        select(t.case_events.c.who)
        .where(t.case_events.c.case_id == case.id, t.case_events.c.what == "settled")
        .order_by(t.case_events.c.id.desc())
    ).scalar()
    by_person = {row.person: row for row in found}
    for person in accounts.tell:
        if person == by:
            continue
        told = by_person[person]
        facts = {k: told.facts[k] for k in _LASTING if k in told.facts}
        until_ms = quiet.get(told.facts.get("role", ""), 0)
        queue(
            tx,
            Message(
                id=message_id("handled", case.id, at_ms, person),
                person=person,
                about=case.id,
                text=Text.HANDLED,
                facts=facts | {"over_ms": at_ms, "reason": case.settled_how},
                bundle=bundle_of(person, until_ms) if until_ms else person,
                case=case.id,
                entrance=case.entrance,
                queued_at_ms=at_ms,
                expires_at_ms=max(at_ms, until_ms) + KEEPS_MS,
                not_before_ms=until_ms,
            ),
        )


def _sent(tx: Connection, found: Sequence[Any]) -> list[Sent]:
    return [
        Sent(
            row.id,
            row.person,
            row.state,
            tuple(tx.execute(select(t.attempts.c.result).where(t.attempts.c.message_id == row.id)).scalars()),
        )
        for row in found
    ]


def _withdraw(tx: Connection, ids: Sequence[str]) -> None:
    if ids:
        tx.execute(
            update(t.messages)
            .where(t.messages.c.id.in_(ids), t.messages.c.state == "queued")
            .values(state="withdrawn")
        )


def _write_mute(tx: Connection, row: MuteRow) -> None:
    """A new one, or the early end of one that there is."""
    ident, *named, from_ms, until_ms = row.mute.snapshot()
    scope = dict(zip(("kind", "within", "tags", "entrance"), named, strict=True))
    upsert = sqlite_insert(t.mutes).values(
        id=ident,
        scope={key: words for key, words in scope.items() if words},
        from_ms=from_ms,
        until_ms=until_ms,
        why=row.why,
        who=row.who,
        at_ms=row.at_ms,
    )
    ended = {"from_ms": from_ms, "until_ms": until_ms, "ended_by": row.who, "ended_at_ms": row.at_ms}
    tx.execute(upsert.on_conflict_do_update(index_elements=["id"], set_=ended))


def write_gap(tx: Connection, at_ms: int, kind: str, entrance: str | None, facts: dict[str, Any]) -> None:
    tx.execute(insert(t.gaps).values(at_ms=at_ms, kind=kind, entrance=entrance, facts=facts))


def _write_strays(tx: Connection, written: Written, at_ms: int) -> None:
    """What could not be understood, or is nobody's."""
    for gap_at, kind, facts in written.gaps:
        write_gap(tx, gap_at, kind, None, facts)
    if written.quarantine:
        tx.execute(
            insert(t.quarantine),
            [
                {
                    "at_ms": q.at_ms,
                    "topic": q.topic,
                    "payload": q.payload[:BYTES_KEPT],
                    "size": len(q.payload),
                    "reason": q.reason,
                }
                for q in written.quarantine
            ],
        )
        newest = select(func.max(t.quarantine.c.id)).scalar_subquery()
        tx.execute(delete(t.quarantine).where(t.quarantine.c.id <= newest - QUARANTINE_KEEPS))
    if written.unknown:
        _write_unknown(tx, written.unknown)


def _write_unknown(tx: Connection, unknown: Sequence[UnknownDevice]) -> None:
    met = Counter(u.device for u in unknown)
    upsert = sqlite_insert(t.unknown_devices)
    tx.execute(
        upsert.on_conflict_do_update(
            index_elements=["device"],
            set_={
                "last_ms": upsert.excluded.last_ms,
                "reports": t.unknown_devices.c.reports + upsert.excluded.reports,
                "topic": upsert.excluded.topic,
                "payload": upsert.excluded.payload,
                "reason": upsert.excluded.reason,
            },
        ),
        [
            {
                "device": u.device,
                "first_ms": u.at_ms,
                "last_ms": u.at_ms,
                "reports": met[u.device],
                "topic": u.topic[:500],
                "payload": u.payload[:1024],
                "reason": u.reason,
            }
            for u in {u.device: u for u in unknown}.values()
        ],
    )
    many = tx.execute(select(func.count()).select_from(t.unknown_devices)).scalar_one()
    if many > UNKNOWN_KEEPS:
        oldest = (
            select(t.unknown_devices.c.device)
            .order_by(t.unknown_devices.c.last_ms)
            .limit(many - UNKNOWN_KEEPS)
        )
        tx.execute(delete(t.unknown_devices).where(t.unknown_devices.c.device.in_(oldest)))


def count(tx: Connection, counts: Counter[str]) -> None:
    """Add to the lasting counters."""
    if counts:
        upsert = sqlite_insert(t.counters)
        tx.execute(
            upsert.on_conflict_do_update(
                index_elements=["name"], set_={"value": t.counters.c.value + upsert.excluded.value}
            ),
            [{"name": name, "value": value} for name, value in counts.items()],
        )


def say_healthy(tx: Connection, part: str, at_ms: int, facts: dict[str, Any]) -> None:
    """A part of doorward says that it works, and how."""
    upsert = sqlite_insert(t.health).values(part=part, at_ms=at_ms, facts=facts)
    tx.execute(
        upsert.on_conflict_do_update(
            index_elements=["part"], set_={"at_ms": upsert.excluded.at_ms, "facts": upsert.excluded.facts}
        )
    )
