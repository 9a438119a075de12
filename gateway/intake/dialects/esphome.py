"""ESPHome: plain words on ``<prefix>/<component>/<name>/state``; the prefix may hold slashes.

Rule 1: a binary sensor's ``ON`` is open, as for Home Assistant's device class ``door``;
        the registry may say that it is wired the other way, or is about something else.
Rule 2: the word must be exact; ``<prefix>/debug`` is a log and never states anything.

Source: esphome/esphome, components/mqtt (mqtt_binary_sensor.cpp, mqtt_cover.cpp, __init__.py).
"""

from __future__ import annotations

from gateway.intake.dialects import facts
from gateway.intake.dialects.answer import Answer, Fault, NoNews, Readings, Report, Unknown

NAME = "esphome"
# A binary sensor is sent when it changes and never repeated: its silence says nothing,
# and the node's last will is the sign of life.
EXPECTED_INTERVAL_MS: int | None = None
OFFLINE_MEANS_LOST = True  # not for deep-sleep nodes, which go off line on purpose
DEFAULT_TOPICS: tuple[str, ...] = (
    "+/status",
    "+/binary_sensor/+/state",
    "+/cover/+/state",
    "+/sensor/+/state",
)

_STATUS = {"online": True, "offline": False}
_BINARY = {"ON": "open", "OFF": "closed"}
# A gate that moves is not shut.
_COVER = {"open": "open", "opening": "open", "closing": "open", "closed": "closed"}


def decode(report: Report) -> Answer:
    levels = report.topic.split("/")
    if len(levels) >= 2 and levels[-1] == "status" and "" not in levels:
        return _status(report, f"{NAME}:{'/'.join(levels[:-1])}")
    if len(levels) >= 4 and levels[-1] == "state" and "" not in levels:
        device = f"{NAME}:{'/'.join(levels[:-3])}#{levels[-2]}"
        return _component(report, device, levels[-3], levels[-2])
    if len(levels) < 2:
        return Fault(None, "not a topic of this dialect")
    return NoNews(f"{NAME}:{levels[0]}", "a log, a command or another topic of the node")


def _status(report: Report, device: str) -> Answer:
    if not report.payload:
        return facts.empty(report, device)
    said = facts.word(report.payload)
    if said is None or said not in _STATUS:
        return Fault(device, "neither online nor offline")
    return Readings((facts.reading(report, device, online=_STATUS[said]),))


def _component(report: Report, device: str, component: str, name: str) -> Answer:
    meaning = (report.profile or {}).get(name)
    if meaning is None:
        if component not in ("binary_sensor", "cover"):
            return NoNews(device, f"a {facts.shown(component)} is not about a door")
        meaning = _BINARY if component == "binary_sensor" else _COVER
    if not report.payload:
        return facts.empty(report, device)
    said = facts.word(report.payload)
    if said is None:
        return Fault(device, "not one plain word")
    if component == "sensor" and said == "nan":
        return NoNews(device, "the sensor has no value")
    reading = facts.with_meaning(facts.reading(report, device), meaning, said)
    if reading is not None:
        return Readings((reading,))
    if component == "binary_sensor" and said in _BINARY:
        return Unknown(device, f"the profile does not say what {said} means")
    return Fault(device, f"{facts.shown(said)} is not a word of this sensor")
