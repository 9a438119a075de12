"""The command line without a broker."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from firmware_sim.__main__ import main

SCENARIO = 'title: t\nduration: 5m\ndevices: [{box: b1, script: ["+00:10 open", "+01:00 close"]}]\n'


def run(path: Path, *options: str) -> Result:
    return CliRunner().invoke(main, [str(path), *options])


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "s.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


def test_a_dry_run_prints_topic_and_payload(scenario: Path) -> None:
    result = run(scenario, "--dry-run")
    lines = [line.split("\t") for line in result.output.splitlines()]
    assert result.exit_code == 0
    assert [topic for topic, _ in lines] == [
        "door/b1/status",
        *["door/b1/1/event", "door/b1/1/state"] * 3,
    ]
    assert [json.loads(payload).get("contact") for _, payload in lines[1::2]] == ["closed", "open", "closed"]


def test_for_shortens_the_story(scenario: Path) -> None:
    assert len(run(scenario, "--dry-run", "--for", "30s").output.splitlines()) == 5


def test_a_wrong_duration_says_how_to_write_one(scenario: Path) -> None:
    result = run(scenario, "--dry-run", "--for", "soon")
    assert result.exit_code == 2
    assert "Write one like 90s" in result.output


def test_faults_of_the_scenario_go_to_stderr(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("titel: t\n", encoding="utf-8")
    result = run(path, "--dry-run")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"{path}:1:1: unknown key 'titel' in a scenario. Did you mean 'title'?" in result.stderr
