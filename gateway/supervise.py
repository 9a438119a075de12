"""Three processes, watched: what crashes is started again and takes nobody with it.

The pause before a new start doubles from one second to half a minute, and is forgotten
once a part has worked for a minute. An exit that says "this cannot work" at the first
start ends everything: the person at the terminal has to mend it.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

log = logging.getLogger(__name__)

PARTS = ("gateway", "sender", "web")
CANNOT_WORK = 78
"""A part's exit code (``EX_CONFIG``). Not 1: Python ends with that after a crash of any kind."""
SUPERVISED = "DOORWARD_SUPERVISED"
"""In a part's environment: what is wrong with the directory has been said already."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
STEADY_AFTER_S = 60.0
END_WITHIN_S = 4.0
"""Then a part that did not end by itself is killed; all in all under five seconds."""


class Part:
    """One process and its restarts."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self._command = list(command)
        self._pause_s = FIRST_PAUSE_S
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_at = 0.0
        self.starts = 0

    def look(self) -> int | None:
        """Start it if it is time to. Answers the exit code if it has just ended."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._start_at:
                self._process = subprocess.Popen(self._command, env={**os.environ, SUPERVISED: "1"})
                self._started_at = now
                self.starts += 1
            return None
        code = self._process.poll()
        if code is None:
            return None
        self._process = None
        if now - self._started_at > STEADY_AFTER_S:
            self._pause_s = FIRST_PAUSE_S
        self._start_at = now + self._pause_s
        if not self.gives_up(code):
            log.error("%s ended with %d; it is started again in %.0f s", self.name, code, self._pause_s)
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        return code

    def gives_up(self, code: int | None) -> bool:
        """Whether it said at its first start that it cannot work."""
        return code == CANNOT_WORK and self.starts == 1

    def signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def terminate(self) -> None:
        if self._process is not None:
            self._process.terminate()

    def end(self, by: float) -> None:
        """Wait until it has ended, and kill it if it has not by then."""
        if self._process is not None:
            try:
                self._process.wait(max(by - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                log.error("%s did not end in time and is killed", self.name)
                self._process.kill()
                self._process.wait()
            self._process = None


def supervise(directory: Path, stop: threading.Event, reread: threading.Event) -> int:
    """Run all parts until ``stop``; ``reread`` is handed on to the gateway. Answers the exit code."""
    python = [sys.executable, "-m", "gateway.cli", "run", str(directory), "--only"]
    parts = [Part(name, [*python, name]) for name in PARTS]
    code = 0
    try:
        while not stop.is_set():
            ended = [(part, part.look()) for part in parts]
            if any(part.gives_up(ended_with) for part, ended_with in ended):
                code = 1
                break
            if reread.is_set():
                reread.clear()
                parts[0].signal(signal.SIGHUP)
            stop.wait(0.2)
    finally:
        for part in parts:
            part.terminate()
        by = time.monotonic() + END_WITHIN_S
        for part in parts:
            part.end(by)
    return code
