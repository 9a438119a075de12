"""The main job on real parts: a door stands open, a phone hears of it, somebody acts."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from gateway.supervise import CANNOT_WORK
from tests.real_things import FakePhones, Mosquitto, answers, free_port, process, wait_for
from tests.sensors import Sensors
from tests.small_district import write_directory

pytestmark = pytest.mark.broker


@pytest.fixture
def directory(tmp_path: Path, mosquitto: Mosquitto, phones: FakePhones) -> Path:
    return write_directory(
        tmp_path / "district", broker_port=mosquitto.port, phone_port=phones.port, web_port=free_port()
    )


def _port(directory: Path) -> int:
    found = re.search(r"\[web\]\nport = (\d+)", (directory / "doorward.toml").read_text())
    assert found
    return int(found[1])


@pytest.mark.slow
def test_from_the_door_to_the_phone_and_back(
    tmp_path: Path, directory: Path, mosquitto: Mosquitto, phones: FakePhones
) -> None:
    web = f"http://127.0.0.1:{_port(directory)}"
    with process("gateway.cli", "run", str(directory), log=tmp_path / "log"), httpx.Client() as browser:
        wait_for(lambda: answers(_port(directory)), "the pages are there")
        wait_for(lambda: browser.get(f"{web}/healthz").status_code == 200, "it says that it is well")
        sensors = Sensors(mosquitto.port)
        sensors.event("b-00000", 0, "open")

        reminder = wait_for(lambda: phones.of("home-0"), "residents are reminded")[0]
        assert "http" not in reminder.body, "residents get no link that gives authority"
        told = wait_for(lambda: phones.of("worker"), "the worker is told")[0]
        assert told.title == "单元门未关：西湖社区 北家属院 0号楼1单元门"
        found = re.search(rf"{web}/c/\S+", told.body)
        assert found
        link = found[0]
        assert not phones.of("second"), "exactly one worker is told"

        page = browser.get(link).text
        for _ in range(20):
            browser.head(link)
            browser.get(link)
        assert "我来处理" in page and "0号楼1单元门" in page
        form, act = re.search(r'name="form" value="([^"]+)"', page), re.search(r"/case/\w+/act", page)
        assert form and act
        pressed = {"form": form[1], "token": link.rpartition("/")[2], "do": "take"}
        assert browser.post(web + act[0], data={**pressed, "form": "forged"}).status_code == 403
        answer = browser.post(web + act[0], data=pressed, follow_redirects=True)
        assert "已完成" in answer.text and "已受理" in answer.text

        sensors.event("b-00000", 1, "closed")
        over = wait_for(lambda: phones.of("worker")[1:], "the worker hears that it is over")[0]
        assert over.title.startswith("已关好")
        wait_for(lambda: phones.of("home-0")[1:], "the residents hear it too")
        assert not phones.of("leader")
        assert "传感器确认已恢复" in browser.get(link).text
        sensors.close()


@pytest.mark.slow
def test_sigterm_ends_all_of_it_within_five_seconds(tmp_path: Path, directory: Path) -> None:
    with (directory / "people.csv").open("a") as people:
        people.write("new,新人,grid_worker,龙华区/煤机街道/西湖社区/第一网格\n")
    log = tmp_path / "log"
    with process("gateway.cli", "run", str(directory), log=log) as running:
        wait_for(lambda: answers(_port(directory)), "the pages are there")
        said = "people.csv:7: 新人 (new, grid_worker) cannot be reached"
        wait_for(lambda: said in log.read_text(), "it says whom it cannot reach")
        began = time.monotonic()
        running.send_signal(signal.SIGTERM)
        assert running.wait(15) == 0
        assert time.monotonic() - began < 10  # five, on a machine that is not shared
    assert not answers(_port(directory))


@pytest.mark.slow
def test_a_second_gateway_says_so_and_goes(tmp_path: Path, directory: Path) -> None:
    log = tmp_path / "log"
    with process("gateway.cli", "run", str(directory), "--only", "gateway", log=log):
        wait_for((directory / "data" / "gateway.lock").exists, "the first one works")
        wait_for(lambda: _listens(directory), "it listens")
        second = subprocess.run(
            [sys.executable, "-m", "gateway.cli", "run", str(directory), "--only", "gateway"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert second.returncode == CANNOT_WORK
        assert "another gateway already works on this database" in second.stderr


@pytest.mark.slow
def test_a_broker_that_lost_its_session_is_noticed(
    tmp_path: Path, directory: Path, phones: FakePhones
) -> None:
    forgetful = Mosquitto(tmp_path / "forgetful", persistent=False)
    settings = directory / "doorward.toml"
    settings.write_text(re.sub(r"port = \d+", f"port = {forgetful.port}", settings.read_text(), count=1))
    try:
        with process("gateway.cli", "run", str(directory), "--only", "gateway", log=tmp_path / "log"):
            wait_for(lambda: _listens(directory), "it listens")
            before = _count(directory, "SELECT count(*) FROM gaps WHERE kind = 'session_lost'")
            forgetful.kill()
            forgetful.start()
            wait_for(
                lambda: _count(directory, "SELECT count(*) FROM gaps WHERE kind = 'session_lost'") > before,
                "the lost session is recorded",
            )
            sensors = Sensors(forgetful.port)
            sensors.event("b-00001", 0, "open")
            wait_for(lambda: _count(directory, "SELECT count(*) FROM states"), "it listens again")
            sensors.close()
    finally:
        forgetful.stop()


def _listens(directory: Path) -> bool:
    return _count(directory, "SELECT count(*) FROM journal WHERE kind = 'listening'") > 0


def _count(directory: Path, question: str) -> int:
    database = directory / "data" / "doorward.db"
    if not database.exists():
        return 0
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
    try:
        return int(connection.execute(question).fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # not made yet
    finally:
        connection.close()
