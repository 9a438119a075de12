"""Random doors for Hypothesis: what several devices say and who mutes them, in the order of its arrival."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hypothesis import strategies as st

from rules.days import Days
from rules.duration import MINUTE_MS
from rules.engine import HOURS_OF_WEEK, Engine, Setup
from rules.mute import Mute
from rules.outcome import AlarmCleared, AlarmMissed, AlarmRaised, Outcome, StepDue
from rules.reading import CLOSED, OPEN, Reading
from rules.rule import Condition, Entrance, Rule, RuleSet, Step, Usual, Watch
from rules.window import During, Window, Windows

START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)

ENTRANCES = {
    one.id: one
    for one in (
        Entrance(
            "A",
            within=frozenset({"west"}),
            heartbeat_ms=20 * MINUTE_MS,
            silent_after_ms=60 * MINUTE_MS,
        ),
        Entrance(
            "B",
            within=frozenset({"west", "north"}),
            heartbeat_ms=40 * MINUTE_MS,
            silent_after_ms=150 * MINUTE_MS,
        ),
        Entrance("C", kind="gate"),  # its device states no numbers and has no heartbeat
    )
}

# What may be muted together, and which entrances that is.
COVERS = {
    Watch(entrances=frozenset({"A"})): "A",
    Watch(entrances=frozenset({"B", "C"})): "BC",
    Watch(within=frozenset({"west"})): "AB",
    Watch(kinds=frozenset({"gate"})): "C",
    Watch(entrances=frozenset({"?"})): "ABC",
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
    """At ``at`` an entrance's device is heard, or something befalls more than one.

    Attributes:
        entrance: Its name; of a mute the names of all that it covers.
        reading: What the device says, a mute, or what befalls the whole engine.
    """

    at: int
    entrance: str
    reading: Reading | Mute | str

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


@dataclass(frozen=True)
class Muted:
    """Somebody mutes some entrances, or changes the mute that stands under that name.

    Attributes:
        begins: So much later, or earlier, than it is said.
        lasts: 0: it is over before it begins.
    """

    name: str
    where: Watch
    gap: int
    begins: int
    lasts: int


def sent(
    words: Sequence[str],
    *,
    most_late: int = 2,
    gaps: Sequence[int] = (0, 1, 1, 2, 3, 7, 40),
) -> st.SearchStrategy[list[Sent | Muted]]:
    def report() -> st.SearchStrategy[Sent]:
        return st.builds(
            Sent,
            entrance=st.sampled_from(sorted(ENTRANCES)),
            word=st.sampled_from(words),
            gap=st.sampled_from(gaps),
            late=st.integers(0, most_late),
            again=st.sampled_from((False, False, False, True)),
            reboots=st.sampled_from((False,) * 7 + (True,)),
        )

    muted = st.builds(
        Muted,
        name=st.sampled_from(("one", "two", "three")),
        where=st.sampled_from(sorted(COVERS, key=COVERS.__getitem__)),
        gap=st.sampled_from(gaps),
        begins=st.sampled_from((0, 0, 0, 1, 4, 30, -2)),
        lasts=st.sampled_from((0, 1, 3, 10, 40, 300)),
    )
    each: st.SearchStrategy[Sent | Muted] = st.one_of(*[report() for _ in range(5)], muted)
    # Many for a long story; where it fails, few are enough and readable.
    return st.sampled_from((1, 15)).flatmap(lambda least: st.lists(each, min_size=least, max_size=40))


def arrivals(sent: Sequence[Sent | Muted], *, unit_ms: int) -> list[Move]:
    """Number the reports as their devices do, let some overtake others, and let time pass."""
    numbers = dict.fromkeys(ENTRANCES, (1, -1))
    travelling: list[tuple[int, Sent | Muted, dict[str, Any]]] = []
    for i, one in enumerate(sent):
        if isinstance(one, Muted):
            travelling.append((i, one, {}))
            continue
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
        if isinstance(one, Muted):
            begins = now + one.begins * unit_ms
            mute = Mute(one.name, one.where, begins, begins + one.lasts * unit_ms)
            moves.append(Move(now, COVERS[one.where], mute))
            continue
        if one.word == "listening" and not deaf:
            continue
        deaf = {"deaf": True, "listening": False}.get(one.word, deaf)
        said: Reading | str = one.word
        if one.word in _STATED:
            said = Reading(f"device {one.entrance}", now, **stated)
        moves.append(Move(now, one.entrance, said))
    return moves or [Move(now, "A", Reading("device A", now))]


def mutes_of(moves: Sequence[Move]) -> list[Mute]:
    return [move.reading for move in moves if isinstance(move.reading, Mute)]


class Planned(NamedTuple):
    """One step of a rule, in units of time.

    Attributes:
        percent: 0, or it is usual …
        early: … and may come so much earlier.
        again: How many times more it comes …
        every: … and how far apart.
    """

    after: int
    percent: int
    early: int
    again: int
    every: int


planned = st.builds(
    Planned,
    after=st.sampled_from((0, 1, 2, 5, 13, 30)),
    percent=st.sampled_from((0, 0, 0, 90, 99)),
    early=st.sampled_from((0, 2, 9)),
    again=st.sampled_from((0, 0, 0, 1, 3)),
    every=st.sampled_from((1, 4, 20)),
)


def steps_of(plans: Sequence[Planned], unit_ms: int) -> tuple[Step, ...]:
    """In their order. What is usual comes before all repetitions of others, so none can delay it."""
    made: list[Step] = []
    plans = sorted(plans)
    last_usual = max((i for i, plan in enumerate(plans) if plan.percent), default=0)
    latest = 0
    for i, plan in enumerate(plans):
        after, earliest = plan.after * unit_ms, max(latest, (plan.after - plan.early) * unit_ms)
        usual = Usual(plan.percent, earliest, after) if plan.percent else None
        made.append(Step(after_ms=after, tell=f"role {i}", usual=usual))
        for n in range(1, plan.again + 1) if i >= last_usual else ():
            then = after + n * plan.every * unit_ms
            made.append(Step(after_ms=then, tell=f"role {i}", unless_taken=True, again=n))
        latest = after
    return tuple(sorted(made, key=lambda step: step.after_ms))


def a_rule(
    name: str, when: Condition, *, plans: Sequence[Planned], window: Windows | None, clear: int, unit_ms: int
) -> Rule:
    return Rule(
        name=name,
        title={"zh": name, "en": name},
        why="A test.",
        watch=Watch(),
        when=when,
        during=window,
        steps=steps_of(plans, unit_ms),
        clear_after_ms=clear * unit_ms,
        openings=3,
        openings_within_ms=40 * MINUTE_MS,
    )


def on(weekdays: str, first: int, last: int) -> Window:
    """``"01"``: Monday and Tuesday; from and to in hours."""
    return Window(During(first * 60, last * 60), Days(frozenset(map(int, weekdays))))


WINDOWS = (
    None,
    None,
    Windows.daily(22 * 60, 6 * 60),
    Windows.daily(10 * 60, 12 * 60),
    Windows.daily(0, 23 * 60 + 50),
    Windows((on("", 9, 11), on("", 10, 13), on("", 15, 16))),  # two that overlap, one apart
    Windows((on("", 18, 24), on("0123", 0, 5))),  # they touch at midnight, on some days
    Windows((on("02", 23, 9),)),  # the nights of Monday and Wednesday
)


def rules(*conditions: Condition, unit_ms: int) -> st.SearchStrategy[tuple[Rule, ...]]:
    """One rule for each condition, named after its place."""
    each = [
        st.builds(
            a_rule,
            st.just(f"{i}-{condition}"),
            st.just(condition),
            plans=st.lists(planned, min_size=1, max_size=3),
            window=st.sampled_from(WINDOWS),
            clear=st.sampled_from((0, 1, 3, 20)),
            unit_ms=st.just(unit_ms),
        )
        for i, condition in enumerate(conditions)
    ]
    return st.tuples(*each)


def usual(unit_ms: int) -> dict[tuple[str, int], tuple[int, ...]]:
    """Another figure each hour, sometimes none; of B little is known, and of C nothing."""
    return {
        (name, percent): tuple((hour * 5 + percent) % 11 * unit_ms for hour in range(HOURS_OF_WEEK))
        for name, percent in (("A", 90), ("A", 99), ("B", 99))
    }


def a_setup(its_rules: Sequence[Rule], unit_ms: int) -> Setup:
    return Setup(RuleSet(tuple(its_rules)), ENTRANCES, UTC, usual=usual(unit_ms))


def do(engine: Engine, move: Move) -> list[Outcome]:
    if isinstance(move.reading, Reading):
        return engine.on_readings([(move.entrance, move.reading)])
    if isinstance(move.reading, Mute):
        return engine.on_mute(move.reading, move.at)
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
    muted_until: int
    cleared_at: int | None
    steps: tuple[tuple[int, int], ...]


def alarms(outcomes: Sequence[Outcome]) -> list[WholeAlarm]:
    """The outcomes put together again, alarm by alarm."""
    over: list[WholeAlarm] = []
    standing: dict[str, WholeAlarm] = {}
    for one in outcomes:
        match one:
            case AlarmRaised(at_ms=at, muted_until_ms=until):
                assert one.alarm not in standing, f"raised twice: {one}"
                standing[one.alarm] = WholeAlarm(one.rule, one.entrance, one.since_ms, at, until, None, ())
            case StepDue(alarm=alarm, step=step, at_ms=at):
                standing[alarm] = standing[alarm]._replace(steps=(*standing[alarm].steps, (step, at)))
            case AlarmCleared(alarm=alarm, at_ms=at):
                over.append(standing.pop(alarm)._replace(cleared_at=at))
    return in_order([*over, *standing.values()])


def in_order(them: Sequence[WholeAlarm]) -> list[WholeAlarm]:
    return sorted(them, key=lambda one: (one[:5], one.steps, one.cleared_at or 0))


def missed(outcomes: Sequence[Outcome]) -> list[tuple[str, str, int, int]]:
    return sorted((o.rule, o.entrance, o.since_ms, o.at_ms) for o in outcomes if isinstance(o, AlarmMissed))


def by_entrance(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """The order among different entrances means nothing."""
    return {name: [one for one in outcomes if one.entrance == name] for name in ENTRANCES}
