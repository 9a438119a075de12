"""What a restart reads back: checkpoint, journal tail, cases. And writes: checkpoints, setups."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, or_, select

from gateway.cases.case import Case, CaseState, StandingAlarm
from gateway.notify.courtesy import Told
from gateway.notify.message import Text
from gateway.store import tables as t
from rules.days import Calendar
from rules.duration import DAY_MS
from rules.engine import Setup
from rules.load import from_canonical
from rules.reading import Reading
from rules.rule import Condition, Entrance, RuleSet, Subject

CHECKPOINTS_KEPT = 2
_J = t.journal.c
Usuals = Mapping[tuple[str, int], tuple[int, ...]]


class Checkpoint(NamedTuple):
    position: int
    setup: str
    state: dict[str, Any]


def setup_hash(setup: Setup) -> str:
    """Names the rules, entrances and zone together."""
    parts = [setup.rules.hash, str(setup.zone), _entrances_text(setup)]
    parts += filter(None, (_calendar_text(setup.calendar), _usual_text(setup.usual)))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _entrances_text(setup: Setup) -> str:
    rows = [
        [e.id, e.kind, sorted(e.within), sorted(e.tags), e.heartbeat_ms, e.silent_after_ms, e.trial]
        for e in setup.entrances.values()
    ]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def _calendar_text(calendar: Calendar) -> str:
    if calendar == Calendar():
        return ""
    days = [sorted(day.isoformat() for day in days) for days in (calendar.holidays, calendar.workdays)]
    return json.dumps([*days, calendar.last_year])


def _calendar(text: str | None) -> Calendar:
    if not text:
        return Calendar()
    free, made_up, last_year = json.loads(text)
    return Calendar(
        frozenset(map(date.fromisoformat, free)), frozenset(map(date.fromisoformat, made_up)), last_year
    )


def _usual_text(usual: Usuals) -> str:
    rows = [[entrance, percent, list(hours)] for (entrance, percent), hours in sorted(usual.items())]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")) if rows else ""


def _usual(packed: bytes | None) -> Usuals:
    rows = json.loads(zlib.decompress(packed)) if packed else []
    return {(entrance, percent): tuple(hours) for entrance, percent, hours in rows}


def keep_setup(tx: Connection, setup: Setup, name: str, at_ms: int) -> None:
    """Keep a setup for ever under its hash: alarms and cases name it."""
    if tx.execute(select(t.setups.c.hash).where(t.setups.c.hash == name)).first() is None:
        tx.execute(
            insert(t.setups).values(
                hash=name,
                at_ms=at_ms,
                zone=str(setup.zone),
                rules=setup.rules.text,
                entrances=zlib.compress(_entrances_text(setup).encode(), 1),
                calendar=_calendar_text(setup.calendar) or None,
                usual=zlib.compress(_usual_text(setup.usual).encode(), 1) if setup.usual else None,
            )
        )


def read_setup(tx: Connection, name: str) -> Setup:
    row = tx.execute(select(t.setups).where(t.setups.c.hash == name)).one()
    entrances = [
        Entrance(ident, kind, frozenset(within), frozenset(tags), heartbeat, silent, trial)
        for ident, kind, within, tags, heartbeat, silent, trial in json.loads(zlib.decompress(row.entrances))
    ]
    known = {e.id: e for e in entrances}
    return Setup(
        from_canonical(row.rules), known, ZoneInfo(row.zone), _calendar(row.calendar), _usual(row.usual)
    )


class Active(NamedTuple):
    """The rules that are in force, and the public holidays that they go by."""

    rules: RuleSet
    calendar: Calendar


def active_rules(tx: Connection) -> Active | None:
    """``None`` before the first start."""
    name = tx.execute(
        select(_J.device).where(_J.kind == "setup").order_by(_J.position.desc()).limit(1)
    ).scalar()
    name = name or tx.execute(select(t.setups.c.hash).order_by(t.setups.c.at_ms).limit(1)).scalar()
    row = tx.execute(select(t.setups.c.rules, t.setups.c.calendar).where(t.setups.c.hash == name)).first()
    return Active(from_canonical(row.rules), _calendar(row.calendar)) if row else None


def setup_at(tx: Connection, at_ms: int) -> str | None:
    """The name of the setup that was in force then; the first one, before any other."""
    name = tx.execute(
        select(_J.device).where(_J.kind == "setup", _J.at_ms <= at_ms).order_by(_J.position.desc()).limit(1)
    ).scalar()
    first = select(t.setups.c.hash).order_by(t.setups.c.at_ms, t.setups.c.hash).limit(1)
    return name or tx.execute(first).scalar()


def keep_checkpoint(tx: Connection, position: int, at_ms: int, setup: str, state: dict[str, Any]) -> None:
    packed = zlib.compress(json.dumps(state, separators=(",", ":")).encode(), 1)
    tx.execute(insert(t.checkpoints).values(position=position, at_ms=at_ms, setup=setup, state=packed))
    kept = select(t.checkpoints.c.position).order_by(t.checkpoints.c.position.desc()).limit(CHECKPOINTS_KEPT)
    tx.execute(delete(t.checkpoints).where(t.checkpoints.c.position.not_in(kept)))


def last_checkpoint(tx: Connection) -> Checkpoint | None:
    row = tx.execute(select(t.checkpoints).order_by(t.checkpoints.c.position.desc()).limit(1)).first()
    if row is None:
        return None
    return Checkpoint(row.position, row.setup, json.loads(zlib.decompress(row.state)))


class JournalLine(NamedTuple):
    """One line read back. ``arrival`` is (entrance, reading) for a reading, else ``None``."""

    position: int
    at_ms: int
    kind: str
    setup: str | None
    arrival: tuple[str, Reading] | None


_COLUMNS = (
    _J.position,
    _J.kind,
    _J.entrance,
    _J.device,
    _J.at_ms,
    _J.contact,
    _J.retained,
    _J.boot,
    _J.seq,
    _J.battery_pct,
    _J.battery_v,
    _J.battery_low,
    _J.tamper,
    _J.online,
    _J.online_scope,
    _J.rssi_dbm,
    _J.linkquality,
    _J.device_time,
)


def journal_after(tx: Connection, position: int) -> Iterator[JournalLine]:
    """What came in after ``position``, in order."""
    found = tx.execution_options(yield_per=5_000).execute(
        select(*_COLUMNS).where(_J.position > position).order_by(_J.position)
    )
    for where, kind, entrance, device, at_ms, *facts in found:
        if kind == "reading":
            facts[9] = facts[9] or "device"
            yield JournalLine(where, at_ms, kind, None, (entrance, Reading(device, at_ms, *facts)))
        else:
            yield JournalLine(where, at_ms, kind, device or None, None)


def readings_before(tx: Connection, many: int) -> list[tuple[str, Reading]]:
    """The last readings, in the order of their arrival."""
    newest = select(*_COLUMNS).where(_J.kind == "reading").order_by(_J.position.desc()).limit(many)
    found = []
    for _where, _kind, entrance, device, at_ms, *facts in tx.execute(newest):
        facts[9] = facts[9] or "device"
        found.append((entrance, Reading(device, at_ms, *facts)))
    return found[::-1]


def accepted_usual(tx: Connection) -> Usuals:
    """How long entrances usually stand open, as far as somebody accepted it."""
    c = t.learned.c
    rows = tx.execute(select(c.entrance, c.percent, c.hours).where(c.state == "accepted"))
    return {(row.entrance, row.percent): tuple(row.hours) for row in rows}


def living_cases(tx: Connection, now_ms: int) -> list[Case]:
    """Cases that are not settled, may be reopened, or have a standing alarm."""
    standing = select(t.alarms.c.case_id).where(
        t.alarms.c.cleared_at_ms.is_(None), t.alarms.c.case_id.is_not(None)
    )
    c = t.cases.c
    rows = tx.execute(
        select(t.cases).where(
            or_(c.state != CaseState.SETTLED, c.reopen_until_ms >= now_ms, c.id.in_(standing))
        )
    )
    cases = []
    for row in rows.mappings():
        values = dict(row)
        values["subject"] = Subject(values["subject"])
        values["state"] = CaseState(values["state"])
        cases.append(Case(**values))
    return cases


def standing_alarms(tx: Connection) -> list[StandingAlarm]:
    c = t.alarms.c
    rows = tx.execute(select(t.alarms).where(c.cleared_at_ms.is_(None), c.raised_at_ms.is_not(None)))
    return [
        StandingAlarm(row.id, row.rule, row.entrance, Condition(row.condition), row.since_ms, row.case_id)
        for row in rows
    ]


def told_lately(tx: Connection, now_ms: int) -> list[Told]:
    """Who was told of something within two days, longer than any night; what waits has not been told."""
    c = t.messages.c
    rows = tx.execute(
        select(c.id, c.person, c.facts, c.queued_at_ms).where(
            c.queued_at_ms > now_ms - 2 * DAY_MS,
            c.text_key.in_((Text.REMIND, Text.TELL)),
            c.bundle == c.person,
        )
    )
    return [Told(row.person, row.facts.get("role", ""), row.queued_at_ms, row.id) for row in rows]
