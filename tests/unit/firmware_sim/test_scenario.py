"""Scenario files: what is understood, and how faults are told."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import firmware_sim
from firmware_sim import values
from firmware_sim.device import Power
from firmware_sim.scenario import Happening, parse_scenario, read_scenario
from firmware_sim.yaml_page import PageError, Unfit

SCENARIOS = sorted((Path(firmware_sim.__file__).parent / "scenarios").glob("*.yaml"))

HEAD = "title: t\nduration: 10m\n"


def faults(text: str) -> list[str]:
    with pytest.raises(PageError) as caught:
        parse_scenario(text, name="s.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_that_ships_is_without_fault(path: Path) -> None:
    assert read_scenario(path).title


def test_the_district_has_20_000_devices() -> None:
    path = next(path for path in SCENARIOS if path.stem == "district")
    fleet = read_scenario(path).fleet
    assert fleet is not None
    assert fleet.count == 20_000
    assert fleet.box(19_999) == "sim-19999"


def test_a_full_scenario_is_understood() -> None:
    scenario = parse_scenario(
        """
title: A door
seed: 5
start: 2025-03-03T06:30
duration: 1h30m
zone: Asia/Shanghai
devices:
  - box: b0417-03
    channel: 2
    power: mains
    contact: open
    script: ["+00:10 close", "+61:00 offline"]
fleet: {count: 3, prefix: x-, per_day: 4, prop_chance: 0.25, prop_for: 5m, power: battery}
""",
        name="s.yaml",
    )
    device = scenario.devices[0]
    assert scenario.duration_ms == 5_400_000
    assert scenario.start == datetime(2025, 3, 3, 6, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert (device.box, device.channel, device.power, device.contact) == (
        "b0417-03",
        2,
        Power.MAINS,
        "open",
    )
    assert device.script == (
        Happening(after_ms=10_000, what="close"),
        Happening(after_ms=3_660_000, what="offline"),
    )
    assert scenario.fleet is not None
    assert (scenario.fleet.prop_chance, scenario.fleet.prop_for_ms) == (0.25, 300_000)


def test_unquoted_scalars_stay_text() -> None:
    """YAML would read 0417 as octal and the box as a number."""
    assert parse_scenario(HEAD + "devices: [{box: 0417}]", name="s.yaml").devices[0].box == "0417"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            HEAD + "flet: {count: 1}\ndevices: [{box: a}]",
            "s.yaml:3:1: unknown key 'flet' in a scenario. Did you mean 'fleet'?",
            id="unknown-key",
        ),
        pytest.param(
            HEAD + 'devices: [{box: a, script: ["+00:10 opne"]}]',
            "s.yaml:3:29: unknown word 'opne'. Did you mean 'open'?",
            id="unknown-happening",
        ),
        pytest.param(
            HEAD + "title: again\ndevices: [{box: a}]",
            "s.yaml:3:1: key 'title' appears twice in a scenario. Keep one of them.",
            id="key-twice",
        ),
        pytest.param(
            HEAD + "devices: [{box: B1}]",
            "s.yaml:3:17: 'B1' is not a box. Use 1 to 32 of the characters a-z, 0-9 and -.",
            id="box-in-capitals",
        ),
        pytest.param(
            HEAD + "devices: [{box: a}, {box: a}]",
            "s.yaml:3:21: channel 1 of box 'a' appears twice. Change one.",
            id="same-channel-twice",
        ),
        pytest.param(
            HEAD + "devices: [{box: sim-00001}]\nfleet: {count: 2}",
            "s.yaml:3:11: box 'sim-00001' may also be in the fleet. Change its name or the prefix.",
            id="box-also-in-the-fleet",
        ),
        pytest.param(
            HEAD + "zone: Asia/Shanghia\ndevices: [{box: a}]",
            "s.yaml:3:7: unknown time zone 'Asia/Shanghia'. Write one like Asia/Shanghai.",
            id="unknown-zone",
        ),
        pytest.param(
            HEAD + 'devices: [{box: a, script: ["+02:00 open", "+01:00 close"]}]',
            "s.yaml:3:44: goes back in time. Put the lines in order of time.",
            id="script-out-of-order",
        ),
        pytest.param(
            HEAD + 'devices: [{box: a, script: ["+10:01 open"]}]',
            "s.yaml:3:29: comes after the scenario's end. Lengthen 'duration'.",
            id="script-too-long",
        ),
        pytest.param(
            HEAD + 'devices: [{box: a, power: mains, script: ["+00:01 battery_low"]}]',
            "s.yaml:3:11: a box on mains power has no battery to sink. Remove 'battery_low'.",
            id="battery-of-a-mains-box",
        ),
        pytest.param(
            HEAD, "s.yaml:1:1: a scenario needs devices. Add 'devices:' or 'fleet:'.", id="nobody-there"
        ),
        pytest.param(
            HEAD + "devices: {box: a}",
            "s.yaml:3:10: devices must be a list. Begin each item with '- '.",
            id="devices-not-a-list",
        ),
        pytest.param(
            HEAD + "fleet: {count: [1]}",
            "s.yaml:3:16: a single value was expected here. Write one value, not a list or keys.",
            id="list-for-a-number",
        ),
        pytest.param(
            HEAD + "fleet: {count: 1, prop_chance: nan}",
            "s.yaml:3:32: 'nan' is not a share. Write a number from 0 to 1, like 0.02.",
            id="not-a-number",
        ),
    ],
)
def test_a_fault_says_where_what_and_how_to_mend_it(text: str, expected: str) -> None:
    assert expected in faults(text)


def test_all_faults_are_told_together_in_order_of_lines() -> None:
    text = "seed: x\nduration: soon\nzone: UTC\nfleet: {count: 0}\n"
    assert [fault.split(":")[1] for fault in faults(text)] == ["1", "1", "2", "4"]


@pytest.mark.parametrize(
    "text",
    ["", "just words", "- a\n- b", "title: [", "a: &a [*a]", "\x00", "? {a: b}\n: c", "[" * 5000],
    ids=["empty", "words", "a-list", "unclosed", "an-alias", "a-nul", "a-key-of-keys", "deep"],
)
def test_nonsense_is_a_fault_and_never_a_crash(text: str) -> None:
    assert faults(text)[0].startswith("s.yaml:1:")


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(PageError, match="cannot be read"):
        read_scenario(tmp_path / "none.yaml")


def test_a_file_that_is_not_utf8_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"title: caf\xe9")
    with pytest.raises(PageError, match="not UTF-8"):
        read_scenario(path)


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [("90s", 90), ("15m", 900), ("1h30m", 5400), ("7d", 604_800), ("1d1h1m1s", 90_061)],
)
def test_durations_have_units(text: str, expected_s: int) -> None:
    assert values.duration_ms(text) == expected_s * 1000


@pytest.mark.parametrize("text", ["", "0s", "90", "m", "-5m", "5m1h", "1.5h", "367d", "１m"])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(Unfit):
        values.duration_ms(text)


@given(st.text(max_size=40))
def test_any_text_as_a_script_line_is_understood_or_a_fault(line: str) -> None:
    """Nobody's typing mistake becomes a traceback."""
    quoted = '"' + "".join(f"\\U{ord(char):08x}" for char in line) + '"'
    try:
        parse_scenario(f"{HEAD}devices: [{{box: a, script: [{quoted}]}}]", name="s.yaml")
    except PageError as error:
        assert error.faults
