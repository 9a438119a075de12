"""What a change of rules did, in one sentence (pure)."""

from __future__ import annotations

from gateway.locale import Language, texts
from rules.impact import Impact


def impact_sentence(impact: Impact, language: Language) -> str:
    """Only what is not nothing: ``closes 12 clocks, raises 3 alarms, changes 41 doors``."""
    _ = texts(language).gettext
    parts = [
        (impact.closes, _("closes {n} clocks")),
        (impact.starts, _("starts {n} clocks")),
        (impact.moves, _("moves {n} clocks")),
        (impact.raises, _("raises {n} alarms")),
        (impact.clears, _("ends {n} alarms")),
        (impact.tells, _("takes {n} steps at once")),
        (impact.changes, _("changes {n} doors")),
    ]
    said = [text.format(n=n) for n, text in parts if n]
    return ("，" if language == "zh" else ", ").join(said) or _("changes nothing that is going on")
