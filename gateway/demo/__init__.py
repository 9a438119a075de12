"""``make demo``: the whole road on this machine, with phones to look at.

A real broker, simulated sensors, the gateway, the sender, the pages, and a page that
shows what each person's phone received. The rules count in seconds.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

import click

from gateway.demo.broker import DemoBroker
from gateway.demo.district import write_demo
from gateway.demo.phones import Phones
from gateway.demo.ports import refuse_busy
from gateway.errors import DoorwardError
from gateway.lock import hold

MARK = ".doorward-demo"
END_WITHIN_S = 6.0


def show(data: Path, *, port: int, phone_port: int, broker_port: int, stop: threading.Event) -> None:
    """Run it until ``stop``; then nothing of it is left running.

    Raises:
        DoorwardError: A port is busy, or the directory is somebody else's.
    """
    refuse_busy({"--port": port, "--phone-port": phone_port, "--broker-port": broker_port})
    marked = _fresh(data)
    write_demo(data, port=port, phone_port=phone_port, broker_port=broker_port)
    phones = Phones(phone_port, data)
    processes: list[subprocess.Popen[bytes]] = []
    with DemoBroker(data, broker_port), phones, (data / "demo.log").open("wb") as log:
        try:
            processes.append(_start(log, "gateway.cli", "run", str(data)))
            _wait_for_pages(port, stop)
            sensors = [
                "firmware_sim",
                str(data / "doors.yaml"),
                "--port",
                str(broker_port),
                "--connections",
                "4",
            ]
            processes.append(_start(log, *sensors))
            _say(port, phone_port, data)
            while not stop.wait(0.5):
                if processes[1].poll():
                    raise DoorwardError(
                        "the sensors have ended", where=str(data / "demo.log"), mend="See why there."
                    )
                if processes[1].poll() == 0:
                    processes[1] = _start(log, *sensors)  # the hour is over; it begins again
                if processes[0].poll() is not None:
                    raise DoorwardError(
                        "doorward has ended", where=str(data / "demo.log"), mend="See why there."
                    )
        finally:
            click.echo("\nending …", err=True)
            for process in processes:
                process.terminate()
            by = time.monotonic() + END_WITHIN_S
            for process in processes:
                _end(process, by)
            marked.close()


def _say(port: int, phone_port: int, data: Path) -> None:
    click.echo(
        f"手机 phones  http://127.0.0.1:{phone_port}/   打开它：约半分钟后网格员收到第一条通知，点“打开”，再点“我来处理”。"
    )
    click.echo(
        "             Open it: within half a minute the grid worker's phone gets the first message; open it, press “I'm on it”."
    )
    click.echo(
        f"Two minutes later the door closes and everyone who was told hears it. Pages: http://127.0.0.1:{port}/  log: {data / 'demo.log'}  Ctrl-C ends all."
    )


def _start(log: object, *module: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", *module], stdout=log, stderr=log)  # type: ignore[call-overload,no-any-return]  # an open file is what it takes


def _wait_for_pages(port: int, stop: threading.Event) -> None:
    from gateway.demo.ports import answers

    by = time.monotonic() + 60
    while not answers(port) and not stop.wait(0.2):
        if time.monotonic() > by:
            raise DoorwardError("the pages did not start within a minute", mend="See demo.log.")


def _end(process: subprocess.Popen[bytes], by: float) -> None:
    try:
        process.wait(max(by - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _fresh(data: Path) -> IO[str]:
    """Begin anew, and hold it; a directory that is not a demonstration's is never touched."""
    if data.exists():
        if not (data / MARK).exists():
            raise DoorwardError(
                "this directory is not a demonstration's", where=str(data), mend="Choose another with --data."
            )
        _held(data / MARK).close()
        shutil.rmtree(data)
    data.mkdir(parents=True)
    return _held(data / MARK)


def _held(mark: Path) -> IO[str]:
    mend = "Stop it, or name another --data."
    return hold(mark, DoorwardError("a demonstration runs here already", where=str(mark.parent), mend=mend))
