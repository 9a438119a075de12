"""What other rules would have done: the past through the engine and the desk, twice.

Rule 1: the very engine and desk that run live play it, with roster, quiet hours and
        budgets; nothing here decides anything by itself.
Rule 2: in a replay nobody acts: no case is taken, every message is accepted at once. So
        what goes up is the most that could have, for both rule sets alike.
Rule 3: a night belongs to the day on whose evening it begins, and lasts from noon to noon.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Final, NamedTuple

from gateway.cases.desk import Changes, Desk
from gateway.history.past import Part, Past, mute_of
from gateway.notify.message import Text
from gateway.places.model import Registry
from rules.duration import MINUTE_MS, SECOND_MS
from rules.engine import Engine, Setup
from rules.mute import Mute
from rules.outcome import (
    AlarmCleared,
    AlarmMissed,
    AlarmRaised,
    DoorChanged,
    Outcome,
    RuleFailed,
)
from rules.reading import OPEN

SOON_MS: Final = MINUTE_MS
"""An alarm whose door closes this soon after it would perhaps not have needed anybody."""
SHOWN_MS: Final = 20 * SECOND_MS
"""Shorter openings are left out of pictures; most doors shut within that."""
EXAMPLES: Final = 5


class Raised(NamedTuple):
    """One alarm. Times in ms UTC; 0 while it stands."""

    rule: str
    entrance: str
    since_ms: int
    raised_ms: int
    ended_ms: int
    cleared_ms: int


class Telling(NamedTuple):
    """One message as a phone would have shown it.

    Attributes:
        text: What it says (``gateway.notify.message.Text``).
        at_ms: When it goes out.
        held_ms: How long quiet hours or a spent budget made it wait.
        with_others: It goes out with others as one message, and is not the first of them.
    """

    person: str
    role: str
    text: str
    entrance: str
    at_ms: int
    held_ms: int
    with_others: bool


class Filed(NamedTuple):
    """One case."""

    entrance: str
    rule: str
    filed_ms: int
    owner: str | None


class Came(NamedTuple):
    """Somebody is told of an entrance, for pictures."""

    entrance: str
    at_ms: int
    tell: str


@dataclass(slots=True)
class Done:
    """What one rule set did with the past.

    Attributes:
        openings: (opened, closed) of openings worth a picture, by entrance that had an alarm.
        failed: Rules that broke, each with what it said.
        missed: How often something was due and over again while nobody listened.
    """

    hash: str = ""
    alarms: list[Raised] = field(default_factory=list)
    cases: list[Filed] = field(default_factory=list)
    messages: list[Telling] = field(default_factory=list)
    openings: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    missed: int = 0
    readings: int = 0
    seconds: float = 0.0

    def told(self) -> list[Came]:
        """Who was told of what, without all-clears."""
        return [Came(m.entrance, m.at_ms, m.role) for m in self.messages if m.text != Text.ALL_CLEAR]


def play(
    past: Past,
    setup: Setup,
    registry: Registry,
    reachable: Callable[[str], bool],
    progress: Callable[[int], None] = lambda done: None,
) -> Done:
    """The whole past through these rules. ``progress`` hears how many readings are done."""
    player = _Player(setup, registry, reachable, past.from_ms)
    for part in past.parts():
        player.take(part)
        progress(player.done.readings)
    return player.end(past.until_ms)


class _Player:
    """One engine, one desk, and what came of them."""

    def __init__(
        self, setup: Setup, registry: Registry, reachable: Callable[[str], bool], from_ms: int
    ) -> None:
        self.done = Done(hash=setup.rules.hash)
        self._engine = Engine(setup)
        self._desk = Desk(registry, setup, reachable)
        self._from_ms = from_ms
        self._began = False
        self._alarms: dict[str, Raised] = {}
        self._messages: dict[str, Telling] = {}
        self._about: dict[str, list[str]] = defaultdict(list)
        self._opened: dict[str, int] = {}
        self._spans: dict[str, array[int]] = defaultdict(lambda: array("q"))

    def take(self, part: Part) -> None:
        if part.arrivals:
            self._begin(part.arrivals[0][1].received_at_ms)
            self._hear(self._engine.on_readings(part.arrivals))
            self.done.readings += len(part.arrivals)
        if part.mark is not None:
            kind, at, carried = part.mark
            self._begin(at)
            match kind:
                case "deaf":
                    self._hear(self._engine.on_deaf(at))
                case "listening":
                    self._hear(self._engine.on_listening(at))
                case "session_lost":
                    self._hear(self._engine.on_session_lost(at))
                case "mute":
                    self._hear(self._engine.on_mute(Mute.resume(mute_of(carried)), at))

    def end(self, until_ms: int) -> Done:
        self._hear(self._engine.on_time(until_ms))
        done = self.done
        done.alarms = [alarm for alarm in self._alarms.values() if alarm.raised_ms >= self._from_ms]
        done.messages = _together(m for m in self._messages.values() if m.at_ms >= self._from_ms)
        had = {alarm.entrance for alarm in done.alarms}
        for entrance, opened in self._opened.items():
            self._spans[entrance].extend((opened, until_ms))
        done.openings = {
            entrance: [(spans[i], spans[i + 1]) for i in range(0, len(spans), 2)]
            for entrance, spans in self._spans.items()
            if entrance in had
        }
        return done

    def _begin(self, at_ms: int) -> None:
        """Somebody listened all the time, unless a mark says otherwise."""
        if not self._began:
            self._began = True
            self._engine.on_listening(at_ms)

    def _hear(self, outcomes: Iterable[Outcome]) -> None:
        for o in outcomes:
            match o:
                case DoorChanged():
                    self._on_door(o)
                    continue
                case AlarmRaised():
                    self._alarms[o.alarm] = Raised(o.rule, o.entrance, o.since_ms, o.at_ms, 0, 0)
                case AlarmCleared():
                    alarm = self._alarms[o.alarm]
                    self._alarms[o.alarm] = alarm._replace(ended_ms=o.ended_ms, cleared_ms=o.at_ms)
                case AlarmMissed():
                    self.done.missed += 1
                case RuleFailed():
                    self.done.failed.setdefault(o.rule, o.error)
            self._desk.on_outcome(o)
            self._write(self._desk.take_changes())

    def _on_door(self, o: DoorChanged) -> None:
        if o.contact == OPEN and o.open_since_ms:
            self._opened.setdefault(o.entrance, o.open_since_ms)
        elif (
            o.contact != OPEN and (opened := self._opened.pop(o.entrance, 0)) and o.at_ms - opened >= SHOWN_MS
        ):
            self._spans[o.entrance].extend((opened, o.at_ms))

    def _write(self, changes: Changes) -> None:
        for event in changes.events:
            case = changes.cases.get(event.case)
            if event.what == "filed" and case is not None and event.at_ms >= self._from_ms:
                self.done.cases.append(Filed(case.entrance, case.rule, event.at_ms, case.owner))
        for message in changes.messages:
            at = max(message.queued_at_ms, message.not_before_ms)
            before = self._messages.get(message.id)
            if before is not None and not (before.held_ms and at < before.at_ms):
                continue
            self._messages[message.id] = Telling(
                message.person,
                str(message.facts.get("role", "")),
                message.text,
                message.entrance or "",
                at,
                at - message.queued_at_ms,
                False,
            )
            self._about[message.about].append(message.id)
        for over in changes.all_clear:
            for ident in self._about.pop(over.alarm.id, ()):
                told = self._messages[ident]
                if told.at_ms > over.at_ms:
                    del self._messages[ident]  # it still waited: withdrawn
                    continue
                at = max(over.at_ms, over.quiet.get(told.role, 0))
                self._messages[f"over:{over.alarm.id}:{told.person}"] = told._replace(
                    text=Text.ALL_CLEAR, at_ms=at, held_ms=at - over.at_ms
                )


def _together(messages: Iterable[Telling]) -> list[Telling]:
    """What waited for the same moment goes out as one."""
    seen: set[tuple[str, int]] = set()
    found = []
    for message in sorted(messages, key=lambda m: m.at_ms):
        key = (message.person, message.at_ms)
        found.append(message._replace(with_others=message.held_ms > 0 and key in seen))
        if message.held_ms:
            seen.add(key)
    return found


# -- two of them beside each other -------------------------------------------------------


class Figures(NamedTuple):
    """One rule set, counted.

    Attributes:
        cases: By night.
        messages: By night; several that go out as one are one.
        to_person: By (person, night).
        soon_over: Alarms whose door closed within a minute: perhaps nobody was needed.
        held: Messages that waited for quiet hours or a budget.
    """

    alarms: int
    cases: Counter[date]
    messages: Counter[date]
    to_person: Counter[tuple[str, date]]
    soon_over: list[Raised]
    held: int

    def most_to_one(self) -> tuple[str, date, int] | None:
        """(who, which night, how many) of the worst night that one person had."""
        if not self.to_person:
            return None
        (person, night), many = min(self.to_person.items(), key=lambda item: (-item[1], item[0]))
        return person, night, many


class Example(NamedTuple):
    """One entrance in one night, for a picture.

    Attributes:
        why: ``newly_caught``, ``no_longer_caught``, ``changed`` or ``same``.
    """

    entrance: str
    night: date
    why: str
    from_ms: int
    to_ms: int
    openings: list[tuple[int, int]]
    now: list[Came]
    then: list[Came]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rules in force beside the candidate.

    Attributes:
        nights: All of them, in order.
        newly: Entrances that only the candidate catches.
        no_longer: Entrances that only the present rules catch.
        newly_nights: (entrance, night) that only the candidate catches.
        no_longer_nights: (entrance, night) that only the present rules catch.
    """

    nights: list[date]
    now: Figures
    then: Figures
    newly: list[str]
    no_longer: list[str]
    examples: list[Example]
    failed: dict[str, str]
    readings: int
    newly_nights: list[tuple[str, date]] = field(default_factory=list)
    no_longer_nights: list[tuple[str, date]] = field(default_factory=list)


