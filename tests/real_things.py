"""Real servers for tests: started on a free loopback port, and always ended.

Whatever waits here waits for a condition with a generous limit, and fails when it does
not come.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
PATIENCE_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], T], why: str, limit_s: float = PATIENCE_S) -> T:
    """The first true answer of ``what``; fails with ``why`` if none comes in time."""
    end = time.monotonic() + limit_s
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit_s:.0f} s in vain: {why}; last answer {answer!r}")
        time.sleep(0.02)


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2):
            return True
    except OSError:
        return False


class Mosquitto:
    """A real mosquitto. ``stop`` and ``start`` keep the port; ``kill`` is SIGKILL."""

    def __init__(self, directory: Path, *, persistent: bool = True, **settings: object) -> None:
        program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
        assert program, "mosquitto is not installed: apt-get install mosquitto"
        self.port = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            "max_queued_messages 500000",
            "max_inflight_messages 500",
            "log_type error",
        ]
        if persistent:
            lines += ["persistence true", f"persistence_location {directory}/", "autosave_on_changes true"]
            lines += ["autosave_interval 1"]
        lines += [f"{key} {value}" for key, value in settings.items()]
        if os.geteuid() == 0:
            lines.append("user root")  # else it drops its rights and cannot write here
        config = directory / "mosquitto.conf"
        config.write_text("\n".join(lines) + "\n")
        self._command = [program, "-c", str(config)]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: answers(self.port), "mosquitto did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        self._process = None


class Received(NamedTuple):
    at: float
    path: str
    title: str
    body: str


class QuietHandler(BaseHTTPRequestHandler):
    """Answers in one piece and writes no log."""

    def answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


class LocalServer:
    """An HTTP server on a free loopback port."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class FakePhones(LocalServer):
    """Takes what Apprise sends to ``json://127.0.0.1:PORT/NAME``. ``answer`` may be changed."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: Callable[[str], tuple[int, str]] = lambda path: (200, "{}")
        phones = self

        class Handler(QuietHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                try:
                    said = json.loads(raw)
                except ValueError:
                    said = {"message": raw.decode("utf-8", "replace")}
                path = self.path.strip("/")
                phones.received.append(
                    Received(time.time(), path, str(said.get("title", "")), str(said.get("message", said)))
                )
                self.answer(*phones.answer(path))

        super().__init__(Handler)

    def of(self, path: str) -> list[Received]:
        return [r for r in self.received if r.path == path]


def living(group: int) -> set[int]:
    """The processes of a group of which at least one thread still runs and holds what it opened."""
    found = set()
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        with suppress(OSError):  # it, or one of its threads, has just ended
            for thread in os.listdir(f"/proc/{pid}/task"):
                stat = Path(f"/proc/{pid}/task/{thread}/stat").read_text()
                state, _parent, its_group = stat.rpartition(")")[2].split()[:3]
                if int(its_group) == group and state not in "ZX":
                    found.add(pid)
    return found


@contextmanager
def process(
    *command: str, log: Path, environ: Mapping[str, str] | None = None, own_group: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python module as a process of its own; ended in the end, its log shown if the test fails."""
    with log.open("ab") as out:
        running = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdout=out,
            stderr=out,
            env={**os.environ, **(environ or {})},
            cwd=Path(__file__).parent.parent,
            process_group=0 if own_group else None,
        )
    try:
        yield running
    except BaseException:
        sys.stdout.write(log.read_text("utf-8", "replace")[-4000:])
        raise
    finally:
        if running.poll() is None:
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
