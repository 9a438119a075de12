"""Whose eyes may see what. Every query goes through here.

The registry decides; what it does not show is as if it did not exist (404), so that
nobody can find out by trying addresses which entrances and cases there are.
"""

from __future__ import annotations

from gateway.places.entrance import EntranceRow
from gateway.places.model import Person, Registry


class NotThere(Exception):
    """It does not exist, or not for this reader."""


class Scope:
    """What one person may see."""

    def __init__(self, registry: Registry, person: Person) -> None:
        self._registry, self.person = registry, person

    def entrances(self) -> list[EntranceRow]:
        return self._registry.entrances_of(self.person.id)

    def sees(self, entrance: str) -> bool:
        return self._registry.may_see(self.person.id, entrance)

    def entrance(self, entrance: str) -> EntranceRow:
        """
        Raises:
            NotThere: It is outside the scope.
        """
        if not self.sees(entrance):
            raise NotThere
        return self._registry.entrances[entrance]