def compare(now: Done, then: Done, *, from_ms: int, until_ms: int, zone: tzinfo) -> Comparison:
    """``now`` is what the rules in force did, ``then`` what the candidate would have done."""
    caught_now, caught_then = ({alarm.entrance for alarm in done.alarms} for done in (now, then))
    nights_now, nights_then = (
        {(alarm.entrance, night_of(alarm.raised_ms, zone)) for alarm in done.alarms} for done in (now, then)
    )
    first, last = night_of(from_ms, zone), night_of(until_ms, zone)
    newly, no_longer = sorted(caught_then - caught_now), sorted(caught_now - caught_then)
    return Comparison(
        nights=[first + timedelta(days=n) for n in range((last - first).days + 1)],
        now=_figures(now, zone),
        then=_figures(then, zone),
        newly=newly,
        no_longer=no_longer,
        examples=_examples(now, then, set(newly), set(no_longer), zone),
        failed=then.failed,
        readings=now.readings,
        newly_nights=sorted(nights_then - nights_now),
        no_longer_nights=sorted(nights_now - nights_then),
    )


def night_of(at_ms: int, zone: tzinfo) -> date:
    """The day on whose evening the night begins: from noon to noon."""
    local = datetime.fromtimestamp(at_ms / 1000, zone)
    return local.date() - timedelta(days=local.hour < 12)


