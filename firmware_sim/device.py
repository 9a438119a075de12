"""The firmware of one channel of one box, as a pure model.

Rule 1: no clock, no I/O; ``now_ms`` (milliseconds since 1970 UTC) and all chance come from outside.
Rule 2: ``seq`` is used up only by reports that are sent or kept, so a hole means a lost report.
Rule 3: off line, movements are kept and heartbeats are not made.
Rule 4: what was due before something happens comes first.
"""

import random
from collections import deque
from collections.abc import Iterable
from enum import StrEnum

from firmware_sim import wire
from firmware_sim.battery import LOW, Battery
from firmware_sim.contact import Debouncer, bounce
from firmware_sim.drift import DRIFT_PPM, DriftingClock
from firmware_sim.wire import Contact, Publish, Why

KEPT_EVENTS = 100
"""Events kept while off line, oldest lost first (WIRE.md, Manners)."""


class Power(StrEnum):
    """What feeds the box; it sets how often the box speaks."""

    BATTERY = "battery"
    MAINS = "mains"


HEARTBEAT_MS = {Power.BATTERY: 15 * 60_000, Power.MAINS: 60_000}
"""Time between two reports of the state (WIRE.md, Manners)."""


class Device:
    """One channel of one box. Each method answers with what it puts on the wire.

    Call ``start`` first. A box that watches two doors is two devices with the same ``box``.
    """

    __slots__ = (
        "_clock",
        "_debouncer",
        "_heartbeat_due_ms",
        "_kept",
        "_rng",
        "_rssi",
        "_seq",
        "_tampered",
        "_untold",
        "battery",
        "boot",
        "box",
        "channel",
        "online",
        "power",
    )

    def __init__(
        self,
        box: str,
        channel: int = 1,
        *,
        rng: random.Random,
        power: Power = Power.BATTERY,
        contact: Contact = "closed",
        boot: int = 0,
    ) -> None:
        self.box = box
        self.channel = channel
        self.power = power
        self.boot = boot
        self.online = False
        self.battery = Battery(rng.uniform(0.5, 1.0)) if power is Power.BATTERY else None
        self._rng = rng
        self._rssi = rng.randint(-90, -50)
        self._clock = DriftingClock(rng.gauss(0.0, DRIFT_PPM))
        self._debouncer = Debouncer(contact)
        self._kept: deque[Publish] = deque(maxlen=KEPT_EVENTS)
        self._seq = 0
        self._heartbeat_due_ms = 0
        self._tampered = False
        self._untold = False  # something other than the leaf changed while off line

    @property
    def contact(self) -> Contact:
        """The leaf, after debouncing."""
        return self._debouncer.contact

    @property
    def kept(self) -> int:
        """How many events wait for the connection."""
        return len(self._kept)

    @property
    def last_will(self) -> Publish:
        """What the broker says on the box's behalf when the line is cut."""
        return wire.status(self.box, online=False)

    # Power and line

    def start(self, now_ms: int) -> None:
        """Switch on, off line and without the time; the boot report is kept until ``connected``."""
        self._debouncer.reset()
        self._keep_event("boot", now_ms)

    def power_loss(self, now_ms: int) -> None:
        """Lose the power and start again: kept events and the time are gone, the boot number is not."""
        self.online = False
        self.boot += 1
        self._seq = 0
        self._kept.clear()
        self._clock.unset()
        self._untold = False
        self.start(now_ms)

    def connected(self, now_ms: int) -> list[Publish]:
        """The line is there: the status, what was kept, then the state as it is now."""
        out = self.tick(now_ms)
        self.online = True
        self._clock.set(now_ms)
        kept = list(self._kept)
        self._kept.clear()
        if kept and not self._untold:
            last_state = self._state(kept[-1].payload, now_ms)
        else:
            last_state = self._heartbeat(now_ms)
        return [*out, wire.status(self.box, online=True), *kept, last_state]

    def disconnected(self, unsent: Iterable[Publish] = ()) -> None:
        """The line is gone. Events among ``unsent`` (never acknowledged) are kept and sent again."""
        self.online = False
        topic = wire.event_topic(self.box, self.channel)
        events = [publish for publish in unsent if publish.topic == topic]
        self._kept = deque([*events, *self._kept], maxlen=KEPT_EVENTS)

    # Time

    def next_deadline_ms(self) -> int | None:
        """When ``tick`` next has something to do; None if nothing is under way."""
        due = [self._debouncer.due_ms, self._heartbeat_due_ms if self.online else None]
        return min((at_ms for at_ms in due if at_ms is not None), default=None)

    def tick(self, now_ms: int) -> list[Publish]:
        """Do what is due."""
        out: list[Publish] = []
        moved_ms = self._debouncer.due_ms
        if moved_ms is not None and self._debouncer.settle(now_ms):
            out += self._moved(moved_ms)
        if self.online and now_ms >= self._heartbeat_due_ms:
            out.append(self._heartbeat(now_ms))
        return out

    # What happens to it

    def edge(self, contact: Contact, now_ms: int) -> list[Publish]:
        """The reed switch closes or opens, perhaps only as part of a bounce."""
        out = self.tick(now_ms)
        self._debouncer.edge(contact, now_ms)
        return out

    def move(self, contact: Contact, now_ms: int) -> list[Publish]:
        """A whole movement: its bounce and the rest after it. Takes less than 0.2 s from ``now_ms``."""
        out: list[Publish] = []
        for at_ms, edge in bounce(contact, now_ms, self._rng):
            out += self.edge(edge, at_ms)
        settled_ms = self._debouncer.due_ms
        return out if settled_ms is None else out + self.tick(settled_ms)

    def tamper(self, now_ms: int, *, tampered: bool = True) -> list[Publish]:
        """Somebody opens the box, or puts it back."""
        self._tampered = tampered
        return self._tell(now_ms)

    def battery_low(self, now_ms: int) -> list[Publish]:
        """The battery sinks below its limit. Does nothing on mains power."""
        if self.battery is None:
            return []
        self.battery.charge = min(self.battery.charge, LOW * 0.9)
        return self._tell(now_ms)

    # What it says

    def _tell(self, now_ms: int) -> list[Publish]:
        """The state at once, or at the next connect."""
        self._untold = True
        return [self._heartbeat(now_ms)] if self.online else []

    def _moved(self, now_ms: int) -> list[Publish]:
        if not self.online:
            self._keep_event("change", now_ms)
            return []
        report = self._report("change", now_ms)
        return [wire.event(self.box, self.channel, report), self._state(report, now_ms)]

    def _keep_event(self, why: Why, now_ms: int) -> None:
        self._kept.append(wire.event(self.box, self.channel, self._report(why, now_ms)))

    def _heartbeat(self, now_ms: int) -> Publish:
        self._untold = False
        return self._state(self._report("heartbeat", now_ms), now_ms)

    def _state(self, report: bytes, now_ms: int) -> Publish:
        self._heartbeat_due_ms = now_ms + HEARTBEAT_MS[self.power]
        return wire.state(self.box, self.channel, report)

    def _report(self, why: Why, now_ms: int) -> bytes:
        seq = self._seq
        self._seq += 1
        extras: dict[str, object] = {"t": self._clock.seconds(now_ms)}
        if self.battery is not None:
            self.battery.spend(now_ms)
            extras["bat_v"] = round(self.battery.volts, 2)
            extras["bat_pct"] = self.battery.percent
            extras["bat_low"] = self.battery.low
        extras["tamper"] = self._tampered
        extras["rssi"] = self._rssi + self._rng.randint(-3, 3)
        return wire.report(
            self.box,
            self.channel,
            boot=self.boot,
            seq=seq,
            why=why,
            contact=self.contact,
            extras=extras,
        )
