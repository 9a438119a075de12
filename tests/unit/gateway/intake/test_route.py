"""From a report to the entrances that it concerns."""

from __future__ import annotations

import json
from typing import Any

import pytest

import gateway.intake.route
from gateway.intake.dialects.answer import Report
from gateway.intake.route import NOT_BOUND, Routed, Router
from gateway.places.entrance import Binding
from gateway.places.model import Registry
from tests.sensors import report
from tests.small_district import entrance

T0 = 1_790_000_000_000
LONG_AGO, SWAP = 0, T0 + 1_000
BRIDGE = "zigbee2mqtt:bridge"


def _binding(device: str, door: int, **more: Any) -> Binding:
    values = {"from_ms": LONG_AGO, "to_ms": None, "dialect": device.partition(":")[0]} | more
    return Binding(device, f"door-{door:05d}", **values)


REGISTRY = Registry(
    [entrance(n) for n in range(7)],
    [
        _binding("doorward:b-1#1", 0, to_ms=SWAP),
        _binding("doorward:b-9#1", 0, from_ms=SWAP),
        _binding("doorward:b-1#2", 1),
        _binding("zigbee2mqtt:door a", 2, gateway=BRIDGE),
        _binding("zigbee2mqtt:door b", 3, gateway=BRIDGE),
        _binding("zigbee2mqtt:door c", 4, gateway="zigbee2mqtt:another"),
        _binding("shelly_gen1:shellydw2-77", 5),
        _binding("tasmota:s1#Switch1", 6, profile={"Switch1": {"ON": "open", "OFF": "closed"}}),
    ],
)


def routed(topic: str, payload: Any, at_ms: int = T0, bases: dict[str, str] | None = None) -> Routed:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Router(REGISTRY, bases).route(Report(topic, raw, False, at_ms))


def facts(answer: Routed) -> list[tuple[str, str | None, bool | None]]:
    """(entrance, contact, online) of each arrival."""
    return [(name, reading.contact, reading.online) for name, reading in answer.arrivals]


def test_a_channel_is_bound_to_its_entrance() -> None:
    answer = routed("door/b-1/2/event", report("b-1", 7, "open", channel=2))
    assert facts(answer) == [("door-00001", "open", None)]
    (_, reading) = answer.arrivals[0]
    assert (reading.device, reading.boot, reading.seq) == ("doorward:b-1#2", 1, 7)
    assert (answer.fault, answer.unknown) == (None, None)


@pytest.mark.parametrize(
    ("box", "at_ms", "expected"),
    [
        pytest.param("b-1", SWAP - 1, [("door-00000", "open", None)], id="the-old-one-before"),
        pytest.param("b-1", SWAP, [], id="the-old-one-after"),
        pytest.param("b-9", SWAP - 1, [], id="the-new-one-before"),
        pytest.param("b-9", SWAP, [("door-00000", "open", None)], id="the-new-one-after"),
    ],
)
def test_a_replaced_device_counts_from_its_date_on(box: str, at_ms: int, expected: list[Any]) -> None:
    answer = routed(f"door/{box}/1/event", report(box, 1, "open"), at_ms)
    assert facts(answer) == expected
    assert answer.unknown == (None if expected else (f"doorward:{box}#1", NOT_BOUND))


def test_a_boxs_last_will_concerns_all_its_channels() -> None:
    answer = routed("door/b-1/status", {"v": 1, "id": "b-1", "online": False})
    assert facts(answer) == [("door-00000", None, False), ("door-00001", None, False)]
    assert {(reading.boot, reading.seq) for _, reading in answer.arrivals} == {(None, None)}


def test_a_gateway_that_is_lost_concerns_every_device_behind_it_and_no_other() -> None:
    lost = routed("zigbee2mqtt/bridge/state", {"state": "offline"})
    assert facts(lost) == [("door-00002", None, False), ("door-00003", None, False)]
    assert {reading.online_scope for _, reading in lost.arrivals} == {"device"}
    back = routed("zigbee2mqtt/bridge/state", {"state": "online"})
    assert back == Routed([]), "that a gateway is back says nothing of the devices behind it"


def test_a_device_that_merely_sleeps_is_not_lost() -> None:
    assert routed("shellies/shellydw2-77/online", b"false") == Routed([])
    assert facts(routed("shellies/shellydw2-77/sensor/state", b"open")) == [("door-00005", "open", None)]


def test_what_the_tables_say_of_a_key_is_what_it_means() -> None:
    said = {"Time": "2026-09-21T22:00:00", "Switch1": "ON"}
    assert facts(routed("tele/s1/SENSOR", said)) == [("door-00006", "open", None)]
    assert not routed("tele/s2/SENSOR", said).arrivals, "nobody names it"


def test_a_district_may_name_its_topics_otherwise() -> None:
    assert routed("gate7/door a", {"contact": False}).unknown == (
        "topic:gate7/door a",
        "no dialect knows this topic",
    )
    answer = routed("gate7/door a", {"contact": False}, bases={"zigbee2mqtt": "gate7"})
    assert facts(answer) == [("door-00002", "open", None)]


def test_a_stranger_is_an_unknown_device_and_no_error() -> None:
    answer = routed("zigbee2mqtt/new one", {"contact": True})
    assert answer == Routed([], unknown=("zigbee2mqtt:new one", NOT_BOUND))


def test_what_cannot_be_understood_is_a_fault() -> None:
    answer = routed("door/b-1/1/event", b"\xff")
    assert not answer.arrivals
    assert answer.fault


def test_a_decoder_that_breaks_is_a_fault_and_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(gateway.intake.route, "decode", broken)
    answer = routed("door/b-1/1/event", report("b-1", 1, "open"))
    assert answer == Routed([], fault="the decoder failed: RecursionError('too deep')")
