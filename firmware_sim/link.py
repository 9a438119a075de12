"""One MQTT connection that carries one or many boxes (I/O).

Rule 1: what is offered goes out in order; what was not acknowledged goes back to the devices.
Rule 2: an MQTT connection has one last will. It is set only if the connection carries a single box;
        with many boxes on it, the death of this process leaves their ``status`` at online.
"""

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from aiomqtt import Client, MqttError, ProtocolVersion, Will

from firmware_sim.fleet import Fleet
from firmware_sim.pace import SHORTEST_REAL_WAIT_S, Backoff, Pace
from firmware_sim.wire import Publish

logger = logging.getLogger(__name__)

BATCH = 100
"""Publishes handed over at once. paho keeps 20 of them on the way (Mosquitto's default window); with
batches no longer than that window, each one would wait 40 ms for a delayed TCP acknowledgement."""

KEEP_ALIVE_S = 60
"""WIRE.md, Manners."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where the broker is and how to log in."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    protocol: ProtocolVersion = ProtocolVersion.V5


class Link:
    """Keeps one connection, and tells the fleet whether the broker is there for its devices."""

    def __init__(
        self,
        broker: Broker,
        fleet: Fleet,
        devices: list[int],
        *,
        client_id: str,
        now_ms: Callable[[], int],
        pace: Pace,
        backoff: Backoff,
    ) -> None:
        self._broker = broker
        self._fleet = fleet
        self._devices = devices
        self._client_id = client_id
        self._now_ms = now_ms
        self._pace = pace
        self._backoff = backoff
        self._waiting: deque[tuple[int, Publish]] = deque()
        self._ending = False
        self._news = asyncio.Event()
        self._caught_up = asyncio.Event()

    @property
    def backlog(self) -> int:
        """How many publishes wait for their acknowledgement."""
        return len(self._waiting)

    @property
    def last_will(self) -> Publish | None:
        """The box's last will; None if several boxes share the connection."""
        devices = self._fleet.devices
        boxes = {devices[index].box for index in self._devices}
        return devices[self._devices[0]].last_will if len(boxes) == 1 else None

    def offer(self, publishes: Iterable[tuple[int, Publish]]) -> None:
        """Send these, each with the index of its device."""
        self._waiting.extend(publishes)
        if self._waiting:
            self._news.set()
            self._caught_up.clear()

    def bid_farewell(self) -> None:
        """A clean end: say what the broker would say if the line were cut."""
        self._ending = True  # an error while saying goodbye must not start all over
        if self.last_will is not None and self._fleet.devices[self._devices[0]].online:
            self.offer([(self._devices[0], self.last_will)])

    async def caught_up(self) -> None:
        """Wait until everything offered was acknowledged, or the line was cut."""
        if self._waiting:
            await self._caught_up.wait()

    async def keep(self) -> None:
        """Connect, send, and connect again, until cancelled or cut after the farewell."""
        while not self._ending:
            try:
                await self._connect_and_send()
            except* MqttError as errors:
                logger.warning(
                    "%s: no connection to %s:%d (--host, --port): %s",
                    self._client_id,
                    self._broker.host,
                    self._broker.port,
                    _first(errors),
                )
            self._cut()
            await asyncio.sleep(max(SHORTEST_REAL_WAIT_S, self._backoff.wait_s() / self._pace.speed))

    async def _connect_and_send(self) -> None:
        async with self._client() as client, asyncio.TaskGroup() as tasks:
            client.pending_calls_threshold = BATCH
            self.offer(self._fleet.broker_up(self._devices, self._now_ms()))
            tasks.create_task(_until_gone(client))
            tasks.create_task(self._send(client))

    def _client(self) -> Client:
        will = self.last_will
        return Client(
            self._broker.host,
            self._broker.port,
            username=self._broker.username,
            password=self._broker.password,
            identifier=self._client_id,
            protocol=self._broker.protocol,
            will=None if will is None else Will(will.topic, will.payload, will.qos, will.retain),
            keepalive=KEEP_ALIVE_S,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )

    async def _send(self, client: Client) -> None:
        while True:
            await self._news.wait()
            batch = list(islice(self._waiting, BATCH))
            async with asyncio.TaskGroup() as tasks:  # tasks start in this order, so the order holds
                for _, publish in batch:
                    tasks.create_task(client.publish(*publish))
            for _ in batch:
                self._waiting.popleft()
            self._backoff.worked()
            if not self._waiting:
                self._news.clear()
                self._caught_up.set()

    def _cut(self) -> None:
        """The line is gone; the devices take back what did not get through."""
        self._fleet.broker_down(self._devices, self._waiting)
        self._waiting.clear()
        self._news.clear()
        self._caught_up.set()


async def _until_gone(client: Client) -> None:
    """Ends, with an ``MqttError``, when the connection does; nothing ever arrives."""
    async for _ in client.messages:
        pass


def _first(error: BaseException) -> BaseException:
    """The first error within groups of errors."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
