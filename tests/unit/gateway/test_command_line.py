"""The commands as a maintainer types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

from gateway.cli import main
from gateway.store import tables as t
from gateway.store.database import open_database
from tests.small_district import RULE, write_directory

STORY = """\
    stories:
      - title: Two seconds are enough
        start: Mon 12:00
        given: ["+00:00 open", "+00:03 close", "+00:10 end"]
        expect: {expect}
"""


def doorward(*words: str | Path, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], input=stdin)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write_directory(tmp_path / "district", broker_port=1, phone_port=1)


def test_a_fresh_directory_has_no_fault_and_its_rules_keep_their_word(tmp_path: Path) -> None:
    made = doorward("init", tmp_path / "new")
    assert made.exit_code == 0
    assert "doorward check" in made.output
    assert (tmp_path / "new" / "contacts.csv").stat().st_mode & 0o777 == 0o600
    checked = doorward("check", tmp_path / "new")
    assert (checked.exit_code, checked.output) == (0, "no fault found\n")
    tested = doorward("rules", "test", tmp_path / "new")
    assert tested.exit_code == 0
    assert tested.output.endswith(" stories as expected, 0 not\n")


def test_a_directory_with_something_in_it_is_not_written_over(directory: Path) -> None:
    before = (directory / "people.csv").read_text()
    refused = doorward("init", directory)
    assert refused.exit_code == 1
    assert str(directory) in refused.output
    assert (directory / "people.csv").read_text() == before


def test_check_lists_every_fault_of_every_file_at_once(directory: Path) -> None:
    (directory / "rules" / "more.yaml").write_text(RULE.replace("when: left_open", "when: left_opne"))
    with (directory / "people.csv").open("a") as people:
        people.write("new,新人,grid_wroker,龙华区\nnewer,更新的人,grid_worker,龙华区/nowhere\n")
    with (directory / "devices.csv").open("a") as devices:
        devices.write("zigbee3mqtt,x,1,door-00000\n")
    found = doorward("check", directory)
    assert found.exit_code == 1
    assert [line.partition(": ")[0] for line in found.output.splitlines()] == [
        "devices.csv:5:1",
        "people.csv:8:4",
        "people.csv:7",
        "rules/more.yaml:5:5",
    ]
    (directory / "rules" / "more.yaml").unlink()
    found = doorward("check", directory)
    assert "people.csv:7: no rule tells the role 'grid_wroker'. Did you mean 'grid_worker'?" in found.output


def test_contacts_that_others_can_read_are_refused(directory: Path) -> None:
    (directory / "contacts.csv").chmod(0o644)
    found = doorward("check", directory)
    assert found.exit_code == 1
    assert "contacts.csv" in found.output and "chmod 600" in found.output
    assert "json://" not in found.output


def test_a_story_that_ends_otherwise_says_how(directory: Path) -> None:
    rules = directory / "rules" / "rules.yaml"
    rules.write_text(RULE + STORY.format(expect='["+00:02 tell residents", "+00:04 cleared"]'))
    good = doorward("rules", "test", directory)
    assert (good.exit_code, good.output) == (0, "1 stories as expected, 0 not\n")
    rules.write_text(RULE + STORY.format(expect='["+00:05 tell residents"]'))
    bad = doorward("rules", "test", directory)
    assert bad.exit_code == 1
    assert "Two seconds are enough" in bad.output
    assert "expects +00:05 tell residents; what comes is +00:02 tell residents, +00:04 cleared" in bad.output


def test_decode_answers_each_line_in_its_order_and_needs_nothing() -> None:
    lines = [
        {"topic": "zigbee2mqtt/door", "payload": '{"contact": true, "battery": 87}'},
        {"topic": "zigbee2mqtt/door", "payload_hex": "ff"},
        {"topic": "who/knows", "payload": "x"},
    ]
    stdin = "\n".join([*map(json.dumps, lines[:2]), "not json", json.dumps(lines[2])])
    done = doorward("decode", stdin=stdin)
    assert done.exit_code == 0
    answers = [json.loads(line) for line in done.output.splitlines()]
    assert [answer["kind"] for answer in answers] == ["reading", "fault", "fault", "unknown"]
    assert (answers[0]["contact"], answers[0]["battery_pct"]) == ("closed", 87)


def test_replay_writes_a_line_for_each_alarm(directory: Path, tmp_path: Path) -> None:
    readings, out = tmp_path / "readings.csv", tmp_path / "alarms.jsonl"
    readings.write_text(
        "time,entrance,contact\n"
        "2026-11-02T10:00:00,door-00000,open\n"
        "sometime,door-00000,open\n"
        "2026-11-02T10:00:10,door-00000,closed\n"
    )
    done = doorward("replay", directory, "--readings", readings, "--out", out, "--until", "2026-11-02T11:00")
    assert done.exit_code == 0
    assert "readings.csv:3" in done.stderr
    assert [json.loads(line) for line in out.read_text().splitlines()] == [
        {
            "rule": "left-open",
            "entrance": "door-00000",
            "verdict": "left_open",
            "since": "2026-11-02T02:00:00Z",
            "raised_at": "2026-11-02T02:00:02Z",
            "cleared_at": "2026-11-02T02:00:11Z",
        }
    ]
    wrong = doorward("replay", directory, "--readings", readings, "--until", "tomorrow")
    assert wrong.exit_code == 2
    assert "'tomorrow' is no time" in wrong.output


def test_devices_that_nobody_entered_come_as_rows_for_the_table(directory: Path) -> None:
    before = doorward("devices", directory)
    assert before.exit_code == 1
    assert "Start the gateway first" in before.output
    db = open_database(directory / "data" / "doorward.db")
    with db.write() as tx:
        for device in ("tasmota:s-9#1", "tasmota:s-9", "shelly_gen1:s-8", "doorward:b-00000#1"):
            values = {"first_ms": 1, "last_ms": 2, "reports": 3, "topic": "t", "payload": b"", "reason": "r"}
            tx.execute(insert(t.unknown_devices).values(device=device, **values))
    db.close()
    done = doorward("devices", directory)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "dialect,box,channel,entrance,from,to,profile,gateway,trial,interval",
        "tasmota,s-9,1,,,,,,,",
        "shelly_gen1,s-8,,,,,,,,",
    ]


def test_reports_that_nobody_could_read_are_shown_with_their_reason(directory: Path) -> None:
    db = open_database(directory / "data" / "doorward.db")
    with db.write() as tx:
        for n, payload in enumerate((b"first", b"\xff\x1b[31m" + b"x" * 5_000)):
            tx.execute(
                insert(t.quarantine).values(
                    at_ms=1_773_892_800_000 + n,
                    topic=f"door/{n}",
                    payload=payload,
                    size=len(payload),
                    reason="odd",
                )
            )
    db.close()
    done = doorward("quarantine", directory, "--last", "1")
    assert done.exit_code == 0
    head, shown = done.output.splitlines()
    assert head == "2026-03-19 12:00:00+08:00  door/1  5006 bytes: odd"
    assert shown.startswith("    '\\xff\\x1b[31mxxx") and len(shown) < 300


def test_a_file_without_readings_is_an_error(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_text("when,door\n")
    done = doorward("replay", directory, "--readings", tmp_path / "wrong.csv")
    assert done.exit_code == 1
    assert "Write: time,entrance,contact" in done.stderr


def test_a_directory_that_is_none_is_one_clear_sentence(tmp_path: Path) -> None:
    done = doorward("rules", "test", tmp_path / "nowhere")
    assert done.exit_code == 1
    assert done.output.startswith("doorward: ")
    assert "doorward init" in done.output
