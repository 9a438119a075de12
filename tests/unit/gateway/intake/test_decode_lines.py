"""``doorward decode``: one answer a line, in order, whatever the lines hold."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.decode import decode_lines


def answer(**line: object) -> dict[str, object]:
    (text,) = decode_lines([json.dumps(line)])
    told = json.loads(text)
    assert isinstance(told, dict)
    return told


def test_a_reading_tells_what_was_stated_and_nothing_else() -> None:
    assert answer(topic="zigbee2mqtt/门", payload='{"contact":false,"battery":40}') == {
        "kind": "reading",
        "dialect": "zigbee2mqtt",
        "device": "zigbee2mqtt:门",
        "contact": "open",
        "battery_pct": 40,
    }


def test_a_bridge_speaks_for_all_behind_it() -> None:
    told = answer(topic="z2m/bridge/state", payload="offline", dialect="zigbee2mqtt", base="z2m")
    assert (told["online"], told["online_scope"]) == (False, "gateway")


def test_several_readings_lead_with_one_that_speaks_of_a_leaf() -> None:
    profile = {"Lid": "tamper", "Gate": {"ON": "open", "OFF": "closed"}}
    told = answer(topic="tele/t/SENSOR", payload='{"Lid":"ON","Gate":"OFF"}', profile=profile)
    assert (told["device"], told["contact"]) == ("tasmota:t#Gate", "closed")
    assert told["readings"] == [
        {"device": "tasmota:t#Lid", "tamper": True},
        {"device": "tasmota:t#Gate", "contact": "closed"},
    ]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ({"topic": "tele/t/LWT", "payload_hex": "4f66666c696e65"}, "reading"),
        ({"topic": "n/status", "payload": "online", "retained": True}, "reading"),
        ({"topic": "tele/t/LWT", "payload": "", "retained": True}, "no_news"),
        ({"topic": "tele/t/LWT", "payload": ""}, "fault"),
        ({"topic": "tele/t/SENSOR", "payload": '{"Switch1":"ON"}'}, "unknown"),
        ({"topic": "attic", "payload": "hello"}, "unknown"),
        ({"topic": "attic", "payload": "hello", "dialect": "klingon"}, "unknown"),
    ],
)
def test_kinds(line: dict[str, object], kind: str) -> None:
    assert answer(**line)["kind"] == kind


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        (b"\xff", "not UTF-8"),
        ("\udcff", "not UTF-8"),
        ('{"payload":""}', "topic is missing"),
        ('{"topic":5,"payload":""}', "topic is not text"),
        ('{"topic":"a"}', "give either payload or payload_hex"),
        ('{"topic":"a","payload":"","payload_hex":""}', "give either payload or payload_hex"),
        ('{"topic":"a","payload_hex":"0g"}', "payload_hex is not hexadecimal"),
        ('{"topic":"a","payload":"","retained":1}', "retained is neither true nor false"),
        ('{"topic":"a","payload":"","profile":[]}', "profile is not an object"),
        (
            '{"topic":"a","payload":"","profile":{"k":{"ON":1}}}',
            "profile: 'k' is neither text nor a map of words",
        ),
    ],
)
def test_a_broken_line_is_a_fault_and_stops_nothing(line: str | bytes, reason: str) -> None:
    first, second = decode_lines([line, b'{"topic":"tele/t/LWT","payload":"Online"}\n'])
    assert json.loads(first) == {
        "kind": "fault",
        "dialect": None,
        "device": None,
        "reason": f"the input line: {reason}",
    }
    assert json.loads(second)["online"] is True


def test_empty_lines_are_skipped() -> None:
    assert list(decode_lines(["", "\n", b"  \r\n"])) == []


@given(st.lists(st.binary() | st.text(st.characters())))
def test_no_line_stops_the_rest(lines: list[bytes | str]) -> None:
    told = list(decode_lines(lines))
    assert len(told) <= len(lines)
    assert all("\n" not in text and json.loads(text)["kind"] for text in told)
