"""Who may mute what, and for how long (pure).

Rule 1: a mute names places, entrances, tags or a kind; it has a reason and an end.
Rule 2: maintainers may mute anything; a leader, or somebody above, what lies in her place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.cases.act import Act, Answer
from gateway.notify.message import message_id
from gateway.places.model import LEVELS, Registry
from rules.duration import DAY_MS
from rules.mute import Mute
from rules.rule import Watch

MUTINGS: Final = ("mute", "unmute")
MAINTAINER: Final = "maintainer"
LEADERS: Final = LEVELS[1:]
LONGEST_MS: Final = 31 * DAY_MS
"""What lasts longer is no disturbance but how the door is used: an exception in its rule."""


def asked_mute(act: Act, mutes: Iterable[Mute], registry: Registry, now_ms: int) -> Mute | Answer:
    """The mute as it is from now on, or why not."""
    if act.do == "unmute":
        found = next((mute for mute in mutes if mute.id == act.mute and mute.until_ms > now_ms), None)
        if found is None or not may_mute(act.person, found.where, registry):
            return Answer.NOT_FOUND
        return found._replace(until_ms=now_ms, from_ms=min(found.from_ms, now_ms))
    where = act.where.built() if act.where else Watch()
    if not act.note.strip():
        return Answer.REASON_NEEDED
    begins = max(act.from_ms or now_ms, now_ms)
    if not begins < act.until_ms <= begins + LONGEST_MS or not where.names_anything():
        return Answer.NOT_UNDERSTOOD
    if not may_mute(act.person, where, registry):
        return Answer.NOT_FOUND
    if any((mute.where, mute.until_ms) == (where, act.until_ms) and mute.from_ms <= begins for mute in mutes):
        return Answer.DONE  # the same button pressed twice
    ident = message_id(
        "mute", act.person, act.note, now_ms, act.until_ms, repr(Mute("", where, begins, 0).snapshot())
    )
    return Mute(ident[:8], where, begins, act.until_ms)


def may_mute(person: str, where: Watch, registry: Registry) -> bool:
    """Whether there is anything of that kind, and all of it hers to mute."""
    who = registry.people.get(person)
    rows = [row for row in registry.entrances.values() if where.covers(row.for_rules(None))]
    if who is None or not rows:
        return False
    # A gate that is only shown to her grid is not hers.
    return who.role == MAINTAINER or (who.role in LEADERS and all(who.place in row.places for row in rows))
