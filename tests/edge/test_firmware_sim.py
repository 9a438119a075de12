"""``python -m firmware_sim`` against a real mosquitto: what arrives, and what happens when it ends.

Each test starts its own broker on a free loopback port and ends only what it started.
"""

import getpass
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

pytestmark = pytest.mark.broker

PATIENCE_S = 30.0
"""How long a test waits for what should come soon. Generous, for slow machines."""

PROJECT = Path(__file__).parents[2]
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin") or "mosquitto"

ONE_DOOR = """
title: One door
duration: {duration}
devices:
  - box: b0417-03
    script: ["+00:10 open", "+01:00 close", "+02:00 open"]
"""

FLEET = """
title: A small fleet
duration: 20m
fleet: {count: 40, prefix: f-, per_day: 100}
"""


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Fail, not hang, when it does not come."""
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up, f"did not come within {PATIENCE_S} s: {what}"
        time.sleep(0.02)


class Mosquitto:
    """A broker that can be started and killed again, with or without passwords."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        self._configure("allow_anonymous true")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._config)], stdout=quiet, stderr=quiet)
        wait_until(self._accepts, "mosquitto accepts connections")

    def require_password(self, username: str, password: str) -> None:
        """From now on only those who were named here may log in."""
        passwords = self._config.with_name("passwords")
        create = [] if passwords.exists() else ["-c"]
        subprocess.run(["mosquitto_passwd", "-b", *create, str(passwords), username, password], check=True)
        self._configure(f"allow_anonymous false\npassword_file {passwords}")
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)  # mosquitto reads its passwords again

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE_S)
            self._process = None

    def _configure(self, who: str) -> None:
        """As root, mosquitto would change to a user who cannot read our files."""
        listener = f"listener {self.port} 127.0.0.1"
        self._config.write_text(f"user {getpass.getuser()}\n{listener}\n{who}\n")

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Listener:
    """Remembers everything below ``door/``; comes back when the broker does."""

    def __init__(self, port: int, username: str | None = None, password: str | None = None) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        if username is not None:
            self._client.username_pw_set(username, password)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("door/#", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE_S)

    def wait_for_new_subscription(self) -> None:
        assert self._subscribed.wait(PATIENCE_S)

    def forget_subscription(self) -> None:
        self._subscribed.clear()

    def on(self, topic: str) -> list[dict[str, Any]]:
        return [fields for heard, fields in list(self.heard) if heard == topic]

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        self.heard.append((message.topic, json.loads(message.payload)))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    yield broker
    broker.kill()


@pytest.fixture
def simulate(tmp_path: Path, broker: Mosquitto) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start ``python -m firmware_sim`` with a scenario's text; killed at the end if it still runs."""
    running: list[subprocess.Popen[bytes]] = []

    def start(scenario: str, *options: str) -> subprocess.Popen[bytes]:
        path = tmp_path / "scenario.yaml"
        path.write_text(scenario, encoding="utf-8")
        command = [sys.executable, "-m", "firmware_sim", str(path), "--host", "127.0.0.1"]
        command += ["--port", str(broker.port), *options]
        running.append(subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait(PATIENCE_S)


Simulate = Callable[..., subprocess.Popen[bytes]]
EVENT = "door/b0417-03/1/event"
STATE = "door/b0417-03/1/state"
STATUS = "door/b0417-03/status"


@pytest.fixture
def listener(broker: Mosquitto) -> Iterator[Listener]:
    broker.start()
    listener = Listener(broker.port)
    yield listener
    listener.stop()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_story_arrives_in_order_and_ends_with_the_box_off_line(
    simulate: Simulate, listener: Listener, version: str
) -> None:
    process = simulate(ONE_DOOR.format(duration="3m"), "--speed", "120", "--mqtt", version)
    assert process.wait(PATIENCE_S) == 0
    wait_until(lambda: len(listener.on(STATUS)) == 2, "the status at the end")
    assert [(one["seq"], one["why"], one["contact"]) for one in listener.on(EVENT)] == [
        (0, "boot", "closed"),
        (1, "change", "open"),
        (2, "change", "closed"),
        (3, "change", "open"),
    ]
    assert listener.on(STATE) == listener.on(EVENT)
    assert [one["online"] for one in listener.on(STATUS)] == [True, False]


def test_many_boxes_share_a_few_connections(simulate: Simulate, listener: Listener) -> None:
    process = simulate(FLEET, "--speed", "600", "--connections", "3")
    assert process.wait(PATIENCE_S) == 0
    for number in range(40):
        seqs = [one["seq"] for one in listener.on(f"door/f-{number:05d}/1/state")]
        assert seqs == list(range(len(seqs)))
        assert seqs


def test_sigterm_ends_cleanly(simulate: Simulate, listener: Listener) -> None:
    process = simulate(ONE_DOOR.format(duration="10h"), "--speed", "100")
    wait_until(lambda: len(listener.on(EVENT)) == 4, "the whole script")
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    wait_until(lambda: not listener.on(STATUS)[-1]["online"], "the farewell")


def test_a_killed_box_leaves_its_last_will(simulate: Simulate, listener: Listener) -> None:
    process = simulate(ONE_DOOR.format(duration="10h"), "--speed", "100")
    wait_until(lambda: bool(listener.on(STATUS)), "the box is on line")
    process.kill()
    wait_until(lambda: not listener.on(STATUS)[-1]["online"], "the last will")


def test_a_box_comes_back_after_the_broker_and_goes_on(
    simulate: Simulate, broker: Mosquitto, listener: Listener
) -> None:
    script = "".join(f'"+{minute:02d}:00 {"open" if minute % 2 else "close"}", ' for minute in range(1, 11))
    scenario = f"title: t\nduration: 10h\ndevices: [{{box: b0417-03, script: [{script}]}}]"
    simulate(scenario, "--speed", "60")
    wait_until(lambda: len(listener.on(EVENT)) >= 2, "the first movement")
    listener.forget_subscription()
    broker.kill()
    time.sleep(3)  # real seconds in which about three movements meet no broker
    broker.start()
    listener.wait_for_new_subscription()
    wait_until(lambda: bool(listener.on(EVENT)) and listener.on(EVENT)[-1]["seq"] == 10, "the last movement")
    assert [one["online"] for one in listener.on(STATUS)].count(True) >= 2


@pytest.mark.skipif(shutil.which("mosquitto_passwd") is None, reason="no mosquitto_passwd on PATH")
def test_what_happens_before_the_box_may_log_in_arrives_afterwards(
    simulate: Simulate, broker: Mosquitto, tmp_path: Path
) -> None:
    """Also: the password is read from a file, and a refused box tries again."""
    broker.require_password("listener", "hark")
    broker.start()
    listener = Listener(broker.port, "listener", "hark")
    password = tmp_path / "password"
    password.write_text("open sesame\n", encoding="utf-8")
    options = ("--username", "simulator", "--password-file", str(password))
    try:
        simulate(ONE_DOOR.format(duration="10h"), "--speed", "120", *options)
        time.sleep(3)  # real seconds in which the script meets a broker that refuses it
        broker.require_password("simulator", "open sesame")
        wait_until(lambda: len(listener.on(EVENT)) == 4, "the whole script")
    finally:
        listener.stop()
    assert [one["seq"] for one in listener.on(EVENT)] == [0, 1, 2, 3]
    assert "t" not in listener.on(EVENT)[0]  # made before the box ever knew the time
