"""What the engine answers.

Rule 1: an outcome says what became true, never how to tell anybody.
Rule 2: ``at_ms`` is the moment that counts; it comes from the readings and the
        deadlines, so that a replay gives the same outcomes to the millisecond.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from rules.rule import Condition


class AlarmState(StrEnum):
    PENDING = "pending"
    RAISED = "raised"
    CLEARED = "cleared"
    DROPPED = "dropped"


# The whole life of an alarm. If a pair is not here, it cannot happen.
NEXT_STATES: dict[AlarmState, frozenset[AlarmState]] = {
    AlarmState.PENDING: frozenset({AlarmState.RAISED, AlarmState.DROPPED}),
    AlarmState.RAISED: frozenset({AlarmState.CLEARED}),
    AlarmState.DROPPED: frozenset(),
    AlarmState.CLEARED: frozenset(),
}


class Cleared(StrEnum):
    """Why an alarm is over."""

    OVER = "over"  # the sensor says so
    RULE_REMOVED = "rule_removed"
    ENTRANCE_REMOVED = "entrance_removed"
    RULE_FAILED = "rule_failed"


def alarm_id(rule: str, entrance: str, since_ms: int) -> str:
    """Derived from what the alarm is about, so that doing a batch again changes nothing."""
    return hashlib.sha256(f"{rule}\0{entrance}\0{since_ms}".encode()).hexdigest()[:20]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Something became true at ``at_ms`` (ms UTC) about ``entrance``."""

    entrance: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorChanged(Outcome):
    """What is known of the door is another thing now.

    Attributes:
        contact: ``open``, ``closed``, or ``None`` before the first word.
        open_since_ms: When it was opened; 0 if it is not open or nobody knows since when.
        unknown_since_ms: Since when nobody can say; 0 while the state is known.
        last_seen_ms: The device's last live word; 0 before the first.
    """

    contact: str | None
    open_since_ms: int
    unknown_since_ms: int
    last_seen_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmOutcome(Outcome):
    """About one alarm.

    Attributes:
        alarm: Its id.
        rule: The rule's name.
        since_ms: Since when the condition holds; never changes.
    """

    alarm: str
    rule: str
    since_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised(AlarmOutcome):
    """The first step is due.

    Attributes:
        condition: What the rule watches.
        due_ms: When it should have been raised.
        late: Because nobody listened then.
        muted_until_ms: Nobody is to be told before; 0 if its entrance is not muted.
    """

    condition: Condition
    due_ms: int
    late: bool
    muted_until_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDue(AlarmOutcome):
    """Somebody is to be told now.

    Attributes:
        condition: What the rule watches.
        step: Its number in the rule, from 0.
        tell: Whom.
        unless_taken: Not if somebody has taken the case.
        due_ms: When it should have come.
        late: Because nobody listened then.
        muted: It comes later than ``due_ms`` because a mute held it back.
        again: 0, or which repetition of its step it is.
    """

    condition: Condition
    step: int
    tell: str
    unless_taken: bool
    due_ms: int
    late: bool
    muted: bool = False
    again: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCleared(AlarmOutcome):
    """A raised alarm is over.

    Attributes:
        reason: How.
        ended_ms: When its condition ended; ``clear_after`` later it was known to be over.
    """

    reason: Cleared
    ended_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmMissed(AlarmOutcome):
    """It was due and over again before anybody could know: recorded, told to nobody.

    Attributes:
        condition: What the rule watches.
        due_ms: When it would have been raised.
    """

    condition: Condition
    due_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GapFound(Outcome):
    """Reports of a device that never came.

    Attributes:
        device: Whose.
        boot: In which of its starts.
        first: The first missing sequence number.
        last: The last missing one.
        missing: How many of them.
    """

    device: str
    boot: int
    first: int
    last: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFailed(Outcome):
    """A rule broke on this entrance and is switched off for it.

    Attributes:
        rule: Which.
        error: What it said.
        everywhere: It broke on so many entrances that it is off altogether.
    """

    rule: str
    error: str
    everywhere: bool
