"""What must hold whatever the doors do, and however the engine is driven."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rules.duration import DAY_MS, SECOND_MS
from rules.engine import LATE_MS, Engine, Setup
from rules.mute import Mute
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
    COVERS,
    WORDS,
    Move,
    Muted,
    Sent,
    arrivals,
    by_entrance,
    do,
    mutes_of,
    played,
)

# Explaining a failure takes minutes here, and the shrunk example says enough.
THOROUGHLY = settings(
    max_examples=130,
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


def a_setup(its_rules: Sequence[Rule]) -> Setup:
    return random_doors.a_setup(its_rules, UNIT_MS)


def the_end(moves: Sequence[Move]) -> int:
    return moves[-1].at + 2 * DAY_MS


@THOROUGHLY
@given(rules, sent, st.lists(st.tuples(st.integers(0, 40), seconds), max_size=10), st.booleans())
def test_batches_and_ticks_make_no_difference(
    its_rules: tuple[Rule, ...], reports: list[Sent | Muted], ticks: list[tuple[int, int]], one_batch: bool
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
        if not isinstance(move.reading, Reading) or i in ticks_after or not one_batch:
            outcomes += engine.on_readings(batch)
            batch.clear()
        if not isinstance(move.reading, Reading):
            outcomes += do(engine, move)
        until = moves[i + 1].at if i + 1 < len(moves) else the_end(moves)
        if i in ticks_after:
            outcomes += engine.on_time(min(move.at + ticks_after[i] * SECOND_MS, until))
    outcomes += engine.on_readings(batch) + engine.on_time(the_end(moves))
    assert outcomes == played(Engine(a_setup(its_rules)), moves, the_end(moves))


@THOROUGHLY
@given(rules, sent, st.lists(st.integers(0, 40), min_size=1, max_size=5), seconds)
def test_a_restart_at_any_point_makes_no_difference(
    its_rules: tuple[Rule, ...], reports: list[Sent | Muted], restarts: list[int], later: int
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
def test_to_wake_at_each_next_deadline_is_enough(
    its_rules: tuple[Rule, ...], reports: list[Sent | Muted]
) -> None:
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
    its_rules: tuple[Rule, ...], reports: list[Sent | Muted], changes: list[tuple[int, int]]
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
@given(
    rules,
    sent,
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from(("restart", "reload")), seconds), max_size=12),
)
def test_live_restarted_and_reloaded_are_one_and_the_same(
    its_rules: tuple[Rule, ...], reports: list[Sent | Muted], breaks: list[tuple[int, str, int]]
) -> None:
    """Outcome for outcome, and with the same state, mutes and all, at the end and at each break."""
    moves = arrivals(reports, unit_ms=UNIT_MS)
    live, broken = Engine(a_setup(its_rules)), Engine(a_setup(its_rules))
    expected: list[Outcome] = []
    outcomes: list[Outcome] = []
    for i, move in enumerate(moves):
        expected += do(live, move)
        outcomes += do(broken, move)
        until = moves[i + 1].at if i + 1 < len(moves) else the_end(moves)
        for _, how, after in sorted(one for one in breaks if one[0] == i):
            at = max(broken.at_ms, min(move.at + after * SECOND_MS, until))
            expected += live.on_time(at)
            outcomes += broken.on_time(at)
            same = deepcopy(broken.setup)
            if how == "restart":
                broken = Engine.resume(same, json.loads(json.dumps(broken.snapshot())))
            else:
                assert broken.change(same, at) == []
            assert broken.mutes() == live.mutes()
            assert json.dumps(broken.snapshot()) == json.dumps(live.snapshot())
    expected += live.on_time(the_end(moves))
    outcomes += broken.on_time(the_end(moves))
    assert by_entrance(outcomes) == by_entrance(expected)
    assert json.dumps(broken.snapshot()) == json.dumps(live.snapshot())


@THOROUGHLY
@given(rules, sent, st.integers(0, 4), st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_a_rule_that_is_removed_and_added_again_leaves_the_others_alone(
    its_rules: tuple[Rule, ...], reports: list[Sent | Muted], which: int, when: tuple[int, int]
) -> None:
    moves = arrivals(reports, unit_ms=UNIT_MS)
    absent = its_rules[which]  # not the one on chattering: openings are counted for it only
    others = a_setup([rule for rule in its_rules if rule is not absent])
    engine = Engine(a_setup(its_rules))
    outcomes: list[Outcome] = []
    for i, move in enumerate(moves):
        outcomes += do(engine, move)
        if i == min(when):
            outcomes += engine.change(others, move.at)
        if i == max(when):
            outcomes += engine.change(a_setup(its_rules), move.at)
    outcomes += engine.on_time(the_end(moves))

    def of_others(them: Sequence[Outcome]) -> dict[str, list[Outcome]]:
        return by_entrance([o for o in them if not (isinstance(o, AlarmOutcome) and o.rule == absent.name)])

    assert of_others(outcomes) == of_others(played(Engine(a_setup(its_rules)), moves, the_end(moves)))


@THOROUGHLY
@given(rules, sent)
def test_a_mute_holds_back_steps_and_nothing_else(
    its_rules: tuple[Rule, ...], reports: list[Sent | Muted]
) -> None:
    """Without any mute all is the same, but that each step may come sooner."""
    moves = arrivals(reports, unit_ms=UNIT_MS)
    unmuted = [move for move in moves if not isinstance(move.reading, Mute)]
    end = the_end(moves)
    outcomes = played(Engine(a_setup(its_rules)), moves, end)
    free = played(Engine(a_setup(its_rules)), unmuted, end)

    def but_steps(them: Sequence[Outcome]) -> dict[str, list[Outcome]]:
        kept = [one for one in them if not isinstance(one, StepDue)]
        return by_entrance(
            [replace(one, muted_until_ms=0) if isinstance(one, AlarmRaised) else one for one in kept]
        )

    assert but_steps(outcomes) == but_steps(free)
    sooner = {(one.alarm, one.step): one.at_ms for one in free if isinstance(one, StepDue)}
    for one in outcomes:
        if isinstance(one, StepDue):
            assert sooner[one.alarm, one.step] <= one.at_ms


def is_muted(standing: Sequence[Mute], entrance: str, at: int) -> bool:
    return any(entrance in COVERS[mute.where] and mute.from_ms <= at < mute.until_ms for mute in standing)


@THOROUGHLY
@given(rules, sent)
def test_nobody_is_told_of_a_muted_entrance(its_rules: tuple[Rule, ...], reports: list[Sent | Muted]) -> None:
    moves = arrivals(reports, unit_ms=UNIT_MS)
    engine = Engine(a_setup(its_rules))
    standing: dict[str, Mute] = {}
    for move in [*moves, None]:
        before = list(standing.values())
        if move is None:
            said = engine.on_time(the_end(moves))
        else:
            said = do(engine, move)
            if isinstance(move.reading, Mute):
                standing[move.reading.id] = move.reading
        for one in said:
            changes = move is not None and isinstance(move.reading, Mute) and one.at_ms == move.at
            muted = is_muted(before, one.entrance, one.at_ms)
            if isinstance(one, StepDue):
                # Until its end a mute holds; when it is changed, what is due then comes under either.
                assert not muted or (changes and not is_muted([*standing.values()], one.entrance, one.at_ms))
            elif isinstance(one, AlarmRaised) and not changes:
                assert (one.muted_until_ms > 0) == muted
                assert not muted or not is_muted(before, one.entrance, one.muted_until_ms)


@THOROUGHLY
@given(rules, sent)
def test_raised_and_cleared_take_turns(its_rules: tuple[Rule, ...], reports: list[Sent | Muted]) -> None:
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
                raised = standing.pop(key)
                assert one.alarm == raised.alarm
                assert steps[key] > 0 or raised.muted_until_ms
            case AlarmMissed():
                assert key not in standing


@THOROUGHLY
@given(rules, sent)
def test_nothing_is_told_before_it_is_due_and_what_is_late_says_so(
    its_rules: tuple[Rule, ...], reports: list[Sent | Muted]
) -> None:
    moves = arrivals(reports, unit_ms=UNIT_MS)
    outcomes = played(Engine(a_setup(its_rules)), moves, the_end(moves))
    assert [one.at_ms for one in outcomes] == sorted(one.at_ms for one in outcomes)
    for one in outcomes:
        assert not isinstance(one, RuleFailed)
        if isinstance(one, StepDue | AlarmRaised):
            assert one.since_ms <= one.due_ms <= one.at_ms
            came_later = one.at_ms - one.due_ms > LATE_MS
            held = isinstance(one, StepDue) and one.muted
            assert one.late == (came_later and not held)
            if held:
                mutes = [mute for mute in mutes_of(moves) if one.entrance in COVERS[mute.where]]
                assert any(mute.from_ms < one.at_ms and one.due_ms < mute.until_ms for mute in mutes)
                assert came_later


@THOROUGHLY
@given(rules, sent)
def test_while_deaf_nobody_is_told_and_nothing_is_over(
    its_rules: tuple[Rule, ...], reports: list[Sent | Muted]
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
    its_rules: tuple[Rule, ...], reports: list[Sent | Muted]
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
    its_rules: tuple[Rule, ...], reports: list[Sent | Muted]
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
