"""One entrance at one moment, in plain sentences: who watches it, what stands, what comes.

The entrance's own journal is played again by the rules that were in force, so that what is
said of the past is what was, and what is said of the future comes from the same engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from gateway.history.past import Part, mute_of
from gateway.locale import Language, duration, moment, texts
from gateway.notify.words import role_word
from rules.duration import MINUTE_MS
from rules.engine import Engine, Outlook, Setup, hour_of_week
from rules.mute import Mute
from rules.outcome import AlarmCleared, AlarmMissed, AlarmRaised, DoorChanged, Outcome, StepDue
from rules.rule import RESIDENTS, Condition, Rule, Step
from rules.window import NEVER


class Basis(NamedTuple):
    """What a usual time was learned from.

    Attributes:
        openings: By hour of the week.
    """

    openings: tuple[int, ...]
    from_ms: int
    to_ms: int


class Told(NamedTuple):
    """What the records say of a step: told, or why not.

    Attributes:
        what: ``told`` or ``not_told``.
        name: Of the person, if there was one.
    """

    at_ms: int
    what: str
    role: str
    name: str
    why: str
    waits_until_ms: int = 0
    waits_for: str = ""


class MuteNote(NamedTuple):
    until_ms: int
    why: str
    who: str


def played(
    setup: Setup,
    parts: Iterable[Part],
    at_ms: int,
    setup_of: Callable[[str], Setup] | None = None,
) -> tuple[Engine, list[Outcome]]:
    """The engine as it stood at that moment, and all that it had said.

    Args:
        setup: What was in force at the beginning.
        setup_of: What a mark of another one carries is called.
    """
    engine = Engine(setup)
    said: list[Outcome] = []
    began = False
    for part in parts:
        first = part.arrivals[0][1].received_at_ms if part.arrivals else part.mark[1] if part.mark else at_ms
        if not began:
            said += engine.on_listening(min(first, at_ms))
            began = True
        said += engine.on_readings([(e, r) for e, r in part.arrivals if r.received_at_ms <= at_ms])
        if part.mark is None or part.mark[1] > at_ms:
            continue
        kind, at, carried = part.mark
        match kind:
            case "deaf":
                said += engine.on_deaf(at)
            case "listening":
                said += engine.on_listening(at)
            case "session_lost":
                said += engine.on_session_lost(at)
            case "setup":
                said += engine.change(setup_of(carried or ""), at) if setup_of else []
            case "mute":
                said += engine.on_mute(Mute.resume(mute_of(carried)), at)
    said += engine.on_time(at_ms)
    return engine, said


class Explaining:
    """Everything known about one entrance, ready to be said."""

    def __init__(
        self,
        engine: Engine,
        said: list[Outcome],
        entrance: str,
        *,
        place: str,
        at_ms: int,
        zone: tzinfo,
        language: Language,
        records: list[Told],
        mutes: list[MuteNote],
        bases: Mapping[int, Basis],
    ) -> None:
        self._engine, self._said, self._entrance, self._place = engine, said, entrance, place
        self._at, self._zone, self._language = at_ms, zone, language
        self._records, self._mutes, self._bases = records, mutes, bases
        self._ = texts(language).gettext

    def lines(self) -> list[str]:
        lines = [self._state(), *self._muted()]
        row = self._engine.setup.entrances[self._entrance]
        looks = {look.rule.name: look for look in self._engine.outlook(self._entrance)}
        for rule in self._engine.setup.rules.rules:
            look = looks.get(rule.name)
            lines += ["", f"{rule.title[self._language]} ({rule.name})"]
            lines += [
                f"  {line}"
                for line in (self._watching(look) if look else [self._not_watching(rule, rule.why_not(row))])
            ]
        return lines

    # -- the door --------------------------------------------------------------------

    def _state(self) -> str:
        _ = self._
        door = self._engine.door(self._entrance)
        if door is None or door.contact is None:
            return _("{place} has not reported yet.").format(place=self._place)
        if door.unknown_since:
            known = _("open") if door.contact == "open" else _("closed")
            return _("{place}: nobody knows. Last known {known}, no word since {since}.").format(
                place=self._place, known=known, since=self._when(door.unknown_since)
            )
        if door.contact == "open":
            if not door.open_since:
                return _("{place} is open; nobody knows since when.").format(place=self._place)
            since = self._when(door.open_since)
            long = duration(self._at - door.open_since, self._language)
            return _("{place} is open since {since}, for {long}.").format(
                place=self._place, since=since, long=long
            )
        changed = [o for o in self._said if isinstance(o, DoorChanged)]
        since = self._when(changed[-1].at_ms) if changed else "—"
        return _("{place} is closed since {since}.").format(place=self._place, since=since)

    def _muted(self) -> list[str]:
        until = self._engine.muted_until_ms(self._entrance, self._at)
        if not until:
            return []
        _ = self._
        note = next((m for m in self._mutes if m.until_ms > self._at), None)
        return [
            _(
                "Muted until {until} by {who}: {why}. Nobody is told before; what is due then comes at once."
            ).format(until=self._when(until), who=note.who if note else "—", why=note.why if note else "—")
        ]

    def _nobody_knows(self, rule: Rule) -> bool:
        door = self._engine.door(self._entrance)
        unknown = door is None or door.contact is None or door.unknown_since > 0
        return rule.when is Condition.LEFT_OPEN and unknown

    # -- one rule ---------------------------------------------------------------------

    def _not_watching(self, rule: Rule, why: str) -> str:
        _ = self._
        watch = rule.watch
        return {
            "trial": _("Does not watch it: its device is on trial."),
            "kind": _("Does not watch it: it is for {kinds} only.").format(
                kinds=", ".join(
                    {"unit_door": _("unit doors"), "gate": _("gates")}[k] for k in sorted(watch.kinds)
                )
            ),
            "within": _("Does not watch it: it is for {places} only.").format(
                places=", ".join(sorted(watch.within))
            ),
            "tags": _("Does not watch it: it is for the tags {tags} only.").format(
                tags=", ".join(sorted(watch.tags))
            ),
            "entrance": _("Does not watch it: it names other entrances."),
            "except": _("Does not watch it: it is one of its exceptions."),
        }.get(why, _("Does not watch it."))

    def _watching(self, look: Outlook) -> list[str]:
        _ = self._
        if look.off:
            return [_("Switched off here because it broke; change the rules or restart to try it again.")]
        lines = self._last(look.rule)
        if not look.since_ms:
            if look.alarm is not None:
                lines.append(
                    _("It is over; the alarm is cleared once it has been over for {long}.").format(
                        long=duration(look.rule.clear_after_ms, self._language)
                    )
                )
            elif self._nobody_knows(look.rule):
                lines.append(_("Watches it. Nobody knows the door's state."))
            else:
                lines.append(_("Watches it. Nothing is the matter."))
            return [*lines, *self._window(look.rule)]
        lines.append(_("Its condition holds since {since}.").format(since=self._when(look.since_ms)))
        lines += self._come(look)
        if look.paused and look.waits:
            lines.append(
                _(
                    "Steps pause: nobody knows the door's state. If it still holds when the sensor speaks, what is due comes at once."
                )
            )
        lines += self._window(look.rule)
        if self._comes_again(look.rule):
            for step, due in look.waits:
                lines.append(self._next(look, step, due))
                lines += self._usual(step, look.count_ms)
        if not look.waits:
            lines.append(_("All its steps have come; the alarm stands until it is over."))
        return lines

    def _comes_again(self, rule: Rule) -> bool:
        setup = self._engine.setup
        return rule.during is None or rule.during.occurrence(self._at, setup.calendar, setup.zone)[0] < NEVER

    def _window(self, rule: Rule) -> list[str]:
        if rule.during is None:
            return []
        _ = self._
        setup = self._engine.setup
        start, end = rule.during.occurrence(self._at, setup.calendar, setup.zone)
        if start >= NEVER:
            return [_("It does not count now, and no window of it comes within two years.")]
        if start <= self._at:
            return [_("Its window is open until {end}.").format(end=self._when(end))]
        return [_("It does not count now; its next window begins {start}.").format(start=self._when(start))]

    def _come(self, look: Outlook) -> list[str]:
        """The steps that have come, and what became of each."""
        _ = self._
        steps = [
            o
            for o in self._said
            if isinstance(o, StepDue) and o.rule == look.rule.name and o.since_ms == look.since_ms
        ]
        lines = []
        for step in steps:
            became = self._became(step)
            colon = ": " if self._language == "en" else "："
            lines.append(f"{self._when(step.at_ms)} {role_word(step.tell, self._language)}{colon}{became}")
        raised = next(
            (
                o
                for o in self._said
                if isinstance(o, AlarmRaised) and o.rule == look.rule.name and o.since_ms == look.since_ms
            ),
            None,
        )
        if raised is not None and not steps:
            lines.append(_("The alarm is raised since {at}.").format(at=self._when(raised.at_ms)))
        return lines

    def _became(self, step: StepDue) -> str:
        _ = self._
        found = next((r for r in self._records if r.at_ms == step.at_ms and r.role in (step.tell, "")), None)
        found = found or next((r for r in self._records if r.at_ms == step.at_ms), None)
        if found is None and step.tell == RESIDENTS:  # a reminder without anybody to remind leaves no message
            return _("not told: {why}").format(why=_("nobody could be reached"))
        if found is None:
            return _("due then; what became of it is not on record")
        if found.what == "not_told":
            return _("not told: {why}").format(why=self._why_not(found.why))
        said = _("told {name}").format(name=found.name or role_word(step.tell, self._language))
        if found.waits_until_ms > self._at:
            because = _("quiet hours") if found.waits_for == "quiet" else _("the night's budget is spent")
            said += (" " if self._language == "en" else "") + _("(waits until {until}: {because})").format(
                until=self._when(found.waits_until_ms), because=because
            )
        return said

    def _why_not(self, why: str) -> str:
        _ = self._
        return {
            "taken": _("somebody had taken the case"),
            "settled": _("the case was settled"),
            "reminded_before": _("residents were reminded before"),
            "nobody": _("nobody could be reached"),
        }.get(why, why)

    def _next(self, look: Outlook, step: Step, due: int) -> str:
        _ = self._
        role = role_word(step.tell, self._language)
        unless = _(", unless somebody has taken it") if step.unless_taken else ""
        if due >= NEVER:
            return _("{role}: never, for its windows are too short for this step.").format(role=role)
        until = self._engine.muted_until_ms(self._entrance, max(due, self._at))
        if until:
            return _("{role}: due {due}, held back by a mute until {until}{unless}.").format(
                role=role, due=self._when(due), until=self._when(until), unless=unless
            )
        if (look.paused or self._engine.deaf) and due <= self._at:
            return _("{role}: due since {due}{unless}.").format(role=role, due=self._when(due), unless=unless)
        return _("If nothing changes: at {due} {role}{unless}.").format(
            due=self._when(due), role=role, unless=unless
        )

    def _usual(self, step: Step, count_ms: int) -> list[str]:
        if step.usual is None:
            return []
        _ = self._
        setup, usual = self._engine.setup, step.usual
        hours = setup.usual.get((self._entrance, usual.percent))
        hour = hour_of_week(count_ms, setup.zone)
        basis = self._bases.get(usual.percent)
        limits = {
            "least": duration(usual.at_least_ms, self._language),
            "most": duration(usual.at_most_ms, self._language),
        }
        if not hours or not hours[hour] or basis is None:
            return [
                "  "
                + _("Too little is known of this door at this hour, so it is told after {most}.").format(
                    **limits
                )
            ]
        return [
            "  "
            + _(
                "{percent} of 100 openings of this door at this hour of the week were not longer than {usual} ({many} openings, {from_} to {to}); never sooner than {least}, never later than {most}."
            ).format(
                percent=usual.percent,
                usual=duration(hours[hour], self._language),
                many=basis.openings[hour],
                from_=self._date(basis.from_ms),
                to=self._date(basis.to_ms),
                **limits,
            )
        ]

    def _last(self, rule: Rule) -> list[str]:
        """The last time that it was due and over before anybody could be told."""
        _ = self._
        about = [o for o in self._said if isinstance(o, AlarmMissed | AlarmCleared) and o.rule == rule.name]
        if about and isinstance(about[-1], AlarmMissed) and self._at - about[-1].at_ms < 24 * 60 * MINUTE_MS:
            last = about[-1]
            return [
                _("Missed at {at}: it was due {due} and over again while nobody listened or knew.").format(
                    at=self._when(last.at_ms), due=self._when(last.due_ms)
                )
            ]
        if about and isinstance(about[-1], AlarmCleared):
            return [_("The last alarm ended {at}.").format(at=self._when(about[-1].at_ms))]
        return []

    def _when(self, at_ms: int) -> str:
        return moment(at_ms, self._at, self._zone, self._language)

    def _date(self, at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1000, self._zone).date().isoformat()


def told_of(events: Iterable[Any], names: Mapping[str, str]) -> list[Told]:
    """Case events and reminders as they stand in the store."""
    found = []
    for event in events:
        facts = event.facts
        found.append(
            Told(
                event.at_ms,
                event.what,
                str(facts.get("role", "")),
                names.get(str(facts.get("person", "")), ""),
                event.why,
                int(facts.get("waits_until_ms", 0)),
                str(facts.get("waits_for", "")),
            )
        )
    return found
