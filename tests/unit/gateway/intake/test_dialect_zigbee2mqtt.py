"""Zigbee2MQTT: contact true is closed, null is no news, commands and the bridge are no doors."""

from __future__ import annotations

import pytest

from gateway.intake.dialects import facts, zigbee2mqtt
from gateway.intake.dialects.answer import Fault, NoNews, Profile, Readings, Report, Unknown


@pytest.mark.parametrize(
    ("name", "payload", "stated"),
    [
        pytest.param("3号楼/西门", '{"contact":true}', {"contact": "closed"}, id="true-is-closed"),
        pytest.param("west", '{"contact":false}', {"contact": "open"}, id="false-is-open"),
        pytest.param(
            "west",
            '{"contact":null,"battery":55.5,"linkquality":0}',
            {"battery_pct": 55.5, "linkquality": 0},
            id="null-is-no-news",
        ),
        pytest.param("west", '{"garage_door_contact":false}', {"contact": "open"}, id="a-garage-controller"),
        pytest.param("west", '{"battery":"62.00"}', {"battery_pct": 62}, id="old-builds-write-text"),
        pytest.param(
            "west",
            '{"contact":true,"voltage":2950,"battery":140,"linkquality":300,"tamper":"no","battery_low":1}',
            {"contact": "closed", "battery_v": 2.95},
            id="bad-secondary-facts-are-dropped",
        ),
        pytest.param(
            "west",
            '{"last_seen":"2025-03-01T01:30:00+08:00"}',
            {"device_time": "2025-02-28T17:30:00Z"},
            id="last-seen-with-an-offset",
        ),
        pytest.param(
            "west",
            '{"last_seen":1735689600250}',
            {"device_time": "2025-01-01T00:00:00.250Z"},
            id="last-seen-in-milliseconds",
        ),
        pytest.param(
            "west",
            '{"contact":true,"last_seen":"3 minutes ago"}',
            {"contact": "closed"},
            id="an-age-is-no-time",
        ),
        pytest.param("west/contact", "false", {"contact": "open"}, id="one-topic-a-key"),
        pytest.param("west/battery", "71", {"battery_pct": 71}, id="one-topic-a-key-battery"),
        pytest.param(
            "west/last_seen",
            "2025-01-01T08:00:00Z",
            {"device_time": "2025-01-01T08:00:00Z"},
            id="one-topic-a-key-unquoted",
        ),
    ],
)
def test_a_sensor(name: str, payload: str, stated: dict[str, object]) -> None:
    answer = zigbee2mqtt.decode(Report(f"zigbee2mqtt/{name}", payload.encode()))
    assert isinstance(answer, Readings), answer
    (reading,) = answer.readings
    assert facts.stated(reading) == stated
    assert reading.device == ("zigbee2mqtt:west" if name.startswith("west") else f"zigbee2mqtt:{name}")


@pytest.mark.parametrize("payload", ['{"state":"offline"}', "offline"])
def test_availability_of_one_device(payload: str) -> None:
    answer = zigbee2mqtt.decode(Report("zigbee2mqtt/yard/north/availability", payload.encode(), True))
    assert isinstance(answer, Readings)
    (reading,) = answer.readings
    assert (reading.device, reading.online, reading.online_scope) == (
        "zigbee2mqtt:yard/north",
        False,
        "device",
    )
    assert reading.retained


@pytest.mark.parametrize("payload", ['{"state":"online"}', "online"])
def test_the_bridge_speaks_for_all_behind_it(payload: str) -> None:
    answer = zigbee2mqtt.decode(Report("zigbee2mqtt/bridge/state", payload.encode(), True))
    assert isinstance(answer, Readings)
    (reading,) = answer.readings
    assert (reading.device, reading.online, reading.online_scope) == ("zigbee2mqtt:bridge", True, "gateway")


@pytest.mark.parametrize(
    ("name", "payload", "retained"),
    [
        ("west/set", '{"contact":false}', False),
        ("west/get", '{"contact":""}', False),
        ("west/set/contact", "false", False),
        ("bridge/devices", '[{"contact":false}]', True),
        ("bridge/logging", '{"message":"contact false"}', False),
        ("west/availability", "", False),
        ("west", "", True),
        ("west", '{"update":{"state":"available"}}', False),
        ("west", '{"contact":null}', False),
        ("west", "{}", False),
        ("west/contact", "null", False),
        ("west/temperature", "-3.5", False),
        ("west/update_available", "", True),
    ],
)
def test_no_news(name: str, payload: str, retained: bool) -> None:
    assert isinstance(zigbee2mqtt.decode(Report(f"zigbee2mqtt/{name}", payload.encode(), retained)), NoNews)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("west", ""),
        ("west", "true"),
        ("west", '{"contact":'),
        ("west", '{"contact":"false"}'),
        ("west", '{"contact":0}'),
        ("west", '{"contact":true,"battery":1e999}'),
        ("west", '{"contact":true,"contact":false}'),
        ("west", '{"battery":101}'),
        ("contact", "false"),
        ("west/contact", "nope"),
        ("west/availability", "Online"),
        ("west/availability", '{"state":null}'),
        ("west/availability", '["online"]'),
        ("bridge/state", "up"),
        ("", "{}"),
    ],
)
def test_faults(name: str, payload: str) -> None:
    assert isinstance(zigbee2mqtt.decode(Report(f"zigbee2mqtt/{name}", payload.encode())), Fault)


def test_the_base_topic_is_configurable() -> None:
    report = Report("site/7/z2m/west", b'{"contact":true}', base="site/7/z2m")
    answer = zigbee2mqtt.decode(report)
    assert isinstance(answer, Readings)
    assert answer.readings[0].device == "zigbee2mqtt:west"
    assert isinstance(zigbee2mqtt.decode(report._replace(base="other")), Fault)


def test_the_registry_may_know_that_a_sensor_is_wired_the_other_way() -> None:
    profile: Profile = {"contact": {"true": "open", "false": "closed"}}
    answer = zigbee2mqtt.decode(Report("zigbee2mqtt/west", b'{"contact":true}', profile=profile))
    assert isinstance(answer, Readings)
    assert answer.readings[0].contact == "open"
    half: Profile = {"contact": {"false": "closed"}}
    assert isinstance(
        zigbee2mqtt.decode(Report("zigbee2mqtt/west", b'{"contact":true}', profile=half)), Unknown
    )
