"""Whom a step tells: exactly one person, and why it is she."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import NamedTuple

from gateway.places.model import LEVELS, Person, Registry

# Where a step goes on if nobody of its role can be reached.
_UPWARD = {role: LEVELS[i + 1 :] for i, role in enumerate(LEVELS)}
_BESIDE = {"repair": ("community", "street", "district"), "installer": ("maintainer", "district")}


class Told(NamedTuple):
    """Whom to tell.

    Attributes:
        role: As what; not the step's own role if that one was empty.
        why: ``on_duty``, ``first_listed``, ``next_listed``, ``has_it``, ``not_taken``
            or ``nobody_below``.
        skipped: The roles before, in which nobody could be reached.
    """

    person: Person
    role: str
    why: str
    skipped: tuple[str, ...]


def whom(
    role: str,
    entrance: str,
    at_ms: int,
    *,
    registry: Registry,
    zone: tzinfo,
    reachable: Callable[[str], bool],
) -> Told | None:
    """The person that a step for ``role`` goes to; an empty step goes up at once.

    Who cannot be reached through any channel counts as nobody.
    """
    skipped: list[str] = []
    for candidate in (role, *_UPWARD.get(role, _BESIDE.get(role, ("district",)))):
        found = registry.responsible(candidate, entrance, at_ms, zone, reachable)
        if found is not None:
            why = "nobody_below" if skipped else found.why
            return Told(found.person, candidate, why, tuple(skipped))
        skipped.append(candidate)
    return None


def above(role: str) -> str | None:
    """The next level up, or ``None`` at the top and beside the ladder."""
    if role in LEVELS:
        i = LEVELS.index(role) + 1
        return LEVELS[i] if i < len(LEVELS) else None
    return "community"


def rank(role: str) -> int:
    """How far up; who stands beside the ladder is at its foot."""
    return LEVELS.index(role) if role in LEVELS else 0
