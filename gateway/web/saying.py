"""Facts in the reader's words (pure): what the templates ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from gateway.cases.act import Answer
from gateway.cases.case import VERIFIED
from gateway.locale import Language, duration, moment, texts
from gateway.notify.words import reason, role_word
from gateway.places.model import Registry
from gateway.web.door import Door, State
from gateway.web.strip import Span
from rules.duration import parse as parse_duration

LOW_PERCENT = 15
"""Below this a battery is worth a walk, whatever the device itself thinks."""


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
        """For how long; it never breaks between a number and its unit."""
        return _unbroken(duration(self.now_ms - since_ms, self.language)) if since_ms else ""

    def clock(self, hours_ago: int = 0) -> str:
        """The time of day, now or some hours ago."""
        return f"{datetime.fromtimestamp(self.now_ms / 1000 - hours_ago * 3600, self._zone):%H:%M}"

    # -- doors ---------------------------------------------------------------------

    def state(self, state: State) -> str:
        _ = self._gettext
        return {
            "open": _("open"),
            "unknown": _("unknown"),
            "closed": _("closed"),
            "none": _("no word yet"),
        }[state]

    def since(self, door: Door) -> str:
        """Since when it is as it is; for an unknown one, what was known last."""
        _ = self._gettext
        match door.state:
            case "open" if not door.open_since_ms:
                return _("since when, nobody knows")
            case "unknown" if door.contact == "open":
                text = _("last known open since {open}, no word since {since}")
            case "unknown" if door.contact == "closed":
                text = _("last known closed, no word since {since}")
            case "none":
                return _("the sensor has not reported yet")
            case _:
                text = _("since {since}, for {long}")
        return text.format(
            open=self.at(door.open_since_ms) or "—",
            since=self.at(door.since_ms) or "—",
            long=self.long(door.since_ms) or "—",
        )

    def since_briefly(self, door: Door) -> str:
        """As ``since``, where for how long stands beside it."""
        if door.state != "open" or not door.open_since_ms:
            return self.since(door)
        return self._gettext("since {since}").format(since=self.at(door.open_since_ms))

    def day(self, day: Iterable[Span]) -> str:
        """The last 24 hours in a sentence, as the picture shows them."""
        _ = self._gettext
        opened = [span for span in day if span.state == "open"]
        unknown_ms = sum(span.ms for span in day if span.state in ("unknown", "none"))
        if opened:
            text = _("Open for {long} altogether, {times}×.").format(
                times=len(opened), long=duration(sum(span.ms for span in opened), self.language)
            )
        else:
            text = _("It was not seen open.")
        if unknown_ms >= 60_000:
            text += " " + _("Unknown for {long}.").format(long=duration(unknown_ms, self.language))
        return text

    def span(self, span: Span) -> str:
        state = self.state("unknown" if span.state == "none" else span.state)
        long = _unbroken(duration(span.ms, self.language))
        return f"{self.at(span.from_ms)}–{self.at(span.to_ms)} {state} · {long}"

    def battery(self, low: bool | None, percent: float | None, volts: float | None) -> str:
        _ = self._gettext
        if low is None and percent is None and volts is None:
            return _("not reported")
        is_low = low or (percent is not None and percent < LOW_PERCENT)
        word = _("low, please change it") if is_low else _("good")
        number = f"{percent:.0f} %" if percent is not None else f"{volts:.2f} V" if volts is not None else ""
        return f"{word} · {number}" if number else word

    def signal(self, rssi_dbm: float | None, linkquality: int | None) -> str:
        """In words; dBm as Wi-Fi and LoRa people judge it, link quality as Zigbee people do."""
        _ = self._gettext
        if rssi_dbm is not None:
            strength = 2 if rssi_dbm > -70 else 1 if rssi_dbm > -85 else 0
        elif linkquality is not None:
            strength = 2 if linkquality >= 100 else 1 if linkquality >= 50 else 0
        else:
            return _("not reported")
        return (_("weak"), _("fair"), _("good"))[strength]

    # -- cases ---------------------------------------------------------------------

    def title(self, title: Mapping[str, str], rule: str) -> str:
        """What the case is about; the rule's own name where it has no title any more."""
        return title.get(self.language) or rule

    def case_state(self, state: str) -> str:
        _ = self._gettext
        return {"filed": _("nobody has taken it yet"), "taken": _("taken"), "settled": _("settled")}[state]

    def muting(self, answer: str) -> str:
        """What came of a mute that was asked for."""
        _ = self._gettext
        return {
            "done": _("Done."),
            "not_found": _("There is nothing of that kind, or it is not yours to mute."),
            "reason_needed": _("Say why."),
            "not_understood": _("It needs a place or an entrance, and an end within 31 days."),
        }.get(answer, _("Saved. It takes a moment."))

    def scope(self, scope: Mapping[str, Iterable[str]]) -> str:
        """Which entrances a mute is for."""
        _ = self._gettext
        kinds = {"gate": _("gates"), "unit_door": _("unit doors")}
        where = [word.rpartition("/")[2] for key, words in scope.items() if key != "kind" for word in words]
        what = [kinds[word] for word in scope.get("kind", ())]
        comma = "、" if self.language == "zh" else ", "
        return comma.join(where) + (f" ({comma.join(what)})" if what and where else comma.join(what))

    def length(self, text: str) -> str:
        return _unbroken(duration(parse_duration(text), self.language))

    def through(self, through: str) -> str:
        _ = self._gettext
        return {"start": _("at a start"), "reload": _("files changed"), "rollback": _("gone back")}.get(
            through, through
        )

    def name(self, person: str | None) -> str:
        known = self._registry.people.get(person or "")
        return known.name if known else (person or "")

    def role(self, role: str) -> str:
        return role_word(role, self.language)

    def why_owner(self, why: str) -> str:
        _ = self._gettext
        return {
            "on_duty": _("on duty now"),
            "first_listed": _("first in the roster"),
            "next_listed": _("first in the list who can be reached"),
            "nobody_below": _("nobody below can be reached"),
            "took_it": _("took it"),
            "has_it": _("has the case"),
            "not_taken": _("nobody had taken it in time"),
            "passed_up": _("it was passed up"),
            "nobody": _("nobody can be reached"),
        }.get(why, why)

    def settled_how(self, how: str | None) -> str:
        _ = self._gettext
        return {
            VERIFIED: _("verified by the sensor"),
            "rule_removed": _("its rule is gone"),
            "entrance_removed": _("its entrance is gone"),
            "rule_failed": _("its rule failed"),
        }.get(how or "") or reason(how or "", self.language)

    def event(self, what: str, who: str | None, why: str, facts: Mapping[str, Any]) -> str:
        """One line of a case's story."""
        _ = self._gettext
        match what, why:
            case "filed", _why:
                text = _("The case was filed.")
            case "told", _why:
                text = _("Told: {role} {person} ({why}).")
            case "not_told", _why:
                text = _("Not told: {role} ({why}).")
            case "taken", _why:
                text = _("{person} took it.")
            case "passed_up", "not_taken":
                text = _("Nobody took it in time; passed up to {role} {person}.")
            case "passed_up", _why:
                text = _("{by} passed it up to {role} {person}.")
            case "settled", _why:
                text = _("{by} settled it: {how}.") if who else _("Settled: {how}.")
            case "reopened", _why:
                text = _("It happened again; the case is open again.")
            case "alarm_joined", _why:
                text = _("Another alarm joined.")
            case "alarm_over", _why:
                text = _("One of its alarms is over.")
            case _:
                return what
        return text.format(
            role=self.role(str(facts.get("role", ""))),
            person=self.name(facts.get("person") or who),
            by=self.name(who),
            why=self.why(why),
            how=self.settled_how(why),
        )

    def message(self, state: str, accepted_at_ms: int | None, seen_at_ms: int | None) -> str:
        """How far a message has come."""
        _ = self._gettext
        if seen_at_ms:
            return _("seen {at}").format(at=self.at(seen_at_ms))
        if state == "accepted":
            return _("sent {at}, not seen yet").format(at=self.at(accepted_at_ms))
        return {
            "queued": _("being sent"),
            "failed": _("could not be sent"),
            "withdrawn": _("withdrawn, no longer needed"),
        }.get(state, state)

    def why(self, why: str) -> str:
        """Why somebody was told, or was not."""
        _ = self._gettext
        return {
            "taken": _("somebody had taken it"),
            "settled": _("it was settled"),
            "reminded_before": _("they had been reminded"),
            "by_rule": _("as the rule says"),
        }.get(why) or self.why_owner(why)

    def reason(self, code: str) -> str:
        return reason(code, self.language)

    def answer(self, answer: str) -> str:
        """What came of a button."""
        _ = self._gettext
        words: Mapping[str, str] = {
            Answer.DONE: _("Done."),
            Answer.ALREADY_YOURS: _("You have it already."),
            Answer.ALREADY_TAKEN: _("Somebody else has taken it already."),
            Answer.ALREADY_SETTLED: _("It is settled already."),
            Answer.REASON_NEEDED: _("Choose a reason first."),
            Answer.NOBODY_ABOVE: _("Nobody above can be reached; it stays where it is."),
            Answer.NOT_FOUND: _("This case is not yours to see."),
            Answer.NOT_UNDERSTOOD: _("That was not understood. Please tell the maintainer."),
        }
        return words.get(answer) or _("Saved. It will be done as soon as possible.")


def _unbroken(text: str) -> str:
    return text.replace(" ", "\u00a0")
