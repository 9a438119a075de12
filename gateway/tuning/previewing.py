"""The pictures of a rule's edges, in the reader's words."""

from __future__ import annotations

from datetime import datetime, tzinfo

from markupsafe import Markup

from gateway.locale import Language, texts
from gateway.notify.words import role_word
from gateway.pictures import Lane, Mark, Span, timeline
from gateway.templates import environment
from rules.days import Calendar
from rules.preview import Edge, Scene, preview
from rules.rule import Condition, Rule


class Previewing:
    """One rule's scenes, ready to be shown."""

    def __init__(self, rule: Rule, at_ms: int, zone: tzinfo, calendar: Calendar, language: Language) -> None:
        self._rule, self._zone, self.language = rule, zone, language
        self._ = texts(language).gettext
        self.scenes = preview(rule, at_ms, zone, calendar)

    @property
    def title(self) -> str:
        return f"{self._rule.title[self.language]} ({self._rule.name})"

    def lines(self) -> list[str]:
        """The same in words."""
        if not self.scenes:
            return [self.nothing()]
        found = [self.title]
        for scene in self.scenes:
            found += ["", self.heading(scene), f"  {self.said(scene)}"]
        return found

    def pictures(self) -> dict[str, Markup]:
        """SVG by edge."""
        return {str(scene.edge): self.picture(scene) for scene in self.scenes}

    def html(self) -> str:
        template = environment("gateway.tuning", self.language).get_template("preview.html")
        return template.render(shown=self, language=self.language, nothing=self.nothing())

    def heading(self, scene: Scene) -> str:
        _ = self._
        if self._rule.when == Condition.LEFT_OPEN:
            of_door = {
                Edge.WINDOW_BEGINS: _("The door is open already when the window begins"),
                Edge.WINDOW_ENDS: _("The door is still open when the window ends"),
                Edge.MUTE_ENDS: _("The door is still open when a mute ends"),
                Edge.RULE_ADDED: _("The door is open already when the rule is added"),
            }
            if scene.edge in of_door:
                return of_door[scene.edge]
        return {
            Edge.WINDOW_BEGINS: _("It holds already when the window begins"),
            Edge.WINDOW_ENDS: _("It still holds when the window ends"),
            Edge.MUTE_ENDS: _("It still holds when a mute ends"),
            Edge.RULE_ADDED: _("It holds already when the rule is added"),
            Edge.SILENT: _("The sensor falls silent in the middle"),
            Edge.RESTART: _("doorward is away in the middle"),
        }[scene.edge]

    def said(self, scene: Scene) -> str:
        """What the picture shows, in one line."""
        _ = self._
        is_door = self._rule.when == Condition.LEFT_OPEN
        begins = _("open since {at}") if is_door else _("from {at} on it holds")
        day = datetime.fromtimestamp(scene.holds[0] / 1000, self._zone).date().isoformat()
        parts = [f"{day} {begins}".format(at=self._clock(scene.holds[0]))]
        parts += [_("window {a}–{b}").format(a=self._clock(a), b=self._clock(b)) for a, b in scene.windows]
        if scene.muted:
            parts.append(
                _("muted {a}–{b}").format(a=self._clock(scene.muted[0]), b=self._clock(scene.muted[1]))
            )
        if scene.unknown:
            parts.append(
                _("no word {a}–{b}").format(a=self._clock(scene.unknown[0]), b=self._clock(scene.unknown[1]))
            )
        if scene.away:
            parts.append(_("away {a}–{b}").format(a=self._clock(scene.away[0]), b=self._clock(scene.away[1])))
        if scene.added_ms:
            parts.append(_("rule added {at}").format(at=self._clock(scene.added_ms)))
        parts += [f"{self._clock(at)} {role_word(role, self.language)}" for at, role in scene.told]
        if not scene.told:
            parts.append(_("nobody is told"))
        if scene.cleared_ms:
            parts.append(_("cleared {at}").format(at=self._clock(scene.cleared_ms)))
        return ("；" if self.language == "zh" else "; ").join(parts)

    def picture(self, scene: Scene) -> Markup:
        _ = self._
        holds = _("door open") if self._rule.when == "left_open" else _("it holds")
        lanes = (
            [Lane(_("window"), tuple(Span(a, b, "window") for a, b in scene.windows))]
            if scene.windows
            else []
        )
        lanes.append(Lane(holds, (Span(*scene.holds, "open"),)))
        for name, span, kind in (
            (_("muted"), scene.muted, "muted"),
            (_("no word"), scene.unknown, "unknown"),
            (_("away"), scene.away, "away"),
        ):
            if span:
                lanes.append(Lane(name, (Span(*span, kind),)))
        if scene.added_ms:
            lanes.append(Lane(_("rule"), (Span(scene.added_ms, scene.to_ms, "window"),)))
        marks = [Mark(at, role_word(role, self.language)) for at, role in scene.told]
        if scene.cleared_ms:
            marks.append(Mark(scene.cleared_ms, _("cleared")))
        lanes.append(Lane(_("told"), marks=tuple(marks)))
        return timeline(
            lanes,
            from_ms=scene.from_ms,
            to_ms=scene.to_ms,
            zone=self._zone,
            title=f"{self.title}: {self.heading(scene)}",
            said=self.said(scene),
        )

    def nothing(self) -> str:
        return self._(
            "There is nothing to draw: it never counts, or it has no beginning that one could draw."
        )

    def _clock(self, at_ms: int) -> str:
        at = datetime.fromtimestamp(at_ms / 1000, self._zone)
        return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
