"""What other rules would have done, for people: as text, as a page with pictures, as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, Final

from markupsafe import Markup

from gateway.history.replay import utc
from gateway.locale import Language, texts
from gateway.notify.words import role_word
from gateway.pictures import Lane, Mark, Span, timeline
from gateway.templates import environment
from gateway.tuning.whatif import Came, Comparison, Example, Figures, Raised
from rules.duration import MINUTE_MS

MOST_LISTED: Final = 10
"""Entrances and people in a text or on a page; JSON has all."""
DOORS_OF_A_YEAR: Final = 15_000
ENOUGH_TO_SAY: Final = 100_000
"""Readings; of fewer, what is measured is how long Python takes to start."""


@dataclass(frozen=True, slots=True)
class Report:
    """One comparison, ready to be said.

    Attributes:
        place: An entrance in words.
        name: A person or a residents' group in words.
        seconds: How long the replay took.
        doors: How many entrances there are.
    """

    comparison: Comparison
    zone: tzinfo
    language: Language
    place: Callable[[str], str]
    name: Callable[[str], str]
    seconds: float
    doors: int

    @property
    def _comma(self) -> str:
        return "、" if self.language == "zh" else ", "

    # -- in one sentence ---------------------------------------------------------------

    def sentence(self) -> str:
        """What a manager asks for."""
        _ = texts(self.language).gettext
        c = self.comparison
        said = [
            _(
                "In {nights} there would have been {cases} instead of {now}, and {messages} instead of {tells}."
            ).format(
                nights=_one(len(c.nights), _("1 night"), _("{n} nights")),
                cases=_one(c.then.cases.total(), _("1 case"), _("{n} cases")),
                now=c.now.cases.total(),
                messages=_one(c.then.messages.total(), _("1 message"), _("{n} messages")),
                tells=c.now.messages.total(),
            )
        ]
        worst_now, worst_then = c.now.most_to_one(), c.then.most_to_one()
        said.append(
            _("The worst night of one person would have had {messages} instead of {now}.").format(
                messages=_one(worst_then[2] if worst_then else 0, _("1 message"), _("{n} messages")),
                now=worst_now[2] if worst_now else 0,
            )
        )
        more, fewer = len(c.newly_nights), len(c.no_longer_nights)
        if more:
            said.append(
                _("Open doors would be noticed {times} that are not noticed now.").format(
                    times=_one(more, _("once"), _("{n} times"))
                )
            )
        if fewer:
            said.append(
                _("Open doors that are noticed now would be noticed no more {times}.").format(
                    times=_one(fewer, _("once"), _("{n} times"))
                )
            )
        return " ".join(said) if self.language == "en" else "".join(said)

    def takes(self) -> str:
        """How long it took, and what a year of a large district would take."""
        _ = texts(self.language).gettext
        c = self.comparison
        each = self.seconds / max(c.readings, 1)
        per_door_and_day = c.readings / max(self.doors, 1) / max(len(c.nights), 1)
        hours = each * per_door_and_day * 365 * DOORS_OF_A_YEAR / 3600
        said = _("{readings} readings through two rule sets took {seconds} s.").format(
            readings=f"{c.readings:,}", seconds=f"{self.seconds:.0f}"
        )
        if c.readings >= ENOUGH_TO_SAY:
            said += ("" if self.language == "zh" else " ") + _(
                "A year of 15,000 such doors would take about {hours} h."
            ).format(hours=f"{hours:.1f}")
        return said

    # -- as text -------------------------------------------------------------------------

    def text(self) -> str:
        _ = texts(self.language).gettext
        c = self.comparison
        lines = [self.sentence(), ""]
        lines += [
            _padded(_("Night"), -12)
            + _padded(_("cases now"), 12)
            + _padded(_("then"), 8)
            + _padded(_("messages now"), 15)
            + _padded(_("then"), 8)
        ]
        lines += [
            f"{night.isoformat():<12}{c.now.cases[night]:>12}{c.then.cases[night]:>8}"
            f"{c.now.messages[night]:>15}{c.then.messages[night]:>8}"
            for night in c.nights
        ]
        for title, rows in self.lists().items():
            lines += ["", title, *(f"  {row}" for row in rows)]
        for example in c.examples:
            lines += ["", self.example_title(example), *(f"  {line}" for line in self.example_lines(example))]
        lines += [
            "",
            _("A night is from noon to noon, and named after its evening."),
            self.caveat(),
            self.takes(),
        ]
        return "\n".join(lines)

    def lists(self) -> dict[str, list[str]]:
        """What is listed below the nights, by heading."""
        _ = texts(self.language).gettext
        c = self.comparison
        found = {
            _("Messages to one person in one night, the most"): self._people(),
            _("Newly noticed"): self._places(c.newly),
            _("No longer noticed"): self._places(c.no_longer),
            _("Perhaps nobody was needed: closed within a minute of the alarm"): [
                _("now {now}, then {then}").format(now=len(c.now.soon_over), then=len(c.then.soon_over)),
                *self._soon(c.then.soon_over),
            ],
            _("Waited for quiet hours or a spent budget"): [
                _("now {now}, then {then}").format(now=c.now.held, then=c.then.held)
            ],
        }
        if c.failed:
            found[_("Rules that broke")] = [f"{name}: {error}" for name, error in sorted(c.failed.items())]
        return {title: rows or [_("none")] for title, rows in found.items()}

    def caveat(self) -> str:
        _ = texts(self.language).gettext
        return _("Nobody acts in a replay: no case is taken, so that what goes up is the most that could.")

    def _people(self) -> list[str]:
        _ = texts(self.language).gettext
        worst: list[tuple[str, int, int, date]] = []
        now, then = self.comparison.now.to_person, self.comparison.then.to_person
        for person in sorted({person for person, _night in (*now, *then)}):
            nights = {night for one, night in (*now, *then) if one == person}
            night = max(nights, key=lambda n: (max(now[person, n], then[person, n]), n))
            worst.append((person, now[person, night], then[person, night], night))
        worst.sort(key=lambda row: (-max(row[1], row[2]), row[0]))
        rows = [
            _("{name}: now {now}, then {then} ({night})").format(
                name=self.name(person), now=was, then=would, night=night.isoformat()
            )
            for person, was, would, night in worst[:MOST_LISTED]
        ]
        return self._and_more(rows, len(worst))

    def _places(self, entrances: list[str]) -> list[str]:
        return self._and_more([self.place(one) for one in entrances[:MOST_LISTED]], len(entrances))

    def _soon(self, alarms: list[Raised]) -> list[str]:
        doors = Counter(alarm.entrance for alarm in alarms)
        rows = [f"{self.place(entrance)} × {many}" for entrance, many in doors.most_common(MOST_LISTED)]
        return self._and_more(rows, len(doors))

    def _and_more(self, rows: list[str], of: int) -> list[str]:
        if of > len(rows):
            rows.append(texts(self.language).gettext("… and {more} more").format(more=of - len(rows)))
        return rows

    # -- example nights ------------------------------------------------------------------

    def example_title(self, example: Example) -> str:
        _ = texts(self.language).gettext
        why = {
            "newly_caught": _("newly noticed"),
            "no_longer_caught": _("no longer noticed"),
            "changed": _("told otherwise"),
            "same": _("as before"),
        }[example.why]
        return _("Night of {night}, {place}: {why}").format(
            night=example.night.isoformat(), place=self.place(example.entrance), why=why
        )

    def example_lines(self, example: Example) -> list[str]:
        _ = texts(self.language).gettext
        long = [(a, b) for a, b in example.openings if b - a >= MINUTE_MS]
        opened = self._comma.join(f"{self._clock(a)}–{self._clock(b)}" for a, b in long[:MOST_LISTED])
        return [
            _("open for a minute or more: {spans}").format(spans=opened or _("none")),
            _("now: {steps}").format(steps=self._steps(example.now)),
            _("then: {steps}").format(steps=self._steps(example.then)),
        ]

    def example_picture(self, example: Example) -> Markup:
        _ = texts(self.language).gettext
        lanes = [
            Lane(_("open"), tuple(Span(a, b, "open") for a, b in example.openings)),
            Lane(_("the rules in force"), marks=self._marks(example.now)),
            Lane(_("the new rules"), marks=self._marks(example.then)),
        ]
        return timeline(
            lanes,
            from_ms=example.from_ms,
            to_ms=example.to_ms,
            zone=self.zone,
            title=self.example_title(example),
            said=" ".join(self.example_lines(example)),
        )

    def _marks(self, came: list[Came]) -> tuple[Mark, ...]:
        return tuple(Mark(one.at_ms, role_word(one.tell, self.language)) for one in came)

    def _steps(self, came: list[Came]) -> str:
        said = [f"{self._clock(one.at_ms)} {role_word(one.tell, self.language)}" for one in came]
        return self._comma.join(said) or texts(self.language).gettext("nobody is told")

    def _clock(self, at_ms: int) -> str:
        return f"{datetime.fromtimestamp(at_ms / 1000, self.zone):%H:%M}"

    # -- as a page, as JSON ----------------------------------------------------------------

    def html(self) -> str:
        return (
            environment("gateway.tuning", self.language)
            .get_template("whatif.html")
            .render(report=self, c=self.comparison, language=self.language, most=self._most())
        )

    def _most(self) -> int:
        c = self.comparison
        return max((figures.messages[n] for figures in (c.now, c.then) for n in c.nights), default=0) or 1

    def json(self) -> dict[str, Any]:
        c = self.comparison
        return {
            "nights": [night.isoformat() for night in c.nights],
            "now": _figures(c.now),
            "then": _figures(c.then),
            "newly_caught": c.newly,
            "no_longer_caught": c.no_longer,
            "newly_caught_nights": [[entrance, night.isoformat()] for entrance, night in c.newly_nights],
            "no_longer_caught_nights": [
                [entrance, night.isoformat()] for entrance, night in c.no_longer_nights
            ],
            "examples": [
                {
                    "entrance": one.entrance,
                    "night": one.night.isoformat(),
                    "why": one.why,
                    "openings": [[utc(a), utc(b)] for a, b in one.openings],
                    "now": [[utc(came.at_ms), came.tell] for came in one.now],
                    "then": [[utc(came.at_ms), came.tell] for came in one.then],
                }
                for one in c.examples
            ],
            "failed_rules": c.failed,
            "sentence": self.sentence(),
            "readings": c.readings,
            "seconds": round(self.seconds, 1),
        }


def _one(n: int, one: str, many: str) -> str:
    return one if n == 1 else many.format(n=n)


def _padded(text: str, width: int) -> str:
    """To that many columns, to the left if it is negative; a Chinese letter takes two."""
    blanks = " " * max(abs(width) - sum(2 if ord(letter) > 0x2E80 else 1 for letter in text), 0)
    return text + blanks if width < 0 else blanks + text


def _figures(figures: Figures) -> Mapping[str, Any]:
    return {
        "alarms": figures.alarms,
        "cases": {night.isoformat(): many for night, many in sorted(figures.cases.items())},
        "messages": {night.isoformat(): many for night, many in sorted(figures.messages.items())},
        "messages_to_person": [
            {"person": person, "night": night.isoformat(), "messages": many}
            for (person, night), many in sorted(figures.to_person.items())
        ],
        "false_alarm_candidates": [
            {
                "entrance": a.entrance,
                "rule": a.rule,
                "raised_at": utc(a.raised_ms),
                "ended_at": utc(a.ended_ms),
            }
            for a in figures.soon_over
        ],
        "held": figures.held,
    }
