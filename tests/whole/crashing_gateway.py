"""The gateway as it runs, except that it kills itself at a named point of the road.

    python -m tests.whole.crashing_gateway DIR POINT COUNT

COUNT: at the how-manyth passing of the point. Nothing of this is in the product.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gateway.road
from gateway.directory import open_directory
from gateway.intake.mqtt import Listener
from gateway.parts import run_gateway

LINGER_S = 0.3
"""Before it dies, so that an acknowledgement that was given too early has left the house."""
POINTS = ("before_commit", "after_commit", "after_ack", "before_decide", "never")


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    directory, point, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    passed = 0

    def reach(name: str) -> None:
        nonlocal passed
        if name == point:
            passed += 1
            if passed == count:
                time.sleep(LINGER_S)
                os.kill(os.getpid(), signal.SIGKILL)

    def around(call: Callable[..., Any], before: str = "", after: str = "") -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            reach(before)
            answer = call(*args, **options)
            reach(after)
            return answer

        return wrapped

    gateway.road.write = around(gateway.road.write, after="before_commit")  # type: ignore[attr-defined]
    Listener.acknowledge = around(Listener.acknowledge, "after_commit", "after_ack")  # type: ignore[method-assign]
    Listener.drain = around(Listener.drain, after="before_decide")  # type: ignore[method-assign]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run_gateway(open_directory(directory), stop)


if __name__ == "__main__":
    main()
