"""What the engine should answer, computed the slow and obvious way.

One entrance at a time, tick by tick: at each tick first what time does, then what
arrives. No deadlines, no heap, no early return. Everything that is played through it
lies on whole ticks, so that nothing can happen in between. It knows ``left_open`` and
``silent`` and shares nothing with the engine but the values that go in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rules.duration import DAY_MS, MINUTE_MS
from rules.reading import Reading
from rules.rule import Condition, Entrance, Rule

TICK_MS = 10 * MINUTE_MS

Arrival = Reading | Literal["deaf", "listening"]


@dataclass
class NaiveAlarm:
    """One alarm, whole.

    Attributes:
        steps: (number of the step, when it came).
    """

    rule: str
    entrance: str
    since: int
    count: int
    steps: list[tuple[int, int]] = field(default_factory=list)
    ended_at: int | None = None
    cleared_at: int | None = None


class NaiveDoor:
    """One entrance and everything that is known of it."""

    def __init__(self, entrance: Entrance, rules: Iterable[Rule]) -> None:
        self.entrance = entrance
        self.rules = [rule for rule in rules if rule.watches(entrance)]
        self.alarms: list[NaiveAlarm] = []
        self.missed: list[tuple[str, int, int]] = []  # (rule, since, at)
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
                if any(_is_due(rule, 0, since, moment) for moment in moments):
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
        for number in range(len(rule.steps)):
            alarm = self._standing(rule)
            if alarm and number in [step for step, _ in alarm.steps]:
                continue
            if not _is_due(rule, number, alarm.count if alarm else holds[1], now):
                continue
            if alarm is None:
                alarm = NaiveAlarm(rule.name, self.entrance.id, *holds)
                self.alarms.append(alarm)
            alarm.steps.append((number, now))

    def _standing(self, rule: Rule) -> NaiveAlarm | None:
        found = [a for a in self.alarms if a.rule == rule.name and a.cleared_at is None]
        return found[0] if found else None


def _is_due(rule: Rule, number: int, count: int, now: int) -> bool:
    after = rule.steps[number].after_ms
    if rule.during is None:
        return now >= count + after
    return any(start <= now < end and now >= max(count, start) + after for start, end in _windows(rule, now))


def _windows(rule: Rule, now: int) -> list[tuple[int, int]]:
    """Yesterday's and today's window, in UTC."""
    assert rule.during is not None
    daily = rule.during.parts[0].during
    first, last = daily.from_minute, daily.to_minute
    length = (last - first) % 1440
    midnight = now - now % DAY_MS
    starts = [day + first * MINUTE_MS for day in (midnight - DAY_MS, midnight)]
    return [(start, start + length * MINUTE_MS) for start in starts]
