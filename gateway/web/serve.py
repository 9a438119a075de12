"""Serving the pages (I/O). No access log: tokens stand in addresses."""

from __future__ import annotations

import socket
import threading

import uvicorn
from fastapi import FastAPI

from gateway.errors import DoorwardError


def serve(app: FastAPI, host: str, port: int, stop: threading.Event) -> None:
    """Until ``stop``.

    Raises:
        DoorwardError: The port cannot be had.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise DoorwardError(
            f"port {port} of {host} cannot be had: {error.strerror}",
            where="doorward.toml, web.port",
            mend="Stop the other program, or choose another web.port.",
        ) from error
    config = uvicorn.Config(app, access_log=False, log_level="warning", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # ``stop`` is ours
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="pages", daemon=True)
    thread.start()
    while not stop.wait(0.2):
        if not thread.is_alive():
            raise DoorwardError("the pages have ended by themselves")
    app.state.site.live.close()
    server.should_exit = True
    thread.join(4)
