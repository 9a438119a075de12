"""A story: what a door and people do, and what is expected to come of it.

It stands in the rule's own file, is played through the very engine that runs, on
one entrance that the rule watches, and has to match to the second:

    start: Mon 22:30
    given:  ["+00:00 open", "+06:00 close", "+12:00 end"]
    expect: ["+03:00 tell residents", "+06:30 cleared"]

The device speaks every 15 minutes (its heartbeat) unless it is ``silent``. People take
and settle the case; ``mute 30m`` holds every telling back for half an hour.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from rules import duration
from rules.days import Calendar
from rules.duration import MINUTE_MS
from rules.engine import HOURS_OF_WEEK, Engine, Setup
from rules.fault import guess
from rules.mute import Mute
from rules.outcome import AlarmCleared, AlarmMissed, Outcome, RuleFailed, StepDue
from rules.reading import CLOSED, OPEN, Contact, Reading
from rules.rule import Entrance, Rule, RuleSet, Watch

HEARTBEAT_MS = 15 * MINUTE_MS
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_HOURS = 31 * 24
"""A story is about one opening, and its device speaks every quarter of an hour of it."""
_MONDAY = datetime(2024, 1, 1)  # noqa: DTZ001 - a wall clock; the zone is joined when the story is played
_LINE = re.compile(r"\+(?:(\d+):)?(\d+):(\d\d)\s+(.+)")

# What may happen, and what it says to whoever writes a story.
VERBS = {
    "open": "the door opens",
    "close": "the door closes",
    "hello": "a heartbeat with the state",
    "silent": "the device says nothing from now on",
    "offline": "its last will is published",
    "online": "it is connected again",
    "battery_low": "it states that its battery is low",
    "battery_ok": "a new battery",
    "tamper": "its box is opened",
    "tamper_over": "its box is closed",
    "take": "somebody takes the case",
    "settle": "somebody settles it with a reason",
    "mute": "nobody is to be told for so long, like mute 30m",
    "unmute": "the mute is ended early",
    "down": "the gateway stops",
    "up": "the gateway runs again and has caught up",
    "end": "the story ends here",
}


class Moment(NamedTuple):
    """``after_ms`` from the start, ``what`` happens or is told."""

    after_ms: int
    what: str

    def __str__(self) -> str:
        minutes, seconds = divmod(self.after_ms // 1000, 60)
        return f"+{minutes:02d}:{seconds:02d} {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One story.

    Attributes:
        start: Wall clock in the zone in which it is played.
        entrance: On which door.
        usual_ms: How long it usually stands open; ``None``: nothing is known of that.
    """

    title: str
    start: datetime
    given: tuple[Moment, ...]
    expect: tuple[Moment, ...]
    entrance: Entrance
    usual_ms: int | None = None


class StoryError(ValueError):
    """A line of a story that cannot be read; ``key`` and ``index`` say which."""

    def __init__(self, key: str, index: int, what: str, mend: str) -> None:
        super().__init__(what)
        self.key, self.index, self.what, self.mend = key, index, what, mend


def parse_story(
    title: str,
    start: str,
    given: list[str],
    expect: list[str],
    entrance: Watch,
    watch: Watch,
    usual_ms: int | None = None,
) -> Story:
    """The story, on a door that ``entrance`` (or else the rule's ``watch``) describes.

    Raises:
        StoryError: A line cannot be read.
    """
    moments = tuple(_moment("given", i, line) for i, line in enumerate(given))
    for i, moment in enumerate(moments):
        _verb(i, moment.what)
        if i and moment.after_ms < moments[i - 1].after_ms:
            raise StoryError("given", i, "this comes before the line above it", "Order the lines by time.")
    expected = tuple(_moment("expect", i, line) for i, line in enumerate(expect))
    for i, moment in enumerate(expected):
        if moment.what not in ("cleared", "missed") and not moment.what.startswith("tell "):
            raise StoryError(
                "expect",
                i,
                f"'{moment.what}' cannot be expected",
                "Write 'tell ROLE', 'cleared' or 'missed'.",
            )
    described = entrance if entrance.names_anything() else watch
    door = Entrance(
        id=_example(min(entrance.entrances or watch.entrances, default="story")),
        kind=min(
            described.kinds | (watch.kinds if not described.kinds else frozenset()), default="unit_door"
        ),
        within=described.within | watch.within,
        tags=described.tags | watch.tags,
        heartbeat_ms=HEARTBEAT_MS,
        silent_after_ms=3 * HEARTBEAT_MS,
    )
    return Story(
        title=title,
        start=_start(start),
        given=moments,
        expect=expected,
        entrance=door,
        usual_ms=usual_ms,
    )


def play(rule: Rule, story: Story, zone: tzinfo, calendar: Calendar | None = None) -> list[Moment]:
    """What comes of it, to compare with ``story.expect``."""
    return _Player(rule, story, zone, calendar or Calendar()).play(story.given)


def _verb(index: int, what: str) -> None:
    verb, _, length = what.partition(" ")
    if verb not in VERBS or (length and verb != "mute"):
        raise StoryError("given", index, f"nothing is called '{what}'", guess(verb, VERBS))
    if verb == "mute":
        try:
            duration.parse(length)
        except ValueError:
            mend = "Write how long, like 'mute 30m'."
            raise StoryError("given", index, f"'{what}' does not say how long", mend) from None


