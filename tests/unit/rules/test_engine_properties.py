"""What must hold whatever the doors do, and however the engine is driven."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rules.duration import DAY_MS, SECOND_MS
from rules.engine import LATE_MS, Engine
from rules.outcome import (
    AlarmCleared,
    AlarmMissed,
    AlarmOutcome,
    AlarmRaised,
    Outcome,
    RuleFailed,
    StepDue,
    alarm_id,
)
from rules.reading import Reading
from rules.rule import Condition, Rule
from tests.unit.rules import random_doors
from tests.unit.rules.random_doors import (
    WORDS,
    Move,
    Sent,
    a_setup,
    arrivals,
    by_entrance,
    do,
    played,
)

# Explaining a failure takes minutes here, and the shrunk example says enough.
THOROUGHLY = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=set(Phase) - {Phase.explain},
)
UNIT_MS = 37 * SECOND_MS  # nothing falls on a whole minute by itself

# Gaps of many sizes: a second hole in a device's numbers, a missed heartbeat, the next night.
sent = random_doors.sent(
    (*WORDS, "open", "close", "deaf", "listening", "session-lost"), gaps=(0, 0, 1, 1, 2, 5, 60, 900)
)
rules = random_doors.rules(
    Condition.LEFT_OPEN,
    Condition.LEFT_OPEN,
    Condition.SILENT,
    Condition.BATTERY_LOW,
    Condition.TAMPERED,
    Condition.CHATTERING,
    unit_ms=UNIT_MS,
)
seconds = st.sampled_from((0, 1, 10, 37, 60, 600, 3600, 40_000))


def the_end(moves: Sequence[Move]) -> int:
    return moves[-1].at + 2 * DAY_MS


@THOROUGHLY
@given(rules, sent, st.lists(st.tuples(st.integers(0, 40), seconds), max_size=10), st.booleans())
def test_batches_and_ticks_make_no_difference(
    its_rules: tuple[Rule, ...], reports: list[Sent], ticks: list[tuple[int, int]], one_batch: bool
) -> None:
    """One reading at a time, or in large batches with ticks in between: the same, in the same order."""
    moves = arrivals(reports, unit_ms=UNIT_MS)
    engine = Engine(a_setup(its_rules))
    outcomes: list[Outcome] = []
    batch: list[tuple[str, Reading]] = []
    ticks_after = dict(ticks)
    for i, move in enumerate(moves):
        if isinstance(move.reading, Reading):
            batch.append((move.entrance, move.reading))
        if isinstance(move.reading, str) or i in ticks_after or not one_batch:
            outcomes += engine.on_readings(batch)
            batch.clear()
        if isinstance(move.reading, str):
            outcomes += do(engine, move)
        until = moves[i + 1].at if i + 1 < len(moves) else the_end(moves)
        if i in ticks_after:
            outcomes += engine.on_time(min(move.at + ticks_after[i] * SECOND_MS, until))
    outcomes += engine.on_readings(batch) + engine.on_time(the_end(moves))
    assert outcomes == played(Engine(a_setup(its_rules)), moves, the_end(moves))


@THOROUGHLY
@given(rules, sent, st.lists(st.integers(0, 40), min_size=1, max_size=5), seconds)
def test_a_restart_at_any_point_makes_no_difference(
    its_rules: tuple[Rule, ...], reports: list[Sent], restarts: list[int], later: int
) -> None:
    moves = arrivals(reports, unit_ms=UNIT_MS)
    engine = Engine(a_setup(its_rules))
    outcomes: list[Outcome] = []
    for i, move in enumerate(moves):
        outcomes += do(engine, move)
        if i in restarts:
            until = moves[i + 1].at if i + 1 < len(moves) else the_end(moves)
            outcomes += engine.on_time(min(move.at + later * SECOND_MS, until))
            checkpoint = json.dumps(engine.snapshot())
            engine = Engine.resume(engine.setup, json.loads(checkpoint))
            assert json.dumps(engine.snapshot()) == checkpoint
    outcomes += engine.on_time(the_end(moves))
    assert by_entrance(outcomes) == by_entrance(played(Engine(a_setup(its_rules)), moves, the_end(moves)))


@THOROUGHLY
@given(rules, sent)
def test_to_wake_at_each_next_deadline_is_enough(its_rules: tuple[Rule, ...], reports: list[Sent]) -> None:
    """``next_deadline_ms`` may come too early, never too late: nothing is due before it."""
    moves = arrivals(reports, unit_ms=UNIT_MS)
    engine = Engine(a_setup(its_rules))
    outcomes: list[Outcome] = []
    for at, move in [*((move.at, move) for move in moves), (the_end(moves), None)]:
        while (due := engine.next_deadline_ms()) is not None and due <= at:
            assert engine.on_time(due - 1) == []
            woken = engine.on_time(due)
            assert [one.at_ms for one in woken] == [due] * len(woken)
            outcomes += woken
            following = engine.next_deadline_ms()
            assert following is None or following > due, "it would wake for ever"
        assert engine.on_time(at) == []
        if move is not None:
            said = do(engine, move)
            assert [one.at_ms for one in said] == [at] * len(said)
            outcomes += said
    assert outcomes == played(Engine(a_setup(its_rules)), moves, the_end(moves))


@THOROUGHLY
@given(rules, sent, st.lists(st.tuples(st.integers(0, 40), seconds), min_size=1, max_size=5))
def test_a_change_that_changes_nothing_changes_nothing(
    its_rules: tuple[Rule, ...], reports: list[Sent], changes: list[tuple[int, int]]
) -> None:
    moves = arrivals(reports, unit_ms=UNIT_MS)
    engine = Engine(a_setup(its_rules))
    outcomes: list[Outcome] = []
    for i, move in enumerate(moves):
        outcomes += do(engine, move)
        until = moves[i + 1].at if i + 1 < len(moves) else the_end(moves)
        for after in [after for which, after in changes if which == i]:
            outcomes += engine.change(a_setup(its_rules), min(move.at + after * SECOND_MS, until))
    outcomes += engine.on_time(the_end(moves))
    assert by_entrance(outcomes) == by_entrance(played(Engine(a_setup(its_rules)), moves, the_end(moves)))


@THOROUGHLY
@given(rules, sent)
def test_raised_and_cleared_take_turns(its_rules: tuple[Rule, ...], reports: list[Sent]) -> None:
    """Nobody is told twice, and nobody is told it is over before it began."""
    moves = arrivals(reports, unit_ms=UNIT_MS)
    standing: dict[tuple[str, str], AlarmRaised] = {}
    steps: dict[tuple[str, str], int] = {}
    for one in played(Engine(a_setup(its_rules)), moves, the_end(moves)):
        if not isinstance(one, AlarmOutcome):
            continue
        assert one.alarm == alarm_id(one.rule, one.entrance, one.since_ms)
        key = (one.rule, one.entrance)
        match one:
            case AlarmRaised():
                assert key not in standing
                standing[key], steps[key] = one, 0
            case StepDue():
                assert (one.alarm, one.step) == (standing[key].alarm, steps[key])
                steps[key] += 1
            case AlarmCleared():
                assert one.alarm == standing.pop(key).alarm
                assert steps[key] > 0
            case AlarmMissed():
                assert key not in standing


@THOROUGHLY
@given(rules, sent)
def test_nothing_is_told_before_it_is_due_and_what_is_late_says_so(
    its_rules: tuple[Rule, ...], reports: list[Sent]
) -> None:
    moves = arrivals(reports, unit_ms=UNIT_MS)
    outcomes = played(Engine(a_setup(its_rules)), moves, the_end(moves))
    assert [one.at_ms for one in outcomes] == sorted(one.at_ms for one in outcomes)
    for one in outcomes:
        assert not isinstance(one, RuleFailed)
        if isinstance(one, StepDue | AlarmRaised):
            assert one.since_ms <= one.due_ms <= one.at_ms
            assert one.late == (one.at_ms - one.due_ms > LATE_MS)


@THOROUGHLY
@given(rules, sent)
def test_while_deaf_nobody_is_told_and_nothing_is_over(
    its_rules: tuple[Rule, ...], reports: list[Sent]
) -> None:
    moves = arrivals(reports, unit_ms=UNIT_MS)
    engine = Engine(a_setup(its_rules))
    for move in moves:
        was_deaf = engine.deaf
        told = [one for one in do(engine, move) if isinstance(one, AlarmRaised | StepDue | AlarmCleared)]
        assert not (was_deaf and engine.deaf and told)


@THOROUGHLY
@given(rules, sent)
def test_old_reports_and_retained_ones_change_nothing(
    its_rules: tuple[Rule, ...], reports: list[Sent]
) -> None:
    """Whatever has been heard is heard once more at the end, and as retained: nothing becomes of it."""
    moves = arrivals(reports, unit_ms=UNIT_MS)
    engine = Engine(a_setup(its_rules))
    end = moves[-1].at
    played(engine, moves, end)
    gaps = {name: door.order.snapshot() for name, door in engine.doors() if door.order}
    before = engine.snapshot()
    for move in moves:
        if isinstance(move.reading, Reading):
            again = move.reading._replace(received_at_ms=end)
            door = engine.door(move.entrance)
            assert door is not None
            if door.contact is not None:
                assert engine.on_readings([(move.entrance, again._replace(retained=True))]) == []
            if again.seq is not None:
                assert engine.on_readings([(move.entrance, again)]) == []
    if gaps == {name: door.order.snapshot() for name, door in engine.doors() if door.order}:
        assert engine.snapshot() == before


@THOROUGHLY
@given(rules, sent)
def test_a_rule_that_says_the_same_twice_raises_twice(
    its_rules: tuple[Rule, ...], reports: list[Sent]
) -> None:
    """Rules do not see each other: a twin of a rule fares as it does."""
    twins = tuple(replace(rule, name=f"twin of {rule.name}") for rule in its_rules)
    moves = arrivals(reports, unit_ms=UNIT_MS)
    outcomes = played(Engine(a_setup((*its_rules, *twins))), moves, the_end(moves))
    by_rule: dict[str, list[tuple[type[Outcome], str, int]]] = {}
    for one in outcomes:
        if isinstance(one, AlarmOutcome):
            by_rule.setdefault(one.rule, []).append((type(one), one.entrance, one.at_ms))
    for rule in its_rules:
        assert by_rule.get(rule.name) == by_rule.get(f"twin of {rule.name}")
