"""The gateway as it runs, except that it waits two seconds for a missing report, not a minute.

    python -m tests.whole.impatient_gateway DIR

Nothing of this is in the product.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import rules.order
from gateway.directory import open_directory
from gateway.parts import run_gateway

PATIENCE_MS = 2_000


def main() -> None:
    rules.order.GAP_PATIENCE_MS = PATIENCE_MS
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run_gateway(open_directory(Path(sys.argv[1])), stop)


if __name__ == "__main__":
    main()
