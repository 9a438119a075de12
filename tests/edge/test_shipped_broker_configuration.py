"""A real mosquitto with the configuration, the access list and the secrets as they are shipped.

Only the paths and the ports are the test's own; certificates and passwords come from
``deploy/make-secrets.sh`` and ``deploy/add-box.sh``.
"""

from __future__ import annotations

import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from gateway.intake.dialects import DIALECTS
from gateway.intake.mqtt import RECEIVE_MAXIMUM, Arrived, BrokerAddress, Listener
from tests.real_things import wait_for
from tests.shipped_broker import BOX, BOX_PASSWORD, DEPLOY, GATEWAY, OTHER_BOX, ShippedBroker

pytestmark = pytest.mark.broker

NOT_AUTHORIZED = 0x87


class Client:
    """A client that remembers what it was told."""

    def __init__(
        self,
        broker: ShippedBroker,
        port: int,
        user: str | None,
        password: str | None = None,
        *,
        client_id: str = "",
        keep: bool = False,
    ) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.said: int | None = None
        self.disconnected = threading.Event()
        self._published: dict[int, int] = {}
        self._subscribed: set[int] = set()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
        self.client.username_pw_set(user, password)
        self.client.tls_set_context(broker.tls)
        self.client.on_connect = self._on_connect
        self.client.on_message = lambda _c, _d, m: self.received.append((m.topic, bytes(m.payload)))
        self.client.on_publish = self._on_publish
        self.client.on_subscribe = lambda _c, _d, mid, *_: self._subscribed.add(mid)
        self.client.on_disconnect = lambda *_: self.disconnected.set()
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own gap
        properties.SessionExpiryInterval = 3_600 if keep else 0
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self.client.connect("127.0.0.1", port, clean_start=not keep, properties=properties)
        self.client.loop_start()
        wait_for(lambda: self.said is not None, "no answer to the connection")

    def _on_connect(self, _c: Any, _d: Any, _f: Any, code: ReasonCode, _p: Any) -> None:
        self.said = code.value
        if code.is_failure:
            self.client.disconnect()  # else it tries again and again

    def _on_publish(self, _c: Any, _d: Any, mid: int, code: ReasonCode, _p: Any) -> None:
        self._published[mid] = code.value

    def publish(self, topic: str, payload: bytes = b"x", *, qos: int = 1, retain: bool = False) -> int:
        """The broker's answer; 0 and 16 are good."""
        mid = self.client.publish(topic, payload, qos=qos, retain=retain).mid
        wait_for(lambda: mid in self._published, f"no answer for {topic}")
        return self._published[mid]

    def subscribe(self, *topics: str) -> None:
        mid = self.client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])[1]
        assert mid is not None
        wait_for(lambda: mid in self._subscribed, "no answer to the subscription")

    def topics(self) -> set[str]:
        return {topic for topic, _ in self.received}

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[ShippedBroker]:
    shipped = ShippedBroker(tmp_path / "broker")
    shipped.start()
    yield shipped
    shipped.stop()


@contextmanager
def connected(*args: Any, **kwargs: Any) -> Iterator[Client]:
    client = Client(*args, **kwargs)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def gateway_of(broker: ShippedBroker, **kwargs: Any) -> Iterator[Client]:
    with connected(broker, broker.inside, GATEWAY, broker.gateway_password, **kwargs) as client:
        assert client.said == 0
        yield client


@contextmanager
def box_of(broker: ShippedBroker, name: str = BOX, **kwargs: Any) -> Iterator[Client]:
    with connected(broker, broker.boxes, name, BOX_PASSWORD, **kwargs) as client:
        assert client.said == 0
        yield client


# -- who may connect ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "password"),
    [
        pytest.param(None, None, id="nobody"),
        pytest.param(GATEWAY, "wrong", id="the-gateway-with-a-wrong-password"),
        pytest.param(GATEWAY, None, id="the-gateway-without-a-password"),
        pytest.param(BOX, "wrong", id="a-box-with-a-wrong-password"),
        pytest.param("b9999-99", BOX_PASSWORD, id="a-box-that-nobody-knows"),
    ],
)
def test_who_cannot_prove_it_is_refused(
    user: str | None, password: str | None, broker: ShippedBroker
) -> None:
    for port in (broker.boxes, broker.inside):
        with connected(broker, port, user, password) as client:
            assert client.said in (0x86, NOT_AUTHORIZED)


