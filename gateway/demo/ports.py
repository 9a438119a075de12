"""Whether a port is free, before anything is started."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from gateway.errors import DoorwardError


def refuse_busy(ports: Mapping[str, int]) -> None:
    """Check the port of each option.

    Raises:
        DoorwardError: One is taken, or named twice; it names the option that changes it.
    """
    seen: set[int] = set()
    for option, port in ports.items():
        if port in seen:
            raise DoorwardError(f"port {port} is named twice", mend=f"Choose another one for {option}.")
        seen.add(port)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise DoorwardError(
                    f"port {port} is taken by another program",
                    mend=f"Choose another one: make demo ARGS='{option} {port + 1000}'.",
                ) from error


def answers(port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2):
            return True
    except OSError:
        return False
