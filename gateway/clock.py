"""The only place that asks the machine for the time.

Time here never goes back and never jumps: it is anchored once to the wall clock and
then follows the clock that counts since the machine's start (suspends included). A
step of the wall clock is noticed and counted, not followed: durations stay true.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

STEP_MS = 2_000
"""A difference from the wall clock above this is a step, not drift (ACCEPTANCE.md, Time)."""


class Clock(Protocol):
    """Whole milliseconds since 1970 UTC, never going back."""

    def now_ms(self) -> int: ...


class MachineClock:
    """The machine's time.

    Attributes:
        stepped_ms: How far the wall clock has moved away since the start; 0 below ``STEP_MS``.
    """

    def __init__(self, not_before_ms: int = 0) -> None:
        self._anchor = time.time_ns() // 1_000_000 - _since_boot_ms()
        self._last = 0
        self._lock = threading.Lock()
        self.not_before(not_before_ms)

    def now_ms(self) -> int:
        with self._lock:
            self._last = max(self._last, self._anchor + _since_boot_ms())
            return self._last

    @property
    def stepped_ms(self) -> int:
        moved = time.time_ns() // 1_000_000 - _since_boot_ms() - self._anchor
        return moved if abs(moved) > STEP_MS else 0

    def not_before(self, at_ms: int) -> None:
        """Never answer less than this: the last committed time. From there it runs on, and stands never still."""
        with self._lock:
            self._anchor = max(self._anchor, at_ms - _since_boot_ms())
            self._last = max(self._last, at_ms)


def _since_boot_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class ManualClock:
    """A clock that a test or a replay moves."""

    def __init__(self, now_ms: int) -> None:
        self._now = now_ms

    def now_ms(self) -> int:
        return self._now

    def move(self, by_ms: int) -> int:
        self._now += by_ms
        return self._now
