"""A case (事件单): what people do about one entrance and one subject.

Rule 1: alarms are the system's, cases are people's. Doors and time move alarms,
        people move cases; only "all its alarms are over" settles a case by itself.
Rule 2: one unsettled case per entrance and subject; further alarms join it.
Rule 3: every change is an event with who, through what and why; none is rewritten.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from rules.rule import Condition, Subject


class CaseState(StrEnum):
    FILED = "filed"
    TAKEN = "taken"
    SETTLED = "settled"


# The whole life of a case. Passing up makes a taken case a filed one again,
# with another owner; reopening does the same to a settled one.
NEXT_STATES: Mapping[CaseState, frozenset[CaseState]] = {
    CaseState.FILED: frozenset({CaseState.TAKEN, CaseState.SETTLED}),
    CaseState.TAKEN: frozenset({CaseState.FILED, CaseState.SETTLED}),
    CaseState.SETTLED: frozenset({CaseState.FILED}),
}

VERIFIED = "verified_by_sensor"
"""How a case is settled whose alarms are all over."""

# Why somebody may settle a case while the sensor still shows it.
REASONS = ("closed", "repaired", "repair_ordered", "in_use", "sensor_wrong", "other")
REASONS_OF_DEVICE = ("repaired", "repair_ordered", "sensor_wrong", "other")
"""Those that a page offers where it is about a sensor and not about its door."""


@dataclass(slots=True, kw_only=True)
class Case:
    """One case.

    Attributes:
        rule: The rule whose step filed it, to name it by.
        since_ms: Since when, by the alarm that filed it.
        owner: Who answers for it now; ``None`` if nobody could be found.
        owner_role: As what.
        owner_why: Why she: ``on_duty``, ``first_listed``, ``took_it``, ``passed_up`` …
        reopen_until_ms: A newly raised alarm up to then reopens it.
        setup: Hash of the rules that made it.
    """

    id: str
    entrance: str
    subject: Subject
    state: CaseState
    severity: str
    rule: str
    since_ms: int
    filed_at_ms: int
    owner: str | None
    owner_role: str
    owner_why: str
    setup: str
    taken_at_ms: int | None = None
    taken_by: str | None = None
    settled_at_ms: int | None = None
    settled_how: str | None = None
    reopen_until_ms: int = 0

    def move(self, state: CaseState) -> None:
        if state not in NEXT_STATES[self.state]:
            raise ValueError(f"a {self.state} case cannot become {state}")
        self.state = state


class StandingAlarm(NamedTuple):
    """An alarm that is raised and not over, as far as cases are concerned."""

    id: str
    rule: str
    entrance: str
    condition: Condition
    since_ms: int
    case: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent:
    """Something happened to a case.

    Attributes:
        who: A person's id, or ``None`` for the system.
        through: ``page``, ``sensor``, ``clock``.
        why: The reason, as a key.
    """

    case: str
    at_ms: int
    what: str
    who: str | None = None
    through: str
    why: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def case_id(entrance: str, subject: Subject, filed_at_ms: int) -> str:
    """Derived from what it is about, and of no single rule."""
    return hashlib.sha256(f"{entrance}\0{subject}\0{filed_at_ms}".encode()).hexdigest()[:20]
