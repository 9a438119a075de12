"""Plays a fleet to a broker at a given speed (I/O).

If the broker is slower than asked for, simulated time waits for it and hurries afterwards.
"""

import asyncio
import contextlib
import random
import secrets
from collections.abc import Iterable

from firmware_sim.device import Device
from firmware_sim.fleet import Fleet
from firmware_sim.link import Broker, Link
from firmware_sim.pace import Backoff, Pace

MOST_WAITING = 1_000
"""Publishes that may wait on one connection before simulated time waits for them."""

NAP_S = 0.1
"""Longest sleep, so that a device that has just connected is not overslept."""

FAREWELL_S = 10.0
"""How long the last publishes may take at the end."""


async def publish(
    fleet: Fleet,
    broker: Broker,
    *,
    start_ms: int,
    end_ms: int,
    speed: float,
    connections: int,
    stop: asyncio.Event,
) -> None:
    """Play from ``start_ms`` to ``end_ms`` (milliseconds since 1970 UTC), or until ``stop`` is set."""
    player = _Player(fleet, broker, start_ms=start_ms, end_ms=end_ms, speed=speed, connections=connections)
    await player.run(stop)


def share_out(devices: Iterable[Device], connections: int) -> list[list[int]]:
    """Which devices each connection carries; the channels of one box stay together."""
    boxes: dict[str, list[int]] = {}
    for index, device in enumerate(devices):
        boxes.setdefault(device.box, []).append(index)
    shares: list[list[int]] = [[] for _ in range(min(connections, len(boxes)))]
    for number, channels in enumerate(boxes.values()):
        shares[number % len(shares)] += channels
    return shares


class _Player:
    def __init__(
        self, fleet: Fleet, broker: Broker, *, start_ms: int, end_ms: int, speed: float, connections: int
    ) -> None:
        self._fleet = fleet
        self._end_ms = end_ms
        self._loop = asyncio.get_running_loop()
        self._pace = Pace(start_ms=start_ms, speed=speed, real_s=self._loop.time())
        self._links = self._make_links(broker, share_out(fleet.devices, connections))
        self._link_of = {index: link for link, devices in self._links for index in devices}

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            keeping = [tasks.create_task(link.keep()) for link, _ in self._links]
            playing = tasks.create_task(self._play())
            stopping = tasks.create_task(stop.wait())
            await asyncio.wait((playing, stopping), return_when=asyncio.FIRST_COMPLETED)
            playing.cancel()
            stopping.cancel()
            await self._say_farewell()
            for task in keeping:
                task.cancel()

    def _make_links(self, broker: Broker, shares: list[list[int]]) -> list[tuple[Link, list[int]]]:
        all_devices = self._fleet.devices
        run_id = secrets.token_hex(4)  # two simulations must not throw each other off the broker
        links = []
        for number, devices in enumerate(shares):
            boxes = {all_devices[index].box for index in devices}
            link = Link(
                broker,
                self._fleet,
                devices,
                client_id=boxes.pop() if len(boxes) == 1 else f"firmware-sim-{run_id}-{number}",
                now_ms=self._now_ms,
                pace=self._pace,
                backoff=Backoff(random.Random()),
            )
            links.append((link, devices))
        return links

    def _now_ms(self) -> int:
        """The simulated time: never past what was not played yet."""
        now_ms = self._pace.now_ms(self._loop.time())
        next_ms = self._fleet.next_at_ms()
        return now_ms if next_ms is None else min(now_ms, next_ms)

    async def _play(self) -> None:
        while True:
            next_ms = self._fleet.next_at_ms()
            at_ms = self._end_ms + 1 if next_ms is None else next_ms
            wait_s = self._pace.wait_s(min(at_ms, self._end_ms + 1), self._loop.time())
            if wait_s > 0:
                await asyncio.sleep(min(wait_s, NAP_S))
            elif at_ms > self._end_ms:
                return
            else:
                await self._play_step()

    async def _play_step(self) -> None:
        step = self._fleet.step()
        if not step.publishes:
            return
        link = self._link_of[step.device]
        link.offer((step.device, one) for one in step.publishes)
        await (link.caught_up() if link.backlog > MOST_WAITING else asyncio.sleep(0))

    async def _say_farewell(self) -> None:
        links = [link for link, _ in self._links]
        for link in links:
            link.bid_farewell()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await asyncio.gather(*(link.caught_up() for link in links))
