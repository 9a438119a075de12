"""Tasmota: wired switches need a profile; a Zigbee Contact 1 is open, unlike Zigbee2MQTT's true."""

from __future__ import annotations

import pytest

from gateway.intake.dialects import facts, tasmota
from gateway.intake.dialects.answer import Fault, NoNews, Profile, Readings, Report, Unknown

WIRED: Profile = {
    "Switch2": {"ON": "open", "OFF": "closed"},
    "BackDoor": {"Auf": "open", "Zu": "closed"},
    "Lid": "tamper",
}


def told(answer: object) -> dict[str, dict[str, object]]:
    assert isinstance(answer, Readings), answer
    return {reading.device: dict(facts.stated(reading)) for reading in answer.readings}


@pytest.mark.parametrize(
    ("topic", "payload", "stated"),
    [
        pytest.param(
            "tele/hall/SENSOR",
            '{"Time":"2025-06-01T07:08:09","Switch2":"OFF"}',
            {"tasmota:hall#Switch2": {"contact": "closed", "device_time": "2025-06-01T07:08:09"}},
            id="time-without-a-zone-gets-none",
        ),
        pytest.param(
            "tele/hall/SENSOR",
            '{"Time":"2025-06-01T07:08:09+02:00","Switch2":"ON"}',
            {"tasmota:hall#Switch2": {"contact": "open", "device_time": "2025-06-01T05:08:09Z"}},
            id="time-with-an-offset",
        ),
        pytest.param(
            "tele/hall/SENSOR",
            '{"Time":"1970-01-01T00:01:00","BackDoor":"Auf"}',
            {"tasmota:hall#BackDoor": {"contact": "open"}},
            id="renamed-key-and-words-and-no-clock",
        ),
        pytest.param(
            "stat/hall/RESULT",
            '{"Switch2":{"Action":"ON"}}',
            {"tasmota:hall#Switch2": {"contact": "open"}},
            id="an-action",
        ),
        pytest.param(
            "stat/hall/STATUS8",
            '{"StatusSNS":{"Switch2":"ON"}}',
            {"tasmota:hall#Switch2": {"contact": "open"}},
            id="an-answer-to-status-8",
        ),
        pytest.param(
            "stat/hall/BackDoor",
            "Zu",
            {"tasmota:hall#BackDoor": {"contact": "closed"}},
            id="a-rule-of-the-box",
        ),
        pytest.param(
            "tele/hall/SENSOR",
            '{"Switch2":"ON","Lid":"OFF","Switch7":"ON"}',
            {"tasmota:hall#Switch2": {"contact": "open"}, "tasmota:hall#Lid": {"tamper": False}},
            id="two-inputs-of-one-box-and-a-stranger",
        ),
        pytest.param("tele/hall/LWT", "Offline", {"tasmota:hall": {"online": False}}, id="last-will"),
        pytest.param(
            "site/hall/tele/LWT", "Online", {"tasmota:site/hall": {"online": True}}, id="full-topic"
        ),
        pytest.param(
            "tele/hall/STATE",
            '{"Time":"2025-06-01T07:08:09","Vcc":3.1,"POWER":"ON","Wifi":{"RSSI":74,"Signal":-63}}',
            {"tasmota:hall": {"device_time": "2025-06-01T07:08:09", "rssi_dbm": -63}},
            id="signal-is-dbm-and-rssi-a-percentage",
        ),
    ],
)
def test_a_wired_box(topic: str, payload: str, stated: dict[str, object]) -> None:
    assert told(tasmota.decode(Report(topic, payload.encode(), profile=WIRED))) == stated


