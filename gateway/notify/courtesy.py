"""Leaving people alone: quiet hours and the most that one person is told in a night (pure).

Rule 1: what has to wait is not lost: it goes out when the quiet or the night ends, all of
        one person together as one message, and without what is over by then.
Rule 2: a case is filed, owned and passed up as if nobody were asleep; only words wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from rules.duration import DAY_MS
from rules.engine import Setup
from rules.rule import Budget, Quiet, Severity


class Wait(NamedTuple):
    """A message has to wait.

    Attributes:
        until_ms: Until when.
        why: ``quiet`` or ``budget``.
    """

    until_ms: int
    why: str


class Told(NamedTuple):
    """Somebody was told of something that counts."""

    person: str
    role: str
    at_ms: int
    message: str = ""


class Courtesy:
    """What the rules say about leaving people alone, and how much each was told tonight."""

    def __init__(self, setup: Setup, told: Iterable[Told] = ()) -> None:
        self._counts: Counter[tuple[str, int]] = Counter()
        self._counted: dict[str, int] = {}
        self.adopt(setup)
        for one in told:
            self.count(one)

    def adopt(self, setup: Setup) -> None:
        """From now on by these rules."""
        self._setup = setup
        self._quiet: dict[str, Quiet] = {quiet.role: quiet for quiet in setup.rules.quiet}
        self._budgets: dict[str, Budget] = {budget.role: budget for budget in setup.rules.budgets}

    def wait(self, person: str, role: str, severity: Severity, at_ms: int, message: str = "") -> Wait | None:
        """Whether a telling has to wait; if not, it counts, the same ``message`` once."""
        if message in self._counted:
            return None
        until_ms = self.quiet_until(role, severity, at_ms)
        if until_ms:
            return Wait(until_ms, "quiet")
        night = self._night(role, at_ms)
        if night is not None and self._counts[person, night[0]] >= self._budgets[role].messages:
            return Wait(night[1], "budget")
        self.count(Told(person, role, at_ms, message))
        return None

    def quiet_until(self, role: str, severity: Severity, at_ms: int) -> int:
        """When the role's quiet ends, if this has to wait for it; else 0."""
        quiet = self._quiet.get(role)
        if quiet is None or (quiet.lets_through is not None and severity.reaches(quiet.lets_through)):
            return 0
        start_ms, end_ms = quiet.windows.occurrence(at_ms, self._setup.calendar, self._setup.zone)
        return end_ms if start_ms <= at_ms else 0

    def quiet_roles(self, severity: Severity, at_ms: int) -> dict[str, int]:
        """Who is to be left alone now, and until when."""
        ends = {role: self.quiet_until(role, severity, at_ms) for role in self._quiet}
        return {role: end for role, end in ends.items() if end}

    def count(self, told: Told) -> None:
        night = self._night(told.role, told.at_ms)
        if night is not None:
            self._counts[told.person, night[0]] += 1
        if told.message:
            self._counted[told.message] = told.at_ms

    def forget_until(self, now_ms: int) -> None:
        """Nights that are long over."""
        before = now_ms - DAY_MS * 2
        self._counts = Counter({key: n for key, n in self._counts.items() if key[1] > before})
        self._counted = {message: at for message, at in self._counted.items() if at > before}

    def _night(self, role: str, at_ms: int) -> tuple[int, int] | None:
        """The budget's window that contains this moment: each day's is one of its own, though they touch."""
        budget = self._budgets.get(role)
        return budget.windows.single(at_ms, self._setup.calendar, self._setup.zone) if budget else None
