"""A real broker for the demonstration: mosquitto if it is there, else the one in the iotcore wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from iotcore import Broker

from gateway.demo.ports import answers
from gateway.errors import DoorwardError

_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
max_inflight_messages 500
max_queued_messages 100000
persistence false
{user}
"""

# The keys that rumqttd insists on; MQTT 5 has a listener of its own there.
_RUMQTTD = """\
id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 10485760
max_segment_count = 10
[v5.1]
name = "demo"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 65536
max_inflight_count = 500
dynamic_filters = true
"""


def mosquitto_path() -> str | None:
    """Debian puts it where only root's PATH looks."""
    path = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin"
    return shutil.which("mosquitto", path=path)


class DemoBroker:
    """Started on entering, ended on leaving; listens on loopback only."""

    def __init__(self, data: Path, port: int) -> None:
        self._data, self._port = data, port
        self._process: subprocess.Popen[bytes] | None = None
        self._wheel: Broker | None = None

    def __enter__(self) -> DemoBroker:
        mosquitto = mosquitto_path()
        if mosquitto:
            config = self._data / "mosquitto.conf"
            user = "user root" if os.geteuid() == 0 else ""
            config.write_text(_MOSQUITTO.format(port=self._port, user=user))
            log = subprocess.DEVNULL
            self._process = subprocess.Popen([mosquitto, "-c", str(config)], stdout=log, stderr=log)
        else:
            config = self._data / "rumqttd.toml"
            config.write_text(_RUMQTTD.format(port=self._port))
            self._wheel = Broker(config_path=str(config))
            self._wheel.start()
        by = time.monotonic() + 15
        while not answers(self._port):
            if time.monotonic() > by:
                self.__exit__()
                raise DoorwardError(f"the broker did not start on port {self._port}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(5)
        if self._wheel is not None:
            self._wheel.stop()
