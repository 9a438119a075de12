"""The three tables together: what is taken, and how each mistake is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.places.model import Registry
from rules.fault import Fault

Load = Callable[..., tuple[Registry, list[Fault]]]

HEAD = "entrance,name,kind,district,street,community,grid,compound,building,unit,tags,seen_by\n"
DOOR = "d1,门,unit_door,区,街,社,一网格,院,1号楼,,,\n"
DEVICE_HEAD = "dialect,box,channel,entrance,from,to,profile,gateway,trial,interval\n"
PERSON_HEAD = "person,name,role,place,language,duty\n"
SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp() * 1000)


def test_good_tables_have_no_faults(load: Load) -> None:
    registry, faults = load()
    assert faults == []
    assert registry.entrances["d1"].tags == {"老人多", "一楼"}
    assert registry.entrances["g1"].seen_by == {"新城区/煤机街道/西湖社区/二网格"}
    assert registry.people["wang"].place == "新城区/煤机街道/西湖社区/一网格"
    assert registry.people["li"].language == "en"
    box = registry.bindings_of_box("doorward:b1", at("2026-01-01"))
    assert [(b.device, b.entrance, b.interval_ms, b.trial) for b in box] == [
        ("doorward:b1#1", "d1", 900_000, False),
        ("doorward:b1#2", "d2", 3_600_000, True),
    ]
    assert registry.bindings_of_box("doorward:b1", at("2026-01-01") - 1) == []
    assert registry.behind("zigbee2mqtt:bridge", 0)[0].device == "zigbee2mqtt:East gate"


def test_any_encoding(load: Load) -> None:
    registry, faults = load(
        entrances=(HEAD + DOOR).encode("gb18030"), devices=DEVICE_HEAD, people=PERSON_HEAD
    )
    assert faults == []
    assert registry.entrances["d1"].grid_key == "区/街/社/一网格"


@pytest.mark.parametrize(
    ("row", "where", "what"),
    [
        pytest.param(DOOR, "entrances.csv:3:1", "'d1' is there twice", id="twice"),
        pytest.param("d/2,门,gate,区,街,社,网,院,,,,", "entrances.csv:3:1", "cannot be an", id="a-bad-id"),
        pytest.param("d2,门,door,区,街,社,网,院,,,,", "entrances.csv:3:3", "no kind", id="a-bad-kind"),
        pytest.param("d2,门,gate,区,街,社,网/格,院,,,,", "entrances.csv:3:7", "no '/'", id="a-slash"),
        pytest.param("d2,门,unit_door,区,街,社,网,院,,,,", "entrances.csv:3:9", "building", id="no-building"),
        pytest.param(
            "d2,门,单元门,区,街,社,网,院,1,,,一网格", "entrances.csv:3:12", "only a gate", id="shown"
        ),
        pytest.param(
            "d2,门,大门,区,街,社,网,院,,,,六网格", "entrances.csv:3:12", "no grid", id="no-such-grid"
        ),
    ],
)
def test_entrance_faults(load: Load, row: str, where: str, what: str) -> None:
    registry, faults = load(entrances=HEAD + DOOR + row, devices=DEVICE_HEAD, people=PERSON_HEAD)
    assert [fault.where for fault in faults] == [where]
    assert what in faults[0].what
    assert "d1" in registry.entrances


def test_a_duplicate_names_both_lines(load: Load) -> None:
    _, faults = load(entrances=HEAD + DOOR + DOOR, devices=DEVICE_HEAD, people=PERSON_HEAD)
    assert faults[0].where == "entrances.csv:3:1"
    assert "entrances.csv:2" in faults[0].mend


def test_a_gate_that_is_shown_to_an_unknown_grid_is_watched_all_the_same(load: Load) -> None:
    row = "g1,门,大门,区,街,社,一网格,院,,,,六网格\n"
    registry, faults = load(entrances=HEAD + row, devices=DEVICE_HEAD, people=PERSON_HEAD)
    assert len(faults) == 1
    assert registry.entrances["g1"].seen_by == frozenset()


@pytest.mark.parametrize(
    ("row", "where", "what"),
    [
        pytest.param("zigbee,b,,d1,,,,,,", "devices.csv:2:1", "no dialect", id="dialect"),
        pytest.param("doorward,b#1,,d1,,,,,,", "devices.csv:2:2", "no box", id="box"),
        pytest.param("doorward,b,,d99,,,,,,", "devices.csv:2:4", "no entrance 'd99'", id="entrance"),
        pytest.param("doorward,b,,d1,01.03.26,,,,,", "devices.csv:2:5", "no date", id="date"),
        pytest.param(
            "doorward,b,,d1,2026-03-02,2026-03-02,,,,", "devices.csv:2:6", "ends before", id="order"
        ),
        pytest.param('doorward,b,,d1,,,"{""a"":1}",,,', "devices.csv:2:7", "'a' means", id="profile"),
        pytest.param("doorward,b,,d1,,,{,,,", "devices.csv:2:7", "no JSON", id="json"),
        pytest.param("doorward,b,,d1,,,,bridge,,", "devices.csv:2:8", "no device's name", id="gateway"),
        pytest.param("doorward,b,,d1,,,,,maybe,", "devices.csv:2:9", "neither yes nor no", id="trial"),
        pytest.param("doorward,b,,d1,,,,,,15", "devices.csv:2:10", "not a duration", id="interval"),
    ],
)
def test_device_faults(load: Load, row: str, where: str, what: str) -> None:
    registry, faults = load(devices=f"{DEVICE_HEAD}{row}\ndoorward,b9,,d2,,,,,,\n")
    assert [fault.where for fault in faults] == [where]
    assert what in faults[0].what
    assert [binding.device for binding in registry.bindings] == ["doorward:b9"]


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        pytest.param("b1,,d1,,\nb1,,d2,,", ["devices.csv:3:2"], id="one-device-at-two-doors"),
        pytest.param("b1,,d1,,\nb2,,d1,,", ["devices.csv:3:4"], id="two-devices-at-one-door"),
        pytest.param("b1,,d1,,2026-03-02\nb2,,d1,2026-03-01,", ["devices.csv:3:4"], id="one-day-in-common"),
        pytest.param("b1,,d1,,2026-03-02\nb2,,d1,2026-03-02,", [], id="replaced-on-the-day"),
        pytest.param("b1,,d1,,2026-03-02\nb1,,d2,2026-03-02,", [], id="moved-on-the-day"),
        pytest.param("b1,1,d1,,\nb1,2,d2,,", [], id="two-channels-of-a-box"),
    ],
)
def test_overlapping_bindings(load: Load, rows: str, where: list[str]) -> None:
    table = "dialect,box,channel,entrance,from,to\n" + "\n".join(f"doorward,{r}" for r in rows.split("\n"))
    registry, faults = load(devices=table)
    assert [fault.where for fault in faults] == where
    assert all("in line 2" in fault.what for fault in faults)
    assert len(registry.bindings) == 2 - len(where)


def test_a_profile_and_a_time_with_an_offset(load: Load) -> None:
    row = 'esphome,b,,d1,2026-03-01T00:00:00+00:00,,"{""Switch1"": {""ON"": ""open""}}",,是,'
    registry, faults = load(devices=f"{DEVICE_HEAD}{row}\n")
    assert faults == []
    (binding,) = registry.bindings
    assert binding.from_ms == at("2026-03-01T08:00")
    assert (binding.profile, binding.trial, binding.interval_ms) == ({"Switch1": {"ON": "open"}}, True, None)


@pytest.mark.parametrize(
    ("row", "where", "what"),
    [
        pytest.param("wang,王,grid_worker,九网格,,", "people.csv:2:4", "no grid is called", id="place"),
        pytest.param("wang,王,grid_worker,西湖社区,,", "people.csv:2:4", "no grid is called", id="level"),
        pytest.param("residents:x,王,grid_worker,一网格,,", "people.csv:2:1", "cannot be a", id="id"),
        pytest.param(
            "wang,王,residents,一网格,,", "people.csv:2:3", "residents are no person", id="residents"
        ),
        pytest.param("wang,王,Grid Worker,一网格,,", "people.csv:2:3", "no role", id="role"),
        pytest.param("wang,王,grid_worker,一网格,fr,", "people.csv:2:5", "no language", id="language"),
        pytest.param("wang,王,grid_worker,一网格,,nights", "people.csv:2:6", "not a duty window", id="duty"),
        pytest.param("chen,王,grid_worker,一网格,,", "people.csv:3:1", "there twice", id="twice"),
    ],
)
def test_person_faults(load: Load, row: str, where: str, what: str) -> None:
    registry, faults = load(people=f"{PERSON_HEAD}{row}\nchen,陈静,volunteer,西湖社区,,\n")
    assert [fault.where for fault in faults] == [where]
    assert what in faults[0].what
    assert "chen" in registry.people


def test_a_name_that_two_places_bear_needs_a_path(load: Load) -> None:
    doors = (
        HEAD + "d1,门,unit_door,区,街,甲社区,一网格,院,1,,,\nd2,门,unit_door,区,街,乙社区,一网格,院,1,,,\n"
    )
    people = PERSON_HEAD + "a,甲,grid_worker,一网格,,\nb,乙,grid_worker,区/街/乙社区/一网格,,\n"
    registry, faults = load(entrances=doors, devices=DEVICE_HEAD, people=people)
    assert [fault.where for fault in faults] == ["people.csv:2:4"]
    assert "区/街/甲社区/一网格" in faults[0].mend
    assert [row.id for row in registry.entrances_of("b")] == ["d2"]


def test_only_a_repair_company_may_be_there_for_a_compound(load: Load) -> None:
    people = PERSON_HEAD + "a,甲,repair,北家属院,,\nb,乙,maintainer,北家属院,,\n"
    registry, faults = load(people=people)
    assert [fault.where for fault in faults] == ["people.csv:3:4"]
    assert sorted(row.id for row in registry.entrances_of("a")) == ["d1", "d2", "g1"]


def test_a_misspelt_grid_gets_a_guess(load: Load) -> None:
    _, faults = load(people=PERSON_HEAD + "a,甲,community,西湖社,,\n")
    assert faults[0].mend == "Did you mean '西湖社区'?"


def test_a_whole_city_loads(load: Load) -> None:
    """20,000 entrances in 620 grids of 86 communities, each with its own channel and its worker."""
    doors, devices = [], []
    for i in range(20_000):
        grid = i % 620
        where = f"区,街{grid % 86 % 10},社区{grid % 86},网格{grid:03d},小区{grid}"
        doors.append(f"e{i},{i}单元门,unit_door,{where},{i // 620}号楼,{i}单元,,")
        devices.append(f"doorward,b{i // 2},{i % 2 + 1},e{i},,,,,,")
    people = [f"w{g},人{g},grid_worker,网格{g:03d},," for g in range(620)]
    registry, faults = load(
        entrances=HEAD + "\n".join(doors),
        devices=DEVICE_HEAD + "\n".join(devices),
        people=PERSON_HEAD + "\n".join(people),
    )
    assert faults == []
    assert (len(registry.entrances), len(registry.bindings), len(registry.people)) == (20_000, 20_000, 620)
    assert sum(len(registry.entrances_of(f"w{g}")) for g in range(620)) == 20_000
    for i in (0, 619, 620, 19_999):
        worker = registry.responsible("grid_worker", f"e{i}", 0, SHANGHAI)
        assert worker is not None
        assert worker.person.id == f"w{i % 620}"
        bound = registry.binding(f"doorward:b{i // 2}#{i % 2 + 1}", 0)
        assert bound is not None
        assert bound.entrance == f"e{i}"
