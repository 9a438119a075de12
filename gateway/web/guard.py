"""What every answer carries, and what no request may do.

Rule 1: no page is kept, framed or told to another site, and none runs a script that is
        not ours: tokens stand in addresses.
Rule 2: another site can press none of our buttons. Beside the token in each form, a
        browser that says where a request comes from is believed.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: Final = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
    "cache-control": "no-store",
}
KEPT: Final = "public, max-age=31536000, immutable"
"""For what is asked for by its version: that address changes when it does."""
MOST_BYTES: Final = 16 * 1024
"""Of a form; the longest note is 500 characters, each of at most twelve bytes in a form."""


class Guard:
    """Stands before all pages.

    Args:
        base: A path that our addresses begin with; a proxy may have cut it off already.
    """

    def __init__(self, app: ASGIApp, base: str) -> None:
        self._app, self._base = app, base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if self._base and path.startswith(f"{self._base}/"):
            path = path[len(self._base) :]
            scope = {**scope, "path": path, "raw_path": path.encode()}
        kept = path.startswith("/static/") and scope["query_string"]
        own = {**HEADERS, "cache-control": KEPT} if kept else HEADERS

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(own)
            await send(message)

        refusal = _refusal(scope["method"], Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send_guarded)


def _refusal(method: str, headers: Headers) -> PlainTextResponse | None:
    if method in ("GET", "HEAD"):
        return None
    if headers.get("sec-fetch-site") == "cross-site":
        return PlainTextResponse("Not from another site.", 403)
    length = headers.get("content-length", "")
    if not length.isdigit():
        return PlainTextResponse("Say how long it is.", 411)
    return PlainTextResponse("Too long.", 413) if int(length) > MOST_BYTES else None
