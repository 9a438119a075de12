"""A stage for small stories: a script of moments in, what the engine says out, both as text.

A script is ``"21:00 open, 22:05 close, +1 06:00 end"``: ``HH:MM[:SS] what``, wall clock,
``+1`` for the day after. ``B open`` is about another entrance, ``open 1.5`` carries
(boot 1, seq 5), and ``open by new`` comes from another device. ``mute until 10:30`` mutes
the door A at once, ``mute:hall from 10:20 until 10:50`` later and where the scene says what
``hall`` is; said once more it changes that mute, and ``unmute:hall`` ends it. ``restart``
goes on with what a checkpoint kept. What comes out looks alike: ``"22:03 tell residents"``;
``late``, ``muted`` and the reason of an unusual clearing are added.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from rules import duration
from rules.engine import Engine, Setup
from rules.mute import Mute
from rules.outcome import (
    AlarmCleared,
    AlarmMissed,
    AlarmRaised,
    Cleared,
    DoorChanged,
    GapFound,
    Outcome,
    RuleFailed,
    StepDue,
)
from rules.reading import CLOSED, OPEN, Reading
from rules.rule import Condition, Entrance, Override, Rule, RuleSet, Step, Usual, Watch
from rules.window import Windows

SHANGHAI = ZoneInfo("Asia/Shanghai")
MONDAY = "2024-01-01"

_MOMENT = re.compile(r"(?:\+(\d+) )?(\d\d):(\d\d)(?::(\d\d))? (.+)")
_MUTE = re.compile(r"mute(?::(\w+))?(?: from (.+))? until (.+)")
_STEP = re.compile(r"(?:p(\d\d):(\w+)-)?(\w+) (\w+)(?: \+(\d+)x(\w+))?")
_STATED: dict[str, dict[str, Any]] = {
    "open": {"contact": OPEN},
    "close": {"contact": CLOSED},
    "alive": {},
    "retained-open": {"contact": OPEN, "retained": True},
    "retained-close": {"contact": CLOSED, "retained": True},
    "offline": {"online": False},
    "online": {"online": True},
    "gateway-online": {"online": True, "online_scope": "gateway"},
    "tamper": {"tamper": True},
    "untamper": {"tamper": False},
    "low": {"battery_low": True},
    "not-low": {"battery_low": False},
}


def during(text: str) -> Windows:
    """``22:00-06:00``."""
    start, end = ((int(clock[:2]) * 60 + int(clock[3:])) for clock in text.split("-"))
    return Windows.daily(start, end)


def watch(*entrances: str) -> Watch:
    """Ids, or patterns of ids."""
    return Watch(entrances=frozenset(entrances))


def steps(text: str) -> tuple[Step, ...]:
    """``3m residents, 8m grid_worker``, in the order of their time.

    ``p90:2m-8m residents``: usual, but from 2 to 8 minutes. ``3m residents +2x5m``: twice more.
    """
    made = [step for one in text.split(", ") for step in _repeated(one)]
    return tuple(sorted(made, key=lambda step: step.after_ms))


def _repeated(text: str) -> list[Step]:
    match = _STEP.fullmatch(text)
    assert match, f"this step cannot be read: '{text}'"
    percent, at_least, latest, tell, more, every = match.groups()
    after = duration.parse(latest)
    usual = Usual(int(percent), duration.parse(at_least), after) if percent else None
    again = [
        Step(after_ms=after + n * duration.parse(every), tell=tell, unless_taken=True, again=n)
        for n in range(1, int(more or 0) + 1)
    ]
    return [Step(after_ms=after, tell=tell, usual=usual), *again]


def a_rule(
    told: str = "3m residents, 8m grid_worker",
    *,
    when: Condition = Condition.LEFT_OPEN,
    window: Windows | str | None = None,
    clear_after: str = "30s",
    name: str = "rule",
    openings: int = 3,
    within: str = "1m",
    overrides: tuple[Override, ...] = (),
    on: Watch = Watch(),  # noqa: B008 - it is frozen
) -> Rule:
    return Rule(
        name=name,
        title={"zh": name, "en": name},
        why="A test.",
        watch=on,
        when=when,
        steps=steps(told),
        during=during(window) if isinstance(window, str) else window,
        clear_after_ms=duration.parse(clear_after),
        openings=openings,
        openings_within_ms=duration.parse(within),
        overrides=overrides,
    )


def an_entrance(
    name: str = "A",
    *,
    heartbeat: str | None = None,
    silent_after: str | None = None,
    within: str = "",
    kind: str = "unit_door",
) -> Entrance:
    return Entrance(
        id=name,
        kind=kind,
        within=frozenset(within.split()),
        heartbeat_ms=duration.parse(heartbeat) if heartbeat else None,
        silent_after_ms=duration.parse(silent_after) if silent_after else None,
    )


def a_setup(
    rules: Iterable[Rule] = (),
    entrances: Iterable[Entrance] = (an_entrance(),),
    zone: tzinfo = SHANGHAI,
    usual: Mapping[tuple[str, int], tuple[int, ...]] | None = None,
) -> Setup:
    return Setup(RuleSet(tuple(rules)), {one.id: one for one in entrances}, zone, usual=usual or {})


class Scene:
    """Plays scripts on one engine and remembers what it said.

    Attributes:
        engine: The engine on the stage.
        outcomes: All that it said.
        where: What a mute holds for, by its name; else for the door A.
    """

    def __init__(
        self,
        setup: Setup,
        *,
        day: str = MONDAY,
        clock: tzinfo | None = None,
        setups: dict[str, Setup] | None = None,
        where: Mapping[str, Watch] | None = None,
    ) -> None:
        self.engine = Engine(setup)
        self.outcomes: list[Outcome] = []
        self._clock = clock or setup.zone
        self._midnight = datetime.fromisoformat(day)
        self._setups = setups or {}
        self.where = dict(where or {})

    def play(self, script: str) -> Scene:
        for line in script.split(", "):
            match = _MOMENT.fullmatch(line.strip())
            assert match, f"this moment cannot be read: '{line}'"
            self._do(match[5], self._ms(*(int(n or 0) for n in match.groups()[:4])))
        return self

    def _ms(self, day: int, hour: int, minute: int, second: int) -> int:
        wall = self._midnight + timedelta(days=day, hours=hour, minutes=minute, seconds=second)
        return int(wall.replace(tzinfo=self._clock).timestamp() * 1000)

    def ms(self, clock: str) -> int:
        """Milliseconds of ``[+1 ]HH:MM[:SS]``."""
        match = _MOMENT.fullmatch(f"{clock} x")
        assert match
        return self._ms(*(int(n or 0) for n in match.groups()[:4]))

    def _do(self, what: str, at: int) -> None:
        engine = self.engine
        whole: dict[str, Callable[[int], list[Outcome]]] = {
            "end": engine.on_time,
            "tick": engine.on_time,
            "deaf": engine.on_deaf,
            "listening": engine.on_listening,
            "session-lost": engine.on_session_lost,
        }
        if what in whole:
            self.outcomes += whole[what](at)
        elif what == "restart":
            self.engine = Engine.resume(engine.setup, json.loads(json.dumps(engine.snapshot())))
        elif what.startswith(("mute", "unmute")):
            self.outcomes += engine.on_mute(self._mute(what, at), at)
        elif what.startswith("change "):
            self.outcomes += engine.change(self._setups[what.removeprefix("change ")], at)
        else:
            self.outcomes += engine.on_readings([_reading(what, at)])

    def _mute(self, what: str, at: int) -> Mute:
        if what.startswith("un"):
            ident, since, until = what.removeprefix("unmute").removeprefix(":"), at, at
        else:
            match = _MUTE.fullmatch(what)
            assert match, f"this mute cannot be read: '{what}'"
            ident, since = match[1] or "", self.ms(match[2]) if match[2] else at
            until = self.ms(match[3])
        return Mute(ident, self.where.get(ident, watch("A")), since, until)

    def told(self) -> list[str]:
        """Steps, clearings and what was missed."""
        return self._shown(StepDue, AlarmCleared, AlarmMissed, RuleFailed)

    def heard(self) -> list[str]:
        """All that becomes of alarms: that they are raised, too."""
        return self._shown(AlarmRaised, StepDue, AlarmCleared, AlarmMissed, RuleFailed)

    def gaps(self) -> list[str]:
        return self._shown(GapFound)

    def states(self) -> list[str]:
        """What was known of the door, each time that it changed."""
        return self._shown(DoorChanged)

    def _shown(self, *kinds: type[Outcome]) -> list[str]:
        assert_alarms_take_their_course(self.outcomes, edited=bool(self._setups))
        return [self._show(one) for one in self.outcomes if isinstance(one, kinds)]

    def _show(self, one: Outcome) -> str:
        where = "" if one.entrance == "A" else f"{one.entrance} "
        until = one.muted_until_ms if isinstance(one, AlarmRaised) else 0
        muted = f", muted until {self.shown_clock(until)}" if until else ""
        return f"{self.shown_clock(one.at_ms)} {where}{_words(one)}{muted}"

    def shown_clock(self, at_ms: int) -> str:
        local = datetime.fromtimestamp(at_ms / 1000, self._clock)
        day = (local.date() - self._midnight.date()).days
        seconds = f":{local.second:02d}" if local.second else ""
        return f"+{day} " * (day > 0) + f"{local:%H:%M}{seconds}"


def _reading(what: str, at: int) -> tuple[str, Reading]:
    what, _, device = what.partition(" by ")
    match = re.fullmatch(r"(?:([A-Z]) )?(\S+)(?: (\d+)\.(\d+))?", what)
    assert match, f"this cannot be played: '{what}'"
    entrance, word, boot, seq = match.groups()
    if word.endswith("%"):
        stated: dict[str, Any] = {"battery_pct": float(word[:-1])}
    elif word.endswith("V"):
        stated = {"battery_v": float(word[:-1])}
    else:
        stated = dict(_STATED[word])
    if boot:
        stated |= {"boot": int(boot), "seq": int(seq)}
    entrance = entrance or "A"
    return entrance, Reading(device or f"device {entrance}", at, **stated)


def _words(one: Outcome) -> str:
    match one:
        case AlarmRaised(late=late):
            return "raised" + ", late" * late
        case StepDue(tell=role, late=late, muted=muted, again=again):
            return f"tell {role}" + f" again {again}" * (again > 0) + ", late" * late + ", muted" * muted
        case AlarmCleared(reason=Cleared.OVER):
            return "cleared"
        case AlarmCleared(reason=reason):
            return f"cleared, {reason}"
        case AlarmMissed():
            return "missed"
        case RuleFailed(everywhere=everywhere):
            return "rule failed" + " everywhere" * everywhere
        case GapFound(boot=boot, first=first, last=last, missing=missing):
            return f"gap in boot {boot}: {missing} of {first}-{last}"
        case DoorChanged(contact=contact, unknown_since_ms=unknown):
            return "unknown" if unknown else str(contact)
    raise AssertionError(f"no words for {one}")


def assert_alarms_take_their_course(outcomes: Sequence[Outcome], *, edited: bool = False) -> None:
    """Raised once, then one step after the other (unless the rules were ``edited``), then cleared.

    Its first step follows at once on being raised, unless its entrance is muted.
    """
    next_step: dict[str, int] = {}
    before: Outcome | None = None
    for one in [*outcomes, None]:
        if isinstance(before, AlarmRaised) and not before.muted_until_ms:
            assert isinstance(one, StepDue), f"raised, and nobody is told: {before}"
            assert (one.alarm, one.at_ms) == (before.alarm, before.at_ms)
        match one:
            case AlarmRaised(alarm=alarm):
                assert alarm not in next_step, f"raised twice: {one}"
                assert not one.muted_until_ms or one.at_ms < one.muted_until_ms, f"muted till before: {one}"
                next_step[alarm] = 0
            case StepDue(alarm=alarm):
                assert edited or one.step == next_step.get(alarm), f"a step out of its turn: {one}"
                assert not (one.late and one.muted), f"late for two reasons: {one}"
                next_step[alarm] += 1
            case AlarmCleared(alarm=alarm):
                assert alarm in next_step, f"over before it began: {one}"
                del next_step[alarm]
        before = one
