"""What ``make demo`` shows, as a newcomer does it: look at the phone, open, press "I'm on it"."""

from __future__ import annotations

import html
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.real_things import answers, free_port, wait_for

WITHOUT_MOSQUITTO = (
    "import gateway.demo.broker as b; b.mosquitto_path = lambda: None; import gateway.cli; gateway.cli.main()"
)


@contextmanager
def demonstration(folder: Path, *program: str, **ports: int) -> Iterator[subprocess.Popen[str]]:
    """In a process group of its own, so that whatever it leaves behind can be seen."""
    options = [word for name, port in ports.items() for word in (f"--{name.replace('_', '-')}", str(port))]
    command = [sys.executable, *program, "demo", *options, "--data", str(folder / "demo")]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parent.parent.parent,
    )
    try:
        yield running
    finally:
        if _group_lives(running.pid):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait(10)


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.parametrize(
    "program",
    [
        pytest.param(("-m", "gateway.cli"), id="mosquitto"),
        pytest.param(("-c", WITHOUT_MOSQUITTO), id="wheel"),
    ],
)
def test_the_first_case_is_taken_on_the_phone_and_ctrl_c_leaves_nothing(
    tmp_path: Path, program: tuple[str, ...]
) -> None:
    ports = {"port": free_port(), "phone_port": free_port(), "broker_port": free_port()}
    with demonstration(tmp_path, *program, **ports) as running, httpx.Client(timeout=30) as browser:
        wait_for(lambda: answers(ports["phone_port"]), "the phones are there")
        phones = f"http://127.0.0.1:{ports['phone_port']}/"
        link = wait_for(lambda: _link(browser.get(phones).text), "a phone shows a link")
        page = browser.get(link).text
        assert "我来处理" in page
        form, act = re.search(r'name="form" value="([^"]+)"', page), re.search(r"/case/\w+/act", page)
        assert form and act
        pressed = {"form": form[1], "token": link.rpartition("/")[2], "do": "take"}
        address = f"http://127.0.0.1:{ports['port']}{act[0]}"
        taken = browser.post(address, data=pressed, follow_redirects=True).text
        assert "已完成" in taken and "已受理" in taken

        others = {"port": free_port(), "phone_port": free_port(), "broker_port": free_port()}
        with demonstration(tmp_path, *program, **others) as second:
            said, _ = second.communicate(timeout=60)
        assert second.returncode == 1
        assert "a demonstration runs here already" in said

        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=60)
        assert running.returncode == 0, said
        assert phones in said and "Ctrl-C" in said
        wait_for(lambda: not _group_lives(running.pid), "every process has ended")
    assert not [port for port in ports.values() if answers(port)]


@pytest.mark.parametrize("option", ["port", "phone_port", "broker_port"])
def test_a_busy_port_names_the_option_that_changes_it(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {"port": free_port(), "phone_port": free_port(), "broker_port": free_port()}
        ports[option] = taken.getsockname()[1]
        with demonstration(tmp_path, "-m", "gateway.cli", **ports) as running:
            said, _ = running.communicate(timeout=60)
    assert running.returncode == 1
    assert f"port {ports[option]} is taken" in said
    assert f"--{option.replace('_', '-')} " in said


def test_one_port_for_two_things_is_refused(tmp_path: Path) -> None:
    port = free_port()
    ports = {"port": port, "phone_port": port, "broker_port": free_port()}
    with demonstration(tmp_path, "-m", "gateway.cli", **ports) as running:
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 1
    assert f"port {port} is named twice. Choose another one for --phone-port." in said


def test_a_directory_that_is_not_a_demonstrations_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "precious").write_text("mine")
    ports = {"port": free_port(), "phone_port": free_port(), "broker_port": free_port()}
    with demonstration(tmp_path, "-m", "gateway.cli", **ports) as running:
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "not a demonstration's" in said
    assert (tmp_path / "demo" / "precious").read_text() == "mine"


def _link(page: str) -> str:
    found = re.search(r'href="(http[^"]+/c/[^"]+)"', page)
    return html.unescape(found[1]) if found else ""


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
