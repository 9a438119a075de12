"""Many devices in one process, played in time order.

Rule 1: one heap holds everything that will happen; nobody asks 20,000 devices what is due.
Rule 2: a device is on line if it is switched on, the broker is there, and no script cut it off.
Rule 3: a step says what really happened (``what``), so that a test knows the truth behind the reports.
"""

import heapq
import itertools
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from firmware_sim.device import Device
from firmware_sim.rhythm import Rhythm
from firmware_sim.wire import Publish

Scripted = Literal["open", "close", "offline", "online", "power_loss", "battery_low", "tamper"]
"""What a scenario can make happen."""

What = Scripted | Literal["start", "tick", "prop", "will"]
"""What can happen: also switching on, time passing, a door opened and propped, a line given up."""

WILL_AFTER_MS = 90_000
"""When a broker gives up a silent line: 1.5 times the keep-alive of 60 s (MQTT 3.1.1, 3.1.2.10; WIRE.md)."""


class Step(NamedTuple):
    """One thing that happened to one device, and what was put on the wire for it."""

    at_ms: int
    device: int
    what: What
    publishes: list[Publish]


@dataclass(slots=True)
class _Member:
    device: Device
    rhythm: Rhythm | None
    running: bool = False
    broker_there: bool = False
    cut_off: bool = False
    tick_at_ms: int | None = None
    will_at_ms: int | None = None

    def join(self, now_ms: int) -> list[Publish]:
        """Connect, if nothing stands in the way."""
        if self.running and self.broker_there and not self.cut_off and not self.device.online:
            return self.device.connected(now_ms)
        return []


class Fleet:
    """Devices, what will happen to them, and whether the broker is there for them.

    Attributes:
        rng: All chance comes from here, also that of the devices.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._members: list[_Member] = []
        self._heap: list[tuple[int, int, int, What]] = []
        self._order = itertools.count()  # what is planned first comes first

    @property
    def devices(self) -> list[Device]:
        """All devices; a step's ``device`` is an index into them."""
        return [member.device for member in self._members]

    def add(self, device: Device, *, starts_ms: int, rhythm: Rhythm | None = None) -> int:
        """Take a device in, to be switched on at ``starts_ms``. Answers with its index."""
        self._members.append(_Member(device, rhythm))
        index = len(self._members) - 1
        self.plan(starts_ms, index, "start")
        return index

    def plan(self, at_ms: int, index: int, what: What) -> None:
        """Let something happen to a device at a given time."""
        heapq.heappush(self._heap, (at_ms, next(self._order), index, what))

    def next_at_ms(self) -> int | None:
        """When the next step is; None if nothing will ever happen."""
        return self._heap[0][0] if self._heap else None

    def step(self) -> Step:
        """Let the next thing happen."""
        at_ms, _, index, what = heapq.heappop(self._heap)
        member = self._members[index]
        publishes = self._happen(member, index, what, at_ms)
        self._plan_tick(member, index)
        return Step(at_ms, index, what, publishes)

    def steps(self, until_ms: int) -> Iterable[Step]:
        """All steps up to and including ``until_ms``, in time order."""
        while self._heap and self._heap[0][0] <= until_ms:
            yield self.step()

    def broker_up(self, indices: Iterable[int], now_ms: int) -> list[tuple[int, Publish]]:
        """The broker is there for these devices. Answers with what they send at once."""
        out: list[tuple[int, Publish]] = []
        for index in indices:
            member = self._members[index]
            member.broker_there = True
            out += [(index, publish) for publish in member.join(now_ms)]
            self._plan_tick(member, index)
        return out

    def broker_down(self, indices: Iterable[int], unsent: Iterable[tuple[int, Publish]] = ()) -> None:
        """The broker is gone for these devices; ``unsent`` was never acknowledged and goes back to them."""
        back: dict[int, list[Publish]] = {}
        for index, publish in unsent:
            back.setdefault(index, []).append(publish)
        for index in indices:
            self._members[index].broker_there = False
            self._members[index].device.disconnected(back.get(index, ()))

    def _happen(self, member: _Member, index: int, what: What, at_ms: int) -> list[Publish]:
        device = member.device
        match what:
            case "tick":
                return self._tick(member, at_ms)
            case "start":
                return self._start(member, index, at_ms)
            case "open" | "prop":
                self._plan_close(member, index, at_ms, propped=what == "prop")
                return device.move("open", at_ms)
            case "close":
                self._plan_opening(member, index, at_ms)
                return device.move("closed", at_ms)
            case "offline":
                return self._cut_off(member, index, at_ms)
            case "will":
                return [device.last_will] if member.will_at_ms == at_ms and member.broker_there else []
            case "online":
                member.cut_off = False
                member.will_at_ms = None
                return member.join(at_ms)
            case "power_loss":
                device.power_loss(at_ms)
                return member.join(at_ms)
            case "battery_low":
                return device.battery_low(at_ms)
            case "tamper":
                return device.tamper(at_ms)

    def _start(self, member: _Member, index: int, at_ms: int) -> list[Publish]:
        member.running = True
        member.device.start(at_ms)
        self._plan_opening(member, index, at_ms)
        return member.join(at_ms)

    def _tick(self, member: _Member, at_ms: int) -> list[Publish]:
        if member.tick_at_ms != at_ms:  # an earlier one took its place
            return []
        member.tick_at_ms = None
        return member.device.tick(at_ms)

    def _cut_off(self, member: _Member, index: int, at_ms: int) -> list[Publish]:
        """Out of reach. The connection may carry other boxes, so we say the box's last will ourselves."""
        member.cut_off = True
        if member.device.online:
            member.device.disconnected()
            member.will_at_ms = at_ms + WILL_AFTER_MS
            self.plan(member.will_at_ms, index, "will")
        return []

    def _plan_opening(self, member: _Member, index: int, after_ms: int) -> None:
        if member.rhythm is None:
            return
        at_ms = member.rhythm.next_opening_ms(after_ms, self.rng)
        if at_ms is not None:
            self.plan(at_ms, index, "prop" if member.rhythm.is_propped(self.rng) else "open")

    def _plan_close(self, member: _Member, index: int, at_ms: int, *, propped: bool) -> None:
        if member.rhythm is not None:
            open_for_ms = member.rhythm.open_for_ms(self.rng, propped=propped)
            self.plan(at_ms + open_for_ms, index, "close")

    def _plan_tick(self, member: _Member, index: int) -> None:
        """Keep one live tick in the heap, no later than the device's deadline.

        A deadline that moved later is found out when the early tick comes and does nothing.
        """
        due_ms = member.device.next_deadline_ms()
        planned_ms = member.tick_at_ms
        if due_ms is not None and (planned_ms is None or due_ms < planned_ms):
            member.tick_at_ms = due_ms
            self.plan(due_ms, index, "tick")
