"""Our own dialect. The treaty with the devices is ``firmware_sim/WIRE.md``.

Topics: ``door/<box>/<channel>/event``, ``door/<box>/<channel>/state``, ``door/<box>/status``.
Unknown fields are ignored; a known field of a wrong type or outside its range
makes the whole report a fault, and so does a box or channel that is not the topic's.
"""

from __future__ import annotations

import re

from gateway.intake.dialects import facts, strict_json
from gateway.intake.dialects.answer import Answer, Fault, NoNews, Readings, Report
from rules.reading import CLOSED, OPEN, Contact, Reading

NAME = "doorward"
# WIRE.md, Manners: a heartbeat every 15 min on battery (every 60 s on mains, which is sooner).
EXPECTED_INTERVAL_MS: int | None = 15 * 60 * 1000
OFFLINE_MEANS_LOST = True  # boxes stay connected; the last will speaks only when one is cut off
DEFAULT_TOPICS: tuple[str, ...] = ("door/+/+/event", "door/+/+/state", "door/+/status")

MAX_REPORT_BYTES = 1024  # WIRE.md, A report
_MAX_COUNT = 2**32 - 1  # WIRE.md: boot and seq
_VOLTS = (0.0, 5.0)  # WIRE.md: bat_v
_BOX = re.compile(r"[a-z0-9-]{1,32}")
_CHANNELS = {str(channel): channel for channel in range(1, 9)}
_WHYS = ("change", "heartbeat", "boot")

_Fields = dict[str, object]


class _Broken(ValueError):
    """The report breaks the treaty; the text says how."""


def decode(report: Report) -> Answer:
    levels = report.topic.split("/")
    if len(levels) < 3 or levels[0] != "door" or not _BOX.fullmatch(levels[1]):
        return Fault(None, "not a topic of this dialect")
    box = levels[1]
    if len(levels) == 4 and levels[2] in _CHANNELS and levels[3] in ("event", "state"):
        device = f"{NAME}:{box}#{levels[2]}"
    elif len(levels) == 3 and levels[2] == "status":
        device = f"{NAME}:{box}"
    else:
        return Fault(f"{NAME}:{box}", "not a topic of this dialect")
    if not report.payload and levels[-1] != "event":
        return NoNews(device, "an empty payload removes what the broker remembered")
    try:
        fields = _fields(report.payload, box)
        if len(levels) == 3:
            return Readings((_status(report, device, fields),))
        return Readings((_door(report, device, fields, _CHANNELS[levels[2]]),))
    except (_Broken, strict_json.NotStrictJson) as broken:
        return Fault(device, str(broken))


def _fields(payload: bytes, box: str) -> _Fields:
    fields = strict_json.load(payload, max_bytes=MAX_REPORT_BYTES)
    if not isinstance(fields, dict):
        raise _Broken("not a JSON object")
    if type(fields.get("v")) is not int or fields["v"] != 1:
        raise _wrong(fields, "v")
    if fields.get("id") != box:
        raise _Broken("the report's id is not the topic's")
    return fields


def _status(report: Report, device: str, fields: _Fields) -> Reading:
    online = fields.get("online")
    if not isinstance(online, bool):
        raise _wrong(fields, "online")
    return facts.reading(report, device, online=online)


def _door(report: Report, device: str, fields: _Fields, channel: int) -> Reading:
    if _whole(fields, "ch", 8) != channel:
        raise _Broken("the report's ch is not the topic's")
    if fields.get("why") not in _WHYS:
        raise _wrong(fields, "why")
    return Reading(
        device=device,
        received_at_ms=report.received_at_ms,
        contact=_contact(fields),
        retained=report.retained,
        boot=_whole(fields, "boot", _MAX_COUNT),
        seq=_whole(fields, "seq", _MAX_COUNT),
        battery_pct=_number(fields, "bat_pct", facts.PERCENT),
        battery_v=_number(fields, "bat_v", _VOLTS),
        battery_low=_flag(fields, "bat_low"),
        tamper=_flag(fields, "tamper"),
        rssi_dbm=_number(fields, "rssi", facts.DBM),
        device_time=_time(fields),
    )


def _contact(fields: _Fields) -> Contact:
    contact = fields.get("contact")
    if contact == "open":
        return OPEN
    if contact == "closed":
        return CLOSED
    raise _wrong(fields, "contact")


def _whole(fields: _Fields, name: str, highest: int) -> int:
    value = fields.get(name)
    if type(value) is int and 0 <= value <= highest:
        return value
    raise _wrong(fields, name)


def _number(fields: _Fields, name: str, within: tuple[float, float]) -> float | None:
    if name not in fields:
        return None
    value = facts.number(fields[name], within)
    if value is None:
        raise _wrong(fields, name)
    return value


def _flag(fields: _Fields, name: str) -> bool | None:
    if name not in fields:
        return None
    value = fields[name]
    if not isinstance(value, bool):
        raise _wrong(fields, name)
    return value


def _time(fields: _Fields) -> str | None:
    """The device's own clock. A number that is no credible date is only not shown."""
    if "t" not in fields:
        return None
    seconds = fields["t"]
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise _wrong(fields, "t")
    return facts.time_from_seconds(seconds)


def _wrong(fields: _Fields, name: str) -> _Broken:
    return _Broken(f"{name} is {facts.shown(fields[name])}" if name in fields else f"{name} is missing")
