"""Every dialect that we understand, by name.

A dialect is one file with ``decode(report) -> Answer`` and what the registry wants to
know of it. It is pure, and it never raises. Every answer names the device where it can be
told: ``<dialect>:<box>#<channel>``, or ``<dialect>:<box>`` where the whole box is meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Protocol

from gateway.intake.dialects import doorward, esphome, shelly_gen1, tasmota, zigbee2mqtt
from gateway.intake.dialects.answer import Answer, Report, Unknown


class Dialect(Protocol):
    """What each file here offers."""

    @property
    def NAME(self) -> str:
        """Its name, and the first part of its devices' names."""

    @property
    def EXPECTED_INTERVAL_MS(self) -> int | None:
        """How often a device speaks when nothing happens; ``None``: its silence says nothing."""

    @property
    def OFFLINE_MEANS_LOST(self) -> bool:
        """Whether ``online`` false is a loss, or only sleep."""

    @property
    def DEFAULT_TOPICS(self) -> tuple[str, ...]:
        """MQTT filters to subscribe to where the installer names no others."""

    def decode(self, report: Report) -> Answer: ...


_ALL: tuple[Dialect, ...] = (doorward, zigbee2mqtt, tasmota, esphome, shelly_gen1)
DIALECTS: Final[Mapping[str, Dialect]] = {dialect.NAME: dialect for dialect in _ALL}

_DOORWARD_TOPIC = re.compile(r"door/[a-z0-9-]+/(?:[1-8]/(?:event|state)|status)")
_TASMOTA_TOPIC = re.compile(r"(?:tele|stat|cmnd)/.+/[^/]+|.+/(?:tele|stat|cmnd)/[^/]+")
_ESPHOME_TOPIC = re.compile(r".+/(?:binary_sensor|cover|sensor)/[^/]+/state")


def decode(name: str, report: Report) -> Answer:
    """Decode a report by the dialect of that name."""
    dialect = DIALECTS.get(name)
    if dialect is None:
        return Unknown(None, "no dialect of that name")
    return dialect.decode(report)


def guess(topic: str, payload: bytes) -> str | None:
    """The dialect that a report looks like, for what no subscription names; ``None`` if none."""
    says_online = payload in (b"online", b"offline")
    if _DOORWARD_TOPIC.fullmatch(topic) and not says_online:
        return doorward.NAME
    if topic.startswith(f"{zigbee2mqtt.DEFAULT_BASE}/"):
        return zigbee2mqtt.NAME
    if topic.startswith("shellies/"):
        return shelly_gen1.NAME
    if _TASMOTA_TOPIC.fullmatch(topic):
        return tasmota.NAME
    if _ESPHOME_TOPIC.fullmatch(topic) or (topic.endswith("/status") and says_online):
        return esphome.NAME
    if b'"linkquality"' in payload and payload[:1] == b"{" and "/" in topic:
        return zigbee2mqtt.NAME  # under a base topic of the installer's own
    return None
