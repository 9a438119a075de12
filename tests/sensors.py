"""A plain QoS 1 publisher of our own dialect, as firmware_sim/WIRE.md says."""

from __future__ import annotations

import json
import ssl
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


def report(box: str, seq: int, contact: str, *, boot: int = 1, channel: int = 1, **more: Any) -> bytes:
    said = {"v": 1, "id": box, "ch": channel, "boot": boot, "seq": seq, "why": "change", "contact": contact}
    return json.dumps(said | more).encode()


class Sensors:
    """Publishes, and knows what the broker has acknowledged."""

    def __init__(
        self,
        port: int,
        client_id: str = "sensors",
        *,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """With a ``password``, ``client_id`` is the user's name, too."""
        self._acknowledged = threading.Semaphore(0)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
        self._client.max_inflight_messages_set(500)
        self._client.on_publish = lambda *_: self._acknowledged.release()
        if password is not None:
            self._client.username_pw_set(client_id, password)
        if tls is not None:
            self._client.tls_set_context(tls)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        end = time.monotonic() + 10
        while not self._client.is_connected():
            assert time.monotonic() < end, "the broker takes no connection"
            time.sleep(0.01)
        self._sent = 0

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain)
        self._sent += 1

    def event(self, box: str, seq: int, contact: str, **more: Any) -> None:
        self.publish(f"door/{box}/1/event", report(box, seq, contact, **more))

    def wait(self, limit_s: float = 60) -> None:
        """Until the broker has acknowledged everything."""
        for _ in range(self._sent):
            assert self._acknowledged.acquire(timeout=limit_s), "the broker did not acknowledge"
        self._sent = 0

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
