"""What an entrance is called, whose it is, and what rules know of it."""

from __future__ import annotations

import pytest

from gateway.places.entrance import Binding, EntranceRow
from rules.duration import HOUR_MS, MINUTE_MS

DOOR = EntranceRow(
    id="d1",
    name="2单元门",
    kind="unit_door",
    district="新城区",
    street="煤机街道",
    community="西湖社区",
    grid="一网格",
    compound="煤机总厂北家属院",
    building="3号楼",
    unit="2单元",
    tags=frozenset({"老人多"}),
)


def bound(interval_ms: int | None, trial: bool = False) -> Binding:
    return Binding("doorward:b1#1", "d1", 0, None, "doorward", interval_ms=interval_ms, trial=trial)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({}, "西湖社区 煤机总厂北家属院 3号楼2单元门", id="the-unit-is-not-said-twice"),
        pytest.param({"name": "单元门"}, "西湖社区 煤机总厂北家属院 3号楼2单元门", id="half-a-name"),
        pytest.param({"name": "3号楼2单元门"}, "西湖社区 煤机总厂北家属院 3号楼2单元门", id="a-full-name"),
        pytest.param(
            {"building": "3", "unit": "2"}, "西湖社区 煤机总厂北家属院 3号楼2单元门", id="bare-numbers"
        ),
        pytest.param({"unit": "", "name": "北门"}, "西湖社区 煤机总厂北家属院 3号楼北门", id="no-unit"),
        pytest.param(
            {"building": "", "unit": "", "name": "东门", "kind": "gate"},
            "西湖社区 煤机总厂北家属院 东门",
            id="a-gate",
        ),
        pytest.param(
            {"compound": "西湖社区一号院", "name": "东门", "building": "", "unit": ""},
            "西湖社区一号院 东门",
            id="a-compound-that-names-its-community",
        ),
        pytest.param(
            {"building": "Block 3", "unit": "", "name": "front door"},
            "西湖社区 煤机总厂北家属院 Block 3 front door",
            id="english-words-stay-apart",
        ),
    ],
)
def test_words(changes: dict[str, str], words: str) -> None:
    assert DOOR._replace(**changes).words == words  # type: ignore[arg-type]  # all of these are text


def test_a_unit_door_belongs_to_its_unit_and_a_gate_to_its_compound() -> None:
    assert DOOR.resident_key == "residents:西湖社区/煤机总厂北家属院/3号楼/2单元"
    assert DOOR._replace(unit="").resident_key == "residents:西湖社区/煤机总厂北家属院/3号楼"
    assert DOOR._replace(kind="gate").resident_key == "residents:西湖社区/煤机总厂北家属院"


def test_rules_know_every_place_by_name_and_by_path() -> None:
    known = DOOR.for_rules(None)
    assert {"一网格", "西湖社区", "煤机总厂北家属院", "煤机街道", "新城区"} <= known.within
    assert "新城区/煤机街道/西湖社区/一网格" in known.within
    assert "新城区/煤机街道/西湖社区/煤机总厂北家属院" in known.within
    assert known.tags == {"老人多"}


@pytest.mark.parametrize(
    ("interval_ms", "silent_after_ms"),
    [
        pytest.param(15 * MINUTE_MS, 45 * MINUTE_MS, id="three-heartbeats"),
        pytest.param(25 * HOUR_MS, 31 * HOUR_MS, id="never-more-than-six-hours-of-grace"),
        pytest.param(None, None, id="silence-says-nothing"),
    ],
)
def test_silence(interval_ms: int | None, silent_after_ms: int | None) -> None:
    known = DOOR.for_rules(bound(interval_ms))
    assert (known.heartbeat_ms, known.silent_after_ms) == (interval_ms, silent_after_ms)


def test_without_a_device_nothing_is_expected_and_on_trial_it_says_so() -> None:
    assert DOOR.for_rules(None).silent_after_ms is None
    assert not DOOR.for_rules(None).trial
    assert DOOR.for_rules(bound(None, trial=True)).trial


def test_two_bindings_that_meet_do_not_overlap() -> None:
    first = bound(None)._replace(to_ms=100)
    second = bound(None)._replace(from_ms=100)
    assert not first.overlaps(second)
    assert not second.overlaps(first)
    assert first.overlaps(second._replace(from_ms=99))
    assert [first.holds_at(99), first.holds_at(100), second.holds_at(100)] == [True, False, True]
