"""Every dialect is listed, answers whatever comes, and is told from the others."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake import dialects
from gateway.intake.dialects import facts
from gateway.intake.dialects.answer import Fault, NoNews, Profile, Readings, Report, Unknown

# Words that the dialects look for, so that chance meets their branches.
TOPIC_WORDS = """
door b1 1 9 event state status zigbee2mqtt bridge availability get set contact battery last_seen
tele stat cmnd SENSOR RESULT STATE LWT STATUS8 DOOR POWER binary_sensor cover sensor debug
shellies online info command
"""
KEY_WORDS = """
v id ch boot seq why contact t bat_v bat_pct bat_low tamper rssi online state battery voltage
linkquality last_seen garage_door_contact Time Switch1 Action ZbReceived 0x1 Contact Power Wifi Signal
StatusSNS sensor bat wifi_sta unixtime value
"""
LEVELS = st.sampled_from(TOPIC_WORDS.split()) | st.text(max_size=4)
TOPICS = st.lists(LEVELS, max_size=6).map("/".join) | st.text()
KEYS = st.sampled_from(KEY_WORDS.split()) | st.text(max_size=4)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(
        ["open", "closed", "close", "ON", "OFF", "online", "b1", "change", "2024-13-01T00:00:00"]
    )
    | st.text()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.dictionaries(KEYS, inner, max_size=8) | st.lists(inner, max_size=3),
    max_leaves=20,
)
PAYLOADS = (
    st.binary()
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.sampled_from([b"", b"ON", b"online", b"Online", b"open", b"true", b"5", b"nan", b"[" * 70_000])
)
WORDS = st.sampled_from(["open", "closed", "ajar", "tamper", "battery_low", "battery_pct", "rssi_dbm"])
PROFILES: st.SearchStrategy[Profile | None] = st.none() | st.dictionaries(
    KEYS, WORDS | st.dictionaries(st.sampled_from(["ON", "OFF", "1", "true"]), WORDS, max_size=3), max_size=4
)


@given(
    st.sampled_from([*dialects.DIALECTS, "klingon"]),
    TOPICS,
    PAYLOADS,
    st.booleans(),
    PROFILES,
    st.none() | st.sampled_from(["", "zigbee2mqtt", "a/b"]),
)
def test_no_report_raises_and_every_answer_keeps_its_promises(
    name: str, topic: str, payload: bytes, retained: bool, profile: Profile | None, base: str | None
) -> None:
    answer = dialects.decode(name, Report(topic, payload, retained, 7, profile, base))
    if isinstance(answer, Readings):
        assert answer.readings
        for reading in answer.readings:
            assert facts.stated(reading), "a reading states something"
            assert reading.device.startswith(f"{name}:")
            assert (reading.retained, reading.received_at_ms) == (retained, 7)
            assert reading.contact in ("open", "closed", None)
            assert reading.battery_pct is None or 0 <= reading.battery_pct <= 100
    else:
        assert isinstance(answer, NoNews | Fault | Unknown)
        assert 0 < len(answer.reason) < 200
        assert answer.device is None or answer.device.startswith(f"{name}:")
    assert dialects.guess(topic, payload) in {None, *dialects.DIALECTS}


@pytest.mark.parametrize(
    ("topic", "payload", "name"),
    [
        ("door/b1/1/event", b"{}", "doorward"),
        ("door/b1/status", b'{"v":1}', "doorward"),
        ("door/b1/status", b"online", "esphome"),
        ("zigbee2mqtt/porch", b'{"contact":true}', "zigbee2mqtt"),
        ("zigbee2mqtt/bridge/state", b"online", "zigbee2mqtt"),
        ("z2m/porch", b'{"contact":true,"linkquality":3}', "zigbee2mqtt"),
        ("tele/hall/LWT", b"Online", "tasmota"),
        ("hall/stat/RESULT", b"{}", "tasmota"),
        ("n1/binary_sensor/front/state", b"ON", "esphome"),
        ("n1/status", b"offline", "esphome"),
        ("shellies/x/online", b"true", "shelly_gen1"),
        ("n1/status", b"fine", None),
        ("homeassistant/binary_sensor/x/config", b"{}", None),
        ("weather", b"sunny", None),
    ],
)
def test_a_report_tells_its_dialect(topic: str, payload: bytes, name: str | None) -> None:
    assert dialects.guess(topic, payload) == name


def test_an_unknown_dialect_is_unknown() -> None:
    assert dialects.decode("klingon", Report("a", b"")) == Unknown(None, "no dialect of that name")


@pytest.mark.parametrize("name", dialects.DIALECTS)
def test_every_dialect_says_what_the_registry_asks(name: str) -> None:
    dialect = dialects.DIALECTS[name]
    assert name == dialect.NAME
    assert dialect.EXPECTED_INTERVAL_MS is None or dialect.EXPECTED_INTERVAL_MS >= 60_000
    assert dialect.OFFLINE_MEANS_LOST is (name != "shelly_gen1")
    assert dialect.DEFAULT_TOPICS
