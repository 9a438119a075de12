"""The fake phones: one page that shows what each person's phone received.

It takes what Apprise sends to ``json://127.0.0.1:PORT/NAME``, as a real provider would.
"""

from __future__ import annotations

import html
import json
import re
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from gateway.demo.district import PEOPLE
from gateway.locale import texts

MOST_BYTES = 64 * 1024
KEPT = 50
ZONE = ZoneInfo("Asia/Shanghai")


def _words(role: str) -> str:
    """``grid_worker`` in both languages."""
    english = role.replace("_", " ")
    return f"{texts('zh').gettext(english)} {english}"


_NAMES = {person: f"{name} · {_words(role)}" for person, name, role, _, _ in PEOPLE}
_LINK = re.compile(r"https?://\S+")

_PAGE = """<!doctype html><html lang="zh"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>手机 Phones</title>
<style>
body{{font:17px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;background:#e8ebee;color:#15202b;margin:0;padding:12px}}
h1{{font-size:20px;margin:4px 8px 12px}}
.phones{{display:flex;flex-wrap:wrap}}
.phone{{background:#fff;border:6px solid #2b3440;border-radius:26px;width:320px;min-height:300px;margin:8px;padding:14px;box-sizing:border-box}}
.phone h2{{font-size:16px;margin:0 0 10px;color:#4a5a6a}}
.m{{background:#f2f6fa;border-radius:12px;padding:10px 12px;margin:0 0 10px}}
.m b{{display:block}} .m time{{color:#5a6875;font-size:14px}} .m p{{margin:4px 0;white-space:pre-line}}
.m a{{display:block;text-align:center;background:#0b5cad;color:#fff;border-radius:10px;padding:11px;text-decoration:none;font-weight:600}}
.none{{color:#5a6875}}
</style></head><body><h1>每个人的手机收到了什么 · What each phone received</h1><div class="phones" id="phones">{phones}</div>
<script>
setInterval(function(){{var r=new XMLHttpRequest();r.open("GET","/phones");r.onload=function(){{
var d=document.getElementById("phones");if(r.status===200&&d.innerHTML!==r.responseText)d.innerHTML=r.responseText}};r.send()}},1000);
</script></body></html>"""


class Received(NamedTuple):
    at: datetime
    title: str
    body: str


class Phones:
    """Serves on loopback from entering to leaving."""

    def __init__(self, port: int, data: Path) -> None:
        self._received: dict[str, list[Received]] = {}
        self._lock = threading.Lock()
        phones = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = min(int(self.headers.get("content-length") or 0), MOST_BYTES)
                phones.take(unquote(self.path.strip("/")), self.rfile.read(size))
                self._answer("{}", "application/json")

            def do_GET(self) -> None:
                whole = self.path != "/phones"
                self._answer(_PAGE.format(phones=phones.html()) if whole else phones.html(), "text/html")

            def _answer(self, text: str, kind: str) -> None:
                body = text.encode()
                self.send_response(200)
                self.send_header("content-type", f"{kind}; charset=utf-8")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """A phone's traffic is nobody's log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="phones", daemon=True)

    def __enter__(self) -> Phones:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, phone: str, body: bytes) -> None:
        """What Apprise's JSON channel sends: ``title`` and ``message``."""
        said = json.loads(body)
        message = Received(datetime.now(ZONE), str(said.get("title", "")), str(said.get("message", "")))
        with self._lock:
            self._received.setdefault(phone, []).insert(0, message)
            del self._received[phone][KEPT:]

    def html(self) -> str:
        with self._lock:
            names = sorted(
                {*_NAMES, *self._received},
                key=lambda name: (
                    name not in self._received,
                    list(_NAMES).index(name) if name in _NAMES else 99,
                ),
            )
            return "".join(self._phone(name) for name in names)

    def _phone(self, name: str) -> str:
        shown = _NAMES.get(name, name.replace("residents-", "居民 residents · "))
        messages = "".join(_message(m) for m in self._received.get(name, ()))
        empty = '<p class="none">还没有通知 · nothing yet</p>'
        return f'<div class="phone"><h2>{html.escape(shown)}</h2>{messages or empty}</div>'


def _message(m: Received) -> str:
    link = _LINK.search(m.body)
    text = html.escape(_LINK.sub("", m.body).strip())
    button = f'<a href="{html.escape(link[0])}" target="_blank">打开 · open</a>' if link else ""
    return (
        f'<div class="m"><time>{m.at:%H:%M:%S}</time><b>{html.escape(m.title)}</b><p>{text}</p>{button}</div>'
    )
