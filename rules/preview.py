"""What a rule's words mean, shown: one door and the four edges, played by the engine.

The edges are those on which other systems are silent (DESIGN.md, section 6): open when
the window begins, open when it ends, open when a mute ends, open when the rule is added.
Two more show what does not disturb a clock: silence, and a restart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from enum import StrEnum

from rules.days import Calendar
from rules.duration import HOUR_MS, MINUTE_MS
from rules.engine import Engine, Setup
from rules.mute import Mute
from rules.outcome import AlarmCleared, AlarmRaised, Outcome, StepDue
from rules.reading import CLOSED, OPEN, Contact, Reading
from rules.rule import Condition, Entrance, Rule, RuleSet, Watch
from rules.window import NEVER

MARGIN_MS = 30 * MINUTE_MS
HEARTBEAT_MS = 15 * MINUTE_MS
SHOWN = (Condition.LEFT_OPEN, Condition.BATTERY_LOW, Condition.TAMPERED)
"""Silence and chattering have no beginning that one could draw on its own."""
_DOOR = "preview"


class Edge(StrEnum):
    """What a picture is about."""

    WINDOW_BEGINS = "window_begins"
    WINDOW_ENDS = "window_ends"
    MUTE_ENDS = "mute_ends"
    RULE_ADDED = "rule_added"
    SILENT = "silent"
    RESTART = "restart"


@dataclass(slots=True)
class Scene:
    """One picture's facts; spans are (from, to) in ms UTC.

    Attributes:
        holds: While the condition holds: the door is open, the battery low.
        windows: While the rule counts; empty if it always does.
        muted: While a mute holds.
        unknown: While nobody knows the state.
        away: While the gateway is away.
        added_ms: When the rule is added; 0 if it was there.
        raised_ms: When the alarm is raised; 0 if it never is.
        told: (when, whom) of each step.
        cleared_ms: When it is over; 0 if it is not by the end.
    """

    edge: Edge
    from_ms: int
    to_ms: int
    holds: tuple[int, int]
    windows: list[tuple[int, int]] = field(default_factory=list)
    muted: tuple[int, int] | None = None
    unknown: tuple[int, int] | None = None
    away: tuple[int, int] | None = None
    added_ms: int = 0
    raised_ms: int = 0
    told: list[tuple[int, str]] = field(default_factory=list)
    cleared_ms: int = 0


def preview(rule: Rule, at_ms: int, zone: tzinfo, calendar: Calendar) -> list[Scene]:
    """The pictures of this rule, in its next window after ``at_ms``; none where there is nothing to see."""
    if rule.when not in SHOWN:
        return []
    stage = _Stage(rule, zone, calendar)
    start, end = stage.window(at_ms // HOUR_MS * HOUR_MS + HOUR_MS)
    if start >= NEVER:
        return []
    longest = max(step.after_ms for step in rule.steps)
    first = rule.steps[0].after_ms
    half = first // 2
    long = longest or MARGIN_MS  # a mute and a silence of a rule that tells at once are seen, too
    held = max(long, half + long + MINUTE_MS - MARGIN_MS)  # it still holds when the mute ends
    inside = start + (MARGIN_MS if end - start > MARGIN_MS + longest else max(end - start - longest, 0) // 2)
    scenes = [
        stage.play(_begun(Edge.MUTE_ENDS, inside, held), mute_after=half, mute_for=long),
        stage.play(_begun(Edge.RULE_ADDED, inside, long), add_after=(first + longest) // 2 + MINUTE_MS),
        stage.play(_begun(Edge.SILENT, inside, held), silent_after=half, silent_for=long),
        stage.play(
            _begun(Edge.RESTART, inside, held),
            away_after=half,
            away_for=max(first, MINUTE_MS),
        ),
    ]
    if rule.during is None:
        return scenes
    before = min(MARGIN_MS, first or MARGIN_MS)
    begins = _begun(Edge.WINDOW_BEGINS, start - before, before + longest)
    # Late enough for its first step and too late for what would come after the end.
    opened = max(end - first - (longest - first) // 2 - MINUTE_MS, start)
    ends = Scene(
        Edge.WINDOW_ENDS,
        opened - MARGIN_MS,
        end + longest + 2 * MARGIN_MS,
        (opened, end + longest + MARGIN_MS),
    )
    return [stage.play(begins), stage.play(ends), *scenes]


def _begun(edge: Edge, opened_ms: int, long_ms: int) -> Scene:
    closed_ms = opened_ms + long_ms + MARGIN_MS
    return Scene(edge, opened_ms - MARGIN_MS, closed_ms + MARGIN_MS, (opened_ms, closed_ms))


class _Stage:
    """Plays scenes on fresh engines."""

    def __init__(self, rule: Rule, zone: tzinfo, calendar: Calendar) -> None:
        self._rule, self._zone, self._calendar = rule, zone, calendar

    def window(self, at_ms: int) -> tuple[int, int]:
        """The next one that begins after ``at_ms``; a day of no window."""
        during = self._rule.during
        if during is None:
            return at_ms, at_ms + 24 * HOUR_MS
        start, end = during.occurrence(at_ms, self._calendar, self._zone)
        return (start, end) if start >= at_ms or end >= NEVER else self.window(end)

    def play(
        self,
        scene: Scene,
        *,
        mute_after: int = 0,
        mute_for: int = 0,
        add_after: int = 0,
        silent_after: int = 0,
        silent_for: int = 0,
        away_after: int = 0,
        away_for: int = 0,
    ) -> Scene:
        """What the engine says of it, written into the scene."""
        opened, closed = scene.holds
        engine = Engine(self._setup(() if add_after else (self._rule,)))
        moments: list[tuple[int, Callable[[int], list[Outcome]]]] = [
            (opened, lambda at: engine.on_readings([(_DOOR, self._said(at, True))])),
            (closed, lambda at: engine.on_readings([(_DOOR, self._said(at, False))])),
        ]
        if mute_for:
            scene.muted = opened + mute_after, opened + mute_after + mute_for
            mute = Mute("preview", Watch(entrances=frozenset((_DOOR,))), *scene.muted)
            moments.append((scene.muted[0], lambda at: engine.on_mute(mute, at)))
        if add_after:
            scene.added_ms = opened + add_after
            moments.append((scene.added_ms, lambda at: engine.change(self._setup((self._rule,)), at)))
        if silent_for:
            scene.unknown = opened + silent_after, opened + silent_after + silent_for
            offline = Reading(_DOOR, scene.unknown[0], online=False)
            moments.append((scene.unknown[0], lambda at: engine.on_readings([(_DOOR, offline)])))
            moments.append((scene.unknown[1], lambda at: engine.on_readings([(_DOOR, self._said(at, True))])))
        if away_for:
            scene.away = opened + away_after, opened + away_after + away_for
            moments.append((scene.away[0], engine.on_deaf))
            moments.append((scene.away[1], engine.on_listening))
        outcomes = engine.on_listening(scene.from_ms)
        outcomes += engine.on_readings([(_DOOR, self._said(scene.from_ms, False))])
        for at, happens in sorted(moments, key=lambda moment: moment[0]):
            outcomes += happens(at)
        outcomes += engine.on_time(scene.to_ms)
        scene.windows = self._windows(scene)
        for outcome in outcomes:
            match outcome:
                case AlarmRaised():
                    scene.raised_ms = scene.raised_ms or outcome.at_ms
                case StepDue():
                    scene.told.append((outcome.at_ms, outcome.tell))
                case AlarmCleared():
                    scene.cleared_ms = outcome.at_ms
        return scene

    def _setup(self, rules: tuple[Rule, ...]) -> Setup:
        watch = self._rule.watch
        door = Entrance(
            id=_DOOR,
            kind=min(watch.kinds, default="unit_door"),
            within=watch.within,
            tags=watch.tags,
            heartbeat_ms=HEARTBEAT_MS,
        )
        # Its own entrances are names that the preview's door has not.
        rules = tuple(_for_any_entrance(rule) for rule in rules)
        return Setup(RuleSet(rules), {_DOOR: door}, self._zone, self._calendar)

    def _said(self, at: int, holds: bool) -> Reading:
        match self._rule.when:
            case Condition.BATTERY_LOW:
                return Reading(
                    _DOOR, at, contact=CLOSED, battery_low=holds, battery_pct=None if holds else 100.0
                )
            case Condition.TAMPERED:
                return Reading(_DOOR, at, contact=CLOSED, tamper=holds)
            case _:
                contact: Contact = OPEN if holds else CLOSED
                return Reading(_DOOR, at, contact=contact)

    def _windows(self, scene: Scene) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        if self._rule.during is None:
            return found
        at = scene.from_ms
        while at < scene.to_ms:
            start, end = self._rule.during.occurrence(at, self._calendar, self._zone)
            if start >= scene.to_ms:
                break
            found.append((start, end))
            at = end
        return found


def _for_any_entrance(rule: Rule) -> Rule:
    watch = rule.watch
    anywhere = Watch(kinds=watch.kinds, within=watch.within, tags=watch.tags)
    return replace(rule, watch=anywhere, excepting=(), overrides=())
