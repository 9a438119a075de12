"""Our own dialect keeps the treaty in firmware_sim/WIRE.md to the letter."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import firmware_sim
from gateway.intake import dialects
from gateway.intake.dialects import doorward, facts
from gateway.intake.dialects.answer import Fault, NoNews, Readings, Report

WIRE = Path(firmware_sim.__file__).with_name("WIRE.md").read_text("utf-8")
EXAMPLES = re.findall(r"```\n(\S+) (\{.*\})\n```", WIRE)

EVENT = "door/k2-7/3/event"
GOOD: dict[str, object] = {
    "v": 1,
    "id": "k2-7",
    "ch": 3,
    "boot": 2,
    "seq": 40,
    "why": "change",
    "contact": "open",
}


def decode(topic: str, fields: dict[str, object], *, retained: bool = False) -> object:
    return doorward.decode(Report(topic, json.dumps(fields).encode(), retained, 1_000))


def test_the_treaty_has_examples() -> None:
    assert len(EXAMPLES) == WIRE.count("```") // 2 >= 5


@pytest.mark.parametrize(("topic", "payload"), EXAMPLES)
def test_every_example_of_the_treaty_is_a_reading(topic: str, payload: str) -> None:
    answer = doorward.decode(Report(topic, payload.encode()))
    assert isinstance(answer, Readings)
    (reading,) = answer.readings
    said = json.loads(payload)
    assert (reading.contact, reading.boot, reading.seq) == (
        said.get("contact"),
        said.get("boot"),
        said.get("seq"),
    )
    assert (reading.battery_v, reading.rssi_dbm) == (said.get("bat_v"), said.get("rssi"))
    assert reading.online is said.get("online")
    assert dialects.guess(topic, payload.encode()) == "doorward"


def test_every_fact_is_taken_over() -> None:
    more = {"t": 1_700_000_000, "bat_v": 2.9, "bat_pct": 80, "bat_low": False, "tamper": True, "rssi": -88}
    answer = decode(EVENT, GOOD | more, retained=True)
    assert isinstance(answer, Readings)
    (reading,) = answer.readings
    assert (reading.device, reading.received_at_ms, reading.retained) == ("doorward:k2-7#3", 1_000, True)
    assert facts.stated(reading) == {
        "contact": "open",
        "boot": 2,
        "seq": 40,
        "battery_pct": 80,
        "battery_v": 2.9,
        "battery_low": False,
        "tamper": True,
        "rssi_dbm": -88,
        "device_time": "2023-11-14T22:13:20Z",
    }


def test_status_speaks_of_the_whole_box() -> None:
    answer = decode("door/k2-7/status", {"v": 1, "id": "k2-7", "online": False})
    assert isinstance(answer, Readings)
    assert answer.readings[0].device == "doorward:k2-7"
    assert facts.stated(answer.readings[0]) == {"online": False}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"firmware": {"new": [1]}}, id="a-newer-device-says-more"),
        pytest.param({"boot": 2**32 - 1, "seq": 2**32 - 1}, id="counters-at-their-end"),
        pytest.param({"boot": 0, "seq": 0, "why": "boot"}, id="the-first-report"),
        pytest.param({"bat_v": 0, "bat_pct": 0, "rssi": 0}, id="zeros-are-values"),
        pytest.param({"bat_v": 5, "bat_pct": 100, "rssi": -130}, id="the-ends-of-the-ranges"),
        pytest.param({"t": 12.5}, id="a-clock-that-was-never-set-is-only-not-shown"),
        pytest.param({"t": 1e18}, id="a-clock-beyond-all-years-is-only-not-shown"),
    ],
)
def test_good_reports(change: dict[str, object]) -> None:
    answer = decode(EVENT, GOOD | change)
    assert isinstance(answer, Readings), answer


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"v": 2}, "v is 2"),
        ({"v": True}, "v is True"),
        ({"id": "k2-8"}, "the report's id is not the topic's"),
        ({"ch": 4}, "the report's ch is not the topic's"),
        ({"ch": 3.0}, "ch is 3.0"),
        ({"boot": -1}, "boot is -1"),
        ({"boot": 2**32}, "boot is 4294967296"),
        ({"seq": None}, "seq is None"),
        ({"seq": "40"}, "seq is '40'"),
        ({"why": "bored"}, "why is 'bored'"),
        ({"why": ["change"]}, "why is a list"),
        ({"contact": "ajar"}, "contact is 'ajar'"),
        ({"contact": True}, "contact is True"),
        ({"t": "now"}, "t is 'now'"),
        ({"bat_v": 5.01}, "bat_v is 5.01"),
        ({"bat_pct": True}, "bat_pct is True"),
        ({"bat_pct": None}, "bat_pct is None"),
        ({"bat_low": 0}, "bat_low is 0"),
        ({"tamper": "no"}, "tamper is 'no'"),
        ({"rssi": 1}, "rssi is 1"),
        ({"padding": "x" * 1024}, "longer than 1024 bytes"),
    ],
)
def test_a_bad_field_makes_the_whole_report_a_fault(change: dict[str, object], reason: str) -> None:
    assert decode(EVENT, GOOD | change) == Fault("doorward:k2-7#3", reason)


@pytest.mark.parametrize("missing", GOOD)
def test_what_must_be_there_must_be_there(missing: str) -> None:
    fields = {name: value for name, value in GOOD.items() if name != missing}
    assert isinstance(decode(EVENT, fields), Fault)


@pytest.mark.parametrize("payload", [b"", b"[1]", b"\xff", b'{"v":NaN}', b'{"v":1,"v":1}', b"[" * 1000])
def test_what_is_no_object_is_a_fault(payload: bytes) -> None:
    assert isinstance(doorward.decode(Report(EVENT, payload)), Fault)


@pytest.mark.parametrize(
    "topic",
    ["door", "door/k2-7", "door/K2/1/event", "door/k2-7/9/state", "door/k2-7/1/log", "window/k2-7/1/event"],
)
def test_other_topics_are_a_fault(topic: str) -> None:
    assert isinstance(decode(topic, GOOD), Fault)


@pytest.mark.parametrize("topic", ["door/k2-7/3/state", "door/k2-7/status"])
def test_wiping_a_retained_topic_is_no_news(topic: str) -> None:
    assert isinstance(doorward.decode(Report(topic, b"")), NoNews)
