"""One channel's firmware, told as small stories. Times are milliseconds from the story's start."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim import wire
from firmware_sim.contact import DEBOUNCE_MS, bounce
from firmware_sim.device import HEARTBEAT_MS, KEPT_EVENTS, Device, Power
from firmware_sim.wire import Contact, Publish

MINUTE_MS = 60_000


def a_device(*, power: Power = Power.BATTERY, seed: int = 1) -> Device:
    """A device that has just been switched on, off line."""
    device = Device("b0417-03", rng=random.Random(seed), power=power)
    device.start(0)
    return device


def a_connected_device(*, power: Power = Power.BATTERY) -> Device:
    device = a_device(power=power)
    device.connected(0)
    return device


def said(publishes: list[Publish]) -> list[tuple[str, str, int]]:
    """``(last part of the topic, why, seq)`` of each report; the status is left out."""
    return [(topic_end(one), fields(one)["why"], fields(one)["seq"]) for one in reports(publishes)]


def reports(publishes: list[Publish]) -> list[Publish]:
    return [one for one in publishes if topic_end(one) != "status"]


def topic_end(publish: Publish) -> str:
    return publish.topic.rsplit("/", 1)[1]


def fields(publish: Publish) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(publish.payload)
    return found


def test_start_says_status_then_one_boot_report_as_event_and_state() -> None:
    out = a_device().connected(0)
    assert topic_end(out[0]) == "status"
    assert fields(out[0]) == {"v": 1, "id": "b0417-03", "online": True}
    assert said(out) == [("event", "boot", 0), ("state", "boot", 0)]


def test_events_are_not_retained_but_state_and_status_are() -> None:
    out = a_device().connected(0)
    assert [(topic_end(one), one.qos, one.retain) for one in out] == [
        ("status", 1, True),
        ("event", 1, False),
        ("state", 1, True),
    ]


def test_a_movement_is_an_event_and_a_state_with_the_same_seq() -> None:
    device = a_connected_device()
    out = device.move("open", 1000)
    assert said(out) == [("event", "change", 1), ("state", "change", 1)]
    assert fields(out[0])["contact"] == "open"


def test_a_report_has_the_fields_of_the_treaty_in_its_order() -> None:
    treaty = (Path(wire.__file__).parent / "WIRE.md").read_text(encoding="utf-8")
    example = next(line for line in treaty.splitlines() if line.startswith("door/b0417-03/1/event "))
    event = a_connected_device().move("open", 1000)[0]
    assert list(fields(event)) == list(json.loads(example.split(" ", 1)[1]))


def test_a_report_stays_below_the_limit_of_the_treaty() -> None:
    device = Device("b" * 32, 8, rng=random.Random(1), boot=2**32 - 1)
    device.start(0)
    assert all(len(one.payload) <= 1024 for one in device.connected(0))


def test_moving_to_where_the_leaf_already_is_says_nothing() -> None:
    assert a_connected_device().move("closed", 1000) == []


@pytest.mark.parametrize(
    ("rest_ms", "moved"),
    [
        pytest.param(DEBOUNCE_MS - 1, False, id="not-rested-long-enough"),
        pytest.param(DEBOUNCE_MS, True, id="rested-exactly-long-enough"),
    ],
)
def test_a_movement_counts_after_the_contact_has_rested(rest_ms: int, moved: bool) -> None:
    device = a_connected_device()
    device.edge("open", 1000)
    assert bool(device.tick(1000 + rest_ms)) is moved


def test_a_twitch_that_returns_in_time_is_no_movement() -> None:
    device = a_connected_device()
    device.edge("open", 1000)
    device.edge("closed", 1010)
    assert device.tick(2000) == []


def test_a_movement_that_was_due_comes_before_the_next_edge() -> None:
    device = a_connected_device()
    device.edge("open", 1000)
    assert said(device.edge("closed", 5000))[0] == ("event", "change", 1)


@pytest.mark.parametrize("power", list(Power))
def test_heartbeats_come_on_time_with_a_seq_of_their_own(power: Power) -> None:
    device = a_connected_device(power=power)
    due_ms = device.next_deadline_ms()
    assert due_ms == HEARTBEAT_MS[power]
    assert device.tick(due_ms - 1) == []
    assert said(device.tick(due_ms)) == [("state", "heartbeat", 1)]
    assert device.next_deadline_ms() == 2 * due_ms


def test_off_line_nothing_is_due_and_no_seq_is_used_up() -> None:
    device = a_connected_device()
    device.disconnected()
    assert device.next_deadline_ms() is None
    assert device.tick(60 * MINUTE_MS) == []
    assert said(device.connected(61 * MINUTE_MS)) == [("state", "heartbeat", 1)]


def test_what_happened_off_line_is_sent_in_order_then_the_state() -> None:
    device = a_connected_device()
    device.disconnected()
    device.move("open", 1000)
    device.move("closed", 2000)
    assert said(device.connected(3000)) == [
        ("event", "change", 1),
        ("event", "change", 2),
        ("state", "change", 2),
    ]


def test_events_never_acknowledged_are_sent_again() -> None:
    device = a_connected_device()
    unsent = device.move("open", 1000)
    device.disconnected(unsent)
    device.move("closed", 2000)
    assert said(device.connected(3000)) == [
        ("event", "change", 1),
        ("event", "change", 2),
        ("state", "change", 2),
    ]


def test_a_box_opened_off_line_is_told_at_the_next_connect() -> None:
    device = a_connected_device()
    device.disconnected()
    device.move("open", 1000)
    device.tamper(2000)
    last = device.connected(3000)[-1]
    assert fields(last)["tamper"] is True
    assert fields(last)["contact"] == "open"


def test_power_loss_counts_the_boot_and_forgets_the_time() -> None:
    device = a_connected_device()
    device.disconnected()
    device.move("open", 1000)
    device.power_loss(2000)
    event = reports(device.connected(3000))[0]
    assert (fields(event)["boot"], fields(event)["seq"], fields(event)["why"]) == (1, 0, "boot")
    assert fields(event)["contact"] == "open"
    assert "t" not in fields(event)


def test_the_last_will_says_the_box_is_off_line() -> None:
    will = a_device().last_will
    assert will.topic == "door/b0417-03/status"
    assert fields(will) == {"v": 1, "id": "b0417-03", "online": False}
    assert will.retain


def test_the_clock_drifts_by_seconds_in_weeks_but_not_by_minutes() -> None:
    device = a_connected_device()
    fortnight_ms = 14 * 24 * 60 * MINUTE_MS
    believed_s = fields(device.move("open", fortnight_ms)[-1])["t"]
    assert 0.2 < abs(believed_s - fortnight_ms / 1000) < 120


def test_the_battery_sinks_and_says_so_when_it_is_low() -> None:
    device = a_connected_device()
    before = fields(device.move("open", 1000)[0])
    low = fields(device.battery_low(2000)[0])
    assert low["bat_v"] < before["bat_v"]
    assert low["bat_pct"] < before["bat_pct"]
    assert (before["bat_low"], low["bat_low"]) == (False, True)


def test_a_year_of_heartbeats_costs_some_battery_but_not_all() -> None:
    device = a_connected_device()
    assert device.battery is not None
    fresh = device.battery.charge
    for beat in range(1, 365 * 96):
        device.tick(beat * HEARTBEAT_MS[Power.BATTERY])
    assert 0.1 < fresh - device.battery.charge < 0.5


def test_mains_power_has_no_battery_to_report() -> None:
    device = a_connected_device(power=Power.MAINS)
    assert "bat_v" not in fields(device.move("open", 1000)[0])
    assert device.battery_low(2000) == []


@given(seed=st.integers(0, 2**32), to=st.sampled_from(["open", "closed"]))
def test_a_bounce_never_makes_two_movements(seed: int, to: Contact) -> None:
    """However the contact chatters, one movement of the leaf is at most one event."""
    device = Device("b1", rng=random.Random(seed), contact="closed")
    device.start(0)
    device.connected(0)
    out: list[Publish] = []
    for at_ms, contact in bounce(to, 1000, random.Random(seed)):
        out += device.edge(contact, at_ms)
    out += device.tick(10_000)
    assert [topic_end(one) for one in out] == (["event", "state"] if to == "open" else [])


happenings = st.lists(
    st.tuples(st.integers(1, 20 * MINUTE_MS), st.sampled_from(["open", "closed", "off", "on", "tamper"])),
    max_size=80,
)


@given(happenings)
def test_seq_has_no_holes_while_nothing_overflows(happenings: list[tuple[int, str]]) -> None:
    """A hole means a lost report, so a device that lost none shows none, and never goes back."""
    device = a_device()
    out = device.connected(0)
    now_ms = 0
    for later_ms, what in happenings:
        now_ms += later_ms
        out += device.tick(now_ms)
        out += play(device, what, now_ms)
    out += device.connected(now_ms + 1000)
    seqs = [fields(one)["seq"] for one in reports(out)]
    assert sorted(set(seqs)) == list(range(max(seqs) + 1))
    assert seqs == sorted(seqs)


def play(device: Device, what: str, now_ms: int) -> list[Publish]:
    match what:
        case "open":
            return device.move("open", now_ms)
        case "closed":
            return device.move("closed", now_ms)
        case "tamper":
            return device.tamper(now_ms)
        case "on" if not device.online:
            return device.connected(now_ms)
        case "off":
            device.disconnected()
    return []


@given(movements=st.integers(0, 3 * KEPT_EVENTS))
def test_the_newest_hundred_events_are_kept(movements: int) -> None:
    """The oldest are lost first, and the hole before the first one kept shows it."""
    device = a_connected_device()
    device.disconnected()
    for number in range(movements):
        device.move("open" if number % 2 == 0 else "closed", 1000 * (number + 1))
    assert device.kept == min(movements, KEPT_EVENTS)
    events = [one for one in device.connected(10_000_000) if topic_end(one) == "event"]
    newest = range(max(1, movements - KEPT_EVENTS + 1), movements + 1)
    assert [fields(one)["seq"] for one in events] == list(newest)
