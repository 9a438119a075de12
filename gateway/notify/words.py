"""A message in words, in the reader's language (pure).

Short and complete: which entrance in words of the place, open since when and for how
long, why you, and a link. The first line is what a locked phone shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any, NamedTuple

from gateway.locale import Language, duration, moment, texts
from gateway.notify.message import Text

OF_GRID = ("grid_worker", "grid_leader")
"""Roles that are there for one grid; for others its name says nothing."""
CONDITIONS = ("left_open", "silent", "battery_low", "tampered", "chattering")


class Worded(NamedTuple):
    title: str
    body: str


def word(
    text: Text, facts: Mapping[str, Any], language: Language, *, zone: tzinfo, now_ms: int, link: str = ""
) -> Worded:
    """The message as it goes to the phone. ``link`` stands on a line of its own."""
    say = _Sayer(facts, language, zone, now_ms)
    title, lines = _WORDING[text](say)
    return Worded(title, "\n".join(line for line in (*lines, link) if line))


class _Sayer:
    """The facts, ready to be put into sentences."""

    def __init__(self, facts: Mapping[str, Any], language: Language, zone: tzinfo, now_ms: int) -> None:
        self.facts = facts
        self.language: Language = language
        self.gettext = texts(language).gettext
        self._zone, self._now = zone, now_ms

    def about(self, facts: Mapping[str, Any]) -> _Sayer:
        """Of something else, to the same reader."""
        return _Sayer(facts, self.language, self._zone, self._now)

    def at(self, key: str) -> str:
        return moment(self.facts[key], self._now, self._zone, self.language)

    def long(self, from_key: str, to_ms: int | None = None) -> str:
        return duration((to_ms or self._now) - self.facts[from_key], self.language)

    @property
    def place(self) -> str:
        return str(self.facts.get("place", ""))

    @property
    def title(self) -> str:
        return str(self.facts.get("title", {}).get(self.language, ""))

    def what(self) -> str:
        """What is the matter, in one sentence."""
        _ = self.gettext
        match self.facts.get("condition"):
            case "left_open":
                text = _("{place} has been open since {since}, for {long}.")
            case "silent":
                text = _("The sensor at {place} has said nothing since {since}, for {long}.")
            case "battery_low":
                text = _("The battery of the sensor at {place} is low since {since}.")
            case "tampered":
                text = _("The sensor at {place} was opened or taken off at {since}.")
            case _:
                text = _(
                    "The contact at {place} bounces since {since}; it is loose or the door does not latch."
                )
        return text.format(place=self.place, since=self.at("since_ms"), long=self.long("since_ms"))

    def late(self) -> str:
        _ = self.gettext
        return (
            _("This comes late: it was due at {due}.").format(due=self.at("due_ms"))
            if self.facts.get("late")
            else ""
        )

    def why_you(self) -> str:
        """Why it is told to her and nobody else."""
        _ = self.gettext
        grid = self.facts.get("grid", "")
        match self.facts.get("why"):
            case "on_duty" if self.facts.get("role") in OF_GRID:
                return _("You are told because you are on duty for grid {grid} now.").format(grid=grid)
            case "on_duty":
                return _("You are told because you are on duty now.")
            case "first_listed" if self.facts.get("role") in OF_GRID:
                return _("You are told because you are the first listed for grid {grid}.").format(grid=grid)
            case "first_listed":
                return _("You are told because the roster names you for such things here.")
            case "next_listed":
                return _("You are told because nobody listed before you can be reached.")
            case "has_it":
                return _("You are told because this case is yours.")
            case "nobody_below":
                return _("You are told because nobody below you can be reached.")
            case "not_taken":
                return _("You are told because it has not been taken in time.")
            case _:
                return ""


def _remind(say: _Sayer) -> tuple[str, list[str]]:
    _ = say.gettext
    return (
        _("Please close the door: {place}").format(place=say.place),
        [say.what(), say.late(), _("Whoever is near, please close it. Thank you.")],
    )


def _tell(say: _Sayer) -> tuple[str, list[str]]:
    return f"{say.title}: {say.place}" if say.language == "en" else f"{say.title}：{say.place}", [
        say.what(),
        say.late(),
        say.why_you(),
    ]


def _passed(say: _Sayer) -> tuple[str, list[str]]:
    _ = say.gettext
    note = say.facts.get("note")
    return (
        _("{by} passes a case to you: {place}").format(by=say.facts.get("by", ""), place=say.place),
        [say.what(), _("They write: {note}").format(note=note) if note else ""],
    )


def _all_clear(say: _Sayer) -> tuple[str, list[str]]:
    _ = say.gettext
    if say.facts.get("reason", "over") != "over":
        title = _("Not watched any more: {place}")
        line = _(
            "“{title}” was said of it since {since}; since {over} this rule does not watch it. It may still be so."
        )
    elif say.facts.get("condition") == "left_open":
        title = _("Closed again: {place}")
        line = _("It was open from {since} to {over}, for {long}. Nothing is left to do.")
    else:
        title = _("Over: {place}")
        line = _("“{title}” lasted from {since} to {over}, for {long}. Nothing is left to do.")
    over = say.facts["over_ms"]
    said = {"since": say.at("since_ms"), "over": say.at("over_ms"), "long": say.long("since_ms", over)}
    return title.format(place=say.place), [line.format(title=say.title, **said)]


def _handled(say: _Sayer) -> tuple[str, list[str]]:
    _ = say.gettext
    line = _("“{title}” was settled at {over}: {reason}.").format(
        title=say.title, over=say.at("over_ms"), reason=reason(str(say.facts.get("reason")), say.language)
    )
    return _("Handled: {place}").format(place=say.place), [line]


def _rule_off(say: _Sayer) -> tuple[str, list[str]]:
    _ = say.gettext
    return (
        _("A rule is switched off: {title}").format(title=say.title),
        [_("It failed on many entrances: {error}").format(error=say.facts.get("error", ""))],
    )


def _digest(say: _Sayer) -> tuple[str, list[str]]:
    """Several things that waited, as one message: what still is, then what is over."""
    _ = say.gettext
    items = [(Text(one["text"]), say.about(one["facts"])) for one in say.facts["items"]]
    lines = []
    for text, its in sorted(items, key=lambda item: item[0] is Text.ALL_CLEAR):
        lines.append("· " + (_all_clear(its)[0] if text is Text.ALL_CLEAR else its.what()))
    title = _("{count} notices while you were left alone").format(count=len(items))
    return title, lines


def _login(say: _Sayer) -> tuple[str, list[str]]:
    _ = say.gettext
    return _("Your log-in to doorward"), [
        _("Open this link on this phone within 10 minutes. If you did not ask for it, do nothing.")
    ]


_WORDING: Mapping[Text, Callable[[_Sayer], tuple[str, list[str]]]] = {
    Text.REMIND: _remind,
    Text.TELL: _tell,
    Text.PASSED: _passed,
    Text.ALL_CLEAR: _all_clear,
    Text.HANDLED: _handled,
    Text.RULE_OFF: _rule_off,
    Text.DIGEST: _digest,
    Text.LOGIN: _login,
}


def role_word(role: str, language: Language) -> str:
    """A role as people say it; one of the district's own stays as it is."""
    _ = texts(language).gettext
    return {
        "residents": _("residents"),
        "grid_worker": _("grid worker"),
        "grid_leader": _("grid leader"),
        "community": _("community"),
        "street": _("street"),
        "district": _("district"),
        "repair": _("repair company"),
        "installer": _("installer"),
        "maintainer": _("maintainer"),
    }.get(role, role)


def reason(code: str, language: Language) -> str:
    """A reason for settling (``gateway.cases.case.REASONS``) in words."""
    _ = texts(language).gettext
    known = {
        "closed": _("I closed it"),
        "repaired": _("repaired"),
        "repair_ordered": _("repair ordered"),
        "in_use": _("kept open on purpose (moving, delivery, airing)"),
        "sensor_wrong": _("the sensor is wrong"),
        "other": _("other"),
    }
    return known.get(code, code)
