"""The order of one device's reports, where it states one.

``boot`` counts the device's starts and ``seq`` its reports since that start, so
``(boot, seq)`` orders them, marks repeats, and shows what never came.
A report that is not newer than the newest changes no state.
"""

from __future__ import annotations

from typing import Any

from rules.duration import SECOND_MS

GAP_PATIENCE_MS = 60 * SECOND_MS
"""How long a missing report may still come (DESIGN.md; acceptance test 10)."""

_MOST_REMEMBERED = 1_000
"""A hole larger than this is remembered by its ends only: it will not be filled."""


class Order:
    """The newest (boot, seq) of one device, and the hole before it, if any.

    Attributes:
        first, last: Ends of the hole; ``gap_due_ms`` is 0 when there is none.
        missing: Which of its numbers have not come; ``None`` if too many to remember.
    """

    __slots__ = ("boot", "device", "first", "gap_due_ms", "last", "missing", "seq")

    def __init__(self, device: str, boot: int = -1, seq: int = -1) -> None:
        self.device = device
        self.boot = boot
        self.seq = seq
        self.gap_due_ms = 0
        self.first = self.last = 0
        self.missing: set[int] | None = None

    def accept(self, boot: int, seq: int, at_ms: int) -> bool:
        """Whether this report is newer than all before; notes a hole in front of it."""
        if boot < self.boot or (boot == self.boot and seq <= self.seq):
            if boot == self.boot and self.missing is not None:
                self.missing.discard(seq)
                if not self.missing:
                    self.gap_due_ms = 0
            return False
        expected = self.seq + 1 if boot == self.boot else 0
        if seq > expected and self.boot >= 0:  # nothing is missing before the first report ever
            self._note(boot, expected, seq - 1, at_ms)
        self.boot = boot
        self.seq = seq
        return True

    def _note(self, boot: int, first: int, last: int, at_ms: int) -> None:
        if not self.gap_due_ms:
            self.gap_due_ms = at_ms + GAP_PATIENCE_MS
            self.first = first
            self.missing = set()
        self.last = last
        if last - first < _MOST_REMEMBERED and self.missing is not None:
            self.missing.update(range(first, last + 1))
        else:
            self.missing = None

    def snapshot(self) -> list[Any]:
        missing = sorted(self.missing) if self.missing is not None else None
        return [self.device, self.boot, self.seq, self.gap_due_ms, self.first, self.last, missing]

    @classmethod
    def resume(cls, snapshot: list[Any]) -> Order:
        order = cls(*snapshot[:3])
        order.gap_due_ms, order.first, order.last, missing = snapshot[3:]
        order.missing = set(missing) if missing is not None else None
        return order

    def still_missing(self) -> int:
        return len(self.missing) if self.missing is not None else self.last - self.first + 1

    def forget_gap(self) -> None:
        self.gap_due_ms = 0
        self.missing = None
