"""Serving the pages (I/O). No access log: tokens stand in addresses."""

from __future__ import annotations

import logging
import socket
import threading

import uvicorn
from fastapi import FastAPI

from gateway.errors import DoorwardError

log = logging.getLogger(__name__)

END_WITHIN_S = 2
"""Requests under way may take that long once it ends; open streams end at once."""


def serve(app: FastAPI, host: str, port: int, stop: threading.Event | None = None) -> None:
    """Until ``stop``, or until the process is asked to end.

    Raises:
        DoorwardError: The address cannot be had.
    """
    stop = stop or threading.Event()
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        access_log=False,  # an address holds a token, and a log is read by many
        log_config=None,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=END_WITHIN_S,
    )
    server = uvicorn.Server(config)
    # In a thread of its own uvicorn leaves the process's signals alone; ``stop`` is ours.
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="pages", daemon=True)
    thread.start()
    log.info("pages at http://%s:%d", host, port)
    try:
        while not stop.wait(0.2):
            if not thread.is_alive():
                raise DoorwardError("the pages have ended by themselves", mend="The log says why.")
    finally:
        app.state.site.live.close()
        server.should_exit = True
        thread.join(2 * END_WITHIN_S)
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise DoorwardError(
            f"the pages cannot listen at {host}, port {port}: {error.strerror or error}",
            where="doorward.toml, web.port",
            mend="Stop the other program, or choose another web.port (and web.host).",
        ) from error
