"""What crashes is started again; what cannot work ends everything."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from gateway import supervise
from tests.real_things import wait_for


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a line for each start. Each part ends at once with the code in ``code``."""
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\necho "$6" >> {tmp_path}/starts\nexit $(cat {tmp_path}/code)\n')
    script.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setattr(supervise, "FIRST_PAUSE_S", 0.01)
    found = tmp_path / "starts"
    found.touch()
    return found


def test_a_part_that_crashes_at_its_first_start_is_started_again(starts: Path) -> None:
    """Python's own exit code after a crash is 1, on the first day as on the hundredth."""
    starts.with_name("code").write_text("1")
    stop = threading.Event()
    thread = threading.Thread(target=supervise.supervise, args=(starts.parent, stop, threading.Event()))
    thread.start()
    try:
        wait_for(lambda: starts.read_text().split().count("sender") >= 3, "it is started again", 20)
    finally:
        stop.set()
        thread.join()


def test_a_part_that_cannot_work_ends_everything(starts: Path) -> None:
    starts.with_name("code").write_text(str(supervise.CANNOT_WORK))
    assert supervise.supervise(starts.parent, threading.Event(), threading.Event()) == 1
    assert sorted(starts.read_text().split()) == sorted(supervise.PARTS)
