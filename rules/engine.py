"""The engine: readings and the passing of time in, outcomes out.

Rule 1: no I/O, no clock, no await, no log. ``at`` and ``now`` are arguments.
Rule 2: what was due before a reading arrived comes before it, whatever the
        batches and ticks were; so live running, a restart, a story and a replay
        of the journal give the same outcomes.
Rule 3: a retained report seeds a state nobody knew. It starts no clock, ends
        none, and is no sign of life.
Rule 4: while nobody listens (``on_deaf`` … ``on_listening``) or the state is
        unknown, steps pause and clocks run on; afterwards due steps come at once.
Rule 5: a mute holds back steps and nothing else: the alarm is raised when it is due.

Read ``on_readings`` first, then ``_look``, which is all there is to an alarm.
"""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from rules.days import Calendar
from rules.door import Alarm, Door
from rules.mute import Mute, Mutes
from rules.order import Order
from rules.outcome import (
    AlarmCleared,
    AlarmMissed,
    AlarmRaised,
    Cleared,
    DoorChanged,
    GapFound,
    Outcome,
    RuleFailed,
    StepDue,
    alarm_id,
)
from rules.reading import OPEN, Reading
from rules.rule import Condition, Entrance, Rule, RuleSet, Step, fits
from rules.window import NEVER

LATE_MS = 2_000
"""A step that comes this much after it was due is marked late (acceptance test 6: ± 2 s)."""

FAILURES_TO_SWITCH_OFF = 20
"""A rule that broke on this many entrances is off everywhere (acceptance test 19)."""

LOW_PCT, WELL_PCT = 15.0, 25.0
LOW_V, WELL_V = 2.4, 2.6
"""A battery at or below the first is low, at or above the second is well again, and
in between it stays what it was. A fresh 3 V lithium cell reads about 3.0; under 2.4
its radio resets. A device's own verdict always counts as well."""

_OF_LEAF = (Condition.LEFT_OPEN, Condition.CHATTERING)
HOURS_OF_WEEK = 168
_WINDOWS_TRIED = 3
"""A clock change makes one of two windows shorter; a step longer than each of them never comes."""


class Setup(NamedTuple):
    """What the engine decides by.

    Attributes:
        zone: Of the windows.
        calendar: Public holidays, as far as windows ask for them.
        usual: How long an entrance usually stands open, in ms by hour of the week (Monday
            0 to 1 is the first of 168; 0: too little is known), by (entrance, percent).
    """

    rules: RuleSet
    entrances: Mapping[str, Entrance]
    zone: tzinfo
    calendar: Calendar = Calendar()
    usual: Mapping[tuple[str, int], tuple[int, ...]] = {}


class Watching(NamedTuple):
    """One rule on an entrance, with the steps that hold there."""

    rule: Rule
    steps: tuple[Step, ...]


class Outlook(NamedTuple):
    """How one rule stands on one entrance.

    Attributes:
        steps: Those that hold there.
        since_ms: Since when its condition holds; 0 if it does not.
        count_ms: From when its steps count.
        alarm: What has begun; read only.
        waits: The steps that have not come, each with when it is due if nothing changes.
        off: It broke here and is switched off.
        paused: Nobody knows the door's state, so no step comes.
    """

    rule: Rule
    steps: tuple[Step, ...]
    since_ms: int
    count_ms: int
    alarm: Alarm | None
    waits: tuple[tuple[Step, int], ...]
    off: bool
    paused: bool


class _Plan(NamedTuple):
    """What many entrances share.

    Attributes:
        watchings: All their rules.
        of_leaf: Those that a movement alone can set off.
        soonest_ms: No rule on how long it stands open tells anybody before that.
        fewest_openings: No rule on chattering counts fewer; 0 if there is none.
        openings_kept: How many openings the most patient of them counts …
        openings_span_ms: … and within what time.
    """

    watchings: tuple[Watching, ...]
    of_leaf: tuple[Watching, ...]
    soonest_ms: int
    fewest_openings: int
    openings_kept: int
    openings_span_ms: int
    heartbeat_ms: int
    silent_after_ms: int