def test_nothing_is_said_without_encryption(broker: ShippedBroker) -> None:
    connect = bytes.fromhex("101000044d5154540402003c000474657374")
    for port in (broker.boxes, broker.inside):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            plain.sendall(connect)
            try:
                answer = plain.recv(64)
            except ConnectionResetError:
                answer = b""
            assert not answer.startswith(b"\x20"), "it answered a plain CONNECT"


def test_a_password_that_got_out_is_replaced_and_the_others_stay(broker: ShippedBroker) -> None:
    """As docs/installing.md says: delete the file, run the script again, restart."""
    old = broker.gateway_password
    (broker.secrets / "broker-password").unlink()
    broker.deploy("make-secrets.sh")
    broker.deploy("add-box.sh", BOX, said="another\n")
    broker.stop()
    broker.start()
    with gateway_of(broker), box_of(broker, OTHER_BOX):
        pass
    for user, password in ((GATEWAY, old), (BOX, BOX_PASSWORD)):
        with connected(broker, broker.inside, user, password) as client:
            assert client.said == NOT_AUTHORIZED


def test_a_certificate_is_renewed_under_the_same_authority(broker: ShippedBroker) -> None:
    """The boxes keep the authority that they know."""
    authority = (broker.secrets / "broker-ca.pem").read_bytes()
    old = (broker.secrets / "broker-cert.pem").read_bytes()
    (broker.secrets / "broker-cert.pem").unlink()
    broker.deploy("make-secrets.sh")
    broker.stop()
    broker.start()
    assert (broker.secrets / "broker-ca.pem").read_bytes() == authority
    assert (broker.secrets / "broker-cert.pem").read_bytes() != old
    with box_of(broker):
        pass


# -- who may write and read what ---------------------------------------------------


def test_a_box_writes_below_its_own_name_only(broker: ShippedBroker) -> None:
    with gateway_of(broker) as gateway, box_of(broker) as box:
        gateway.subscribe("door/#")
        own = {f"door/{BOX}/1/event", f"door/{BOX}/8/state", f"door/{BOX}/status"}
        for topic in own:
            assert box.publish(topic) in (0, 16)
        for topic in (
            f"door/{OTHER_BOX}/1/event",
            f"door/{BOX}x/1/event",
            "door/x/status",
            "zigbee2mqtt/a",
            "tele/a/LWT",
            "doorward/probe/doorward",
            "$SYS/broker/uptime",
        ):
            assert box.publish(topic) == NOT_AUTHORIZED, topic
        assert box.publish(f"door/{BOX}/end") in (0, 16)
        wait_for(lambda: f"door/{BOX}/end" in gateway.topics(), "the last report did not come")
        assert gateway.topics() == own | {f"door/{BOX}/end"}


def test_a_box_reads_nothing(broker: ShippedBroker) -> None:
    """Neither the other doors, nor the probes, nor what waits as retained state."""
    with gateway_of(broker) as gateway, box_of(broker) as box, box_of(broker, OTHER_BOX) as other:
        other.publish(f"door/{OTHER_BOX}/1/state", retain=True)
        gateway.subscribe("door/#", "doorward/probe/#")
        box.subscribe("#", "$SYS/#", f"door/{OTHER_BOX}/1/state")
        other.publish(f"door/{OTHER_BOX}/1/event")
        gateway.publish("doorward/probe/doorward")
        wait_for(
            lambda: {f"door/{OTHER_BOX}/1/event", "doorward/probe/doorward"} <= gateway.topics(),
            "the gateway did not hear it",
        )
        box.publish(f"door/{BOX}/status")  # a round trip of its own: what was to come has come
        assert box.received == []


