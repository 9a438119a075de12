"""What the engine should answer, computed the slow and obvious way.

One entrance at a time, tick by tick: at each tick first what time does, then what
arrives. No deadlines, no heap, no early return. Everything that is played through it
lies on whole ticks, so that nothing can happen in between. It knows ``left_open`` and
``silent`` and shares nothing with the engine but the values that go in. Its clocks are
in UTC, and its first week begins with ``MONDAY``.

A step that is usual counts by the hour in which the condition began, also where a
window begins later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from rules.duration import DAY_MS, HOUR_MS, MINUTE_MS
from rules.reading import Reading
from rules.rule import Condition, Entrance, Rule, Step
from rules.window import Windows

TICK_MS = 10 * MINUTE_MS
MONDAY = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)


class NaiveMute(NamedTuple):
    """This entrance is muted then; under a name that stands already, that one is changed."""

    name: str
    from_ms: int
    until_ms: int


Arrival = Reading | NaiveMute | Literal["deaf", "listening"]


@dataclass
class NaiveAlarm:
    """One alarm, whole.

    Attributes:
        muted_until: When it was raised, its entrance was muted until then; else 0.
        steps: (number of the step, when it came).
    """

    rule: str
    entrance: str
    since: int
    count: int
    raised_at: int
    muted_until: int
    steps: list[tuple[int, int]] = field(default_factory=list)
    ended_at: int | None = None
    cleared_at: int | None = None


class NaiveDoor:
    """One entrance and everything that is known of it."""

    def __init__(
        self, entrance: Entrance, rules: Iterable[Rule], usual: Mapping[tuple[str, int], Sequence[int]]
    ) -> None:
        self.entrance = entrance
        self.rules = [rule for rule in rules if rule.watches(entrance)]
        self.usual = usual
        self.windows = {rule.name: NaiveWindows(rule.during) for rule in self.rules if rule.during}
        self.alarms: list[NaiveAlarm] = []
        self.missed: list[tuple[str, int, int]] = []  # (rule, since, at)
        self.mutes: dict[str, NaiveMute] = {}
        self.contact: str | None = None
        self.open_since: int | None = None
        self.unknown = False
        self.last_seen: int | None = None
        self.silent_at: int | None = None
        self.newest: tuple[int, int] | None = None
        self.deaf = False
        self.listening_since = 0

    def play(self, arrivals: Sequence[tuple[int, Arrival]], *, start: int, until: int) -> None:
        waiting = list(arrivals)
        for now in range(start, until + 1, TICK_MS):
            self._look(now)
            while waiting and waiting[0][0] == now:
                self._take(waiting.pop(0)[1], now)
                self._look(now)
        assert not waiting, f"not on a whole tick: {waiting}"

    # -- what arrives ----------------------------------------------------------

    def _take(self, arrival: Arrival, now: int) -> None:
        if arrival == "deaf":
            self.deaf = True
        elif arrival == "listening":
            self.deaf = False
            self.listening_since = now
        elif isinstance(arrival, NaiveMute):
            self.mutes[arrival.name] = arrival
        elif not arrival.retained:
            self._take_live(arrival, now)
        elif self.contact is None:
            self.contact = arrival.contact

    def _take_live(self, reading: Reading, now: int) -> None:
        if reading.boot is not None and reading.seq is not None:
            number = (reading.boot, reading.seq)
            if self.newest is not None and number <= self.newest:
                return
            self.newest = number
        if reading.online is False:
            self.unknown = True
            return
        self.last_seen = now
        self.silent_at = None
        if reading.contact is None:
            return
        self.unknown = False
        self.contact = reading.contact
        if reading.contact == "open":
            self.open_since = self.open_since if self.open_since is not None else now
        elif self.open_since is not None:
            self._note_missed(self.open_since, now)
            self.open_since = None

    def _note_missed(self, since: int, now: int) -> None:
        for rule in self.rules:
            if rule.when is Condition.LEFT_OPEN and self._standing(rule) is None:
                moments = range(since, now + 1, TICK_MS)
                if any(self._is_due(rule, rule.steps[0], since, moment) for moment in moments):
                    self.missed.append((rule.name, since, now))

    # -- what time does --------------------------------------------------------

    def _look(self, now: int) -> None:
        if self.deaf:
            for rule in self.rules:
                self._note_end(rule, now)
            return
        self._hear_silence(now)
        for rule in self.rules:
            self._note_end(rule, now)
            if self.unknown and rule.when is not Condition.SILENT:
                continue
            self._take_steps(rule, now)
            alarm = self._standing(rule)
            if alarm and alarm.ended_at is not None and now >= alarm.ended_at + rule.clear_after_ms:
                alarm.cleared_at = now

    def _hear_silence(self, now: int) -> None:
        patience, heartbeat = self.entrance.silent_after_ms, self.entrance.heartbeat_ms
        if patience is None or heartbeat is None or self.last_seen is None or self.silent_at is not None:
            return
        if now >= max(self.last_seen + patience, self.listening_since + heartbeat):
            self.silent_at = now
            self.unknown = True

    def _holds(self, rule: Rule) -> tuple[int, int] | None:
        """(since, count from)."""
        if rule.when is Condition.SILENT:
            if self.silent_at is None or self.last_seen is None:
                return None
            return self.last_seen, self.silent_at
        return None if self.open_since is None else (self.open_since, self.open_since)

    def _note_end(self, rule: Rule, now: int) -> None:
        alarm = self._standing(rule)
        if alarm is None:
            return
        if self._holds(rule):
            alarm.ended_at = None
        elif alarm.ended_at is None:
            alarm.ended_at = now

    def _take_steps(self, rule: Rule, now: int) -> None:
        holds = self._holds(rule)
        if holds is None:
            return
        since, count = holds
        for number, step in enumerate(rule.steps):
            alarm = self._standing(rule)
            if alarm and number in [come for come, _ in alarm.steps]:
                continue
            if not self._is_due(rule, step, alarm.count if alarm else count, now):
                continue
            if alarm is None:
                muted_until = self._muted_until(now)
                alarm = NaiveAlarm(rule.name, self.entrance.id, since, count, now, muted_until)
                self.alarms.append(alarm)
            if not self._is_muted(now):
                alarm.steps.append((number, now))

    def _standing(self, rule: Rule) -> NaiveAlarm | None:
        found = [a for a in self.alarms if a.rule == rule.name and a.cleared_at is None]
        return found[0] if found else None

    def _is_muted(self, now: int) -> bool:
        return any(mute.from_ms <= now < mute.until_ms for mute in self.mutes.values())

    def _muted_until(self, now: int) -> int:
        until = now
        while self._is_muted(until):
            until += TICK_MS
        return until if until > now else 0

    def _is_due(self, rule: Rule, step: Step, count: int, now: int) -> bool:
        after = self._after(step, count)
        if rule.during is None:
            return now >= count + after
        start = self.windows[rule.name].start(now)
        return start is not None and now >= max(count, start) + after

    def _after(self, step: Step, count: int) -> int:
        if step.usual is None:
            return step.after_ms
        hours = self.usual.get((self.entrance.id, step.usual.percent))
        learned = hours[(count - MONDAY) // HOUR_MS % 168] if hours else 0
        if learned == 0 or learned > step.usual.at_most_ms:
            return step.usual.at_most_ms
        return learned if learned > step.usual.at_least_ms else step.usual.at_least_ms


class NaiveWindows:
    """Several daily windows, some of them on certain weekdays only."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._starts: dict[int, int | None] = {}

    def start(self, now: int) -> int | None:
        """The first tick of those that lead up to ``now`` without a gap; ``None`` if it lies outside."""
        if now not in self._starts:
            start = now
            while self._is_inside(start - TICK_MS):
                start -= TICK_MS
            self._starts[now] = start if self._is_inside(now) else None
        return self._starts[now]

    def _is_inside(self, now: int) -> bool:
        midnight = now - now % DAY_MS
        for part in self._windows.parts:
            first, last = part.during.from_minute, part.during.to_minute
            for day in (midnight - DAY_MS, midnight):
                weekday = (day - MONDAY) // DAY_MS % 7
                start = day + first * MINUTE_MS
                end = day + last * MINUTE_MS + (DAY_MS if last <= first else 0)
                if start <= now < end and (not part.days.weekdays or weekday in part.days.weekdays):
                    return True
        return False
