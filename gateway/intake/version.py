"""Which broker it is (I/O): asked once, by a client of its own, for some brokers hang up on the question."""

from __future__ import annotations

import re
import time
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from gateway.intake.mqtt import BrokerAddress, secured

TOPIC: Final = "$SYS/broker/version"
SOUND: Final = (2, 0, 21)
"""Mosquitto before it has faults in how it keeps sessions (ACCEPTANCE.md, section "Mosquitto")."""
WITHIN_S: Final = 5.0
_MOSQUITTO = re.compile(r"mosquitto version (\d+)\.(\d+)\.(\d+)")


def ask_version(broker: BrokerAddress, within_s: float = WITHIN_S) -> str:
    """What the broker says of itself; empty if it says nothing in time."""
    said: list[str] = []

    def on_message(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        said.append(message.payload.decode("utf-8", "replace"))

    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=f"{broker.client_id}-asks", protocol=mqtt.MQTTv5
    )
    secured(client, broker)
    client.on_connect = lambda c, *_: c.subscribe(TOPIC)
    client.on_message = on_message
    by = time.monotonic() + within_s
    try:
        client.connect(broker.host, broker.port)
        while not said and time.monotonic() < by and client.loop(0.2) == mqtt.MQTT_ERR_SUCCESS:
            pass
        client.disconnect()
    except (OSError, ValueError):  # refused, unknown host, bad certificate: the listener says so, too
        return ""
    return said[0] if said else ""


def is_outdated(version: str) -> bool:
    """Whether it is a mosquitto that is too old for real use."""
    found = _MOSQUITTO.match(version)
    return found is not None and tuple(map(int, found.groups())) < SOUND
