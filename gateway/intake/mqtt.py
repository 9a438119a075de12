"""The broker: reports in, acknowledgements out. Its own thread owns the connection.

Rule 1: a report is acknowledged only after ``acknowledge``, which comes after the
        commit; in the order of arrival, in this thread, and never on another
        connection than it came on.
Rule 2: nothing is dropped. Over ``MOST_WAITING`` reports or ``MOST_BYTES`` it stops
        reading, after ``HOLD_S`` it disconnects, and resumes when the road has caught
        up; the broker keeps the rest.
Rule 3: no callback can kill the thread, and ``healthy`` looks at traffic, not at
        ``is_connected()``: every ten seconds a probe goes to the broker and back.

The probe also says when everything that waited at the broker has been heard: it
queues behind it.
"""

from __future__ import annotations

import contextlib
import logging
import random
import secrets
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

log = logging.getLogger(__name__)

# Defaults of ACCEPTANCE.md, section "MQTT consumer".
SESSION_EXPIRY_S = 7 * 24 * 3600
RECEIVE_MAXIMUM = 500
KEEPALIVE_S = 20
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 30.0
MOST_WAITING = 5_000
MOST_BYTES = 16 * 1024 * 1024

HOLD_S = 10.0
"""So long the road may catch up before the connection is given up."""
PART_S = 0.5
PROBE_EVERY_S = 10.0
SILENCE_S = 30.0
"""No probe came back for so long: the connection is dead, whatever it says of itself."""
CATCH_UP_ANYWAY_S = 60.0
"""A broker that forbids the probe must not keep us deaf for ever."""

_TAKEN_OVER = 0x8E


class Arrived(NamedTuple):
    """A report as it came.

    Attributes:
        epoch: Of which connection; an acknowledgement is good for that one only.
        mid: 0 for QoS 0, which needs none.
    """

    epoch: int
    mid: int
    topic: str
    payload: bytes
    retained: bool


