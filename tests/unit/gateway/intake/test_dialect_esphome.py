"""ESPHome: exact words on state topics; a log that mentions a state states nothing."""

from __future__ import annotations

import pytest

from gateway.intake.dialects import esphome, facts
from gateway.intake.dialects.answer import Fault, NoNews, Profile, Readings, Report, Unknown

PROFILE: Profile = {
    "side": {"ON": "closed", "OFF": "open"},
    "lid": "tamper",
    "cell": "battery_v",
    "radio": "rssi_dbm",
    "half": {"OFF": "closed"},
}


@pytest.mark.parametrize(
    ("topic", "payload", "device", "stated"),
    [
        ("n1/binary_sensor/front/state", "ON", "n1#front", {"contact": "open"}),
        ("a/b/n1/binary_sensor/front/state", "OFF", "a/b/n1#front", {"contact": "closed"}),
        ("n1/binary_sensor/side/state", "ON", "n1#side", {"contact": "closed"}),
        ("n1/binary_sensor/lid/state", "OFF", "n1#lid", {"tamper": False}),
        ("n1/sensor/cell/state", "2.87", "n1#cell", {"battery_v": 2.87}),
        ("n1/sensor/radio/state", "-71", "n1#radio", {"rssi_dbm": -71}),
        ("n1/cover/gate/state", "open", "n1#gate", {"contact": "open"}),
        ("n1/cover/gate/state", "closing", "n1#gate", {"contact": "open"}),
        ("n1/cover/gate/state", "closed", "n1#gate", {"contact": "closed"}),
        ("a/n1/status", "offline", "a/n1", {"online": False}),
    ],
)
def test_readings(topic: str, payload: str, device: str, stated: dict[str, object]) -> None:
    answer = esphome.decode(Report(topic, payload.encode(), True, profile=PROFILE))
    assert isinstance(answer, Readings), answer
    (reading,) = answer.readings
    assert (reading.device, reading.retained) == (f"esphome:{device}", True)
    assert facts.stated(reading) == stated


@pytest.mark.parametrize(
    ("topic", "payload", "retained"),
    [
        ("n1/debug", "[D][binary_sensor]: 'front': Sending state OFF", False),
        ("n1/cover/gate/command", "OPEN", False),
        ("n1/switch/siren/state", "ON", False),
        ("n1/sensor/rain/state", "12.5", False),
        ("n1/sensor/cell/state", "nan", False),
        ("n1/binary_sensor/front/state", "", True),
        ("n1/status", "", True),
    ],
)
def test_no_news(topic: str, payload: str, retained: bool) -> None:
    assert isinstance(esphome.decode(Report(topic, payload.encode(), retained, profile=PROFILE)), NoNews)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("n1/binary_sensor/front/state", b""),
        ("n1/binary_sensor/front/state", b"on"),
        ("n1/binary_sensor/front/state", b"OFF "),
        ("n1/binary_sensor/front/state", b"OFF\n"),
        ("n1/binary_sensor/front/state", b"\xffON"),
        ("n1/cover/gate/state", b"ajar"),
        ("n1/sensor/cell/state", b"99"),
        ("n1/status", b"on-line"),
        ("status", b"online"),
    ],
)
def test_faults(topic: str, payload: bytes) -> None:
    assert isinstance(esphome.decode(Report(topic, payload, profile=PROFILE)), Fault)


def test_half_a_profile_is_not_guessed_at() -> None:
    assert isinstance(esphome.decode(Report("n1/binary_sensor/half/state", b"ON", profile=PROFILE)), Unknown)
