"""From a scenario to a fleet that plays it (pure)."""

import random

from firmware_sim.device import HEARTBEAT_MS, Device
from firmware_sim.fleet import Fleet, Scripted
from firmware_sim.rhythm import Rhythm
from firmware_sim.scenario import FleetPlan, Scenario

OF_THE_BOX: frozenset[Scripted] = frozenset({"offline", "online", "power_loss", "battery_low", "tamper"})
"""What happens to a box happens to each of its channels, whichever script says it."""


def stage(scenario: Scenario, *, start_ms: int, first_boot: int = 0) -> Fleet:
    """The scenario's devices, ready to play.

    Args:
        scenario: What they live through.
        start_ms: When it begins, milliseconds since 1970 UTC.
        first_boot: Number of each box's first start, 0 to 2³²−1. Real boxes never count back, so a
            story told twice to one gateway needs a greater number the second time.
    """
    fleet = Fleet(random.Random(scenario.seed))
    _add_scripted(fleet, scenario, start_ms, first_boot)
    if scenario.fleet is not None:
        _add_residents(fleet, scenario, scenario.fleet, start_ms, first_boot)
    return fleet


def start_of(scenario: Scenario, *, now_ms: int) -> int:
    """When the scenario begins: where it says so, or now. Milliseconds since 1970 UTC."""
    return now_ms if scenario.start is None else round(scenario.start.timestamp() * 1000)


def _add_scripted(fleet: Fleet, scenario: Scenario, start_ms: int, first_boot: int) -> None:
    channels: dict[str, list[int]] = {}
    indices: list[int] = []
    for plan in scenario.devices:
        device = Device(
            plan.box, plan.channel, rng=fleet.rng, power=plan.power, contact=plan.contact, boot=first_boot
        )
        indices.append(fleet.add(device, starts_ms=start_ms))
        channels.setdefault(plan.box, []).append(indices[-1])
    for plan, own in zip(scenario.devices, indices, strict=True):
        for line in plan.script:
            for index in channels[plan.box] if line.what in OF_THE_BOX else [own]:
                fleet.plan(start_ms + line.after_ms, index, line.what)


def _add_residents(fleet: Fleet, scenario: Scenario, plan: FleetPlan, start_ms: int, first_boot: int) -> None:
    """Switched on one after the other over a heartbeat's time, so that heartbeats stay spread out."""
    rhythm = Rhythm(
        zone=scenario.zone,
        per_day=plan.per_day,
        prop_chance=plan.prop_chance,
        prop_for_ms=plan.prop_for_ms,
    )
    for number in range(plan.count):
        device = Device(plan.box(number), rng=fleet.rng, power=plan.power, boot=first_boot)
        later_ms = HEARTBEAT_MS[plan.power] * number // plan.count
        fleet.add(device, starts_ms=start_ms + later_ms, rhythm=rhythm)
