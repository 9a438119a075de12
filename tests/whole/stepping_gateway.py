"""The gateway as it runs, on a machine whose wall clock somebody sets.

    python -m tests.whole.stepping_gateway DIR FILE

FILE says how far the wall clock is off, in seconds. Nothing of this is in the product.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from pathlib import Path

from gateway.directory import open_directory
from gateway.parts import run_gateway


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    directory, offset = Path(sys.argv[1]), Path(sys.argv[2])
    true_ns, true_s = time.time_ns, time.time

    def off_s() -> int:
        return int(offset.read_text().strip() or 0)

    time.time_ns = lambda: true_ns() + off_s() * 1_000_000_000
    time.time = lambda: true_s() + off_s()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run_gateway(open_directory(directory), stop)


if __name__ == "__main__":
    main()