def _plan(rules: RuleSet, entrance: Entrance) -> _Plan:
    watchings = tuple(
        Watching(rule, rule.steps_for(entrance)) for rule in rules.rules if rule.watches(entrance)
    )
    chattering = [w.rule for w in watchings if w.rule.when is Condition.CHATTERING]
    return _Plan(
        watchings,
        of_leaf=tuple(w for w in watchings if w.rule.when in _OF_LEAF),
        soonest_ms=min(
            (_soonest(w.steps[0]) for w in watchings if w.rule.when is Condition.LEFT_OPEN), default=NEVER
        ),
        fewest_openings=min((rule.openings for rule in chattering), default=0),
        openings_kept=max((rule.openings for rule in chattering), default=0),
        openings_span_ms=max((rule.openings_within_ms for rule in chattering), default=0),
        heartbeat_ms=entrance.heartbeat_ms or 0,
        silent_after_ms=entrance.silent_after_ms or 0,
    )


def _soonest(step: Step) -> int:
    return step.usual.at_least_ms if step.usual else step.after_ms


class Engine:
    """All doors of one partition, and the alarms on them."""

    def __init__(self, setup: Setup) -> None:
        self._heap: list[tuple[int, str]] = []
        self._doors: dict[str, Door] = {}
        self._deaf = False
        self._listening_since = 0
        self._lost_at = 0
        self._at = 0  # the latest moment it has been told of
        self._failed: set[tuple[str, str]] = set()
        self._off: set[str] = set()
        self._mutes = Mutes()
        self._adopt(setup)

    # -- what comes in -------------------------------------------------------

    def on_readings(self, arrivals: Iterable[tuple[str, Reading]]) -> list[Outcome]:
        """Take (entrance, reading) pairs in the order of their arrival."""
        out: list[Outcome] = []
        doors = self._doors
        for entrance, reading in arrivals:
            door = doors.get(entrance)
            if door is None:
                continue
            at = reading.received_at_ms
            if self._heap and self._heap[0][0] <= at and not self._deaf:
                self._run_until(at, out)
            self._take(entrance, door, reading, at, out)
            self._at = at
        return out

    def on_time(self, now_ms: int) -> list[Outcome]:
        """What has become due by ``now_ms``."""
        out: list[Outcome] = []
        self._at = max(self._at, now_ms)
        if not self._deaf:
            self._run_until(now_ms, out)
        return out

    def on_deaf(self, at_ms: int) -> list[Outcome]:
        """From now on nobody listens: starting up, catching up, or the broker is gone."""
        out = self.on_time(at_ms)
        self._deaf = True
        return out

    def on_listening(self, at_ms: int) -> list[Outcome]:
        """All that waited has been heard; what is still due comes now."""
        out = self.on_time(at_ms)  # if nobody was deaf, all that was due has its own time
        self._deaf = False
        self._listening_since = at_ms
        return out + self.on_time(at_ms)

    def on_session_lost(self, at_ms: int) -> list[Outcome]:
        """The broker forgot us: who does not speak within one heartbeat is unknown."""
        out = self.on_time(at_ms)
        self._lost_at = at_ms
        for entrance, door in self._doors.items():
            heartbeat = self._plans[entrance].heartbeat_ms
            if heartbeat:
                self._arm(entrance, door, at_ms + heartbeat)
        return out

    def on_mute(self, mute: Mute, at_ms: int) -> list[Outcome]:
        """From now on this mute holds, or one that stood under its id has other times."""
        out = self.on_time(at_ms)
        before = self._mutes.get(mute.id)
        self._mutes.forget_until(at_ms)
        self._mutes.put(mute)
        self._mutes.fit(self._setup.entrances.values())
        for entrance, row in self._setup.entrances.items():
            if mute.covers(row) or (before is not None and before.covers(row)):
                self._let_go(entrance, self._doors[entrance], at_ms)
                self._look_at_all(entrance, self._doors[entrance], at_ms, out)
        return out

    def change(self, setup: Setup, at_ms: int) -> list[Outcome]:
        """Other rules or entrances from now on; clocks run on, what nobody watches any more is over."""
        out = self.on_time(at_ms)
        before, plans = self._doors, self._plans
        self._doors, self._heap = {}, []
        self._failed.clear()
        self._off.clear()
        self._adopt(setup)
        for entrance, door in before.items():
            door.armed = 0
            gone = entrance not in self._doors
            if not gone:
                self._doors[entrance] = door
            watched = {w.rule.name for w in self._plans[entrance].watchings} if not gone else set()
            reason = Cleared.ENTRANCE_REMOVED if gone else Cleared.RULE_REMOVED
            for name in [n for n in door.alarms or {} if n not in watched]:
                self._forget(entrance, door, name, at_ms, reason, out)
            if door.alarms and not gone:
                _carry_over(door.alarms, plans[entrance].watchings, self._plans[entrance].watchings)
        for entrance, door in self._doors.items():
            self._let_go(entrance, door, at_ms)
            self._look_at_all(entrance, door, at_ms, out)
        return out

    # -- what it answers -----------------------------------------------------

    def next_deadline_ms(self) -> int | None:
        """When ``on_time`` should be called at the latest; it may be asked too early, never too late."""
        return self._heap[0][0] if self._heap and not self._deaf else None

    @property
    def setup(self) -> Setup:
        return self._setup

    @property
    def at_ms(self) -> int:
        """The latest moment that it has been told of."""
        return self._at

    def mutes(self) -> list[Mute]:
        """Those that may still matter."""
        return list(self._mutes)

    def muted_until_ms(self, entrance: str, at_ms: int) -> int:
        """Until when nobody is told of it; 0 if it is not muted."""
        return self._mutes.until(entrance, at_ms)

    def watchings(self, entrance: str) -> tuple[Watching, ...]:
        """The rules that watch it, with the steps that hold there."""
        plan = self._plans.get(entrance)
        return plan.watchings if plan else ()

    @property
    def deaf(self) -> bool:
        return self._deaf

    def door(self, entrance: str) -> Door | None:
        """For reading only."""
        return self._doors.get(entrance)

    def doors(self) -> Iterator[tuple[str, Door]]:
        return iter(self._doors.items())

    def clocks(self) -> Iterator[tuple[tuple[str, str], int]]:
        """Everything that waits for a next step: ((entrance, rule), when it is due if nothing changes)."""
        for entrance, door in self._doors.items():
            plan = self._plans[entrance]
            if not _anything_holds(door, plan, self._at):
                continue
            for look in self.outlook(entrance):
                due = next((due for _, due in look.waits), NEVER)
                if due < NEVER:
                    yield (entrance, look.rule.name), due

    def outlook(self, entrance: str) -> list[Outlook]:
        """How each rule that watches this entrance stands, and what comes when if nothing changes."""
        door = self._doors[entrance]
        return [self._outlook(entrance, door, watching) for watching in self.watchings(entrance)]

    def _outlook(self, entrance: str, door: Door, watching: Watching) -> Outlook:
        rule, steps = watching
        alarm = door.alarms.get(rule.name) if door.alarms else None
        off = self._is_off(rule, entrance)
        since, count, ends = (0, 0, NEVER) if off else self._holds(door, rule, alarm, self._at)
        if since and alarm is not None:
            since, count = alarm.since, alarm.count
        come = alarm.step if alarm else 0
        waits = []
        if since:
            for step in steps[come:]:
                due = self._due(rule, count, self._after(entrance, step, count), max(self._at, count))
                if due < ends or ends >= NEVER:  # a door that flaps stops by itself
                    waits.append((step, due))
        paused = door.unknown_since > 0 and rule.when is not Condition.SILENT
        return Outlook(rule, steps, since, count, alarm, tuple(waits), off, paused)

    def snapshot(self) -> dict[str, Any]:
        """All state in plain values (JSON) for a checkpoint."""
        return {
            "at": self._at,
            "deaf": self._deaf,
            "listening_since": self._listening_since,
            "lost_at": self._lost_at,
            "failed": sorted(self._failed),
            "off": sorted(self._off),
            "mutes": self._mutes.snapshot(),
            "doors": {name: d.snapshot() for name, d in self._doors.items() if d.device is not None},
        }

    @classmethod
    def resume(cls, setup: Setup, snapshot: Mapping[str, Any]) -> Engine:
        """The engine as it was, under the setup that it was under."""
        engine = cls(setup)
        engine._at = snapshot["at"]
        engine._deaf = snapshot["deaf"]
        engine._listening_since = snapshot["listening_since"]
        engine._lost_at = snapshot["lost_at"]
        engine._failed = {(rule, entrance) for rule, entrance in snapshot["failed"]}
        engine._off = set(snapshot["off"])
        for mute in snapshot.get("mutes", ()):  # a checkpoint of an older doorward has none
            engine._mutes.put(Mute.resume(mute))
        engine._mutes.fit(setup.entrances.values())
        for entrance, values in snapshot["doors"].items():
            door = Door.resume(values)
            engine._doors[entrance] = door
            # All that was due by then has come; this only finds out when to look next.
            engine._look_at_all(entrance, door, engine._at, [])
        return engine

    # -- inside --------------------------------------------------------------

    def _adopt(self, setup: Setup) -> None:
        self._setup = setup
        self._windows: dict[str, tuple[int, int, int]] = {}
        self._plans: dict[str, _Plan] = {}
        words = setup.rules.tells_apart_by()
        patterns = words.patterns()
        shared: dict[tuple[Any, ...], _Plan] = {}
        for entrance in setup.entrances.values():
            seen_as = (  # whatever else is true of it, no rule can tell
                entrance.kind,
                entrance.within & words.within,
                entrance.tags & words.tags,
                entrance.id if entrance.id in words.entrances else "",
                tuple(pattern for pattern in patterns if fits(entrance.id, pattern)),
                entrance.trial,
                entrance.heartbeat_ms,
                entrance.silent_after_ms,
            )
            if seen_as not in shared:
                shared[seen_as] = _plan(setup.rules, entrance)
            self._plans[entrance.id] = shared[seen_as]
            self._doors[entrance.id] = Door()
        self._mutes.fit(setup.entrances.values())

    def _arm(self, entrance: str, door: Door, due: int) -> None:
        if not door.armed or due < door.armed:
            door.armed = due
            heapq.heappush(self._heap, (due, entrance))

    def _let_go(self, entrance: str, door: Door, at: int) -> None:
        """A mute ends sooner than it was to, or holds here no more: what is due later is not held back."""
        if door.alarms:
            ends = max(self._mutes.until(entrance, at), at)
            for alarm in door.alarms.values():
                alarm.held_until = min(alarm.held_until, ends)

    def _run_until(self, upto: int, out: list[Outcome]) -> None:
        heap = self._heap
        while heap and heap[0][0] <= upto:
            due, entrance = heapq.heappop(heap)
            door = self._doors.get(entrance)
            if door is None or door.armed != due:
                continue  # it was re-armed for an earlier moment and has been looked at since
            door.armed = 0
            self._look_at_all(entrance, door, max(due, self._listening_since), out)

    def _take(self, entrance: str, door: Door, r: Reading, at: int, out: list[Outcome]) -> None:
        if r.retained:
            if door.contact is None and r.contact is not None:
                door.contact, door.device = r.contact, r.device
                self._say_changed(entrance, door, at, out)
                self._look_at_all(entrance, door, at, out)
            return
        look = not door.last_seen
        if r.device != door.device:
            look |= self._meet(door, r.device)
        if r.boot is not None and r.seq is not None:
            order = door.order
            if order is None:
                order = door.order = Order(r.device)
            if not order.accept(r.boot, r.seq, at):
                return
            look |= order.gap_due_ms > 0
        if r.online is False:
            if not door.unknown_since:
                door.unknown_since = at
                self._say_changed(entrance, door, at, out)
            if look and door.last_seen:
                self._look_at_all(entrance, door, at, out)
            return
        if r.online_scope != "device":
            return  # a gateway's life says nothing of the devices behind it
        door.last_seen = at
        if door.silent_at:
            door.silent_at, look = 0, True
        moved = False
        contact = r.contact
        if contact is not None and (
            contact != door.contact or door.unknown_since or (contact == OPEN and not door.open_since)
        ):
            look |= door.unknown_since > 0
            self._move(entrance, door, r, at, out)
            moved = True
        if r.battery_low is not None or r.battery_pct is not None or r.battery_v is not None:
            low = _battery_low(r, bool(door.low_since))
            if low != bool(door.low_since):
                door.low_since, look = (at if low else 0), True
        if r.tamper is not None and r.tamper != bool(door.tamper_since):
            door.tamper_since, look = (at if r.tamper else 0), True
        if look:
            self._look_at_all(entrance, door, at, out)
        elif moved and (door.open_since or door.alarms):
            plan = self._plans[entrance]
            soonest = door.open_since + plan.soonest_ms
            if door.alarms or self._deaf or soonest <= at or _may_chatter(door, plan, at):
                self._look_at_rules(plan.of_leaf, entrance, door, at, NEVER, out)
            elif soonest < NEVER:
                self._arm(entrance, door, soonest)  # most doors are shut again by then

    @staticmethod
    def _meet(door: Door, device: str) -> bool:
        """Another device speaks for this entrance: the old one's health is not its own."""
        door.device = device
        door.order = None
        unwell = bool(door.low_since or door.tamper_since)
        door.low_since = door.tamper_since = 0
        return unwell

    def _move(self, entrance: str, door: Door, r: Reading, at: int, out: list[Outcome]) -> None:
        door.unknown_since = 0
        if r.contact == OPEN:
            if door.contact != OPEN or not door.open_since:
                door.open_since = at
                kept = self._plans[entrance].openings_kept
                if (
                    kept and door.contact != OPEN and not self._deaf
                ):  # what waited at the broker arrives all at once
                    _note_opening(door, at, kept)
        elif door.open_since:
            self._note_missed(entrance, door, at, out)
            door.open_since = 0
        door.contact = r.contact
        self._say_changed(entrance, door, at, out)

    def _note_missed(self, entrance: str, door: Door, at: int, out: list[Outcome]) -> None:
        """It closes before anybody could be told that it was open too long."""
        plan = self._plans[entrance]
        if at - door.open_since < plan.soonest_ms:
            return
        for rule, steps in plan.watchings:
            if rule.when is not Condition.LEFT_OPEN or (door.alarms and rule.name in door.alarms):
                continue
            if self._is_off(rule, entrance):
                continue
            since = door.open_since
            try:
                due = self._due(rule, since, self._after(entrance, steps[0], since), since)
            except Exception as error:  # as in _look_at_all
                self._fail(rule, entrance, door, error, at, out)
                continue
            if due <= at:
                out.append(
                    AlarmMissed(
                        entrance=entrance,
                        at_ms=at,
                        alarm=alarm_id(rule.name, entrance, since),
                        rule=rule.name,
                        condition=rule.when,
                        since_ms=since,
                        due_ms=due,
                    )
                )

    def _look_at_all(self, entrance: str, door: Door, at: int, out: list[Outcome]) -> None:
        """Everything that time may have done to this door by ``at``; arms the next look."""
        plan = self._plans[entrance]
        next_look = self._look_at_device(entrance, door, plan, at, out)
        if _anything_holds(door, plan, at):
            self._look_at_rules(plan.watchings, entrance, door, at, next_look, out)
        elif next_look < NEVER:
            self._arm(entrance, door, next_look)

    def _look_at_rules(
        self,
        watchings: tuple[Watching, ...],
        entrance: str,
        door: Door,
        at: int,
        next_look: int,
        out: list[Outcome],
    ) -> None:
        for watching in watchings:
            rule = watching.rule
            if (self._failed or self._off) and self._is_off(rule, entrance):
                continue
            try:
                due = self._look(entrance, door, watching, at, out)
            except Exception as error:  # one broken rule must not stop the others, nor the readings
                self._fail(rule, entrance, door, error, at, out)
                continue
            if due < next_look:
                next_look = due
        if self._deaf:
            next_look = at  # as soon as somebody listens again
        if next_look < NEVER:
            self._arm(entrance, door, next_look)

    def _look_at_device(self, entrance: str, door: Door, plan: _Plan, at: int, out: list[Outcome]) -> int:
        """Silence, a lost session and missing reports; answers when to look again."""
        next_look = NEVER
        if self._deaf:
            return at  # as soon as somebody listens again
        order = door.order
        if order is not None and order.holes:
            while 0 < order.gap_due_ms <= at:
                self._find_gap(entrance, order, at, out)
            next_look = order.gap_due_ms or NEVER
        if door.silent_at or (door.contact is None and not door.last_seen):
            return next_look
        if door.last_seen < self._lost_at and plan.heartbeat_ms and not door.unknown_since:
            doubtful = self._lost_at + plan.heartbeat_ms
            if doubtful <= at:
                door.unknown_since = at
                self._say_changed(entrance, door, at, out)
            else:
                next_look = min(next_look, doubtful)
        if not plan.silent_after_ms or not door.last_seen:
            return next_look
        silent = max(door.last_seen + plan.silent_after_ms, self._listening_since + plan.heartbeat_ms)
        if silent > at:
            return min(next_look, silent)
        door.silent_at = silent
        if not door.unknown_since:
            door.unknown_since = door.last_seen
            self._say_changed(entrance, door, at, out)
        return next_look

    def _look(self, entrance: str, door: Door, watching: Watching, at: int, out: list[Outcome]) -> int:
        """One rule on one door: raise it, take its steps, clear it. Answers when to look again."""
        rule, steps = watching
        alarm = door.alarms.get(rule.name) if door.alarms else None
        since, count, ends = self._holds(door, rule, alarm, at)
        paused = self._deaf or (door.unknown_since > 0 and rule.when is not Condition.SILENT)
        if not since:
            return self._end(entrance, door, rule, alarm, paused, at, ends, out) if alarm else NEVER
        if alarm is None and rule.when is Condition.CHATTERING:
            alarm = self._begin(door, rule, Alarm(since, count))
        elif alarm is not None:
            alarm.ended_at = 0
            since, count = alarm.since, alarm.count
        step = alarm.step if alarm else 0
        while step < len(steps):
            due = self._due(rule, count, self._after(entrance, steps[step], count), at)
            if paused or due > at:
                return ends if paused or ends < due else due
            if alarm is None:
                alarm = self._begin(door, rule, Alarm(since, count))
            muted_until = self._mutes.until(entrance, at) if self._mutes else 0
            if not alarm.raised_at:
                self._raise(entrance, rule, alarm, due, at, muted_until, out)
            if muted_until:
                alarm.held_until = muted_until
                return min(ends, muted_until)
            self._tell(entrance, rule, alarm, steps[step], due, at, out)
            step += 1
            alarm.step = step
        return ends

    def _holds(self, door: Door, rule: Rule, alarm: Alarm | None, at: int) -> tuple[int, int, int]:
        """(since, count from, ends by itself at) of the rule's condition; since is 0 if it does not hold."""
        match rule.when:
            case Condition.LEFT_OPEN:
                return door.open_since, door.open_since, NEVER
            case Condition.SILENT:
                return (door.last_seen, door.silent_at, NEVER) if door.silent_at else (0, 0, NEVER)
            case Condition.BATTERY_LOW:
                return door.low_since, door.low_since, NEVER
            case Condition.TAMPERED:
                return door.tamper_since, door.tamper_since, NEVER
            case Condition.CHATTERING:
                openings = door.openings
                if openings is None or len(openings) < rule.openings:
                    return 0, 0, NEVER
                ends = openings[-rule.openings] + rule.openings_within_ms
                if ends <= at:
                    return 0, 0, ends
                since = alarm.since if alarm else at
                return since, since, ends

    def _end(
        self,
        entrance: str,
        door: Door,
        rule: Rule,
        alarm: Alarm,
        paused: bool,
        at: int,
        ended: int,
        out: list[Outcome],
    ) -> int:
        if not alarm.raised_at:
            self._forget(entrance, door, rule.name, at, Cleared.OVER, out)
            return NEVER
        if not alarm.ended_at:
            alarm.ended_at = min(ended, at)
        due = alarm.ended_at + rule.clear_after_ms
        if paused:
            return NEVER
        if due > at:
            return due
        self._forget(entrance, door, rule.name, at, Cleared.OVER, out)
        return NEVER

    def _forget(
        self, entrance: str, door: Door, name: str, at: int, reason: Cleared, out: list[Outcome]
    ) -> None:
        """Cleared if it was raised, dropped if it was not."""
        alarm = door.alarms.pop(name) if door.alarms else None
        if not door.alarms:
            door.alarms = None
        if alarm is not None and alarm.raised_at:
            out.append(
                AlarmCleared(
                    entrance=entrance,
                    at_ms=at,
                    alarm=alarm_id(name, entrance, alarm.since),
                    rule=name,
                    since_ms=alarm.since,
                    reason=reason,
                    ended_ms=alarm.ended_at or at,
                )
            )

    @staticmethod
    def _begin(door: Door, rule: Rule, alarm: Alarm) -> Alarm:
        if door.alarms is None:
            door.alarms = {}
        door.alarms[rule.name] = alarm
        return alarm

    @staticmethod
    def _raise(
        entrance: str, rule: Rule, alarm: Alarm, due: int, at: int, muted_until: int, out: list[Outcome]
    ) -> None:
        alarm.raised_at = at
        out.append(
            AlarmRaised(
                entrance=entrance,
                at_ms=at,
                alarm=alarm_id(rule.name, entrance, alarm.since),
                rule=rule.name,
                condition=rule.when,
                since_ms=alarm.since,
                due_ms=due,
                late=at - due > LATE_MS,
                muted_until_ms=muted_until,
            )
        )

    @staticmethod
    def _tell(
        entrance: str, rule: Rule, alarm: Alarm, step: Step, due: int, at: int, out: list[Outcome]
    ) -> None:
        muted = at - due > LATE_MS and due < alarm.held_until
        out.append(
            StepDue(
                entrance=entrance,
                at_ms=at,
                alarm=alarm_id(rule.name, entrance, alarm.since),
                rule=rule.name,
                condition=rule.when,
                since_ms=alarm.since,
                step=alarm.step,
                tell=step.tell,
                unless_taken=step.unless_taken,
                due_ms=due,
                late=at - due > LATE_MS and not muted,
                muted=muted,
                again=step.again,
            )
        )

    def _after(self, entrance: str, step: Step, count: int) -> int:
        """How long after ``count`` the step is due at this entrance."""
        usual = step.usual
        if usual is None:
            return step.after_ms
        learned = self._setup.usual.get((entrance, usual.percent))
        known = learned[hour_of_week(count, self._setup.zone)] if learned else 0
        return min(max(known, usual.at_least_ms), usual.at_most_ms) if known else usual.at_most_ms

    def _due(self, rule: Rule, count: int, after: int, at: int) -> int:
        """When a step is due that counts from ``count``, and has not come before ``at``."""
        if rule.during is None:
            return count + after
        start, end = self._window(rule, max(count, at))
        for _ in range(_WINDOWS_TRIED):
            due = max(count, start) + after
            if due < end:
                return due
            if end >= NEVER:
                break
            start, end = rule.during.occurrence(end, self._setup.calendar, self._setup.zone)
        return NEVER

    def _window(self, rule: Rule, at: int) -> tuple[int, int]:
        """The window of the rule that contains ``at``, else its next one."""
        known_from, start, end = self._windows.get(rule.name, (0, 0, 0))
        if not known_from <= at < end:
            assert rule.during is not None  # noqa: S101 - asked for only where there is one
            start, end = rule.during.occurrence(at, self._setup.calendar, self._setup.zone)
            self._windows[rule.name] = (at, start, end)
        return start, end

    def _is_off(self, rule: Rule, entrance: str) -> bool:
        return rule.name in self._off or (rule.name, entrance) in self._failed

    def _fail(
        self, rule: Rule, entrance: str, door: Door, error: Exception, at: int, out: list[Outcome]
    ) -> None:
        self._failed.add((rule.name, entrance))
        everywhere = sum(1 for name, _ in self._failed if name == rule.name) >= FAILURES_TO_SWITCH_OFF
        if everywhere:
            self._off.add(rule.name)
        out.append(
            RuleFailed(
                entrance=entrance, at_ms=at, rule=rule.name, error=repr(error)[:200], everywhere=everywhere
            )
        )
        stopped = self._doors.items() if everywhere else [(entrance, door)]
        for name, its in stopped:
            if its.alarms and rule.name in its.alarms:
                self._forget(name, its, rule.name, at, Cleared.RULE_FAILED, out)

    @staticmethod
    def _find_gap(entrance: str, order: Order, at: int, out: list[Outcome]) -> None:
        hole = order.take_hole()
        out.append(
            GapFound(
                entrance=entrance,
                at_ms=at,
                device=order.device,
                boot=hole.boot,
                first=hole.first,
                last=hole.last,
                missing=hole.size(),
            )
        )

    @staticmethod
    def _say_changed(entrance: str, door: Door, at: int, out: list[Outcome]) -> None:
        out.append(
            DoorChanged(
                entrance=entrance,
                at_ms=at,
                contact=door.contact,
                open_since_ms=door.open_since,
                unknown_since_ms=door.unknown_since,
                last_seen_ms=door.last_seen,
            )
        )


