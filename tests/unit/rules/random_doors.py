"""Random doors for Hypothesis: what several devices say, in the order in which it arrives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hypothesis import strategies as st

from rules.duration import MINUTE_MS
from rules.engine import Engine, Setup
from rules.outcome import AlarmCleared, AlarmMissed, AlarmRaised, Outcome, StepDue
from rules.reading import CLOSED, OPEN, Reading
from rules.rule import Condition, Entrance, Rule, RuleSet, Step, Watch
from rules.window import Windows

START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)

ENTRANCES = {
    one.id: one
    for one in (
        Entrance("A", heartbeat_ms=20 * MINUTE_MS, silent_after_ms=60 * MINUTE_MS),
        Entrance("B", heartbeat_ms=40 * MINUTE_MS, silent_after_ms=150 * MINUTE_MS),
        Entrance("C"),  # its device states no numbers and has no heartbeat
    )
}

_STATED: dict[str, dict[str, Any]] = {
    "open": {"contact": OPEN},
    "close": {"contact": CLOSED},
    "alive": {},
    "offline": {"online": False},
    "retained-open": {"contact": OPEN, "retained": True},
    "retained-close": {"contact": CLOSED, "retained": True},
    "low": {"battery_pct": 10.0},
    "middling": {"battery_pct": 20.0},
    "full": {"battery_pct": 100.0},
    "tamper": {"tamper": True},
    "untamper": {"tamper": False},
}
# These are said by the broker or by the gateway itself, without a number of the device.
_WITHOUT_NUMBER = ("offline", "retained-open", "retained-close")

WORDS_OF_LEAF = ("open", "open", "close", "close", "alive", "offline", "retained-open", "retained-close")
WORDS = (*WORDS_OF_LEAF, "low", "middling", "full", "tamper", "untamper")


class Move(NamedTuple):
    """At ``at`` an entrance's device is heard, or something befalls the whole engine.

    Attributes:
        reading: What the device says, or the name of a method of the engine.
    """

    at: int
    entrance: str
    reading: Reading | str

    def __str__(self) -> str:
        return f"{(self.at - START) / MINUTE_MS:g}m {self.entrance} {self.reading}"


@dataclass(frozen=True)
class Sent:
    """One report before it travels.

    Attributes:
        late: How many other reports overtake it.
        again: It is delivered a second time.
        reboots: Its device has started anew before it.
    """

    entrance: str
    word: str
    gap: int
    late: int = 0
    again: bool = False
    reboots: bool = False


def sent(
    words: Sequence[str], *, most_late: int = 2, gaps: Sequence[int] = (0, 1, 1, 2, 3, 7, 40)
) -> st.SearchStrategy[list[Sent]]:
    one = st.builds(
        Sent,
        entrance=st.sampled_from(sorted(ENTRANCES)),
        word=st.sampled_from(words),
        gap=st.sampled_from(gaps),
        late=st.integers(0, most_late),
        again=st.sampled_from((False, False, False, True)),
        reboots=st.sampled_from((False,) * 7 + (True,)),
    )
    # A few for a readable failure, many for a long story.
    return st.lists(one, min_size=1, max_size=8) | st.lists(one, min_size=15, max_size=40)


def arrivals(reports: Sequence[Sent], *, unit_ms: int) -> list[Move]:
    """Number the reports as their devices do, let some overtake others, and let time pass."""
    numbers = dict.fromkeys(ENTRANCES, (1, -1))
    travelling: list[tuple[int, Sent, dict[str, Any]]] = []
    for i, one in enumerate(reports):
        stated = dict(_STATED.get(one.word, {}))
        if one.entrance != "C" and one.word in _STATED and one.word not in _WITHOUT_NUMBER:
            boot, seq = numbers[one.entrance]
            numbers[one.entrance] = (boot + 1, 0) if one.reboots else (boot, seq + 1)
            stated["boot"], stated["seq"] = numbers[one.entrance]
        travelling.append((i + one.late, one, stated))
        if one.again and one.word in _STATED:
            travelling.append((i + one.late + 2, one, stated))
    travelling.sort(key=lambda on_its_way: on_its_way[0])
    moves: list[Move] = []
    now, deaf = START + 8 * 60 * MINUTE_MS, False
    for _, one, stated in travelling:
        now += one.gap * unit_ms
        if one.word == "listening" and not deaf:
            continue
        deaf = {"deaf": True, "listening": False}.get(one.word, deaf)
        said: Reading | str = one.word
        if one.word in _STATED:
            said = Reading(f"device {one.entrance}", now, **stated)
        moves.append(Move(now, one.entrance, said))
    return moves or [Move(now, "A", Reading("device A", now))]


def a_rule(name: str, when: Condition, *, steps: Sequence[int], window: Windows | None, clear: int) -> Rule:
    return Rule(
        name=name,
        title={"zh": name, "en": name},
        why="A test.",
        watch=Watch(),
        when=when,
        during=window,
        steps=tuple(Step(after_ms=after, tell=f"role {i}") for i, after in enumerate(sorted(steps))),
        clear_after_ms=clear,
        openings=3,
        openings_within_ms=40 * MINUTE_MS,
    )


WINDOWS = (
    None,
    None,
    Windows.daily(22 * 60, 6 * 60),
    Windows.daily(10 * 60, 12 * 60),
    Windows.daily(0, 23 * 60 + 50),
)


def rules(*conditions: Condition, unit_ms: int) -> st.SearchStrategy[tuple[Rule, ...]]:
    """One rule for each condition, named after its place."""
    each = [
        st.builds(
            a_rule,
            st.just(f"{i}-{condition}"),
            st.just(condition),
            steps=st.lists(
                st.sampled_from((0, 1, 2, 5, 13, 30)).map(unit_ms.__mul__), min_size=1, max_size=3
            ),
            window=st.sampled_from(WINDOWS),
            clear=st.sampled_from((0, 1, 3, 20)).map(unit_ms.__mul__),
        )
        for i, condition in enumerate(conditions)
    ]
    return st.tuples(*each)


def a_setup(its_rules: Sequence[Rule]) -> Setup:
    return Setup(RuleSet(tuple(its_rules)), ENTRANCES, UTC)


def do(engine: Engine, move: Move) -> list[Outcome]:
    if isinstance(move.reading, Reading):
        return engine.on_readings([(move.entrance, move.reading)])
    befalls: dict[str, Callable[[int], list[Outcome]]] = {
        "deaf": engine.on_deaf,
        "listening": engine.on_listening,
        "session-lost": engine.on_session_lost,
    }
    return befalls[move.reading](move.at)


def played(engine: Engine, moves: Sequence[Move], until: int) -> list[Outcome]:
    """All that comes of it, one move at a time."""
    outcomes = [outcome for move in moves for outcome in do(engine, move)]
    return outcomes + engine.on_time(until)


class WholeAlarm(NamedTuple):
    rule: str
    entrance: str
    since: int
    raised_at: int
    cleared_at: int | None
    steps: tuple[tuple[int, int], ...]


def alarms(outcomes: Sequence[Outcome]) -> list[WholeAlarm]:
    """The outcomes put together again, alarm by alarm."""
    over: list[WholeAlarm] = []
    standing: dict[str, WholeAlarm] = {}
    for one in outcomes:
        match one:
            case AlarmRaised():
                assert one.alarm not in standing, f"raised twice: {one}"
                standing[one.alarm] = WholeAlarm(one.rule, one.entrance, one.since_ms, one.at_ms, None, ())
            case StepDue(alarm=alarm, step=step, at_ms=at):
                standing[alarm] = standing[alarm]._replace(steps=(*standing[alarm].steps, (step, at)))
            case AlarmCleared(alarm=alarm, at_ms=at):
                over.append(standing.pop(alarm)._replace(cleared_at=at))
    return in_order([*over, *standing.values()])


def in_order(them: Sequence[WholeAlarm]) -> list[WholeAlarm]:
    return sorted(them, key=lambda one: (one[:4], one.steps, one.cleared_at or 0))


def missed(outcomes: Sequence[Outcome]) -> list[tuple[str, str, int, int]]:
    return sorted((o.rule, o.entrance, o.since_ms, o.at_ms) for o in outcomes if isinstance(o, AlarmMissed))


def by_entrance(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """The order among different entrances means nothing."""
    return {name: [one for one in outcomes if one.entrance == name] for name in ENTRANCES}
