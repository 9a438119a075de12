"""A rule: one sentence of the maintainers, as the engine needs it.

"A unit door may stand open for eight minutes at night, then tell the grid worker."
The file format that people write is in ``load.py``; these are its frozen values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import NamedTuple

from rules.window import Windows


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

    def reaches(self, other: Severity) -> bool:
        """Whether it is as severe as the other, or more."""
        order = list(Severity)
        return order.index(self) >= order.index(other)


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


def is_pattern(name: str) -> bool:
    """Whether it names entrances by a pattern: ``*`` stands for anything, ``?`` for one character."""
    return "*" in name or "?" in name


def fits(entrance: str, pattern: str) -> bool:
    """Whether the pattern names it. Brackets are brackets: only ``*`` and ``?`` stand for something else."""
    return fnmatchcase(entrance, pattern.replace("[", "[[]"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Which entrances a rule looks at. An empty set means: all of them.

    Attributes:
        kinds: ``unit_door``, ``gate``.
        within: Names or paths of places, of any level; one is enough.
        tags: One is enough.
        entrances: Ids or patterns of ids; one is enough.
    """

    kinds: frozenset[str] = frozenset()
    within: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    entrances: frozenset[str] = frozenset()

    def covers(self, entrance: Entrance) -> bool:
        return (
            (not self.kinds or entrance.kind in self.kinds)
            and (not self.within or not self.within.isdisjoint(entrance.within))
            and (not self.tags or not self.tags.isdisjoint(entrance.tags))
            and (not self.entrances or bool(self.names_of(entrance.id)))
        )

    def names_of(self, entrance: str) -> tuple[str, ...]:
        """Which of ``entrances`` name this one."""
        exact = (entrance,) if entrance in self.entrances else ()
        return (*exact, *(name for name in self.patterns() if fits(entrance, name)))

    def patterns(self) -> list[str]:
        return sorted(name for name in self.entrances if is_pattern(name))

    def names_anything(self) -> bool:
        return bool(self.kinds or self.within or self.tags or self.entrances)


@dataclass(frozen=True, slots=True)
class Usual:
    """Longer than this door usually stands open at this hour of the week.

    Attributes:
        percent: So many of a hundred of its openings were shorter.
        at_least_ms: Never earlier than this …
        at_most_ms: … and never later; also while too little is known of the door.
    """

    percent: int
    at_least_ms: int
    at_most_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Tell ``tell`` once the condition has held for ``after_ms``.

    Attributes:
        usual: Then ``after_ms`` is its latest moment.
        again: 0, or which repetition of the step this is.
    """

    after_ms: int
    tell: str
    unless_taken: bool = False
    usual: Usual | None = None
    again: int = 0


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
        whys: The same by language, if it was written in both.
        watch: Which entrances.
        excepting: Entrances that ``watch`` covers and the rule leaves alone.
        when: The condition.
        openings: For ``chattering``: this many openings …
        openings_within_ms: … within this time.
        during: Counts only in these windows; ``None`` means always.
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
    during: Windows | None = None
    clear_after_ms: int = 30_000
    reopen_within_ms: int = 600_000
    severity: Severity = Severity.NORMAL
    overrides: tuple[Override, ...] = field(default=())
    whys: Mapping[str, str] = field(default_factory=dict)

    def why_in(self, language: str) -> str:
        return self.whys.get(language, self.why)

    def watches(self, entrance: Entrance) -> bool:
        return (
            not entrance.trial
            and self.watch.covers(entrance)
            and not any(w.covers(entrance) for w in self.excepting)
        )

    def why_not(self, entrance: Entrance) -> str:
        """Why it does not watch it: ``trial``, ``kind``, ``within``, ``tags``, ``entrance``, ``except``; else empty."""
        if entrance.trial:
            return "trial"
        w = self.watch
        fits = {
            "kind": not w.kinds or entrance.kind in w.kinds,
            "within": not w.within or not w.within.isdisjoint(entrance.within),
            "tags": not w.tags or not w.tags.isdisjoint(entrance.tags),
            "entrance": not w.entrances or bool(w.names_of(entrance.id)),
            "except": not any(one.covers(entrance) for one in self.excepting),
        }
        return next((why for why, fit in fits.items() if not fit), "")

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """When people of a role are left alone: what they would be told waits until it ends.

    Attributes:
        lets_through: What is so severe, or more, comes all the same; ``None``: nothing does.
    """

    role: str
    windows: Windows
    lets_through: Severity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much one person of a role is told in one night.

    Attributes:
        messages: So many one by one; the rest waits for the night's end and comes as one digest.
        windows: When a night is. Only tellings count: not the all-clear, nor what she asked for.
    """

    role: str
    messages: int
    windows: Windows


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules that are in force together.

    Attributes:
        rules: In the order of their files.
        quiet: At most one for a role.
        budgets: At most one for a role.
        hash: Names this set for ever: every alarm and case carries it.
        text: Canonical JSON; ``load.from_canonical`` reads it back.
    """

    rules: tuple[Rule, ...] = ()
    hash: str = ""
    text: str = "[]"
    quiet: tuple[Quiet, ...] = ()
    budgets: tuple[Budget, ...] = ()

    def tells_apart_by(self) -> Watch:
        """All that any rule names: entrances that do not differ in it are the same to all rules."""
        watches = [watch for rule in self.rules for watch in rule.watches_by()]
        return Watch(
            kinds=frozenset[str]().union(*(w.kinds for w in watches)),
            within=frozenset[str]().union(*(w.within for w in watches)),
            tags=frozenset[str]().union(*(w.tags for w in watches)),
            entrances=frozenset[str]().union(*(w.entrances for w in watches)),
        )

    def windows(self) -> list[Windows]:
        """Every window that anything here counts by."""
        found = [rule.during for rule in self.rules if rule.during is not None]
        found += [quiet.windows for quiet in self.quiet]
        return found + [budget.windows for budget in self.budgets]

    def asks_for_holidays(self) -> bool:
        """Whether public holidays make any difference."""
        return any(part.days.named for windows in self.windows() for part in windows.parts)

    def usual_percents(self) -> frozenset[int]:
        """Which shares of its usual openings the steps ask for."""
        steps = (step for rule in self.rules for step in rule.all_steps())
        return frozenset(step.usual.percent for step in steps if step.usual)

    def named(self, name: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.name == name), None)
