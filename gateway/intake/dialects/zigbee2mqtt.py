"""Zigbee2MQTT: one topic per sensor, ``<base>/<friendly name>``, where the name may hold slashes.

Rule 1: ``contact`` true is CLOSED, false is OPEN, and null is no news: the bridge
        has not heard from the sensor since it started.
Rule 2: a bad secondary fact is dropped and the leaf is kept; a bad ``contact`` is a fault.

Source: Koenkk/zigbee2mqtt (lib/controller.ts, lib/extension/availability.ts),
Koenkk/zigbee-herdsman-converters (src/converters/fromZigbee.ts).
"""

from __future__ import annotations

from gateway.intake.dialects import facts, strict_json
from gateway.intake.dialects.answer import Answer, Fault, NoNews, Readings, Report, Unknown
from rules.reading import OnlineScope, Reading

NAME = "zigbee2mqtt"
# Battery sensors check in once a day; Zigbee2MQTT itself allows passive devices
# 1500 min (lib/util/settings.ts) before it calls one lost.
EXPECTED_INTERVAL_MS: int | None = 25 * 60 * 60 * 1000
OFFLINE_MEANS_LOST = True  # the bridge says it only after those 25 h
DEFAULT_TOPICS: tuple[str, ...] = ("zigbee2mqtt/#",)

DEFAULT_BASE = "zigbee2mqtt"
# In order: both keys say true = closed, whatever a model's ``value_on`` declares.
_CONTACT_KEYS = ("contact", "garage_door_contact")
_FACT_KEYS = (*_CONTACT_KEYS, "battery", "voltage", "battery_low", "tamper", "linkquality", "last_seen")
# What door sensors say besides, one topic each, when the bridge runs with ``output: attribute``.
_OTHER_KEYS = (
    "device_temperature", "elapsed", "humidity", "illuminance", "illuminance_lux", "power_outage_count",
    "pressure", "temperature", "trigger", "trigger_count", "update_available",
)  # fmt: skip
_WORDS = {"online": True, "offline": False}


def decode(report: Report) -> Answer:
    name = _friendly_name(report)
    if name is None:
        return Fault(None, "not a topic of this dialect")
    levels = name.split("/")
    if levels[0] == "bridge":
        return _bridge(report, levels)
    if not {"get", "set"}.isdisjoint(levels[1:][-2:]):  # …/set, …/set/<key>
        return NoNews(f"{NAME}:{name}", "a command to the device")
    if len(levels) > 1 and levels[-1] == "availability":
        device = f"{NAME}:{'/'.join(levels[:-1])}"
        if not report.payload:
            return NoNews(device, "an empty payload: the device was renamed or removed")
        return _online(report, device, "device")
    return _state(report, levels)


def _friendly_name(report: Report) -> str | None:
    """What follows the base topic; without a configured base, the first level is the base."""
    base = report.base
    if base is None:
        base = report.topic.partition("/")[0]
    if not base or not report.topic.startswith(base + "/"):
        return None
    return report.topic[len(base) + 1 :] or None


def _bridge(report: Report, levels: list[str]) -> Answer:
    device = f"{NAME}:bridge"
    if levels != ["bridge", "state"]:
        return NoNews(device, "the bridge's own business")
    return _online(report, device, "gateway") if report.payload else facts.empty(report, device)


def _online(report: Report, device: str, scope: OnlineScope) -> Answer:
    """``{"state": "online"}``, or the plain word of version 1."""
    said: object = facts.word(report.payload)
    if said not in _WORDS:
        try:
            fields = strict_json.load(report.payload)
        except strict_json.NotStrictJson as refused:
            return Fault(device, str(refused))
        said = fields.get("state") if isinstance(fields, dict) else None
    if not isinstance(said, str) or said not in _WORDS:
        return Fault(device, "neither online nor offline")
    return Readings((facts.reading(report, device, online=_WORDS[said], online_scope=scope),))


def _state(report: Report, levels: list[str]) -> Answer:
    name = "/".join(levels)
    if not report.payload:
        return facts.empty(report, f"{NAME}:{name}")
    if len(levels) > 1 and levels[-1] in (*_FACT_KEYS, *_OTHER_KEYS) and report.payload[:1] != b"{":
        return _attribute(report, f"{NAME}:{'/'.join(levels[:-1])}", levels[-1])
    device = f"{NAME}:{name}"
    try:
        fields = strict_json.load(report.payload)
    except strict_json.NotStrictJson as refused:
        return Fault(device, str(refused))
    if not isinstance(fields, dict):
        return Fault(device, "not a JSON object")
    return _facts(report, device, fields)


def _attribute(report: Report, device: str, key: str) -> Answer:
    """``output: attribute`` sends one topic per key: ``…/contact`` = ``false``; texts come unquoted."""
    value: object = facts.word(report.payload)
    if key != "last_seen":
        try:
            value = strict_json.load(report.payload)
        except strict_json.NotStrictJson as refused:
            return NoNews(device, f"{key} is no news") if key in _OTHER_KEYS else Fault(device, str(refused))
    return _facts(report, device, {key: value})


def _facts(report: Report, device: str, fields: dict[str, object]) -> Answer:
    reading = facts.reading(report, device, device_time=_last_seen(fields.get("last_seen")))
    key = next((key for key in _CONTACT_KEYS if fields.get(key) is not None), None)
    if key is not None:
        closed = fields[key]
        if not isinstance(closed, bool):
            return Fault(device, f"{key} is {facts.shown(closed)}, neither true, false nor null")
        meaning = (report.profile or {}).get(key)
        if meaning is None:
            reading = reading._replace(contact=facts.leaf_is_open(not closed))
        else:  # the registry knows that this one is wired the other way
            known = facts.with_meaning(reading, meaning, "true" if closed else "false")
            if known is None:
                return Unknown(device, f"the profile does not say what {key} means")
            reading = known
    reading = _with_secondary(reading, fields)
    if facts.stated(reading):
        return Readings((reading,))
    if any(fields.get(key) is not None for key in _FACT_KEYS if key != "last_seen"):
        return Fault(device, "every fact is of a wrong type or outside its range")
    return NoNews(device, "it states nothing about a door")


def _with_secondary(reading: Reading, fields: dict[str, object]) -> Reading:
    battery = fields.get("battery")
    millivolts = facts.number(fields.get("voltage"), (0.0, facts.BATTERY_VOLTS[1] * 1000))
    return reading._replace(
        # Old builds sent "100.00", as text.
        battery_pct=facts.number(battery, facts.PERCENT)
        if not isinstance(battery, str)
        else facts.plain_number(battery, facts.PERCENT),
        battery_v=None if millivolts is None else millivolts / 1000,
        battery_low=facts.flag(fields.get("battery_low")),
        tamper=facts.flag(fields.get("tamper")),
        linkquality=facts.link_quality(fields.get("linkquality")),
    )


def _last_seen(value: object) -> str | None:
    """ISO 8601, or milliseconds since 1970; "17 seconds ago" is not a time."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)  # the attribute's own topic carries it as plain text
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return facts.time_from_seconds(value / 1000) if abs(value) < 1e15 else None
    return facts.time_from_text(value)
