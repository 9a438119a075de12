"""Shelly, first generation (Door/Window 1 and 2): ``shellies/<id>/…``, mostly plain words.

Rule 1: the words are ``open`` and ``close``.
Rule 2: the last will says "offline" after every wake, so ``online`` false means asleep, not lost.
Rule 3: vibration is not tamper, and there is no tamper.

Source: bieniu/ha-shellies-discovery, ioBroker.shelly (src/lib/devices/gen1/shellydw2.ts).
"""

from __future__ import annotations

from gateway.intake.dialects import facts, strict_json
from gateway.intake.dialects.answer import Answer, Fault, NoNews, Readings, Report
from rules.reading import CLOSED, OPEN, Contact

NAME = "shelly_gen1"
# ``sleep_mode.period``: Door/Window 1 wakes every 6 h, Door/Window 2 every 12 h. The longer one.
EXPECTED_INTERVAL_MS: int | None = 12 * 60 * 60 * 1000
OFFLINE_MEANS_LOST = False
DEFAULT_TOPICS: tuple[str, ...] = ("shellies/#",)

_LEAF: dict[str, Contact] = {"open": OPEN, "close": CLOSED}
_ONLINE = {"true": True, "false": False}


def decode(report: Report) -> Answer:
    levels = report.topic.split("/")
    if len(levels) < 2 or levels[0] != "shellies" or not levels[1]:
        return Fault(None, "not a topic of this dialect")
    if len(levels) == 2:
        return NoNews(None, "an announcement or a command to all")
    device = f"{NAME}:{levels[1]}"
    what = "/".join(levels[2:])
    if what not in ("sensor/state", "sensor/battery", "online", "info"):
        return NoNews(device, f"{facts.shown(what)} is not about a door")
    if not report.payload:
        return facts.empty(report, device)
    if what == "info":
        return _info(report, device)
    return _plain(report, device, what)


def _plain(report: Report, device: str, what: str) -> Answer:
    said = facts.word(report.payload)
    reading = facts.reading(report, device)
    if what == "sensor/battery":
        reading = reading._replace(battery_pct=facts.plain_number(said, facts.PERCENT))
    elif what == "online":
        reading = reading._replace(online=_ONLINE.get(said or ""))
    elif said == "unknown":
        return NoNews(device, "the sensor does not know the leaf yet")
    else:
        reading = reading._replace(contact=_LEAF.get(said or ""))
    if not facts.stated(reading):
        return Fault(device, f"{what} says {facts.shown(said)}" if said else f"{what} is not one plain word")
    return Readings((reading,))


def _info(report: Report, device: str) -> Answer:
    """The whole state in one object, sent at each wake."""
    try:
        fields = strict_json.load(report.payload)
    except strict_json.NotStrictJson as refused:
        return Fault(device, str(refused))
    if not isinstance(fields, dict):
        return Fault(device, "not a JSON object")
    sensor, battery, wifi = (_part(fields, name) for name in ("sensor", "bat", "wifi_sta"))
    contact: Contact | None = None
    state = sensor.get("state")
    if state not in (None, "unknown") and sensor.get("is_valid") is not False:
        contact = _LEAF.get(state) if isinstance(state, str) else None
        if contact is None:
            return Fault(device, f"sensor.state is {facts.shown(state)}")
    reading = facts.reading(
        report, device, contact=contact, device_time=facts.time_from_seconds(fields.get("unixtime"))
    )._replace(
        battery_pct=facts.number(battery.get("value"), facts.PERCENT),
        battery_v=facts.number(battery.get("voltage"), facts.BATTERY_VOLTS),
        rssi_dbm=facts.number(wifi.get("rssi"), facts.DBM),
    )
    return Readings((reading,)) if facts.stated(reading) else NoNews(device, "it states nothing about a door")


def _part(fields: dict[str, object], name: str) -> dict[str, object]:
    part = fields.get(name)
    return part if isinstance(part, dict) else {}
