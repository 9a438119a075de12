"""When a rule counts: windows in local time, over midnight too.

A window is one thing, named after the day on which it begins: "the night of Monday"
is Monday 22:00 to Tuesday 06:00. It begins when the clocks first show its first minute
or a later one of that day, and ends when they first show its last; so a time that a
clock change skips is the moment of the change, and of a repeated one the first counts.
Several windows are one: where they touch or overlap, nothing ends and nothing begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from rules.days import ALL_DAYS, Calendar, Days
from rules.duration import MINUTE_MS

NEVER: Final = 1 << 62
DAY_MINUTES: Final = 1440
_DAYS_LOOKED_AHEAD = 800
"""A period may come once a year; what does not come within two years does not come."""


@dataclass(frozen=True, slots=True)
class During:
    """A window that comes every day.

    Attributes:
        from_minute: First minute, counted from local midnight, 0 to 1439.
        to_minute: First minute after it, up to 1440; when not later than ``from_minute``,
            it is meant on the next day.
    """

    from_minute: int
    to_minute: int

    def occurrence(self, at_ms: int, zone: tzinfo) -> tuple[int, int]:
        """The window that contains ``at_ms``, else the next one: (start, end) in ms UTC, end > ``at_ms``."""
        day = _local_day(at_ms, zone) - timedelta(days=1)
        while True:
            start, end = self.on(day, zone)
            if end > at_ms:
                return start, end
            day += timedelta(days=1)

    def on(self, day: date, zone: tzinfo) -> tuple[int, int]:
        """The one that begins on that day."""
        over_midnight = self.to_minute <= self.from_minute
        return (
            _moment(day, self.from_minute, zone),
            _moment(day + timedelta(days=over_midnight), self.to_minute, zone),
        )

    def __str__(self) -> str:
        return f"{_clock(self.from_minute)}-{_clock(self.to_minute)}"


WHOLE_DAY: Final = During(0, DAY_MINUTES)


@dataclass(frozen=True, slots=True)
class Window:
    """A window that comes on some days."""

    during: During
    days: Days = ALL_DAYS


@dataclass(frozen=True, slots=True)
class Windows:
    """Several windows, taken as one."""

    parts: tuple[Window, ...]

    @classmethod
    def daily(cls, from_minute: int, to_minute: int) -> Windows:
        return cls((Window(During(from_minute, to_minute)),))

    def occurrence(self, at_ms: int, calendar: Calendar, zone: tzinfo) -> tuple[int, int]:
        """The time that contains ``at_ms``, else the next one: (start, end) in ms UTC, end > ``at_ms``.

        (``NEVER``, ``NEVER``) if none comes within two years.
        """
        today = _local_day(at_ms, zone)
        for ahead in range(-1, _DAYS_LOOKED_AHEAD):
            day = today + timedelta(days=ahead)
            found = [span for span in self._on(day, calendar, zone) if span[1] > at_ms]
            if found:
                return self._grown(*min(found), day, calendar, zone)
        return NEVER, NEVER

    def single(self, at_ms: int, calendar: Calendar, zone: tzinfo) -> tuple[int, int] | None:
        """The one window that contains ``at_ms``, whatever it touches; the latest to begin. Never longer than a day."""
        today = _local_day(at_ms, zone)
        days = (today, today - timedelta(days=1))
        spans = [span for day in days for span in self._on(day, calendar, zone) if span[0] <= at_ms < span[1]]
        return max(spans, default=None)

    def contains(self, at_ms: int, calendar: Calendar, zone: tzinfo) -> bool:
        return self.occurrence(at_ms, calendar, zone)[0] <= at_ms

    def always(self) -> bool:
        """Whether they leave nothing out on any day, so that they say nothing."""
        daily = [part.during for part in self.parts if part.days == ALL_DAYS]
        covered = {
            minute % DAY_MINUTES
            for d in daily
            for minute in range(d.from_minute, d.to_minute + DAY_MINUTES * (d.to_minute <= d.from_minute))
        }
        return len(covered) == DAY_MINUTES

    def _on(self, day: date, calendar: Calendar, zone: tzinfo) -> list[tuple[int, int]]:
        spans = (part.during.on(day, zone) for part in self.parts if part.days.holds(day, calendar))
        return sorted(span for span in spans if span[1] > span[0])

    def _grown(self, start: int, end: int, day: date, calendar: Calendar, zone: tzinfo) -> tuple[int, int]:
        """With everything that touches it before and after, for at most a year each way."""
        for step in (-1, 1):
            for away in range(_DAYS_LOOKED_AHEAD // 2):
                near = self._on(day + timedelta(days=step * away), calendar, zone)
                before = start, end
                for its_start, its_end in sorted(near, reverse=step < 0):
                    if its_start <= end and its_end >= start:
                        start, end = min(start, its_start), max(end, its_end)
                if away > 1 and (start, end) == before:
                    break
        return start, end


def _local_day(at_ms: int, zone: tzinfo) -> date:
    return datetime.fromtimestamp(at_ms / 1000, zone).date()


def _moment(day: date, minute: int, zone: tzinfo) -> int:
    """When the clocks first show this minute of that day, or a later one."""
    wall = datetime.combine(day, time(), zone) + timedelta(minutes=minute)
    at = int(wall.astimezone(UTC).timestamp()) * 1000
    other = int(wall.replace(fold=1).astimezone(UTC).timestamp()) * 1000
    if other >= at:
        return at
    while at - other > MINUTE_MS:  # a minute that is skipped: the change lies between the two
        between = (at + other) // 2 // MINUTE_MS * MINUTE_MS
        if datetime.fromtimestamp(between / 1000, zone).replace(tzinfo=None) >= wall.replace(tzinfo=None):
            at = between
        else:
            other = between
    return at


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
