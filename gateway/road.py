"""The road of one report, from what arrived to what is committed (steps 2 to 5 of six).

Rule 1: one ``Road`` owns all state: the engine, the desk, the position. No locks.
Rule 2: ``take`` writes everything that a batch changes in one transaction, or raises
        and has changed nothing that lasts. After it raised, open the road again: what
        is in memory may be ahead of what is on disk.
Rule 3: whatever makes the engine answer stands in the journal, so that a replay of it
        from a checkpoint gives the very same state.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import ValidationError
from sqlalchemy import Connection, insert, select

from gateway.cases.act import Act, Answer
from gateway.cases.desk import Desk
from gateway.cases.muting import MUTINGS, asked_mute
from gateway.intake.dialects.answer import Report
from gateway.intake.route import Router
from gateway.places.model import Registry
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.store.resuming import (
    journal_after,
    keep_checkpoint,
    keep_setup,
    last_checkpoint,
    living_cases,
    read_setup,
    setup_hash,
    standing_alarms,
    told_lately,
)
from gateway.store.rule_versions import Activation, activate
from gateway.store.writing import (
    JournalRow,
    MuteRow,
    Quarantined,
    UnknownDevice,
    Written,
    move_road,
    write,
)
from rules.engine import Engine, Setup
from rules.impact import Impact, impact, standing
from rules.mute import Mute
from rules.outcome import AlarmRaised, DoorChanged, Outcome
from rules.reading import Reading

log = logging.getLogger(__name__)

CHECKPOINT_EVERY = 50_000
"""Journal lines: a replay of as many takes about a second."""
ACTS_AT_ONCE = 100
REPLAYED_AT_ONCE = 5_000


class Mark(NamedTuple):
    """Something that happened to the listening itself: ``deaf``, ``listening``, ``session_lost``."""

    kind: str


@dataclass(frozen=True, slots=True)
class District:
    """What the road decides by. Other tables or rules are another district.

    Attributes:
        setup: For the engine.
        reachable: Whether a person or ``residents:…`` has any channel.
        bases: Topic prefixes that the district changed, by dialect.
    """

    registry: Registry
    setup: Setup
    reachable: Callable[[str], bool]
    bases: Mapping[str, str] = field(default_factory=dict)


class Road:
    """Everything between the broker and the database."""

    def __init__(
        self,
        db: Database,
        district: District,
        setup: str,
        engine: Engine,
        desk: Desk,
        position: int,
        at_ms: int,
    ) -> None:
        self._db = db
        self._engine = engine
        self._desk = desk
        self._router = Router(district.registry, district.bases)
        self._registry = district.registry
        self._setup = setup
        self._position = position
        self._checkpoint = position
        self.committed_at_ms = at_ms
        self.had_session = position > 0

    @classmethod
    def open(cls, db: Database, district: District, now_ms: int) -> Road:
        """Rebuild the exact state: the last checkpoint and the journal after it.

        From here to the mark ``listening`` nobody listens, so no deadline fires.
        """
        name = setup_hash(district.setup)
        with db.write() as tx:
            row = tx.execute(select(t.road.c.position, t.road.c.committed_at_ms)).first()
            position, at_ms = row or (0, now_ms)
            if row is None:
                tx.execute(insert(t.road).values(id=1, position=0, committed_at_ms=at_ms))
            keep_setup(tx, district.setup, name, now_ms)
            engine, was = rebuild(tx, district.setup, name)
            desk = Desk(
                district.registry,
                district.setup,
                district.reachable,
                cases=living_cases(tx, now_ms),
                standing=standing_alarms(tx),
                told=told_lately(tx, now_ms),
            )
        road = cls(db, district, name, engine, desk, position, at_ms)
        if not engine.deaf:
            road.take([Mark("deaf")], now_ms=at_ms, act=False)  # that moment is over: people pressed later
        if was != name:
            road._change(district.setup, name, max(now_ms, at_ms))
        return road

    @property
    def position(self) -> int:
        return self._position

    @property
    def engine(self) -> Engine:
        """For looking only."""
        return self._engine

    def next_deadline_ms(self) -> int | None:
        return self._engine.next_deadline_ms()

    def change(self, setup: Setup, now_ms: int, activated: Activation) -> Impact:
        """From now on other rules, between two batches; what that changed.

        Raises:
            StoreError, sqlalchemy.exc.DBAPIError: As ``take``.
        """
        return self._change(setup, setup_hash(setup), max(now_ms, self.committed_at_ms), activated)

    def take(self, items: Sequence[Report | Mark], *, now_ms: int, act: bool = True) -> bool:
        """Do one batch, and what people asked for meanwhile; whether anything came of it.

        Raises:
            StoreError: The database has moved on without us.
            sqlalchemy.exc.DBAPIError: It could not be written.
        """
        written = Written()
        self._decide(items, now_ms, written)
        with self._db.write() as tx:
            if act:
                self._act(tx, now_ms, written)
            if not _anything(written):
                return False
            written.changes = self._desk.take_changes()
            position = self._number(written.journal)
            move_road(tx, self._position, position, now_ms)
            write(tx, written, self._setup, self._engine.setup.rules.hash, now_ms)
            if position - self._checkpoint >= CHECKPOINT_EVERY:
                keep_checkpoint(tx, position, now_ms, self._setup, self._engine.snapshot())
                self._checkpoint = position
                self._desk.forget_until(now_ms)
        self._position = position
        self.committed_at_ms = now_ms
        return True

    def checkpoint(self, now_ms: int) -> None:
        """Make the next start short."""
        if self._position > self._checkpoint:
            with self._db.write() as tx:
                move_road(tx, self._position, self._position, now_ms)
                keep_checkpoint(tx, self._position, now_ms, self._setup, self._engine.snapshot())
            self._checkpoint = self._position

    # -- inside ------------------------------------------------------------------

    def _decide(self, items: Sequence[Report | Mark], now_ms: int, written: Written) -> None:
        arrivals: list[tuple[str, Reading]] = []
        for item in items:
            if isinstance(item, Mark):
                self._hear(arrivals, written)
                self._mark(item, now_ms, written)
            else:
                self._route(item, arrivals, written)
        self._hear(arrivals, written)
        due = self._engine.on_time(now_ms)
        if due:
            written.journal.append(JournalRow(0, now_ms, "tick"))
            self._on_outcomes(due, written)

    def _route(self, report: Report, arrivals: list[tuple[str, Reading]], written: Written) -> None:
        routed = self._router.route(report)
        at = report.received_at_ms
        written.counts["reports"] += 1
        if routed.fault is not None:
            written.counts["quarantined"] += 1
            written.quarantine.append(Quarantined(at, report.topic, report.payload, routed.fault))
        if routed.unknown is not None:
            device, reason = routed.unknown
            written.unknown.append(UnknownDevice(at, device, report.topic, report.payload, reason))
        for entrance, reading in routed.arrivals:
            if reading.retained:
                door = self._engine.door(entrance)
                if door is None or door.contact is not None or reading.contact is None:
                    continue  # the broker's memory of what we know already
            arrivals.append((entrance, reading))

    def _hear(self, arrivals: list[tuple[str, Reading]], written: Written) -> None:
        if arrivals:
            written.counts["readings"] += len(arrivals)
            written.journal += [
                JournalRow(0, reading.received_at_ms, "reading", entrance, reading)
                for entrance, reading in arrivals
            ]
            self._on_outcomes(self._engine.on_readings(arrivals), written)
            arrivals.clear()

    def _mark(self, mark: Mark, now_ms: int, written: Written) -> None:
        written.journal.append(JournalRow(0, now_ms, mark.kind))
        if mark.kind == "session_lost":
            written.gaps.append((now_ms, "session_lost", {}))
        self._on_outcomes(_hear_mark(self._engine, mark.kind, now_ms), written)

    def _on_outcomes(self, outcomes: Iterable[Outcome], written: Written) -> None:
        for outcome in outcomes:
            written.outcomes.append(outcome)
            if isinstance(outcome, AlarmRaised):
                written.counts["alarms"] += 1
            if not isinstance(outcome, DoorChanged):
                try:
                    self._desk.on_outcome(outcome)
                except Exception:  # one odd case must not stop the doors of a district
                    written.counts["desk_failures"] += 1
                    log.exception("the desk failed on %s of %s", type(outcome).__name__, outcome.entrance)

    def _act(self, tx: Connection, now_ms: int, written: Written) -> None:
        waiting = tx.execute(
            select(t.inbox.c.id, t.inbox.c.act)
            .where(t.inbox.c.done_at_ms.is_(None))
            .order_by(t.inbox.c.id)
            .limit(ACTS_AT_ONCE)
        ).all()
        for item, raw in waiting:
            answer = Answer.NOT_UNDERSTOOD
            with contextlib.suppress(ValidationError):
                act = Act.model_validate(raw)
                does = self._mute if act.do in MUTINGS else self._do_at_desk
                answer = does(act, now_ms, written)
            written.answers.append((item, now_ms, answer))

    def _do_at_desk(self, act: Act, now_ms: int, _written: Written) -> Answer:
        return self._desk.on_act(act, now_ms)

    def _mute(self, act: Act, now_ms: int, written: Written) -> Answer:
        """A mute begins or ends: it stands in the journal, for steps come by it."""
        asked = asked_mute(act, self._engine.mutes(), self._registry, now_ms)
        if isinstance(asked, Answer):
            return asked
        written.mutes.append(MuteRow(asked, act.note, act.person, now_ms))
        written.journal.append(JournalRow(0, now_ms, "mute", setup=json.dumps(asked.snapshot())))
        self._on_outcomes(self._engine.on_mute(asked, now_ms), written)
        return Answer.DONE

    def _number(self, journal: list[JournalRow]) -> int:
        first = self._position + 1
        journal[:] = [row._replace(position=first + i) for i, row in enumerate(journal)]
        # People's acts stand in their own table; they still move the road.
        return self._position + max(len(journal), 1)

    def _change(self, setup: Setup, name: str, now_ms: int, activated: Activation | None = None) -> Impact:
        """From now on other rules or entrances."""
        before = standing(self._engine)
        written = Written(journal=[JournalRow(0, now_ms, "setup", setup=name)])
        outcomes = self._engine.change(setup, now_ms)
        self._desk.adopt(setup)
        self._on_outcomes(outcomes, written)
        changed = impact(before, standing(self._engine), outcomes)
        written.changes = self._desk.take_changes()
        with self._db.write() as tx:
            keep_setup(tx, setup, name, now_ms)
            position = self._number(written.journal)
            move_road(tx, self._position, position, now_ms)
            write(tx, written, name, setup.rules.hash, now_ms)
            if activated is not None:
                activate(tx, setup.rules, activated, changed, now_ms)
        self._setup = name
        self._position = position
        self.committed_at_ms = now_ms
        return changed


def rebuild(tx: Connection, setup: Setup, name: str) -> tuple[Engine, str]:
    """The engine as the journal says, and the name of the setup it was under."""
    checkpoint = last_checkpoint(tx)
    if checkpoint is not None:
        was = checkpoint.setup
        engine = Engine.resume(read_setup(tx, was) if was != name else setup, checkpoint.state)
        position = checkpoint.position
    else:
        engine, was, position = _first_engine(tx, setup, name)
    arrivals: list[tuple[str, Reading]] = []
    for line in journal_after(tx, position):
        if line.arrival is not None:
            arrivals.append(line.arrival)
            if len(arrivals) >= REPLAYED_AT_ONCE:
                engine.on_readings(arrivals)
                arrivals.clear()
            continue
        engine.on_readings(arrivals)
        arrivals.clear()
        if line.kind == "setup":
            was = line.setup or name
            engine.change(read_setup(tx, was) if was != name else setup, line.at_ms)
        elif line.kind == "mute":
            engine.on_mute(Mute.resume(json.loads(line.setup or "")), line.at_ms)
        else:
            _hear_mark(engine, line.kind, line.at_ms)
    engine.on_readings(arrivals)
    return engine, was


def _first_engine(tx: Connection, setup: Setup, name: str) -> tuple[Engine, str, int]:
    """Before the first checkpoint: under the setup that was kept first."""
    first = tx.execute(select(t.setups.c.hash).order_by(t.setups.c.at_ms, t.setups.c.hash)).scalars().first()
    if first is None or first == name:
        return Engine(setup), name, 0
    return Engine(read_setup(tx, first)), first, 0


def _hear_mark(engine: Engine, kind: str, at_ms: int) -> list[Outcome]:
    match kind:
        case "deaf":
            return engine.on_deaf(at_ms)
        case "listening":
            return engine.on_listening(at_ms)
        case "session_lost":
            return engine.on_session_lost(at_ms)
        case _:
            return engine.on_time(at_ms)


def _anything(written: Written) -> bool:
    return bool(written.journal or written.answers or written.quarantine or written.unknown or written.counts)
