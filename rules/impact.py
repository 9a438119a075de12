"""What a change of the rules does to what is going on: the sentence that is said of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rules.engine import Engine, Watching
from rules.outcome import AlarmCleared, AlarmRaised, Outcome, StepDue


@dataclass(frozen=True, slots=True)
class Impact:
    """How much changed, in numbers.

    Attributes:
        closes: Clocks that were running for a step and run no more.
        starts: Clocks that run now and did not before.
        moves: Clocks that run on with another next moment.
        raises: Alarms that are raised at once.
        clears: Raised alarms that end because no rule watches for them any more.
        tells: Steps that come at once.
        changes: Entrances that are watched by other rules or other steps than before.
    """

    closes: int = 0
    starts: int = 0
    moves: int = 0
    raises: int = 0
    clears: int = 0
    tells: int = 0
    changes: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand, to be compared with how they stand later.

    Attributes:
        clocks: (entrance, rule) of all that waits for a next step, and when that is due.
        watchings: What watches each entrance; many entrances share one value.
    """

    clocks: dict[tuple[str, str], int]
    watchings: dict[str, tuple[Watching, ...]]


def standing(engine: Engine) -> Standing:
    """How things stand now."""
    return Standing(
        dict(engine.clocks()), {entrance: engine.watchings(entrance) for entrance, _ in engine.doors()}
    )


def impact(before: Standing, after: Standing, outcomes: Iterable[Outcome]) -> Impact:
    """What became of it. ``outcomes`` are those of ``Engine.change``."""
    said = list(outcomes)
    old, new = before.clocks, after.clocks
    taken = {(o.entrance, o.rule) for o in said if isinstance(o, StepDue)}
    return Impact(
        closes=sum(1 for clock in old if clock not in new and clock not in taken),
        starts=sum(1 for clock in new if clock not in old),
        moves=sum(1 for clock, due in new.items() if clock not in taken and old.get(clock, due) != due),
        raises=sum(isinstance(o, AlarmRaised) for o in said),
        clears=sum(isinstance(o, AlarmCleared) for o in said),
        tells=sum(isinstance(o, StepDue) for o in said),
        changes=_changed(before.watchings, after.watchings),
    )


def _changed(before: dict[str, tuple[Watching, ...]], after: dict[str, tuple[Watching, ...]]) -> int:
    same: dict[tuple[int, int], bool] = {}  # thousands of entrances share a few values
    many = 0
    for entrance in before.keys() | after.keys():
        old, new = before.get(entrance, ()), after.get(entrance, ())
        pair = id(old), id(new)
        if pair not in same:
            same[pair] = list(map(_felt, old)) == list(map(_felt, new))
        many += not same[pair]
    return many


def _felt(watching: Watching) -> tuple[object, ...]:
    """What a door has of a rule, whatever it says of other doors, and whatever it is called."""
    rule, steps = watching
    counted = rule.openings, rule.openings_within_ms
    ends = rule.clear_after_ms, rule.reopen_within_ms
    return rule.name, rule.when, steps, rule.during, counted, ends, rule.severity
