"""The registry: which entrances there are, which device watches them, and who answers for them.

Rule 1: built once from whole tables and never changed; another table is another registry.
Rule 2: whom a person may see is asked here and nowhere else: what lies at or below
        her place, and the gates that are shown to her grid.
Rule 3: whose an entrance is has one answer at any moment, so that nobody can pass the buck.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from typing import Literal, NamedTuple

from gateway.places.duty import DutyWindow
from gateway.places.entrance import GATE, UNIT_DOOR, Binding, EntranceRow
from rules.rule import Entrance

__all__ = [
    "GATE",
    "LEVELS",
    "UNIT_DOOR",
    "Binding",
    "DutyWindow",
    "EntranceRow",
    "Language",
    "Person",
    "Registry",
    "Responsible",
]

Language = Literal["zh", "en"]

LEVELS = ("grid_worker", "grid_leader", "community", "street", "district")
"""The way up: who is told when the one before does not act."""


class Person(NamedTuple):
    """Somebody of the district, or a repair company.

    Attributes:
        id: The person's lasting name.
        name: What people call her.
        role: ``grid_worker``, ``grid_leader``, … or another word of the district's own.
        place: Path of the place that she is there for.
        language: What her messages are written in.
        duty: When she is on duty; empty means that no roster says so.
        where: Her line in the tables, to name it in a fault.
    """

    id: str
    name: str
    role: str
    place: str
    language: Language = "zh"
    duty: tuple[DutyWindow, ...] = ()
    where: str = ""

    def on_duty(self, at_ms: int, zone: tzinfo) -> bool:
        return any(window.covers(at_ms, zone) for window in self.duty)


class Responsible(NamedTuple):
    """Who answers for an entrance, and why it is she."""

    person: Person
    why: Literal["on_duty", "first_listed", "next_listed"]


class Registry:
    """All tables together. The order of rows is kept: "first listed" means it."""

    def __init__(
        self,
        entrances: Iterable[EntranceRow] = (),
        bindings: Iterable[Binding] = (),
        people: Iterable[Person] = (),
    ) -> None:
        self.entrances: Mapping[str, EntranceRow] = {row.id: row for row in entrances}
        self.bindings: tuple[Binding, ...] = tuple(bindings)
        self.people: Mapping[str, Person] = {person.id: person for person in people}
        self._index_places()
        self._index_bindings()
        self._index_people()

    # -- devices -------------------------------------------------------------

    def binding(self, device: str, at_ms: int) -> Binding | None:
        """Which entrance this device watches at that moment."""
        return next((b for b in self._by_device.get(device, ()) if b.holds_at(at_ms)), None)

    def device_of(self, entrance: str, at_ms: int) -> Binding | None:
        """Which device watches this entrance at that moment."""
        return next((b for b in self._by_entrance.get(entrance, ()) if b.holds_at(at_ms)), None)

    def bindings_of_box(self, box: str, at_ms: int) -> list[Binding]:
        """All channels of the box ``dialect:box``."""
        return [b for b in self._by_box.get(box, ()) if b.holds_at(at_ms)]

    def behind(self, gateway_device: str, at_ms: int) -> list[Binding]:
        """All devices that speak through this one."""
        return [b for b in self._by_gateway.get(gateway_device, ()) if b.holds_at(at_ms)]

    def boundaries_after(self, at_ms: int) -> int | None:
        """The next moment at which a binding begins or ends; ``None`` if there is none."""
        position = bisect_right(self._boundaries, at_ms)
        return self._boundaries[position] if position < len(self._boundaries) else None

    def for_rules(self, at_ms: int) -> dict[str, Entrance]:
        """Every entrance as the rules see it at that moment."""
        return {row.id: row.for_rules(self.device_of(row.id, at_ms)) for row in self.entrances.values()}

    # -- places --------------------------------------------------------------

    @property
    def places(self) -> Iterable[str]:
        """The paths of all places that hold an entrance."""
        return self._by_place.keys()

    def entrances_in(self, place: str) -> list[EntranceRow]:
        """All entrances at or below the place of that path."""
        return list(self._by_place.get(place, ()))

    # -- people --------------------------------------------------------------

    def may_see(self, person_id: str, entrance_id: str) -> bool:
        """The one scope check. Who is not in the tables sees nothing."""
        person, row = self.people.get(person_id), self.entrances.get(entrance_id)
        if person is None or row is None:
            return False
        return person.place in row.places or person.place in row.seen_by

    def entrances_of(self, person_id: str) -> list[EntranceRow]:
        """All that this person may see: those of her place, then the gates shown to it."""
        person = self.people.get(person_id)
        if person is None:
            return []
        shown = self._shown_to.get(person.place, ())
        return self.entrances_in(person.place) + [row for row in shown if person.place not in row.places]

    def responsible(
        self,
        role: str,
        entrance_id: str,
        at_ms: int,
        zone: tzinfo,
        reachable: Callable[[str], bool] = lambda person: True,
    ) -> Responsible | None:
        """Who of this role answers for the entrance at that moment.

        At the nearest place that has somebody of this role who can be reached: the first
        on duty, else the first listed. A grid worker is there for her own grid only.
        """
        row = self.entrances.get(entrance_id)
        if row is None:
            return None
        for place in (row.grid_key,) if role == "grid_worker" else row.places:
            listed = self._by_role.get((role, place), [])
            people = [person for person in listed if reachable(person.id)]
            if people:
                on_duty = next((p for p in people if p.on_duty(at_ms, zone)), None)
                if on_duty:
                    return Responsible(on_duty, "on_duty")
                return Responsible(people[0], "first_listed" if people[0] is listed[0] else "next_listed")
        return None

    @staticmethod
    def next_level(role: str) -> str | None:
        """The role above; ``None`` above the district and for roles beside the way up."""
        above = LEVELS.index(role) + 1 if role in LEVELS else len(LEVELS)
        return LEVELS[above] if above < len(LEVELS) else None

    # -- inside --------------------------------------------------------------

    def _index_places(self) -> None:
        by_place, shown_to = defaultdict(list), defaultdict(list)
        for row in self.entrances.values():
            for place in dict.fromkeys(row.places):  # a grid may bear its compound's name
                by_place[place].append(row)
            for grid in row.seen_by:
                shown_to[grid].append(row)
        self._by_place: Mapping[str, list[EntranceRow]] = dict(by_place)
        self._shown_to: Mapping[str, list[EntranceRow]] = dict(shown_to)

    def _index_bindings(self) -> None:
        by_device, by_entrance = defaultdict(list), defaultdict(list)
        by_box, by_gateway = defaultdict(list), defaultdict(list)
        for binding in self.bindings:
            by_device[binding.device].append(binding)
            by_entrance[binding.entrance].append(binding)
            by_box[binding.box].append(binding)
            if binding.gateway:
                by_gateway[binding.gateway].append(binding)
        self._by_device: Mapping[str, list[Binding]] = dict(by_device)
        self._by_entrance: Mapping[str, list[Binding]] = dict(by_entrance)
        self._by_box: Mapping[str, list[Binding]] = dict(by_box)
        self._by_gateway: Mapping[str, list[Binding]] = dict(by_gateway)
        moments = {b.from_ms for b in self.bindings} | {b.to_ms for b in self.bindings if b.to_ms is not None}
        self._boundaries = sorted(moments)

    def _index_people(self) -> None:
        by_role = defaultdict(list)
        for person in self.people.values():
            by_role[person.role, person.place].append(person)
        self._by_role: Mapping[tuple[str, str], list[Person]] = dict(by_role)
