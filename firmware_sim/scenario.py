"""Scenario files: what the simulated devices live through.

Rule: a scenario is read completely or not at all; all its faults are told together.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

from yaml.nodes import Node

from firmware_sim import values
from firmware_sim.device import Power
from firmware_sim.fleet import Scripted
from firmware_sim.values import UTC_ZONE
from firmware_sim.wire import Contact
from firmware_sim.yaml_page import Fault, Page, PageError

KEYS = ("title", "seed", "start", "duration", "zone", "devices", "fleet")
DEVICE_KEYS = ("box", "channel", "power", "contact", "script")
FLEET_KEYS = ("count", "prefix", "per_day", "prop_chance", "prop_for", "power")

SCRIPTED: tuple[Scripted, ...] = get_args(Scripted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One line of a script. ``after_ms`` counts from the scenario's start."""

    after_ms: int
    what: Scripted


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedDevice:
    """One device and what happens to it."""

    box: str
    channel: int
    power: Power
    contact: Contact
    script: tuple[Happening, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """Many devices that follow the residents' rhythm.

    Attributes:
        count: How many, each a box of its own.
        prefix: Beginning of their serial numbers; a number of five or more digits follows.
        per_day: Openings a day and door, on average.
        prop_chance: Share of openings after which the door is propped, 0 to 1.
        prop_for_ms: How long a propped door stands open, on average.
        power: What feeds the boxes.
    """

    count: int
    prefix: str
    per_day: int
    prop_chance: float
    prop_for_ms: int
    power: Power

    def box(self, number: int) -> str:
        """Serial number of one of the boxes, counted from 0."""
        return f"{self.prefix}{number:05d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A story about doors.

    Attributes:
        title: What it shows.
        seed: The same seed gives the same story.
        start: Local date and time at which it begins; None: when it is played.
        duration_ms: How long it lasts.
        zone: Where the doors are; the residents' rhythm follows its clock.
        devices: Devices with a script.
        fleet: Devices with a rhythm.
    """

    title: str
    seed: int
    start: datetime | None
    duration_ms: int
    zone: ZoneInfo
    devices: tuple[ScriptedDevice, ...]
    fleet: FleetPlan | None


def read_scenario(path: Path) -> Scenario:
    """Read a scenario file. Raises ``PageError`` with all its faults."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PageError(
            [Fault(f"{path}:1:1", f"cannot be read: {error.strerror}", "Check the path")]
        ) from None
    except UnicodeDecodeError:
        raise PageError([Fault(f"{path}:1:1", "not UTF-8 text", "Save the file as UTF-8")]) from None
    return parse_scenario(text, name=str(path))


def parse_scenario(text: str, *, name: str) -> Scenario:
    """Understand a scenario. ``name`` is what its faults call the file."""
    page = Page(name, text)
    fields = page.fields(page.root, of="a scenario", known=KEYS, must=("title", "duration"))
    duration_ms = page.value(fields.get("duration"), values.duration_ms, 0)
    zone = page.value(fields.get("zone"), values.zone, UTC_ZONE)
    start = page.value(fields.get("start"), values.local_time, None)
    scenario = Scenario(
        title=page.value(fields.get("title"), values.text, ""),
        seed=page.value(fields.get("seed"), values.whole(0, 2**31), 0),
        start=None if start is None else start.replace(tzinfo=zone),
        duration_ms=duration_ms,
        zone=zone,
        devices=_devices(page, fields.get("devices"), duration_ms),
        fleet=_fleet(page, fields["fleet"]) if "fleet" in fields else None,
    )
    if page.root is not None and not {"devices", "fleet"} & fields.keys():
        page.fault(page.root, "a scenario needs devices", "Add 'devices:' or 'fleet:'")
    _refuse_shared_names(page, fields.get("devices"), scenario)
    page.finish()
    return scenario


def _devices(page: Page, node: Node | None, duration_ms: int) -> tuple[ScriptedDevice, ...]:
    items = page.items(node, of="devices")
    if node is not None and not items:
        page.fault(node, "'devices' is empty", "Add a device, or leave the key out")
    return tuple(_device(page, item, duration_ms) for item in items)


def _device(page: Page, node: Node, duration_ms: int) -> ScriptedDevice:
    fields = page.fields(node, of="a device", known=DEVICE_KEYS, must=("box",))
    device = ScriptedDevice(
        box=page.value(fields.get("box"), values.box, ""),
        channel=page.value(fields.get("channel"), values.whole(1, 8), 1),
        power=page.value(fields.get("power"), values.one_of(tuple(Power)), Power.BATTERY),
        contact=page.value(fields.get("contact"), values.one_of(get_args(Contact)), "closed"),
        script=_script(page, fields.get("script"), duration_ms),
    )
    if device.power is Power.MAINS and any(line.what == "battery_low" for line in device.script):
        page.fault(node, "a box on mains power has no battery to sink", "Remove 'battery_low'")
    return device


def _script(page: Page, node: Node | None, duration_ms: int) -> tuple[Happening, ...]:
    script: list[Happening] = []
    for item in page.items(node, of="a script"):
        line = page.value(item, _happening, None)
        if line is None:
            continue
        if script and line.after_ms < script[-1].after_ms:
            page.fault(item, "goes back in time", "Put the lines in order of time")
        elif 0 < duration_ms < line.after_ms:
            page.fault(item, "comes after the scenario's end", "Lengthen 'duration'")
        script.append(line)
    return tuple(script)


def _happening(text: str) -> Happening | None:
    after, _, what = text.strip().partition(" ")
    return Happening(after_ms=values.offset_ms(after), what=values.one_of(SCRIPTED)(what.strip()))


def _fleet(page: Page, node: Node) -> FleetPlan:
    fields = page.fields(node, of="a fleet", known=FLEET_KEYS, must=("count",))
    return FleetPlan(
        count=page.value(fields.get("count"), values.whole(1, 200_000), 1),
        prefix=page.value(fields.get("prefix"), values.prefix, "sim-"),
        per_day=page.value(fields.get("per_day"), values.whole(0, 10_000), 40),
        prop_chance=page.value(fields.get("prop_chance"), values.share, 0.0),
        prop_for_ms=page.value(fields.get("prop_for"), values.duration_ms, 20 * 60_000),
        power=page.value(fields.get("power"), values.one_of(tuple(Power)), Power.BATTERY),
    )


def _refuse_shared_names(page: Page, node: Node | None, scenario: Scenario) -> None:
    """No two devices may be the same channel of the same box."""
    taken: set[tuple[str, int]] = set()
    prefix = scenario.fleet.prefix if scenario.fleet else None
    for item, device in zip(
        page.items(node, of="devices") if scenario.devices else [], scenario.devices, strict=True
    ):
        if device.box and (device.box, device.channel) in taken:
            page.fault(item, f"channel {device.channel} of box '{device.box}' appears twice", "Change one")
        taken.add((device.box, device.channel))
        if prefix is not None and re.fullmatch(re.escape(prefix) + r"\d{5,}", device.box):
            page.fault(item, f"box '{device.box}' may also be in the fleet", "Change its name or the prefix")
