"""Tasmota: wired switches of an ESP box, and Zigbee sensors behind a Tasmota bridge.

Rule 1: a wired switch's ``ON`` means what its wiring says; without a profile it is ``Unknown``.
Rule 2: a Zigbee sensor's ``Contact`` 1 is OPEN, 0 is closed: the opposite of Zigbee2MQTT.
Rule 3: ``Wifi.RSSI`` is a percentage and ``Vcc`` the chip's rail; neither is news.
Rule 4: ``Time`` is local time without a zone unless it carries an offset.

Topics: ``tele/<topic>/…`` and ``stat/<topic>/…``, or ``<topic>/tele/…`` where FullTopic says so.
Source: tasmota/docs (Buttons-and-Switches.md, Zigbee.md, Home-Assistant.md, DeepSleep.md).
"""

from __future__ import annotations

import re

from gateway.intake.dialects import facts, strict_json
from gateway.intake.dialects.answer import Answer, Fault, NoNews, Readings, Report, Unknown
from rules.reading import Reading

NAME = "tasmota"
# TelePeriod, by default 300 s: SENSOR and STATE are repeated this often.
EXPECTED_INTERVAL_MS: int | None = 5 * 60 * 1000
OFFLINE_MEANS_LOST = True  # not for boxes in DeepSleep
DEFAULT_TOPICS: tuple[str, ...] = ("tele/#", "stat/#")

_PREFIXES = ("tele", "stat", "cmnd")
_LWT = {"Online": True, "Offline": False}
_SWITCH = re.compile(r"Switch[0-9]{1,2}")
_RELAY = re.compile(r"POWER[0-9]{0,2}")
# JSON with the switches in it: periodic, on change, and as an answer to ``Status 8`` or ``10``.
_WITH_SWITCHES = ("SENSOR", "RESULT", "STATUS8", "STATUS10")
_MAX_KEY = 64  # characters; SwitchText and Zigbee names are at most 32

_Fields = dict[str, object]


def decode(report: Report) -> Answer:
    levels = report.topic.split("/")
    if len(levels) < 3 or "" in levels:
        return Fault(None, "not a topic of this dialect")
    if levels[0] in _PREFIXES:
        prefix, box, what = levels[0], "/".join(levels[1:-1]), levels[-1]
    elif levels[-2] in _PREFIXES:
        prefix, box, what = levels[-2], "/".join(levels[:-2]), levels[-1]
    else:
        return Fault(None, "not a topic of this dialect")
    device = f"{NAME}:{box}"
    if prefix == "cmnd":
        return NoNews(device, "a command to the box")
    if not report.payload:
        return facts.empty(report, device)
    if what == "LWT":
        return _lwt(report, device)
    if what == "STATE" or what in _WITH_SWITCHES:
        return _json(report, box, what)
    return _bare(report, box, what) if prefix == "stat" else NoNews(device, "not about a door")


def _lwt(report: Report, device: str) -> Answer:
    said = facts.word(report.payload)
    if said is None or said not in _LWT:
        return Fault(device, "neither Online nor Offline")
    return Readings((facts.reading(report, device, online=_LWT[said]),))


def _bare(report: Report, box: str, key: str) -> Answer:
    """A word on a topic of its own, as a rule of the box may send it: ``stat/<topic>/DOOR`` = ``ON``."""
    device = f"{NAME}:{box}#{key}"
    meaning = (report.profile or {}).get(key)
    said = facts.word(report.payload)
    if meaning is None:
        if said in ("ON", "OFF") and not _RELAY.fullmatch(key):
            return Unknown(device, f"no profile says what {key} means")
        return NoNews(f"{NAME}:{box}", "not about a door")
    reading = None
    if said is not None:
        reading = facts.with_meaning(facts.reading(report, device), meaning, said)
    if reading is None:
        return Fault(device, f"the profile of {key} has no word {facts.shown(said)}")
    return Readings((reading,))


def _json(report: Report, box: str, what: str) -> Answer:
    device = f"{NAME}:{box}"
    try:
        fields = strict_json.load(report.payload)
    except strict_json.NotStrictJson as refused:
        return Fault(device, str(refused))
    if not isinstance(fields, dict):
        return Fault(device, "not a JSON object")
    if what == "STATE":
        return _box_only(report, device, fields)
    if "ZbReceived" in fields:
        return _zigbee(report, box, fields["ZbReceived"])
    inner = fields.get("StatusSNS")
    return _switches(report, box, inner if isinstance(inner, dict) else fields, what)