def _example(name: str) -> str:
    """An id that the pattern fits."""
    return name.replace("*", "1").replace("?", "1")


class _Player:
    """Plays one story; its device beats until it is silent."""

    def __init__(self, rule: Rule, story: Story, zone: tzinfo, calendar: Calendar) -> None:
        door = story.entrance
        rules = RuleSet((rule,))
        usual = {
            (door.id, percent): (story.usual_ms,) * HOURS_OF_WEEK
            for percent in rules.usual_percents()
            if story.usual_ms
        }
        self._engine = Engine(Setup(rules, {door.id: door}, zone, calendar, usual))
        self._id = door.id
        self._start = int(story.start.replace(tzinfo=zone).timestamp() * 1000)
        self._contact: Contact = CLOSED
        self._beat: int | None = self._start
        self._down = False
        self._waiting: list[Reading] = []
        self._taken = self._settled = False
        self._told: list[Moment] = []

    def play(self, given: tuple[Moment, ...]) -> list[Moment]:
        self._engine.on_listening(self._start)
        for moment in given:
            at = self._start + moment.after_ms
            self._beat_until(at)
            if moment.what == "end":
                self._hear(self._engine.on_time(at))
                break
            self._do(moment.what, at)
        return self._told

    def _beat_until(self, at: int) -> None:
        while self._beat is not None and self._beat < at:
            self._say(Reading("story", self._beat, contact=self._contact))
            self._beat += HEARTBEAT_MS

    def _do(self, what: str, at: int) -> None:
        if what in ("open", "close"):
            self._contact = OPEN if what == "open" else CLOSED
            self._say(Reading("story", at, contact=self._contact))
        elif what in ("take", "settle"):
            self._hear(self._engine.on_time(at))
            self._taken = True
            self._settled |= what == "settle"
        elif what == "unmute" or what.startswith("mute "):
            until = at if what == "unmute" else at + duration.parse(what.removeprefix("mute "))
            everywhere = Watch(entrances=frozenset((self._id,)))
            self._hear(self._engine.on_mute(Mute("story", everywhere, at, until), at))
        elif what == "silent":
            self._beat = None
        elif what == "offline":
            self._beat = None
            self._say(Reading("story", at, online=False))
        elif what == "down":
            self._hear(self._engine.on_deaf(at))
            self._down = True
        elif what == "up":
            self._down = False
            for waited in self._waiting:
                self._say(waited._replace(received_at_ms=at))
            self._waiting.clear()
            self._hear(self._engine.on_listening(at))
        else:
            self._beat = self._beat or at + HEARTBEAT_MS
            self._say(_STATED[what](at, self._contact))

    def _say(self, reading: Reading) -> None:
        if self._down:
            self._waiting.append(reading)  # the broker keeps it
        else:
            self._hear(self._engine.on_readings([(self._id, reading)]))

    def _hear(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            after = outcome.at_ms - self._start
            match outcome:
                case StepDue(tell=role, unless_taken=unless) if not (
                    self._settled or (unless and self._taken)
                ):
                    self._told.append(Moment(after, f"tell {role}"))
                case AlarmCleared():
                    self._taken = self._settled = False
                    self._told.append(Moment(after, "cleared"))
                case AlarmMissed():
                    self._told.append(Moment(after, "missed"))
                case RuleFailed(error=error):
                    self._told.append(Moment(after, f"the rule failed: {error}"))


_STATED = {
    "hello": lambda at, contact: Reading("story", at, contact=contact),
    "online": lambda at, contact: Reading("story", at, online=True, contact=contact),
    "battery_low": lambda at, contact: Reading("story", at, battery_low=True),
    "battery_ok": lambda at, contact: Reading("story", at, battery_low=False, battery_pct=100),
    "tamper": lambda at, contact: Reading("story", at, tamper=True),
    "tamper_over": lambda at, contact: Reading("story", at, tamper=False),
}


def _moment(key: str, index: int, line: str) -> Moment:
    match = _LINE.fullmatch(line.strip())
    if match is None:
        raise StoryError(key, index, f"'{line}' cannot be read", "Write it like '+03:00 open'.")
    hours, minutes, seconds = int(match[1] or 0), int(match[2]), int(match[3])
    if hours > MOST_HOURS or minutes > MOST_HOURS * 60 or seconds > 59:
        raise StoryError(
            key, index, f"'{line}' is no moment of a story", "Write it like '+03:00 open', within a month."
        )
    return Moment(((hours * 60 + minutes) * 60 + seconds) * 1000, " ".join(match[4].split()))


def _start(text: str) -> datetime:
    day, _, clock = text.strip().partition(" ")
    try:
        at = datetime.strptime(clock.strip(), "%H:%M")  # noqa: DTZ007 - a wall clock without zone
        if day in _DAYS:
            date = _MONDAY + timedelta(days=_DAYS.index(day))
        else:
            date = datetime.strptime(day, "%Y-%m-%d")  # noqa: DTZ007 - as above
    except ValueError:
        raise StoryError(
            "start", 0, f"'{text}' is not a start", "Write it like 'Mon 22:30' or '2026-03-29 01:30'."
        ) from None
    return date.replace(hour=at.hour, minute=at.minute)
