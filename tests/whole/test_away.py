"""What comes in while the gateway is not there: the broker keeps it, and nothing is lost."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rules.engine import LATE_MS
from tests.real_things import FakePhones, wait_for
from tests.sensors import Sensors, report
from tests.shipped_broker import BOX_PASSWORD, GATEWAY, ShippedBroker
from tests.small_district import RULE, write_directory
from tests.whole.watched import Watched, say

pytestmark = [pytest.mark.broker, pytest.mark.slow]

BOXES, CHANNELS = [f"b-{n:05d}" for n in range(5)], 8
STAYS_OPEN, IS_SHUT, SWINGS = range(8), range(8, 20), range(20, 40)
AWAY = 5_000
OVERDUE_MS = 10_000 + LATE_MS + 500
RULE_10_S = RULE.replace("after: 2s", "after: 10s").replace("after: 4s", "after: 11s")


def test_5000_reports_that_came_while_it_was_away_are_all_stored_and_what_is_over_is_told_to_nobody(
    tmp_path: Path, phones: FakePhones
) -> None:
    """Acceptance 7, with seconds for the ten minutes and the broker as it is shipped: encrypted, with
    passwords, and saved at every change. How long catching up takes is printed: the aim is 5 s."""
    broker = ShippedBroker(tmp_path / "broker", BOXES)
    broker.start()
    seen = Watched(district_of(broker, tmp_path / "district", phones))
    boxes = [Sensors(broker.boxes, box, password=BOX_PASSWORD, tls=broker.tls) for box in BOXES]
    try:
        with seen.gateway():
            for place in (*STAYS_OPEN, *IS_SHUT):
                say_contact(boxes, place, 0, "open")
            wait_for(lambda: seen.stored() == len(STAYS_OPEN) + len(IS_SHUT), "they are stored")
        assert seen.count("SELECT count(*) FROM alarms") == 0, "it was still there when they were due"
        (opened_ms,) = seen.ask("SELECT max(at_ms) FROM journal WHERE contact = 'open'")[0]

        publish_while_away(boxes)
        wait_for(lambda: time.time() * 1_000 > opened_ms + OVERDUE_MS, "they are overdue")
        began = time.monotonic()
        with seen.gateway():
            took = time.monotonic() - began
            wait_for(lambda: seen.count("SELECT count(*) FROM alarms") >= len(STAYS_OPEN), "alarms come")
    finally:
        for box in boxes:
            box.close()
        broker.stop()
    question = "SELECT min(at_ms), max(at_ms) FROM journal WHERE kind = 'reading' AND at_ms > ?"
    ((first_ms, last_ms),) = seen.ask(question, opened_ms)
    say(
        f"{AWAY:,} reports that waited at the shipped broker: heard and stored in"
        f" {(last_ms - first_ms) / 1000:.1f} s, {took:.1f} s from the start of the process"
    )

    assert seen.stored() == len(STAYS_OPEN) + len(IS_SHUT) + AWAY
    assert seen.count("SELECT count(*) FROM gaps WHERE kind = 'reports'") == 0
    question = "SELECT entrance FROM alarms WHERE cleared_why IS ? AND late AND (raised_at_ms > 0) IS ?"
    assert entrances(seen, question, "missed", None) == names(IS_SHUT)
    assert entrances(seen, question, None, 1) == names(STAYS_OPEN)
    assert seen.count("SELECT count(*) FROM alarms") == len(IS_SHUT) + len(STAYS_OPEN)
    told = entrances(seen, "SELECT DISTINCT entrance FROM messages")
    assert told == names(STAYS_OPEN), "only what is still so is told"


def district_of(broker: ShippedBroker, path: Path, phones: FakePhones) -> Path:
    """All channels of all boxes are doors."""
    directory = write_directory(
        path, broker_port=1, phone_port=phones.port, doors=len(BOXES) * CHANNELS, rules=RULE_10_S
    )
    (directory / "password").write_text(broker.gateway_password)
    (directory / "doorward.toml").write_text(
        f"""\
[broker]
host = "localhost"
port = {broker.inside}
tls = true
ca_file = "{broker.secrets / "broker-ca.pem"}"
username = "{GATEWAY}"
password_file = "password"
client_id = "doorward"
"""
    )
    rows = ["dialect,box,channel,entrance"]
    for place in range(len(BOXES) * CHANNELS):
        box, channel = divmod(place, CHANNELS)
        rows.append(f"doorward,{BOXES[box]},{channel + 1},door-{place:05d}")
    (directory / "devices.csv").write_text("\n".join(rows) + "\n")
    return directory


def say_contact(boxes: list[Sensors], place: int, seq: int, contact: str) -> None:
    number, channel = divmod(place, CHANNELS)
    said = report(BOXES[number], seq, contact, channel=channel + 1)
    boxes[number].publish(f"door/{BOXES[number]}/{channel + 1}/event", said)


def publish_while_away(boxes: list[Sensors]) -> None:
    """Some doors swing all the time, and are shut at last; in the middle of it others are shut, too."""
    moves = AWAY - len(IS_SHUT)
    for number in range(moves):
        seq, which = divmod(number, len(SWINGS))
        say_contact(boxes, SWINGS[which], seq, "closed" if seq % 2 else "open")
        if number == moves // 2:
            for place in IS_SHUT:
                say_contact(boxes, place, 1, "closed")
        if number % 400 == 399:
            for box in boxes:
                box.wait()
    for box in boxes:
        box.wait()


def names(places: range) -> list[str]:
    return [f"door-{place:05d}" for place in places]


def entrances(seen: Watched, question: str, *values: object) -> list[str]:
    return sorted(entrance for (entrance,) in seen.ask(question, *values))