@pytest.mark.parametrize(
    ("topic", "payload", "stated"),
    [
        pytest.param(
            "tele/zb/SENSOR",
            '{"ZbReceived":{"0xA1B2":{"Contact":1,"Endpoint":1,"LinkQuality":40}}}',
            {"tasmota:zb#0xA1B2": {"contact": "open", "linkquality": 40}},
            id="1-is-open",
        ),
        pytest.param(
            "tele/zb/A1B2/SENSOR",
            '{"ZbReceived":{"0xA1B2":{"Contact":0}}}',
            {"tasmota:zb#0xA1B2": {"contact": "closed"}},
            id="0-is-closed-on-a-topic-of-its-own",
        ),
        pytest.param(
            "tele/zb/SENSOR",
            '{"ZbReceived":{"Cellar":{"BatteryVoltage":2.7,"BatteryPercentage":31,"Tamper":1}}}',
            {"tasmota:zb#Cellar": {"battery_v": 2.7, "battery_pct": 31, "tamper": True}},
            id="battery-alone-says-nothing-of-the-leaf",
        ),
        pytest.param(
            "tele/zb/SENSOR",
            '{"ZbReceived":{"A":{"Contact":1,"Voltage":231,"LinkQuality":999},"B":{"Contact":0}}}',
            {"tasmota:zb#A": {"contact": "open"}, "tasmota:zb#B": {"contact": "closed"}},
            id="two-sensors-and-mains-volts-are-no-battery",
        ),
    ],
)
def test_a_zigbee_sensor_behind_a_bridge(topic: str, payload: str, stated: dict[str, object]) -> None:
    assert told(tasmota.decode(Report(topic, payload.encode()))) == stated


def test_a_sensor_that_was_not_probed_needs_a_profile() -> None:
    report = Report("tele/zb/SENSOR", b'{"ZbReceived":{"0xA1B2":{"Power":0}}}')
    assert isinstance(tasmota.decode(report), Unknown)
    known = report._replace(profile={"0xA1B2": {"1": "open", "0": "closed"}})
    assert told(tasmota.decode(known)) == {"tasmota:zb#0xA1B2": {"contact": "closed"}}


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("tele/hall/SENSOR", '{"Time":"2025-06-01T07:08:09","Switch1":"ON"}'),
        ("tele/hall/SENSOR", '{"Gate":"OFF"}'),
        ("stat/hall/RESULT", '{"Switch1":{"Action":"ON"}}'),
        ("stat/hall/GATE", "ON"),
    ],
)
def test_a_wired_switch_without_a_profile_is_unknown(topic: str, payload: str) -> None:
    answer = tasmota.decode(Report(topic, payload.encode()))
    assert isinstance(answer, Unknown)
    assert answer.device is not None
    assert answer.device.startswith("tasmota:hall#")


@pytest.mark.parametrize(
    ("topic", "payload", "retained"),
    [
        ("cmnd/hall/POWER", "ON", False),
        ("stat/hall/POWER", "ON", False),
        ("stat/hall/RESULT", '{"POWER":"ON"}', False),
        ("stat/hall/RESULT", '{"SetOption114":"ON"}', False),
        ("tele/hall/INFO1", '{"Info1":{}}', False),
        ("tele/hall/LWT", "", True),
        ("tele/zb/SENSOR", '{"ZbInfo":{"0xA1B2":{"Contact":1,"LastSeen":9999}}}', False),
        ("tele/zb/SENSOR", '{"ZbReceived":{"0xA1B2":{"Illuminance":4}}}', False),
    ],
)
def test_no_news(topic: str, payload: str, retained: bool) -> None:
    assert isinstance(tasmota.decode(Report(topic, payload.encode(), retained)), NoNews)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("tele/hall/SENSOR", b""),
        ("tele/hall/SENSOR", b'{"Switch2":"O'),
        ("tele/hall/SENSOR", b'["Switch2"]'),
        ("tele/hall/SENSOR", b'{"Switch2":"TOGGLE"}'),
        ("stat/hall/BackDoor", b"ON"),
        ("stat/hall/BackDoor", b"\xff"),
        ("tele/hall/LWT", b"online"),
        ("tele/hall/LWT", b"Online\n"),
        ("tele/zb/SENSOR", b'{"ZbReceived":{"0xA1B2":{"Contact":2}}}'),
        ("tele/zb/SENSOR", b'{"ZbReceived":{"0xA1B2":{"Contact":true}}}'),
        ("tele/zb/SENSOR", b'{"ZbReceived":{"0xA1B2":5}}'),
        ("tele/zb/SENSOR", b'{"ZbReceived":[]}'),
        ("hall/SENSOR", b"{}"),
        ("one/two/three", b"{}"),
    ],
)
def test_faults(topic: str, payload: bytes) -> None:
    assert isinstance(tasmota.decode(Report(topic, payload, profile=WIRED)), Fault)
