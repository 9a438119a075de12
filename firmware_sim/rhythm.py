"""When residents go through a door, and how long it stands open.

The figures are ours, chosen to look like an apartment building; nothing was measured.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

DAY_MS = 86_400_000

BUSY: tuple[float, ...] = (
    *(0.2, 0.1, 0.1, 0.1, 0.2, 0.5),  # 00 to 05: the house sleeps
    *(1.5, 5.0, 5.0, 2.0, 1.5, 1.5),  # 06 to 11: to work and to school from 7 to 9
    *(2.0, 1.5, 1.2, 1.5, 2.5, 5.0),  # 12 to 17: home from 17 on
    *(5.0, 5.0, 2.5, 1.5, 0.8, 0.4),  # 18 to 23: until 20
)
"""How busy each local hour is, compared with the others."""

PASS_MS = (3_000, 15_000)
"""Shortest and longest time a door stands open for one person, milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """The habits of the people behind one door.

    Attributes:
        zone: Where the door is; the rhythm follows its local hours.
        per_day: Openings a day, on average. 0: nobody ever comes.
        prop_chance: Share of openings after which the door is propped, 0 to 1.
        prop_for_ms: How long a propped door stands open, on average.
    """

    zone: ZoneInfo
    per_day: int
    prop_chance: float
    prop_for_ms: int

    def next_opening_ms(self, after_ms: int, rng: random.Random) -> int | None:
        """When the door is next opened; None if never.

        Draws from the busiest hour's rate and throws away what the present hour is too quiet for
        (thinning), which follows the clock changes of the zone without a calendar of its own.
        """
        if self.per_day == 0:
            return None
        busiest_per_ms = self.per_day / DAY_MS * max(BUSY) * len(BUSY) / sum(BUSY)
        at_ms = float(after_ms)
        while True:
            at_ms += rng.expovariate(busiest_per_ms)
            if rng.random() * max(BUSY) < BUSY[self._local_hour(at_ms)]:
                return int(at_ms) + 1

    def is_propped(self, rng: random.Random) -> bool:
        """Whether somebody props the door this time."""
        return rng.random() < self.prop_chance

    def open_for_ms(self, rng: random.Random, *, propped: bool) -> int:
        """How long the door stands open this time."""
        if propped:
            return max(PASS_MS[1], round(self.prop_for_ms * rng.uniform(0.5, 1.5)))
        return rng.randint(*PASS_MS)

    def _local_hour(self, at_ms: float) -> int:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone).hour
