"""Must hold 5: whatever comes in on the wire, everything stays up and nothing is lost beside it."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.real_things import FakePhones, Mosquitto, free_port, process, wait_for
from tests.sensors import Sensors, report
from tests.small_district import write_directory
from tests.whole.watched import Watched, say

pytestmark = [pytest.mark.broker, pytest.mark.slow]

HOSTILE, GOOD = 1_000, 200
KEPT = 64 * 1024
"""Bytes of a payload that quarantine keeps."""
EVENT = "door/b-00000/1/event"
FINE = json.loads(report("b-00000", 1, "open"))


def said(**changes: object) -> bytes:
    return json.dumps(FINE | changes).encode()


def said_raw(name: str, value: str) -> bytes:
    """A value that is no JSON, or that no JSON library of ours would write."""
    return json.dumps(FINE | {name: "@"}).replace('"@"', value).encode()


KINDS: dict[str, tuple[str, bytes]] = {
    "empty": (EVENT, b""),
    "not-utf-8": (EVENT, b'{"v":1,"id":"\xff\xfe"}'),
    "utf-16": (EVENT, said().decode().encode("utf-16")),
    "nul": (EVENT, b"\0" * 64),
    "a-nul-in-a-key": (EVENT, said_raw("contact", '"open\0"')),
    "not-json": (EVENT, b"open"),
    "cut-off": (EVENT, said()[:-7]),
    "two-values": (EVENT, said() + said()),
    "a-list": (EVENT, b"[1,2,3]"),
    "one-megabyte": (EVENT, b'"' + b"a" * (1_048_576 - 2) + b'"'),
    "one-megabyte-of-digits": (EVENT, b"9" * 1_048_576),
    "a-thousand-deep": (EVENT, b"[" * 1_000),
    "a-thousand-deep-and-back": (EVENT, b"[" * 1_000 + b"]" * 1_000),
    "a-thousand-deep-in-a-field": (EVENT, said_raw("more", '{"a":' * 1_000 + "1" + "}" * 1_000)),
    "nan": (EVENT, said_raw("t", "NaN")),
    "infinity": (EVENT, said_raw("bat_v", "-Infinity")),
    "ten-to-the-400": (EVENT, said_raw("seq", "1e400")),
    "ten-to-the-400-in-digits": (EVENT, said_raw("boot", "1" + "0" * 400)),
    "true-for-a-number": (EVENT, said(seq=True)),
    "text-for-a-number": (EVENT, said(boot="1")),
    "a-fraction-for-a-number": (EVENT, said(seq=1.5)),
    "below-zero": (EVENT, said(seq=-1)),
    "a-list-for-a-word": (EVENT, said(contact=["open"])),
    "another-word": (EVENT, said(contact="ajar")),
    "nothing-for-a-word": (EVENT, said(contact=None)),
    "look-alike-key": (EVENT, said_raw("contаct", '"open"').replace(b'"contact": "open", ', b"")),
    "look-alike-value": (EVENT, said(id="b-ooooo")),
    "the-same-key-twice": (EVENT, said()[:-1] + b', "contact": "closed"}'),
    "half-a-character": (EVENT, said_raw("id", r'"\ud800"')),
    "another-box": (EVENT, said(id="b-00001")),
    "another-channel": (EVENT, said(ch=2)),
    "another-version": (EVENT, said(v=2)),
    "a-state-of-another-box": ("door/b-00000/1/state", said(id="b-00001")),
    "a-status-without-a-word": ("door/b-00000/status", b'{"v":1,"id":"b-00000"}'),
    "a-long-topic": ("door/" + "b" * 60_000 + "/1/event", said()),
}


def test_a_thousand_hostile_payloads_are_each_quarantined_once_and_stop_nobody(
    tmp_path: Path, mosquitto: Mosquitto, phones: FakePhones
) -> None:
    """Acceptance 18; all three parts run. How long a good report took is printed: the aim is 1 s."""
    web = free_port()
    directory = write_directory(
        tmp_path / "district", broker_port=mosquitto.port, phone_port=phones.port, web_port=web
    )
    seen = Watched(directory)
    sensors = Sensors(mosquitto.port)
    with process("gateway.cli", "run", str(directory), log=seen.log):
        wait_for(lambda: well(web), "it says that it is well")
        sent, latest_ms = publish_mixed(seen, sensors)
        wait_for(lambda: seen.count("SELECT count(*) FROM quarantine") >= HOSTILE, "all are quarantined")
        assert quarantined(seen) == sent
        assert counted(seen, "quarantined") == HOSTILE
        assert counted(seen, "reports") == HOSTILE + GOOD
        assert seen.stored() == GOOD
        assert well(web)
        sensors.event("b-00001", GOOD, "open")
        wait_for(lambda: phones.of("home-1"), "the sender works as before")
    said_so = seen.log.read_text()
    assert "Traceback" not in said_so and "is started again" not in said_so, said_so[-3000:]
    say(f"{GOOD} good reports between {HOSTILE} hostile ones: the slowest was stored after {latest_ms} ms")
    assert latest_ms < 20_000

    with seen.gateway():  # whatever had not been acknowledged would come again, before it listens
        assert counted(seen, "quarantined") == HOSTILE
        assert counted(seen, "reports") == HOSTILE + GOOD + 1
    sensors.close()


def test_a_publisher_beyond_the_brokers_limit_is_thrown_out_and_harms_nobody(
    tmp_path: Path, phones: FakePhones
) -> None:
    """With the shipped limit of 64 KiB a megabyte never reaches the gateway: the broker closes
    the connection of whoever sends it, and acknowledges nothing."""
    broker = Mosquitto(tmp_path / "broker", max_packet_size=65_536)
    seen = Watched(
        write_directory(tmp_path / "district", broker_port=broker.port, phone_port=phones.port, doors=1)
    )
    try:
        with seen.gateway():
            wild, sensors = Sensors(broker.port, "wild"), Sensors(broker.port)
            wild.publish(EVENT, KINDS["one-megabyte"][1])
            sensors.event("b-00000", 0, "closed")
            sensors.wait()
            wait_for(lambda: seen.stored() == 1, "the good report is stored")
            with pytest.raises(AssertionError, match="did not acknowledge"):
                wild.wait(limit_s=1)
            assert seen.count("SELECT count(*) FROM quarantine") == 0
            sensors.close()
            wild.close()
    finally:
        broker.stop()


def publish_mixed(seen: Watched, sensors: Sensors) -> tuple[Counter[tuple[str, bytes, int]], int]:
    """Every fifth hostile report is followed by a good one. Answers what was sent, and how long the
    slowest good one took until it was in the database, in ms."""
    rng = random.Random(18)
    large = [kind for kind in KINDS if "megabyte" in kind or "long" in kind]
    small = [kind for kind in KINDS if kind not in large]
    kinds = list(KINDS) + large * 5
    kinds += rng.choices(small, k=HOSTILE - len(kinds))
    rng.shuffle(kinds)
    began: dict[int, float] = {}
    latest = 0.0
    for number, kind in enumerate(kinds):
        sensors.publish(*KINDS[kind])
        if number % 5 == 0:
            seq = number // 5
            began[seq] = time.monotonic()
            sensors.event("b-00001", seq, "open" if seq % 2 else "closed")
        if number % 50 == 49:
            wait_for(lambda: seen.stored() == len(began), "the good ones between are stored")
            latest = max(latest, time.monotonic() - began[len(began) - 10])
    sensors.wait()
    sent = Counter((topic, payload[:KEPT], len(payload)) for topic, payload in (KINDS[k] for k in kinds))
    return sent, round(latest * 1000)


def quarantined(seen: Watched) -> Counter[tuple[str, bytes, int]]:
    return Counter(
        (topic, bytes(payload), size)
        for topic, payload, size in seen.ask("SELECT topic, payload, size FROM quarantine")
    )


def counted(seen: Watched, name: str) -> int:
    return seen.count("SELECT value FROM counters WHERE name = ?", name)


def well(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(json.load(answer)["ok"])
    except OSError:
        return False