def _carry_over(alarms: dict[str, Alarm], before: tuple[Watching, ...], after: tuple[Watching, ...]) -> None:
    """Which steps of edited rules have come: up to the last one that was there and had come."""
    if before is after:
        return
    old, new = ({w.rule.name: w.steps for w in watchings} for watchings in (before, after))
    for name, alarm in alarms.items():
        if alarm.step and old[name] != new[name]:
            come = set(_known_as(old[name][: alarm.step]))
            known = _known_as(new[name])
            alarm.step = max((i + 1 for i, step in enumerate(known) if step in come), default=0)


def _known_as(steps: tuple[Step, ...]) -> list[tuple[str, int, int]]:
    """What tells steps apart whatever their times: whom, which repetition, the how-manyth of these."""
    seen: Counter[tuple[str, int]] = Counter()
    known = []
    for step in steps:
        key = step.tell, step.again
        known.append((*key, seen[key]))
        seen[key] += 1
    return known


def hour_of_week(at_ms: int, zone: tzinfo) -> int:
    """0 is Monday from midnight to one, 167 Sunday from 23 to midnight, by local clocks."""
    local = datetime.fromtimestamp(at_ms / 1000, zone)
    return local.weekday() * 24 + local.hour


def _anything_holds(door: Door, plan: _Plan, at: int) -> bool:
    """Whether any rule can have a say about this door at all."""
    return bool(
        door.open_since
        or door.alarms
        or door.silent_at
        or door.low_since
        or door.tamper_since
        or (door.openings and door.openings[-1] + plan.openings_span_ms > at)
    )


def _may_chatter(door: Door, plan: _Plan, at: int) -> bool:
    fewest, openings = plan.fewest_openings, door.openings
    if not fewest or openings is None or len(openings) < fewest:
        return False
    return openings[-fewest] + plan.openings_span_ms > at


def _note_opening(door: Door, at: int, kept: int) -> None:
    if door.openings is None:
        door.openings = array("q")
    door.openings.append(at)
    if len(door.openings) > kept:
        del door.openings[:-kept]


def _battery_low(r: Reading, was_low: bool) -> bool:
    if r.battery_low or (r.battery_pct is not None and r.battery_pct <= LOW_PCT):
        return True
    if r.battery_v is not None and r.battery_v <= LOW_V:
        return True
    if not was_low:
        return False
    between_pct = r.battery_pct is not None and r.battery_pct < WELL_PCT
    return between_pct or (r.battery_v is not None and r.battery_v < WELL_V)
