"""What a change of rules did, in one sentence (pure)."""

from __future__ import annotations

from gateway.locale import Language, texts
from rules.impact import Impact


def impact_sentence(impact: Impact, language: Language) -> str:
    """Only what is not nothing: ``closes 12 clocks, raises 3 alarms, changes 41 doors``."""
    _ = texts(language).gettext
    parts = [
        (impact.closes, _("closes 1 clock"), _("closes {n} clocks")),
        (impact.starts, _("starts 1 clock"), _("starts {n} clocks")),
        (impact.moves, _("moves 1 clock"), _("moves {n} clocks")),
        (impact.raises, _("raises 1 alarm"), _("raises {n} alarms")),
        (impact.clears, _("ends 1 alarm"), _("ends {n} alarms")),
        (impact.tells, _("takes 1 step at once"), _("takes {n} steps at once")),
        (impact.changes, _("changes 1 door"), _("changes {n} doors")),
    ]
    said = [one if n == 1 else many.format(n=n) for n, one, many in parts if n]
    return ("，" if language == "zh" else ", ").join(said) or _("changes nothing that is going on")
