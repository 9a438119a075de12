"""Facts in the reader's words (pure): what the templates ask for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from gateway.cases.act import Answer
from gateway.locale import Language, duration, moment, texts
from gateway.notify.words import reason
from gateway.places.model import Registry
from gateway.web.door import State


class Saying:
    """One reader's language, and what time it is."""

    def __init__(self, language: Language, zone: tzinfo, now_ms: int, registry: Registry) -> None:
        self.language: Language = language
        self.now_ms = now_ms
        self._zone, self._registry = zone, registry
        self._gettext = texts(language).gettext

    def at(self, ms: int | None) -> str:
        return moment(ms, self.now_ms, self._zone, self.language) if ms else ""

    def long(self, since_ms: int | None) -> str:
        return duration(self.now_ms - since_ms, self.language) if since_ms else ""

    def state(self, state: State) -> str:
        _ = self._gettext
        return {
            "open": _("open"),
            "unknown": _("unknown"),
            "closed": _("closed"),
            "none": _("no word yet"),
        }[state]

    def case_state(self, state: str) -> str:
        _ = self._gettext
        return {"filed": _("filed, nobody has taken it"), "taken": _("taken"), "settled": _("settled")}[state]

    def name(self, person: str | None) -> str:
        known = self._registry.people.get(person or "")
        return known.name if known else (person or "")

    def role(self, role: str) -> str:
        _ = self._gettext
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

    def why_owner(self, why: str) -> str:
        _ = self._gettext
        return {
            "on_duty": _("on duty now"),
            "first_listed": _("first listed for the grid"),
            "nobody_below": _("nobody below can be reached"),
            "took_it": _("took it"),
            "passed_up": _("it was passed up"),
            "nobody": _("nobody can be reached"),
        }.get(why, why)

    def settled_how(self, how: str | None) -> str:
        _ = self._gettext
        return (
            _("verified by the sensor") if how == "verified_by_sensor" else reason(how or "", self.language)
        )

    def event(self, what: str, who: str | None, why: str, facts: Mapping[str, Any]) -> str:
        """One line of a case's story."""
        _ = self._gettext
        person, role = self.name(facts.get("person") or who), self.role(str(facts.get("role", "")))
        text = {
            "filed": _("The case was filed."),
            "told": _("{role} {person} was told: {why}."),
            "not_told": _("{role} was not told: {why}."),
            "taken": _("{person} took it."),
            "passed_up": _("Passed up to {role} {person}."),
            "settled": _("Settled: {how}."),
            "reopened": _("It happened again; the case is open again."),
            "alarm_joined": _("Another alarm joined."),
            "alarm_over": _("One of its alarms is over."),
        }.get(what, what)
        told = text.format(role=role, person=person, why=self.why(why), how=self.settled_how(why))
        note = facts.get("note")
        return f"{told} {note}" if note else told

    def why(self, why: str) -> str:
        _ = self._gettext
        return {
            "taken": _("somebody had taken it"),
            "settled": _("it was settled"),
            "reminded_before": _("they had been reminded"),
        }.get(why) or self.why_owner(why)

    def answer(self, answer: str) -> str:
        """What came of a button."""
        _ = self._gettext
        return {
            Answer.DONE: _("Done."),
            Answer.ALREADY_YOURS: _("You have it already."),
            Answer.ALREADY_TAKEN: _("Somebody else has taken it already."),
            Answer.ALREADY_SETTLED: _("It is settled already."),
            Answer.REASON_NEEDED: _("Choose a reason first."),
            Answer.NOBODY_ABOVE: _("Nobody above you can be reached."),
            Answer.NOT_FOUND: _("This case is not yours to see."),
        }.get(answer) or _("Saved. It will be done as soon as possible.")  # type: ignore[call-overload]  # a plain text finds its Answer

    def reason(self, code: str) -> str:
        return reason(code, self.language)

    def battery(self, percent: float | None, volts: float | None) -> str:
        if percent is not None:
            return f"{percent:.0f} %"
        return f"{volts:.2f} V" if volts is not None else ""

    def signal(self, rssi: float | None) -> str:
        """In words; dBm as Wi-Fi and LoRa people judge it."""
        _ = self._gettext
        if rssi is None:
            return ""
        return _("good") if rssi > -70 else _("fair") if rssi > -85 else _("weak")
