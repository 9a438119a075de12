"""Many devices in time order. All times are milliseconds since 1970 UTC."""

import json
import random
from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from firmware_sim.fleet import WILL_AFTER_MS, Fleet, Step
from firmware_sim.publish import share_out
from firmware_sim.rhythm import DAY_MS, Rhythm
from firmware_sim.scenario import parse_scenario
from firmware_sim.staging import stage

SHANGHAI = ZoneInfo("Asia/Shanghai")
MIDNIGHT_MS = round(datetime(2025, 3, 3, tzinfo=SHANGHAI).timestamp() * 1000)

ONE_DOOR = """
title: One door
duration: 30m
devices:
  - box: b1
    script: {script}
"""

SMALL_FLEET = """
title: A small fleet
seed: 7
duration: 1d
zone: Asia/Shanghai
fleet: {count: 200, per_day: 20, prop_chance: 0.1, prop_for: 20m}
"""


def staged(text: str, *, broker: bool = True) -> Fleet:
    fleet = stage(parse_scenario(text, name="test.yaml"), start_ms=MIDNIGHT_MS)
    if broker:
        fleet.broker_up(range(len(fleet.devices)), MIDNIGHT_MS)
    return fleet


def one_door(*script: str) -> Fleet:
    return staged(ONE_DOOR.format(script=json.dumps(script)))


def told(steps: list[Step]) -> list[str]:
    """``seconds topic-end [why]`` of each publish."""
    lines = []
    for step in steps:
        for publish in step.publishes:
            fields = json.loads(publish.payload)
            says = fields.get("why", "online" if fields.get("online") else "offline")
            end = publish.topic.rsplit("/", 1)[1]
            lines.append(f"{(step.at_ms - MIDNIGHT_MS) // 1000} {end} {says}")
    return lines


def play(fleet: Fleet, *, seconds: int) -> list[Step]:
    return list(fleet.steps(MIDNIGHT_MS + seconds * 1000))


START = ["0 status online", "0 event boot", "0 state boot"]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(
            ["+00:10 open", "+01:00 close"],
            ["10 event change", "10 state change", "60 event change", "60 state change"],
            id="a-door-opens-and-closes",
        ),
        pytest.param(
            ["+00:10 offline", "+00:20 open", "+01:00 online"],
            ["60 status online", "60 event change", "60 state change"],
            id="off-line-for-less-than-the-broker-notices",
        ),
        pytest.param(
            ["+00:10 offline", "+05:00 online"],
            ["100 status offline", "300 status online", "300 state heartbeat"],
            id="the-broker-gives-up-a-silent-line",
        ),
        pytest.param(
            ["+00:10 power_loss"],
            ["10 status online", "10 event boot", "10 state boot"],
            id="power-loss-is-a-new-boot",
        ),
        pytest.param(["+00:10 tamper"], ["10 state heartbeat"], id="tamper-is-told-at-once"),
        pytest.param(["+00:10 battery_low"], ["10 state heartbeat"], id="low-battery-is-told-at-once"),
    ],
)
def test_a_script_becomes_publishes(script: list[str], expected: list[str]) -> None:
    assert told(play(one_door(*script), seconds=600)) == START + expected


def test_the_will_comes_one_and_a_half_keep_alives_after_the_cut() -> None:
    """The broker of the story notices silence as a real one would."""
    assert WILL_AFTER_MS == 90_000


def test_heartbeats_go_on_every_quarter_of_an_hour() -> None:
    steps = play(one_door("+00:10 open"), seconds=3600)
    assert told(steps)[5:] == ["910 state heartbeat", "1810 state heartbeat", "2710 state heartbeat"]


def test_what_happens_to_a_box_happens_to_all_its_channels() -> None:
    text = """
title: Two doors
duration: 5m
devices:
  - {box: b1, channel: 1, script: ["+00:10 power_loss"]}
  - {box: b1, channel: 2}
"""
    fleet = staged(text)
    play(fleet, seconds=60)
    assert [device.boot for device in fleet.devices] == [1, 1]


def test_nothing_is_sent_while_there_is_no_broker_and_nothing_is_lost() -> None:
    fleet = staged(ONE_DOOR.format(script='["+00:10 open", "+00:20 close"]'), broker=False)
    assert told(play(fleet, seconds=600)) == []
    out = fleet.broker_up([0], MIDNIGHT_MS + 601_000)
    assert [json.loads(publish.payload).get("seq") for _, publish in out] == [None, 0, 1, 2, 2]


def test_what_the_broker_never_acknowledged_comes_again() -> None:
    fleet = one_door("+00:10 open")
    unsent = [(0, publish) for step in play(fleet, seconds=60) for publish in step.publishes][-2:]
    fleet.broker_down([0], unsent)
    out = fleet.broker_up([0], MIDNIGHT_MS + 70_000)
    assert [json.loads(publish.payload).get("seq") for _, publish in out] == [None, 1, 1]


def test_steps_come_in_order_of_time() -> None:
    times = [step.at_ms for step in play(staged(SMALL_FLEET), seconds=3 * 3600)]
    assert times == sorted(times)


def test_the_same_seed_tells_the_same_story() -> None:
    assert play(staged(SMALL_FLEET), seconds=9 * 3600) == play(staged(SMALL_FLEET), seconds=9 * 3600)


def test_a_day_has_about_as_many_openings_as_planned_and_some_propped() -> None:
    happened = Counter(step.what for step in play(staged(SMALL_FLEET), seconds=86_400))
    openings = happened["open"] + happened["prop"]
    assert 0.9 < openings / (200 * 20) < 1.1
    assert 0.07 < happened["prop"] / openings < 0.13


def test_each_fleet_device_opens_and_closes_in_turn() -> None:
    steps = [step for step in play(staged(SMALL_FLEET), seconds=86_400) if step.device == 0]
    moves = [step.what.replace("prop", "open") for step in steps if step.what in ("open", "prop", "close")]
    assert moves[:4] == ["open", "close", "open", "close"]
    assert "openopen" not in "".join(moves)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Paris"])
def test_mornings_and_evenings_are_busier_than_nights_by_the_local_clock(zone: str) -> None:
    rhythm = Rhythm(zone=ZoneInfo(zone), per_day=2000, prop_chance=0.0, prop_for_ms=1)
    hours: Counter[int] = Counter()
    rng = random.Random(1)
    at_ms: int | None = MIDNIGHT_MS
    while at_ms is not None and at_ms < MIDNIGHT_MS + DAY_MS:
        hours[datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone)).hour] += 1
        at_ms = rhythm.next_opening_ms(at_ms, rng)
    assert min(hours[7], hours[8], hours[17], hours[18], hours[19]) > 3 * max(hours[1], hours[2], hours[3])


def test_a_door_that_nobody_uses_never_opens() -> None:
    rhythm = Rhythm(zone=SHANGHAI, per_day=0, prop_chance=0.0, prop_for_ms=1)
    assert rhythm.next_opening_ms(0, random.Random(1)) is None


def test_the_channels_of_a_box_share_a_connection() -> None:
    text = "title: t\nduration: 1m\ndevices: [{box: a}, {box: b}, {box: a, channel: 2}]\n"
    assert share_out(staged(text).devices, 2) == [[0, 2], [1]]
    assert share_out(staged(text).devices, 9) == [[0, 2], [1]]
    assert share_out(staged(text).devices, 1) == [[0, 2, 1]]
