"""A rule: one sentence of the maintainers, as the engine needs it.

"A unit door may stand open for eight minutes at night, then tell the grid worker."
The file format that people write is in ``load.py``; these are its frozen values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from rules.window import During


class Condition(StrEnum):
    """What a rule can watch. A fixed list: no expression language."""

    LEFT_OPEN = "left_open"
    SILENT = "silent"
    BATTERY_LOW = "battery_low"
    TAMPERED = "tampered"
    CHATTERING = "chattering"


class Subject(StrEnum):
    """What a case is about: the door itself, or the device that watches it."""

    DOOR = "door"
    DEVICE = "device"


SUBJECT: Mapping[Condition, Subject] = {
    Condition.LEFT_OPEN: Subject.DOOR,
    Condition.SILENT: Subject.DEVICE,
    Condition.BATTERY_LOW: Subject.DEVICE,
    Condition.TAMPERED: Subject.DEVICE,
    Condition.CHATTERING: Subject.DEVICE,
}


class Severity(StrEnum):
    """How much it matters; the more severe goes out first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


# Who can be told. Roles are open data: a district may name others in its people
# file. Residents are a contact of the unit, without an account.
RESIDENTS = "residents"
ROLES = (
    RESIDENTS,
    "grid_worker",
    "grid_leader",
    "community",
    "street",
    "district",
    "repair",
    "installer",
    "maintainer",
)


class Entrance(NamedTuple):
    """What a rule may know of an entrance.

    Attributes:
        id: The registry's name for it.
        kind: ``unit_door`` or ``gate``.
        within: Names of every place that holds it: compound, grid, community, street, district.
        tags: Free words from the registry.
        heartbeat_ms: How often its device is expected to speak; ``None`` if
            silence says nothing (a replayed file).
        silent_after_ms: How long it may say nothing before its state is unknown.
        trial: Its device is not live yet (试运行): shown, but watched by no rule.
    """

    id: str
    kind: str = "unit_door"
    within: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    heartbeat_ms: int | None = None
    silent_after_ms: int | None = None
    trial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Which entrances a rule looks at. An empty set means: all of them."""

    kinds: frozenset[str] = frozenset()
    within: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    entrances: frozenset[str] = frozenset()

    def covers(self, entrance: Entrance) -> bool:
        return (
            (not self.kinds or entrance.kind in self.kinds)
            and (not self.within or not self.within.isdisjoint(entrance.within))
            and (not self.tags or not self.tags.isdisjoint(entrance.tags))
            and (not self.entrances or entrance.id in self.entrances)
        )

    def names_anything(self) -> bool:
        return bool(self.kinds or self.within or self.tags or self.entrances)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Tell ``tell`` once the condition has held for ``after_ms``."""

    after_ms: int
    tell: str
    unless_taken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Other steps for some entrances."""

    watch: Watch
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    Attributes:
        name: Its lasting name; alarms are derived from it.
        title: ``zh`` and ``en``.
        why: Why anybody should be disturbed by it.
        watch: Which entrances.
        excepting: Entrances that ``watch`` covers and the rule leaves alone.
        when: The condition.
        openings: For ``chattering``: this many openings …
        openings_within_ms: … within this time.
        during: Counts only in this window; ``None`` means always.
        steps: Whom to tell, and when; ``after`` never goes down.
        clear_after_ms: A raised alarm is over when its condition has been over for this long.
        reopen_within_ms: A new alarm this soon after settling reopens the case.
        severity: How much it matters.
        overrides: Other steps for some entrances; the first that covers one counts.
    """

    name: str
    title: Mapping[str, str]
    why: str
    watch: Watch
    when: Condition
    steps: tuple[Step, ...]
    excepting: tuple[Watch, ...] = ()
    openings: int = 10
    openings_within_ms: int = 300_000
    during: During | None = None
    clear_after_ms: int = 30_000
    reopen_within_ms: int = 600_000
    severity: Severity = Severity.NORMAL
    overrides: tuple[Override, ...] = field(default=())

    def watches(self, entrance: Entrance) -> bool:
        return (
            not entrance.trial
            and self.watch.covers(entrance)
            and not any(w.covers(entrance) for w in self.excepting)
        )

    def all_steps(self) -> tuple[Step, ...]:
        """Its own and those of its overrides."""
        return (*self.steps, *(step for override in self.overrides for step in override.steps))

    def watches_by(self) -> tuple[Watch, ...]:
        """Everything by which it tells entrances apart: its own watch first."""
        return (self.watch, *self.excepting, *(override.watch for override in self.overrides))

    def steps_for(self, entrance: Entrance) -> tuple[Step, ...]:
        for override in self.overrides:
            if override.watch.covers(entrance):
                return override.steps
        return self.steps


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules that are in force together.

    Attributes:
        rules: In the order of their files.
        hash: Names this set for ever: every alarm and case carries it.
        text: Canonical JSON; ``load.from_canonical`` reads it back.
    """

    rules: tuple[Rule, ...] = ()
    hash: str = ""
    text: str = "[]"

    def tells_apart_by(self) -> Watch:
        """All that any rule names: entrances that do not differ in it are the same to all rules."""
        watches = [watch for rule in self.rules for watch in rule.watches_by()]
        return Watch(
            kinds=frozenset[str]().union(*(w.kinds for w in watches)),
            within=frozenset[str]().union(*(w.within for w in watches)),
            tags=frozenset[str]().union(*(w.tags for w in watches)),
            entrances=frozenset[str]().union(*(w.entrances for w in watches)),
        )

    def named(self, name: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.name == name), None)
