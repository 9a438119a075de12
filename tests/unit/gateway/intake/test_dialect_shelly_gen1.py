"""Shelly Gen1: the words are open and close, and "offline" only means asleep."""

from __future__ import annotations

import pytest

from gateway.intake.dialects import facts, shelly_gen1
from gateway.intake.dialects.answer import Fault, NoNews, Readings, Report

INFO = (
    '{"sensor":{"state":"close","is_valid":true},"bat":{"value":64,"voltage":5.6},'
    '"wifi_sta":{"rssi":-59},"unixtime":1750000000,"tilt":{"value":-1}}'
)


@pytest.mark.parametrize(
    ("what", "payload", "stated"),
    [
        ("sensor/state", "open", {"contact": "open"}),
        ("sensor/state", "close", {"contact": "closed"}),
        ("sensor/battery", "0", {"battery_pct": 0}),
        ("sensor/battery", "77.5", {"battery_pct": 77.5}),
        ("online", "false", {"online": False}),
        (
            "info",
            INFO,
            {
                "contact": "closed",
                "battery_pct": 64,
                "battery_v": 5.6,
                "rssi_dbm": -59,
                "device_time": "2025-06-15T15:06:40Z",
            },
        ),
        ("info", '{"sensor":{"state":"open","is_valid":false},"bat":{"value":9}}', {"battery_pct": 9}),
        ("info", '{"sensor":{"state":"open"},"unixtime":0,"bat":{"value":900}}', {"contact": "open"}),
    ],
)
def test_readings(what: str, payload: str, stated: dict[str, object]) -> None:
    answer = shelly_gen1.decode(Report(f"shellies/shellydw2-9/{what}", payload.encode()))
    assert isinstance(answer, Readings), answer
    (reading,) = answer.readings
    assert reading.device == "shelly_gen1:shellydw2-9"
    assert facts.stated(reading) == stated


@pytest.mark.parametrize(
    ("topic", "payload", "retained"),
    [
        ("shellies/announce", '{"id":"x"}', False),
        ("shellies/command", "announce", False),
        ("shellies/x/command", "update", False),
        ("shellies/x/sensor/vibration", "0", False),
        ("shellies/x/sensor/tilt", "12", False),
        ("shellies/x/sensor/act_reasons", '["sensor"]', False),
        ("shellies/x/sensor/state", "", True),
        ("shellies/x/sensor/state", "unknown", False),
        ("shellies/x/info", "{}", False),
    ],
)
def test_no_news(topic: str, payload: str, retained: bool) -> None:
    assert isinstance(shelly_gen1.decode(Report(topic, payload.encode(), retained)), NoNews)


@pytest.mark.parametrize(
    ("what", "payload"),
    [
        ("sensor/state", b"closed"),
        ("sensor/state", b"Open"),
        ("sensor/state", b""),
        ("sensor/state", b"open\x00"),
        ("sensor/battery", b"101"),
        ("sensor/battery", b"1_0"),
        ("sensor/battery", "\u0663".encode()),
        ("sensor/battery", b"inf"),
        ("online", b"True"),
        ("info", b"[]"),
        ("info", b'{"sensor":{"state":1}}'),
        ("info", b'{"sensor":{"state":"ajar"}}'),
        ("info", b'{"sensor":'),
    ],
)
def test_faults(what: str, payload: bytes) -> None:
    assert isinstance(shelly_gen1.decode(Report(f"shellies/x/{what}", payload)), Fault)


def test_offline_after_a_wake_is_no_loss() -> None:
    assert not shelly_gen1.OFFLINE_MEANS_LOST
