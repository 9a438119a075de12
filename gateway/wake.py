"""A poke from one process to another: look again, something is there.

It carries nothing and may be lost; whoever waits looks once a second anyway. The
address is an abstract Unix socket named after the data directory, so it leaves no
file behind and only processes of this machine can reach it.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
from pathlib import Path

from gateway.errors import AlreadyRunning


def _address(directory: Path, part: str) -> str:
    name = hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:16]
    return f"\0doorward-{name}-{part}"


class Waker:
    """Waits for pokes. One per part (``gateway``, ``sender``, ``web``) and directory.

    Raises:
        AlreadyRunning: This part already runs on this directory.
    """

    def __init__(self, directory: Path, part: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.bind(_address(directory, part))
        except OSError as error:
            self._socket.close()
            raise AlreadyRunning(
                f"another {part} already works here",
                where=str(directory),
                mend="Stop that one first; two would take each other's reports.",
            ) from error
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def wait(self, seconds: float) -> bool:
        """Whether somebody poked within ``seconds``; all pokes that wait count as one."""
        self._socket.settimeout(max(seconds, 0.0005))
        try:
            self._socket.recv(1)
        except (TimeoutError, BlockingIOError):
            return False
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(1):
                pass
        return True

    def close(self) -> None:
        self._socket.close()


class Poker:
    """Pokes another part, if it is there."""

    def __init__(self, directory: Path, part: str) -> None:
        self._to = _address(directory, part)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def poke(self) -> None:
        with contextlib.suppress(OSError):  # nobody there, or enough pokes wait already
            self._socket.sendto(b".", self._to)

    def close(self) -> None:
        self._socket.close()
