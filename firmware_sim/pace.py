"""How simulated time follows real time (pure; real time is passed in as seconds)."""

import random

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 300.0
"""Longest wait before a reconnect: 5 min (WIRE.md, Manners)."""

SHORTEST_REAL_WAIT_S = 0.05
"""A fast simulation must not hammer a broker that is down. Our choice."""


class Pace:
    """Simulated time, ``speed`` times as fast as real time."""

    def __init__(self, *, start_ms: int, speed: float, real_s: float) -> None:
        """Simulated time is ``start_ms`` (since 1970 UTC) when real time is ``real_s``."""
        self.speed = speed
        self._start_ms = start_ms
        self._began_s = real_s

    def now_ms(self, real_s: float) -> int:
        """The simulated time, milliseconds since 1970 UTC."""
        return self._start_ms + int((real_s - self._began_s) * 1000 * self.speed)

    def wait_s(self, until_ms: int, real_s: float) -> float:
        """Real seconds until a simulated time; 0 or less if it is due."""
        return (until_ms - self._start_ms) / 1000 / self.speed - (real_s - self._began_s)


class Backoff:
    """How long a box waits before it connects again: full jitter, doubling up to 5 min."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._failures = 0

    def wait_s(self) -> float:
        """The next wait, in simulated seconds."""
        ceiling_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(self._failures, 16))
        self._failures += 1
        return self._rng.uniform(0.0, ceiling_s)

    def worked(self) -> None:
        """Something got through; the next wait is short again."""
        self._failures = 0