class Heard(NamedTuple):
    """Something about the listening itself: ``session_lost``, ``listening``, ``deaf``."""

    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the broker is and who we are there.

    Attributes:
        tls: ``None`` for a plain connection.
        client_id: Fixed: the broker knows our session by it.
    """

    host: str
    port: int = 1883
    client_id: str = "doorward"
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        return f"{self.host}:{self.port}"


class Listener:
    """Listens to the broker in a thread of its own.

    ``wake`` is called (from that thread) whenever ``drain`` has something new.
    """

    def __init__(self, broker: BrokerAddress, topics: list[str], wake: Callable[[], None]) -> None:
        self._broker = broker
        self._topics = topics
        self._wake = wake
        self._probe_topic = f"doorward/probe/{broker.client_id}"
        self._waiting: deque[Arrived | Heard] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._acks: deque[tuple[int, list[int]]] = deque()
        self._bell_in, self._bell_out = socket.socketpair()
        self._bell_in.setblocking(False)
        self._bell_out.setblocking(False)
        self._epoch = self._connection = 0
        self._received = 0
        self._connected = False
        self._stop = threading.Event()
        self._resumable = threading.Event()
        self._resumable.set()
        self._caught_up = False
        self._subscribed_at = 0.0
        self._nonce = b""
        self._probed_at = 0.0
        self._echoed_at = time.monotonic()
        self._thread: threading.Thread | None = None
        self.trouble = "not connected yet"
        self.taken_over = False
        self.restarts = 0

    # -- for the road -------------------------------------------------------------

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Disconnect without ending the session: the broker goes on keeping what comes."""
        self._stop.set()
        self._ring()
        self._resumable.set()
        if self._thread is not None:
            self._thread.join(timeout=3)
        self._bell_in.close()
        self._bell_out.close()

    def drain(self, most: int) -> list[Arrived | Heard]:
        """Up to ``most`` of what has arrived, in order."""
        with self._lock:
            taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
            self._bytes -= sum(len(item.payload) for item in taken if isinstance(item, Arrived))
            if len(self._waiting) < MOST_WAITING // 4 and self._bytes < MOST_BYTES // 4:
                self._resumable.set()
        return taken

    def acknowledge(self, arrived: list[Arrived]) -> None:
        """They are committed: the broker may forget them."""
        by_epoch: dict[int, list[int]] = {}
        for item in arrived:
            if item.mid:
                by_epoch.setdefault(item.epoch, []).append(item.mid)
        self._acks.extend(by_epoch.items())
        self._ring()

    def forget(self, heard: Sequence[Heard] = ()) -> None:
        """What was handed over could not be committed: reconnect, and the broker sends it again.

        A lost session is said again, too, for the broker would not; that all was heard is not true
        any more. ``heard``: what of this was taken already.
        """
        with self._lock:
            again = (*heard, *self._waiting)
            self._waiting = deque(item for item in again if item == Heard("session_lost"))
            self._bytes = 0
            self._epoch += 1  # nothing of the present connection may be acknowledged any more
            self._caught_up = False
        self._ring()

    def watch(self) -> None:
        """Start the thread again if it died. Call it now and then."""
        if self._thread is not None and not self._thread.is_alive() and not self._stop.is_set():
            log.error("the broker's thread died; it is started again")
            self.restarts += 1
            self._echoed_at = time.monotonic()
            self.start()

    @property
    def listening(self) -> bool:
        """Connected, and all that waited at the broker has been handed over."""
        return self._connected and self._caught_up

    @property
    def healthy(self) -> bool:
        """A probe has come back lately."""
        alive = self._thread is not None and self._thread.is_alive()
        return alive and self._connected and time.monotonic() - self._echoed_at < SILENCE_S

    # -- the thread ---------------------------------------------------------------

    def _run(self) -> None:
        retry_s = FIRST_RETRY_S
        while not self._stop.is_set():
            self._resumable.wait()
            began = time.monotonic()
            try:
                self._listen()
            except (OSError, ValueError) as error:  # refused, unknown host, bad certificate …
                self._say_trouble(str(error))
            except Exception as error:  # whatever it is, the next connection may do better
                log.exception("the connection to the broker failed")
                self._say_trouble(repr(error))
            self._lose()
            if self._stop.is_set():
                return
            retry_s = FIRST_RETRY_S if time.monotonic() - began > SILENCE_S else retry_s
            self._sleep(random.uniform(0, retry_s))  # full jitter
            retry_s = min(retry_s * 2, LONGEST_RETRY_S)

    def _listen(self) -> None:
        client = self._client()
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own gap
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self._epoch += 1
        epoch = self._connection = self._epoch
        self._echoed_at = time.monotonic()
        client.connect(
            self._broker.host,
            self._broker.port,
            keepalive=KEEPALIVE_S,
            clean_start=False,
            properties=properties,
        )
        full_since = time.monotonic()
        try:
            while not self._stop.is_set() and client.socket() is not None and epoch == self._epoch:
                self._turn(client)
                if not self._too_much():
                    full_since = time.monotonic()
                elif time.monotonic() - full_since > HOLD_S:
                    log.warning("more than the road can take; the broker keeps the rest for a while")
                    self._resumable.clear()
                    return
        finally:
            with contextlib.suppress(Exception):  # it may be broken already
                self._part(client)
            self._acks.clear()

    def _turn(self, client: mqtt.Client) -> None:
        sock: Any = client.socket()
        # While too much waits nothing is read: the broker feels it, and acknowledgements still go out.
        watched: list[Any] = [self._bell_in] if self._too_much() else [sock, self._bell_in]
        readable, writable, _ = select.select(watched, [sock] if client.want_write() else [], [], 1.0)
        if self._bell_in in readable:
            with contextlib.suppress(BlockingIOError):
                while self._bell_in.recv(4096):
                    pass
        self._send_acks(client)
        if sock in readable:
            before = -1
            while before != self._received and not self._too_much():
                before = self._received
                client.loop_read()
        if writable:
            client.loop_write()
        client.loop_misc()
        self._look_after(client)

    def _part(self, client: mqtt.Client) -> None:
        """Say good-bye so that the last acknowledgements arrive: a socket that is closed with
        something unread takes with it what the broker has not read yet."""
        self._send_acks(client)
        sock: Any = client.socket()
        by = time.monotonic() + PART_S
        while time.monotonic() < by and select.select([sock], [], [], PART_S / 5)[0]:
            if not sock.recv(65_536):
                break
        client.disconnect()

    def _send_acks(self, client: mqtt.Client) -> None:
        while self._acks:
            epoch, mids = self._acks.popleft()
            if epoch == self._epoch:
                for mid in mids:
                    client.ack(mid, 1)

    def _look_after(self, client: mqtt.Client) -> None:
        now = time.monotonic()
        if now - self._echoed_at > SILENCE_S:
            raise OSError(f"nothing came back from the broker for {SILENCE_S:.0f} s")
        if not self._connected:
            return
        if now - self._probed_at > PROBE_EVERY_S:
            self._probe(client)
        if not self._caught_up and now - self._subscribed_at > CATCH_UP_ANYWAY_S:
            log.warning("the broker does not let the probe through; check its access list")
            self._catch_up()

    def _probe(self, client: mqtt.Client) -> None:
        self._probed_at = time.monotonic()
        self._nonce = secrets.token_bytes(8)
        client.publish(self._probe_topic, self._nonce, qos=1)

    def _client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._broker.client_id,
            protocol=mqtt.MQTTv5,
            manual_ack=True,
        )
        client.suppress_exceptions = True
        secured(client, self._broker)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    # -- callbacks: paho suppresses what they raise, and _run survives the rest ----------

    def _on_connect(
        self, client: mqtt.Client, _data: Any, flags: mqtt.ConnectFlags, code: ReasonCode, _p: Any
    ) -> None:
        if code.is_failure:
            self._say_trouble(f"the broker refused us: {code}")
            self._epoch += 1  # ends _listen
            return
        self._connected = True
        log.info("connected to the broker %r", self._broker)
        self._subscribed_at = time.monotonic()
        if not flags.session_present:
            self._hand_over(Heard("session_lost"))
        # Retained states are sent for new subscriptions only: all of them in a new session,
        # none when we merely come back.
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        client.subscribe([(topic, options) for topic in [*self._topics, self._probe_topic]])

    def _on_subscribe(
        self, client: mqtt.Client, _data: Any, _mid: int, codes: list[ReasonCode], _p: Any
    ) -> None:
        refused = [t for t, c in zip([*self._topics, "the probe"], codes, strict=False) if c.is_failure]
        self.trouble = f"the broker forbids to subscribe to {', '.join(refused)}" if refused else ""
        if refused:
            log.error(self.trouble)
        self._probe(client)

    def _on_disconnect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, code: ReasonCode, _p: Any
    ) -> None:
        if code.value == _TAKEN_OVER:
            self.taken_over = True
        if not self._stop.is_set():
            self._say_trouble(f"disconnected: {code}")

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._received += 1
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(a topic that is not UTF-8)"
        if topic == self._probe_topic:
            self._acks.append((self._epoch, [message.mid] if message.qos else []))
            if message.payload == self._nonce:
                self._echoed_at = time.monotonic()
                self._catch_up()
            return
        mid = message.mid if message.qos else 0
        self._hand_over(Arrived(self._epoch, mid, topic, bytes(message.payload), bool(message.retain)))

    # -- inside --------------------------------------------------------------------

    def _hand_over(self, item: Arrived | Heard) -> None:
        with self._lock:
            was_empty = not self._waiting
            self._waiting.append(item)
            if isinstance(item, Arrived):
                self._bytes += len(item.payload)
        if was_empty:
            self._wake()

    def _catch_up(self) -> None:
        if not self._caught_up and self._connection == self._epoch:
            self._caught_up = True
            self._hand_over(Heard("listening"))

    def _lose(self) -> None:
        self._connected = False
        if self._caught_up:
            self._caught_up = False
            self._hand_over(Heard("deaf"))

    def _too_much(self) -> bool:
        return len(self._waiting) > MOST_WAITING or self._bytes > MOST_BYTES

    def _say_trouble(self, what: str) -> None:
        if what != self.trouble:
            log.warning("broker %r: %s", self._broker, what)
        self.trouble = what

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stop.is_set() and (left := end - time.monotonic()) > 0:
            select.select([self._bell_in], [], [], left)
            with contextlib.suppress(BlockingIOError):
                self._bell_in.recv(4096)

    def _ring(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            self._bell_out.send(b".")


def secured(client: mqtt.Client, broker: BrokerAddress) -> None:
    """Give it our name, password and certificates."""
    if broker.username is not None:
        client.username_pw_set(broker.username, broker.password)
    if broker.tls is not None:
        client.tls_set_context(broker.tls)
