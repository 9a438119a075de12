"""The engine and the slow, obvious model of ``naive.py`` agree, whatever the doors do."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rules.duration import DAY_MS
from rules.engine import Engine
from rules.mute import Mute
from rules.reading import Reading
from rules.rule import Condition, Rule
from tests.unit.rules import random_doors
from tests.unit.rules.naive import TICK_MS, Arrival, NaiveDoor, NaiveMute
from tests.unit.rules.random_doors import (
    COVERS,
    ENTRANCES,
    START,
    WORDS_OF_LEAF,
    Move,
    Muted,
    Sent,
    WholeAlarm,
    alarms,
    arrivals,
    by_entrance,
    in_order,
    missed,
    played,
)

# Explaining a failure takes minutes here, and the shrunk example says enough.
SLOWLY = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=set(Phase) - {Phase.explain}
)

sent = random_doors.sent((*WORDS_OF_LEAF, "deaf", "listening"))
rules = random_doors.rules(Condition.LEFT_OPEN, Condition.LEFT_OPEN, Condition.SILENT, unit_ms=TICK_MS)


def an_engine(its_rules: Sequence[Rule]) -> Engine:
    return Engine(random_doors.a_setup(its_rules, TICK_MS))


def the_end(moves: Sequence[Move]) -> int:
    return max(START, moves[-1].at) + DAY_MS


def expected(
    its_rules: Sequence[Rule], moves: Sequence[Move]
) -> tuple[list[WholeAlarm], list[tuple[str, str, int, int]]]:
    """Alarms and what was missed, as the naive model has them."""
    found: list[WholeAlarm] = []
    lost: list[tuple[str, str, int, int]] = []
    for name, entrance in ENTRANCES.items():
        door = NaiveDoor(entrance, its_rules, random_doors.usual(TICK_MS))
        door.play(heard_by(name, moves), start=START, until=the_end(moves))
        for one in door.alarms:
            found.append(
                WholeAlarm(
                    one.rule,
                    name,
                    one.since,
                    one.raised_at,
                    one.muted_until,
                    one.cleared_at,
                    tuple(one.steps),
                )
            )
        lost += [(rule, name, since, at) for rule, since, at in door.missed]
    return in_order(found), sorted(lost)


def heard_by(name: str, moves: Sequence[Move]) -> list[tuple[int, Arrival]]:
    heard: list[tuple[int, Arrival]] = []
    for move in moves:
        if move.reading == "deaf":
            heard.append((move.at, "deaf"))
        elif move.reading == "listening":
            heard.append((move.at, "listening"))
        elif isinstance(move.reading, Mute):
            mute = move.reading
            lasts = mute.until_ms - mute.from_ms if name in COVERS[mute.where] else 0
            heard.append((move.at, NaiveMute(mute.id, mute.from_ms, mute.from_ms + lasts)))
        elif isinstance(move.reading, Reading) and move.entrance == name:
            heard.append((move.at, move.reading))
    return heard


@settings(SLOWLY, max_examples=450)
@given(rules, sent)
def test_alarms_are_those_of_the_naive_model(
    its_rules: tuple[Rule, ...], reports: list[Sent | Muted]
) -> None:
    moves = arrivals(reports, unit_ms=TICK_MS)
    outcomes = played(an_engine(its_rules), moves, the_end(moves))
    found, lost = expected(its_rules, moves)
    assert alarms(outcomes) == found
    assert missed(outcomes) == lost


@settings(SLOWLY, max_examples=130)
@given(rules, sent, st.randoms(use_true_random=False))
def test_any_interleaving_between_devices_gives_the_same(
    its_rules: tuple[Rule, ...], reports: list[Sent | Muted], random: Random
) -> None:
    """What different devices say in the same instant may be heard in any order."""
    moves = arrivals(reports, unit_ms=TICK_MS)
    shuffled: list[Move] = []
    for _, same in groupby(moves, key=lambda move: (move.at, isinstance(move.reading, Reading))):
        turn = dict(zip(ENTRANCES, random.sample(range(3), 3), strict=True))
        shuffled += sorted(same, key=lambda m: turn[m.entrance] if isinstance(m.reading, Reading) else 0)
    end = the_end(moves)
    assert by_entrance(played(an_engine(its_rules), shuffled, end)) == by_entrance(
        played(an_engine(its_rules), moves, end)
    )


@settings(SLOWLY, max_examples=100)
@given(rules, sent)
def test_each_entrance_is_watched_as_if_it_were_the_only_one(
    its_rules: tuple[Rule, ...], reports: list[Sent | Muted]
) -> None:
    moves = arrivals(reports, unit_ms=TICK_MS)
    together = by_entrance(played(an_engine(its_rules), moves, the_end(moves)))
    for name in ENTRANCES:
        its_own = [m for m in moves if m.entrance == name or not isinstance(m.reading, Reading)]
        alone = played(an_engine(its_rules), its_own, the_end(moves))
        assert by_entrance(alone)[name] == together[name]


@settings(SLOWLY, max_examples=130)
@given(rules, random_doors.sent(("open", "close"), most_late=6))
def test_when_one_device_is_heard_out_of_order_its_newest_report_wins(
    its_rules: tuple[Rule, ...], reports: list[Sent | Muted]
) -> None:
    moves = arrivals(reports, unit_ms=TICK_MS)
    engine = an_engine(its_rules)
    outcomes = played(engine, moves, moves[-1].at)
    for name in ("A", "B"):
        of_it = [m.reading for m in moves if m.entrance == name and isinstance(m.reading, Reading)]
        newest = max(of_it, key=lambda r: (r.boot or 0, r.seq or 0), default=None)
        door = engine.door(name)
        assert door is not None
        assert door.contact == (newest.contact if newest else None)
    outcomes += engine.on_time(the_end(moves))
    assert (alarms(outcomes), missed(outcomes)) == expected(its_rules, moves)