def test_the_gateway_uses_its_probe_and_writes_nothing_else(broker: ShippedBroker) -> None:
    with gateway_of(broker, client_id="doorward") as gateway:
        gateway.subscribe("doorward/probe/doorward", "$SYS/broker/version")
        assert gateway.publish("doorward/probe/doorward", b"nonce") in (0, 16)
        wait_for(lambda: len(gateway.received) == 2, "the probe or $SYS did not come")
        assert ("doorward/probe/doorward", b"nonce") in gateway.received
        for topic in (f"door/{BOX}/1/event", "zigbee2mqtt/bridge/request/restart", "cmnd/a/POWER"):
            assert gateway.publish(topic) == NOT_AUTHORIZED, topic


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_the_gateway_may_read_every_topic_of_every_dialect(dialect: str) -> None:
    """An access list that forgets one would keep those doors silent, without any error."""
    acl = (DEPLOY / "mosquitto" / "acl").read_text("utf-8")
    ours = acl.partition(f"user {GATEWAY}\n")[2].partition("\n\n")[0]
    allowed = re.findall(r"^topic read (\S+)$", ours, re.MULTILINE)
    for topic in DIALECTS[dialect].DEFAULT_TOPICS:
        assert any(mqtt.topic_matches_sub(one, topic) for one in allowed), topic


def test_the_listener_of_the_gateway_is_content(broker: ShippedBroker) -> None:
    """The real one: encrypted, with its probe going round, and a report coming in."""
    woken = threading.Event()
    address = BrokerAddress(
        host="localhost",
        port=broker.inside,
        username=GATEWAY,
        password=broker.gateway_password,
        tls=broker.tls,
    )
    topics = [topic for dialect in DIALECTS.values() for topic in dialect.DEFAULT_TOPICS]
    listener = Listener(address, topics, woken.set)
    listener.start()
    try:
        wait_for(lambda: listener.listening, "the probe did not come back")
        assert not listener.trouble
        listener.drain(10)
        with box_of(broker) as box:
            box.publish(f"door/{BOX}/1/event", b"{}")
            arrived = wait_for(lambda: listener.drain(10), "the report did not come")
        assert [item.topic for item in arrived if isinstance(item, Arrived)] == [f"door/{BOX}/1/event"]
    finally:
        listener.stop()


def test_a_box_cannot_pose_as_the_gateway(broker: ShippedBroker) -> None:
    """With the gateway's client id it would throw it out and take over its session."""
    with gateway_of(broker, client_id="doorward", keep=True) as gateway:
        gateway.subscribe("door/#")
        with box_of(broker, client_id="doorward") as box:
            box.publish(f"door/{BOX}/1/event")
            wait_for(lambda: gateway.received, "the report did not come")
            assert not gateway.disconnected.is_set()


# -- what must survive -------------------------------------------------------------


def test_more_than_the_default_waits_and_survives_a_kill(broker: ShippedBroker) -> None:
    """3,000 reports of all kinds, while the gateway is away: by default 1,000 would wait, and
    none of them on disk."""
    with gateway_of(broker, client_id="doorward", keep=True) as gateway:
        gateway.subscribe("door/#")
    with box_of(broker) as box:
        for number in range(2_990):
            box.client.publish(f"door/{BOX}/1/event", str(number).encode(), qos=1)
        for number in range(2_990, 2_999):
            box.client.publish(f"door/{BOX}/1/event", str(number).encode(), qos=0)
        box.publish(f"door/{BOX}/1/event", b"2999")
    saved = broker.directory / "data" / "mosquitto.db"
    wait_for(lambda: saved.exists() and b"2999" in saved.read_bytes(), "the last report was not saved")
    broker.stop(signal.SIGKILL)
    broker.start()
    with gateway_of(broker, client_id="doorward", keep=True) as gateway:
        wait_for(lambda: len(gateway.received) >= 3_000, "not all reports came back")
        assert sorted(int(payload) for _, payload in gateway.received) == list(range(3_000))


def test_a_report_that_is_far_too_large_is_not_taken(broker: ShippedBroker) -> None:
    with box_of(broker) as box:
        box.client.publish(f"door/{BOX}/1/event", b"x" * 70_000, qos=1)
        assert box.disconnected.wait(20)


def test_every_setting_is_known_to_this_mosquitto(broker: ShippedBroker) -> None:
    """At its start it says which it does not know."""
    said = broker.log.read_text()
    assert "nknown configuration" not in said, said
    assert "rror" not in said, said
