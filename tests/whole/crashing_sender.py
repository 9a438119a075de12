"""The sender as it runs, except that it kills itself at a named point of a call, again and again.

    python -m tests.whole.crashing_sender DIR POINT KILLS

Each sender sends again what the one before it left behind, and is killed at the next
message; so every kill meets another message. After KILLS of them one lives on. Every
second time the kill takes the workers as well, as a power cut would.

A thousand imports would take minutes: the senders are forked from this process, and
their workers from them. Nothing of this is in the product.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apprise
from pebble import ProcessPool

import gateway.notify.sending as sending
import gateway.parts
from gateway.directory import Directory, open_directory
from gateway.notify.answers import Result
from tests.real_things import living, wait_for

POINTS = ("before_the_call", "during_the_call", "after_the_call")
"""During: the phone has the request. It kills the sender itself, see ``PID_FILE``."""
PID_FILE = "sender.pid"


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    path, point, kills = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    directory = open_directory(path)
    apprise.Apprise.instantiate("json://127.0.0.1")  # so that the plugins are loaded once
    forking = functools.partial(sending.Sender, start_method="fork")
    gateway.parts.Sender = forking  # type: ignore[attr-defined, assignment]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    for kill in range(kills):
        _fork_one_to_be_killed(directory, point, passing=2 if kill else 1, whole=kill % 2 == 1)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    gateway.parts.run_sender(directory, stop)


def kill_sender(pid: int, whole: bool) -> None:
    """``whole``: its workers die in the same moment."""
    (os.killpg if whole else os.kill)(pid, signal.SIGKILL)


def _fork_one_to_be_killed(directory: Directory, point: str, *, passing: int, whole: bool) -> None:
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setpgid(0, 0)
        (directory.path / PID_FILE).write_text(str(os.getpid()))
        _mine(point, passing, lambda: kill_sender(os.getpid(), whole))
        gateway.parts.run_sender(directory, threading.Event())
        os._exit(1)
    try:
        _, status = os.waitpid(pid, 0)
    except SystemExit:  # the test is over too early
        kill_sender(pid, whole=True)
        raise
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        sys.exit(f"the sender was not killed but ended with status {status}")
    wait_for(lambda: not living(pid), "the workers end with their sender")


def _mine(point: str, passing: int, kill: Callable[[], None]) -> None:
    """Kill at the how-manyth passing of the point."""
    passed = 0

    def reach(name: str) -> None:
        nonlocal passed
        if name == point:
            passed += 1
            if passed == passing:
                kill()

    schedule, verdict_of = ProcessPool.schedule, sending._verdict

    def mined_schedule(*args: Any, **options: Any) -> Any:
        reach("before_the_call")
        return schedule(*args, **options)

    def mined_verdict(future: Any) -> Any:
        verdict = verdict_of(future)
        if verdict.result is Result.ACCEPTED:
            reach("after_the_call")
        return verdict

    ProcessPool.schedule = mined_schedule  # type: ignore[method-assign]
    sending._verdict = mined_verdict


if __name__ == "__main__":
    main()
