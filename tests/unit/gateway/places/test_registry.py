"""Devices, scope and responsibility. 2026-03-02 is a Monday."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.places.duty import parse_duty
from gateway.places.model import Binding, EntranceRow, Person, Registry

SHANGHAI = ZoneInfo("Asia/Shanghai")
STREET = "新城区/煤机街道"
WEST, EAST = f"{STREET}/西湖社区", f"{STREET}/东湖社区"


def entrance(id: str, community: str, grid: str, compound: str, **more: object) -> EntranceRow:
    row = EntranceRow(id, id, "unit_door", "新城区", "煤机街道", community, grid, compound, "1号楼")
    return row._replace(**more)  # type: ignore[arg-type]  # each test gives what it needs


def person(id: str, role: str, place: str, duty: str = "") -> Person:
    return Person(id, id, role, place, duty=parse_duty(duty))


ENTRANCES = (
    entrance("d1", "西湖社区", "一网格", "北院"),
    entrance("d2", "西湖社区", "二网格", "北院"),
    entrance("g1", "西湖社区", "一网格", "北院", kind="gate", seen_by=frozenset({f"{WEST}/二网格"})),
    entrance("d3", "东湖社区", "三网格", "南院"),
)
PEOPLE = (
    person("first", "grid_worker", f"{WEST}/一网格", "Mon 08:00-20:00"),
    person("night", "grid_worker", f"{WEST}/一网格", "Mon 20:00-08:00"),
    person("other", "grid_worker", f"{WEST}/二网格"),
    person("leader", "grid_leader", f"{WEST}/一网格"),
    person("west", "community", WEST),
    person("street", "street", STREET),
    person("smith", "repair", f"{WEST}/北院"),
    person("smiths", "repair", "新城区"),
    person("tuner", "maintainer", "新城区"),
)
REGISTRY = Registry(ENTRANCES, (), PEOPLE)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp() * 1000)


@pytest.mark.parametrize(
    ("who", "sees"),
    [
        pytest.param("first", ["d1", "g1"], id="a-worker-her-grid"),
        pytest.param("other", ["d2", "g1"], id="and-a-gate-that-is-shown-to-it"),
        pytest.param("leader", ["d1", "g1"], id="a-leader-her-grid"),
        pytest.param("west", ["d1", "d2", "g1"], id="a-community-what-lies-in-it"),
        pytest.param("street", ["d1", "d2", "d3", "g1"], id="a-street-what-lies-in-it"),
        pytest.param("smith", ["d1", "d2", "g1"], id="a-repair-company-its-compound"),
        pytest.param("tuner", ["d1", "d2", "d3", "g1"], id="a-maintainer-the-district"),
        pytest.param("stranger", [], id="a-stranger-nothing"),
    ],
)
def test_who_sees_what(who: str, sees: list[str]) -> None:
    """The list and the check never disagree."""
    assert sorted(row.id for row in REGISTRY.entrances_of(who)) == sees
    assert sorted(id for id in REGISTRY.entrances if REGISTRY.may_see(who, id)) == sees


def test_nobody_sees_an_entrance_that_is_not_there() -> None:
    assert not REGISTRY.may_see("tuner", "d99")


def test_a_place_whose_name_begins_like_another_is_not_in_it() -> None:
    registry = Registry(
        [entrance("a", "西湖", "一", "甲"), entrance("b", "西湖二", "二", "乙")],
        people=[person("p", "community", f"{STREET}/西湖")],
    )
    assert registry.may_see("p", "a")
    assert not registry.may_see("p", "b")


@pytest.mark.parametrize(
    ("role", "door", "moment", "who", "why"),
    [
        pytest.param("grid_worker", "d1", "2026-03-02T12:00", "first", "on_duty", id="by-day"),
        pytest.param("grid_worker", "d1", "2026-03-03T02:00", "night", "on_duty", id="over-midnight"),
        pytest.param("grid_worker", "d1", "2026-03-04T12:00", "first", "first_listed", id="nobody-on-duty"),
        pytest.param("grid_leader", "d1", "2026-03-02T12:00", "leader", "first_listed", id="her-grid"),
        pytest.param("community", "d2", "2026-03-02T12:00", "west", "first_listed", id="the-community"),
        pytest.param("repair", "d1", "2026-03-02T12:00", "smith", "first_listed", id="the-compounds-own"),
        pytest.param("repair", "d3", "2026-03-02T12:00", "smiths", "first_listed", id="the-districts"),
        pytest.param("maintainer", "d3", "2026-03-02T12:00", "tuner", "first_listed", id="far-above"),
    ],
)
def test_exactly_one_person_answers(role: str, door: str, moment: str, who: str, why: str) -> None:
    found = REGISTRY.responsible(role, door, at(moment), SHANGHAI)
    assert found is not None
    assert (found.person.id, found.why) == (who, why)


@pytest.mark.parametrize(
    ("role", "door"),
    [
        pytest.param("grid_worker", "d3", id="no-worker-of-another-grid"),
        pytest.param("grid_leader", "d2", id="no-leader-of-another-grid"),
        pytest.param("community", "d3", id="no-other-community"),
        pytest.param("residents", "d1", id="residents-are-no-person"),
        pytest.param("grid_worker", "d99", id="no-such-entrance"),
    ],
)
def test_nobody_answers(role: str, door: str) -> None:
    assert REGISTRY.responsible(role, door, at("2026-03-02T12:00"), SHANGHAI) is None


def test_the_way_up() -> None:
    way = ["grid_worker"]
    while above := Registry.next_level(way[-1]):
        way.append(above)
    assert way == ["grid_worker", "grid_leader", "community", "street", "district"]
    assert Registry.next_level("repair") is None


def bound(device: str, to: str, from_ms: int = 0, to_ms: int | None = None) -> Binding:
    return Binding(device, to, from_ms, to_ms, "doorward", gateway="zigbee2mqtt:bridge")


def test_a_replaced_device_hands_over_at_one_moment() -> None:
    registry = Registry(ENTRANCES, [bound("doorward:old", "d1", 100, 200), bound("doorward:new", "d1", 200)])
    assert [b and b.device for b in (registry.device_of("d1", t) for t in (99, 100, 199, 200))] == [
        None,
        "doorward:old",
        "doorward:old",
        "doorward:new",
    ]
    assert registry.binding("doorward:old", 200) is None
    assert [registry.boundaries_after(t) for t in (0, 100, 200)] == [100, 200, None]


def test_channels_of_a_box_and_devices_behind_a_gateway() -> None:
    registry = Registry(
        ENTRANCES,
        [
            bound("doorward:b1#1", "d1"),
            bound("doorward:b1#2", "d2", 0, 100),
            bound("doorward:b10", "g1"),
            bound("doorward:b1", "d3", 100),
        ],
    )
    assert [b.device for b in registry.bindings_of_box("doorward:b1", 50)] == [
        "doorward:b1#1",
        "doorward:b1#2",
    ]
    assert [b.device for b in registry.bindings_of_box("doorward:b1", 100)] == [
        "doorward:b1#1",
        "doorward:b1",
    ]
    assert len(registry.behind("zigbee2mqtt:bridge", 100)) == 3
    assert registry.behind("zigbee2mqtt:other", 100) == []


def test_rules_get_every_entrance_with_the_device_of_the_moment() -> None:
    binding = bound("doorward:b1", "d1", 100)._replace(interval_ms=60_000)
    registry = Registry(ENTRANCES, [binding])
    assert registry.for_rules(99)["d1"].heartbeat_ms is None
    assert registry.for_rules(100)["d1"].heartbeat_ms == 60_000
    assert registry.for_rules(100).keys() == {"d1", "d2", "d3", "g1"}
