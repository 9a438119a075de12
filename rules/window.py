"""When a rule counts: a daily window in local time, over midnight too.

A window is one thing, named after the day on which it starts: "the night of
Monday" is Monday 22:00 to Tuesday 06:00. It includes its first moment and
excludes its last. Wall-clock times that a clock change skips or repeats are
taken as the time zone's rules give them (the first of two).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo


@dataclass(frozen=True, slots=True)
class During:
    """A daily window.

    Attributes:
        from_minute: First minute, counted from local midnight, 0 to 1439.
        to_minute: First minute after it; when not later than ``from_minute``,
            it is meant on the next day.
    """

    from_minute: int
    to_minute: int

    def occurrence(self, at_ms: int, zone: tzinfo) -> tuple[int, int]:
        """The window that contains ``at_ms``, else the next one: (start, end) in ms UTC, end > ``at_ms``."""
        day = datetime.fromtimestamp(at_ms / 1000, zone).date() - timedelta(days=1)
        while True:
            start, end = self._on(day, zone)
            if end > at_ms:
                return start, end
            day += timedelta(days=1)

    def _on(self, day: date, zone: tzinfo) -> tuple[int, int]:
        over_midnight = self.to_minute <= self.from_minute
        return (
            _moment(day, self.from_minute, zone),
            _moment(day + timedelta(days=over_midnight), self.to_minute, zone),
        )

    def __str__(self) -> str:
        return f"{_clock(self.from_minute)}-{_clock(self.to_minute)}"


def _moment(day: date, minute: int, zone: tzinfo) -> int:
    local = datetime.combine(day, time(minute // 60 % 24, minute % 60), zone)
    return int(local.astimezone(UTC).timestamp()) * 1000


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
