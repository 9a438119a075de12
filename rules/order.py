"""The order of one device's reports, where it states one.

``boot`` counts the device's starts and ``seq`` its reports since that start, so
``(boot, seq)`` orders them, marks repeats, and shows what never came.
A report that is not newer than the newest changes no state.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rules.duration import SECOND_MS

GAP_PATIENCE_MS = 60 * SECOND_MS
"""How long a missing report may still come (DESIGN.md; acceptance test 10)."""

_MOST_REMEMBERED = 1_000
"""A hole larger than this is remembered by its ends only: it will not be filled."""
_MOST_HOLES = 20
"""A device with more of them at once is told of as it is; the oldest hole then waits no longer."""


class Hole(NamedTuple):
    """Reports that have not come: ``first`` to ``last`` of one start.

    Attributes:
        due_ms: Until when they are waited for.
        missing: Which of them; ``None`` if there are too many to remember.
    """

    due_ms: int
    boot: int
    first: int
    last: int
    missing: set[int] | None

    def size(self) -> int:
        return self.last - self.first + 1 if self.missing is None else len(self.missing)


class Order:
    """The newest (boot, seq) of one device, and the holes before it, the oldest first."""

    __slots__ = ("boot", "device", "holes", "seq")

    def __init__(self, device: str, boot: int = -1, seq: int = -1) -> None:
        self.device = device
        self.boot = boot
        self.seq = seq
        self.holes: list[Hole] | None = None

    def accept(self, boot: int, seq: int, at_ms: int) -> bool:
        """Whether this report is newer than all before; notes a hole in front of it."""
        if boot < self.boot or (boot == self.boot and seq <= self.seq):
            if self.holes:
                self._fill(boot, seq)
            return False
        expected = self.seq + 1 if boot == self.boot else 0
        if seq > expected and self.boot >= 0:  # nothing is missing before the first report ever
            many = seq - expected > _MOST_REMEMBERED
            hole = Hole(
                at_ms + GAP_PATIENCE_MS, boot, expected, seq - 1, None if many else set(range(expected, seq))
            )
            self.holes = [*(self.holes or ()), hole]
        self.boot = boot
        self.seq = seq
        return True

    @property
    def gap_due_ms(self) -> int:
        """When the oldest hole has waited long enough; 0 if there is none."""
        if not self.holes:
            return 0
        return 1 if len(self.holes) > _MOST_HOLES else self.holes[0].due_ms

    def take_hole(self) -> Hole:
        """The oldest hole; it is not waited for any more."""
        assert self.holes  # noqa: S101 - asked for only when ``gap_due_ms`` says so
        hole, *rest = self.holes
        self.holes = rest or None
        return hole

    def _fill(self, boot: int, seq: int) -> None:
        for hole in self.holes or ():
            if hole.boot == boot and hole.missing is not None:
                hole.missing.discard(seq)
        self.holes = [hole for hole in self.holes or () if hole.missing is None or hole.missing] or None

    def snapshot(self) -> list[Any]:
        holes = [
            [*hole[:4], None if hole.missing is None else sorted(hole.missing)] for hole in self.holes or ()
        ]
        return [self.device, self.boot, self.seq, holes]

    @classmethod
    def resume(cls, snapshot: list[Any]) -> Order:
        order = cls(*snapshot[:3])
        order.holes = [
            Hole(due, boot, first, last, None if missing is None else set(missing))
            for due, boot, first, last, missing in snapshot[3]
        ] or None
        return order
