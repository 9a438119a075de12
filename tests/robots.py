"""The group robots of WeCom, DingTalk and Feishu, on this machine.

``call_robots`` takes the place of ``gateway.notify.calling.call`` in the workers: the
same call through Apprise's own plugins, but every address leads here.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import HTTPAdapter

from gateway.notify.answers import Verdict
from gateway.notify.calling import Call, call
from tests.real_things import LocalServer, QuietHandler

FIRST_WORDS = "a call to a robot begins"
UNREACHABLE = "Unreachable"
"""The key of a robot whose address leads nowhere."""
NOBODY_LISTENS = 9


class Asked(NamedTuple):
    """What a robot was asked: at which host, with which key, to say what."""

    host: str
    key: str
    text: str


class Robots(LocalServer):
    """``answers``: key → the body of an answer with HTTP 200, or ``None``: it hangs up."""

    def __init__(self) -> None:
        self.answers: dict[str, str | None] = {}
        self.asked: list[Asked] = []
        robots = self

        class Handler(QuietHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["content-length"])))
                asked = _asked(self.path, said)
                robots.asked.append(asked)
                answer = robots.answers[asked.key]
                if answer is not None:
                    self.answer(200, answer)

        super().__init__(Handler)


def call_robots(port: int) -> Callable[[Call], Verdict]:
    return functools.partial(_call_robots, port)


def _call_robots(port: int, what: Call) -> Verdict:
    logging.basicConfig(level=logging.DEBUG)
    logging.debug(FIRST_WORDS)
    send = HTTPAdapter.send

    def send_here(
        adapter: HTTPAdapter, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        _scheme, host, path, query, _ = urlsplit(str(request.url))
        here = NOBODY_LISTENS if UNREACHABLE in path + query else port
        request.url = f"http://127.0.0.1:{here}/{host}{path}?{query}"
        return send(adapter, request, **{**options, "proxies": {}})

    HTTPAdapter.send = send_here  # type: ignore[method-assign, assignment]
    try:
        return call(what)
    finally:
        HTTPAdapter.send = send  # type: ignore[method-assign]


def _asked(path: str, said: dict[str, Any]) -> Asked:
    """WeCom and DingTalk have the key in the query, Feishu has it at the end of the path."""
    url = urlsplit(path)
    host, _, rest = url.path.strip("/").partition("/")
    query = parse_qs(url.query)
    (key,) = query.get("key") or query.get("access_token") or [rest.rpartition("/")[2]]
    text = said["text"]["content"] if "text" in said else said["content"]["text"]
    return Asked(host, key, text)
