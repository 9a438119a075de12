"""In which order people see their doors."""

from __future__ import annotations

import random
from types import SimpleNamespace

from gateway.web.door import Door, grouped, urgency
from tests.small_district import entrance


def test_what_needs_somebody_comes_first_and_the_rest_as_people_count() -> None:
    case = SimpleNamespace(filed_at_ms=50)
    expected = [
        Door(entrance(12), "open", open_since_ms=10),
        Door(entrance(3), "open", open_since_ms=20),
        Door(entrance(7), "closed", unknown_since_ms=5),
        Door(entrance(11), "closed", changed_at_ms=99, cases=(case,)),
        Door(entrance(1), "closed", changed_at_ms=70),
        Door(entrance(2), "closed", changed_at_ms=10),
        Door(entrance(10), "closed", changed_at_ms=1),
        Door(entrance(4)),
    ]
    mixed = random.Random(1).sample(expected, len(expected))
    assert sorted(mixed, key=urgency) == expected
    (compound,) = grouped(mixed)
    assert [door for building in compound.buildings for door in building] == expected