def _box_only(report: Report, device: str, fields: _Fields) -> Answer:
    """What the box says of itself: its clock and its radio. ``ZbInfo`` is the bridge's memory, no news."""
    wifi = fields.get("Wifi")
    reading = facts.reading(report, device, device_time=facts.time_from_text(fields.get("Time")))
    if isinstance(wifi, dict):
        reading = reading._replace(rssi_dbm=facts.number(wifi.get("Signal"), facts.DBM))
    return Readings((reading,)) if facts.stated(reading) else NoNews(device, "not about a door")


def _switches(report: Report, box: str, fields: _Fields, what: str) -> Answer:
    profile = report.profile or {}
    time = facts.time_from_text(fields.get("Time"))
    readings: list[Reading] = []
    unknown: str | None = None
    for key, value in fields.items():
        said = _said(value)
        if said is None or not _is_name(key):
            continue
        device = f"{NAME}:{box}#{key}"
        if key not in profile:
            if unknown is None and _looks_like_a_switch(key, value, said, what):
                unknown = key
            continue
        reading = facts.with_meaning(facts.reading(report, device, device_time=time), profile[key], said)
        if reading is None:
            return Fault(device, f"the profile of {key} has no word {facts.shown(said)}")
        readings.append(reading)
    if readings:
        return Readings(tuple(readings))
    if unknown is not None:
        return Unknown(f"{NAME}:{box}#{unknown}", f"no profile says what {unknown} means")
    return _box_only(report, f"{NAME}:{box}", fields)


def _said(value: object) -> str | None:
    """``"ON"``, or ``{"Action": "ON"}`` with SetOption114."""
    if isinstance(value, dict):
        value = value.get("Action")
    return value if isinstance(value, str) else None


def _looks_like_a_switch(key: str, value: object, said: str, what: str) -> bool:
    """SwitchText renames the key, StateText the words; a RESULT also answers settings with ON and OFF."""
    if _SWITCH.fullmatch(key):
        return True
    if said not in ("ON", "OFF") or _RELAY.fullmatch(key):
        return False
    return what != "RESULT" or isinstance(value, dict)


def _zigbee(report: Report, box: str, received: object) -> Answer:
    """``{"0x4D21": {"Contact": 1, …}}``; the key may be the sensor's name."""
    if not isinstance(received, dict) or not received:
        return Fault(f"{NAME}:{box}", "ZbReceived is not an object of devices")
    answers = [_zigbee_device(report, box, key, fields) for key, fields in received.items()]
    for answer in answers:
        if isinstance(answer, Fault):
            return answer
    readings = tuple(
        reading for answer in answers if isinstance(answer, Readings) for reading in answer.readings
    )
    return Readings(readings) if readings else answers[0]


def _zigbee_device(report: Report, box: str, key: str, fields: object) -> Answer:
    # With SetOption89 the topic ends with the sensor, which the key already names.
    head, _, last = box.rpartition("/")
    if head and key.casefold() in (last.casefold(), f"0x{last}".casefold()):
        box = head
    if not _is_name(key) or not isinstance(fields, dict):
        return Fault(f"{NAME}:{box}", "ZbReceived is not an object of devices")
    device = f"{NAME}:{box}#{key}"
    meaning = (report.profile or {}).get(key)
    reading = _with_secondary(facts.reading(report, device), fields)
    if fields.get("Contact") is not None:
        is_open = facts.bit(fields["Contact"])
        if is_open is None:
            return Fault(device, f"Contact is {facts.shown(fields['Contact'])}, neither 0 nor 1")
        known = facts.with_meaning(reading, meaning or {"1": "open", "0": "closed"}, str(int(is_open)))
    elif facts.bit(fields.get("Power")) is not None:
        # Before ZbProbe a contact sensor reports Power, and so does every plug.
        if meaning is None:
            return Unknown(device, "Power may be a plug or a sensor that was not probed yet")
        known = facts.with_meaning(reading, meaning, str(fields["Power"]))
    else:
        return Readings((reading,)) if facts.stated(reading) else NoNews(device, "not about a door")
    return Readings((known,)) if known else Unknown(device, f"the profile does not say what {key} means")


def _with_secondary(reading: Reading, fields: _Fields) -> Reading:
    volts = fields.get("BatteryVoltage", fields.get("Voltage"))
    return reading._replace(
        battery_pct=facts.number(fields.get("BatteryPercentage"), facts.PERCENT),
        battery_v=facts.number(volts, facts.BATTERY_VOLTS),
        battery_low=facts.bit(fields.get("BatteryLow")),
        tamper=facts.bit(fields.get("Tamper")),
        linkquality=facts.link_quality(fields.get("LinkQuality")),
    )


def _is_name(key: str) -> bool:
    return 0 < len(key) <= _MAX_KEY and key.isprintable()