def _figures(done: Done, zone: tzinfo) -> Figures:
    shown = [message for message in done.messages if not message.with_others]
    soon = [a for a in done.alarms if a.ended_ms and a.ended_ms - a.raised_ms <= SOON_MS]
    return Figures(
        alarms=len(done.alarms),
        cases=Counter(night_of(case.filed_ms, zone) for case in done.cases),
        messages=Counter(night_of(message.at_ms, zone) for message in shown),
        to_person=Counter((message.person, night_of(message.at_ms, zone)) for message in shown),
        soon_over=soon,
        held=sum(1 for message in done.messages if message.held_ms),
    )


def _examples(now: Done, then: Done, newly: set[str], no_longer: set[str], zone: tzinfo) -> list[Example]:
    """The nights that tell most: where the two differ, each kind first, an entrance once."""
    by_night: tuple[dict[tuple[str, date], list[Came]], ...] = (defaultdict(list), defaultdict(list))
    for done, nights in zip((now, then), by_night, strict=True):
        for came in done.told():
            nights[came.entrance, night_of(came.at_ms, zone)].append(came)

    def why(key: tuple[str, date]) -> str:
        if key[0] in newly:
            return "newly_caught"
        if key[0] in no_longer:
            return "no_longer_caught"
        return "changed" if by_night[0].get(key) != by_night[1].get(key) else "same"

    rank = {"newly_caught": 0, "no_longer_caught": 1, "changed": 2, "same": 3}
    keys = sorted(
        by_night[0].keys() | by_night[1].keys(),
        key=lambda key: (
            rank[why(key)],
            -abs(len(by_night[0].get(key, ())) - len(by_night[1].get(key, ()))),
            key,
        ),
    )
    chosen: list[tuple[str, date]] = []
    for kinds in (1, 2, EXAMPLES, EXAMPLES + 1):  # one of each kind, two, more; then of the same door again
        for key in keys:
            same_kind = sum(1 for one in chosen if why(one) == why(key))
            again = kinds > EXAMPLES or key[0] not in {one[0] for one in chosen}
            fresh = key not in chosen and again
            differs = why(key) != "same" or kinds > EXAMPLES
            if fresh and differs and same_kind < kinds and len(chosen) < EXAMPLES:
                chosen.append(key)
    return [_example(key, why(key), now, then, by_night, zone) for key in chosen]


def _example(
    key: tuple[str, date],
    why: str,
    now: Done,
    then: Done,
    by_night: tuple[dict[tuple[str, date], list[Came]], ...],
    zone: tzinfo,
) -> Example:
    entrance, night = key
    noon = datetime(night.year, night.month, night.day, 12, tzinfo=zone)
    from_ms = int(noon.timestamp() * 1000)
    to_ms = int((noon + timedelta(days=1)).timestamp() * 1000)
    spans = then.openings.get(entrance) or now.openings.get(entrance, [])
    seen = [(max(a, from_ms), min(b, to_ms)) for a, b in spans if a < to_ms and b > from_ms]
    return Example(
        entrance, night, why, from_ms, to_ms, seen, by_night[0].get(key, []), by_night[1].get(key, [])
    )
