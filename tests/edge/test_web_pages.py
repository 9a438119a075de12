"""The pages as a phone meets them: a real server, a real browser, a screen 360 pixels wide."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import Request
from fastapi.responses import Response
from sqlalchemy import update

from gateway.errors import DoorwardError
from gateway.store import tables as t
from gateway.store.resuming import keep_setup
from gateway.store.rule_versions import Activation, activate, say_refused
from gateway.web import session
from gateway.web.serve import serve
from rules.engine import Setup
from rules.fault import Fault
from rules.impact import Impact
from rules.load import load_texts
from tests.real_things import answers, free_port, wait_for
from tests.unit.gateway.web.house import NOON_MS, House

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
)

# A window is never narrower than 500 pixels without a screen, so a page is looked at in a
# frame as wide as a phone; it tells the page around it how wide it would like to be.
FRAME = '<body><iframe width="360" height="740" frameborder="0" src="{path}"></iframe></body>'
PROBE = """
var told = window.parent.document.body;
told.setAttribute("data-width", document.documentElement.scrollWidth + "/" + window.innerWidth);
var small = [], i, box, folded = document.querySelectorAll("details");
for (i = 0; i < folded.length; i++) { folded[i].open = true; }
var all = document.querySelectorAll("a, button, summary, select, input:not([type=radio]), .choice");
for (i = 0; i < all.length; i++) {
  box = all[i].getBoundingClientRect();
  if (box.height > 0 && box.height < 44) { small.push(all[i].outerHTML.slice(0, 60)); }
}
told.setAttribute("data-small", small.join(" | "));
"""
SWAPPED = """
new MutationObserver(function () { new Image().src = "/swapped.svg"; })
  .observe(document.getElementById("main"), {childList: true, subtree: true});
"""
PICTURE = "<svg xmlns='http://www.w3.org/2000/svg'/>"


class Served:
    """The pages at a port. A reader is logged in if ``person`` is set."""

    def __init__(self, path: Path) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.house = House(path, self.address)
        self.person = ""
        self.swapped = threading.Event()
        self.let_go = threading.Event()
        self.let_go.set()
        self._prepare()
        self.stop = threading.Event()
        arguments = (self.house.app, "127.0.0.1", self.port, self.stop)
        self.thread = threading.Thread(target=serve, args=arguments, daemon=True)
        self.thread.start()
        wait_for(lambda: answers(self.port), "the pages answer")

    def close(self) -> None:
        self.stop.set()
        self.thread.join(20)
        assert not self.thread.is_alive(), "the pages did not end"
        self.house.db.close()

    def _prepare(self) -> None:
        @self.house.app.get("/probe.js")
        def probe() -> Response:
            return Response(PROBE + SWAPPED, media_type="text/javascript")

        @self.house.app.get("/swapped.svg")
        def swapped() -> Response:
            self.swapped.set()
            return Response(PICTURE, media_type="image/svg+xml")

        @self.house.app.get("/frame")
        def frame(path: str) -> Response:
            return Response(FRAME.format(path=path))

        @self.house.app.get("/hold.svg")
        async def hold() -> Response:
            await asyncio.to_thread(self.let_go.wait, 30)
            return Response(PICTURE, media_type="image/svg+xml")

        @self.house.app.middleware("http")
        async def around(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
            if self.person:
                token = self.house.links.session_token(self.person)
                cookie = f"{session.SESSION}={token}".encode()
                request.scope["headers"] = [*request.scope["headers"], (b"cookie", cookie)]
            response = await call_next(request)
            if request.headers.get("sec-fetch-dest") == "iframe" or request.url.path == "/frame":
                del response.headers["content-security-policy"]
                response.headers["content-type"] = "text/html"
            if request.url.path == "/frame" or not response.headers.get("content-type", "").startswith(
                "text/html"
            ):
                return response
            body = b"".join([chunk async for chunk in response.body_iterator])  # type: ignore[attr-defined]  # it streams
            ours = b'<img src="/hold.svg" alt=""><script src="/probe.js"></script></body>'
            del response.headers["content-length"]
            return Response(body.replace(b"</body>", ours), response.status_code, dict(response.headers))

    def look(self, path: str) -> str:
        """The page as the browser has it, after its scripts ran."""
        assert CHROMIUM, "chromium is not installed: apt-get install chromium"
        profile = f"--user-data-dir={self.house.path / 'browser'}"
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            profile,
            *QUIET.split(),
        ]
        done = subprocess.run(
            [CHROMIUM, *options, "--dump-dom", self.address + path],
            capture_output=True,
            text=True,
            timeout=90,
            check=True,
        )
        return done.stdout


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    served.close()


def _furnish(house: House) -> None:
    house.door("door-00001", since_ms=NOON_MS - 7_200_000)
    house.door("door-00002", "open", since_ms=NOON_MS - 9_000_000, unknown_ms=NOON_MS - 3_600_000)
    house.door("door-00003", "closed", since_ms=NOON_MS - 3_600_000)
    house.case()
    house.message()
    house.event("filed", "left-open")
    house.event("told", "on_duty", person="worker", role="grid_worker", message="m-1")
    house.event(
        "passed_up", "asked", who="worker", person="anna", role="community", note="很" * 200 + "x" * 200
    )


@pytest.mark.browser
@pytest.mark.parametrize("person", ["worker", "anna"], ids=["chinese", "english"])
@pytest.mark.parametrize(
    "path", ["/", "/entrance/door-00001", "/entrance/gate", "/case/case-1", "/login", "/no"]
)
def test_nothing_is_wider_than_the_phone_or_too_small_for_a_thumb(
    served: Served, person: str, path: str
) -> None:
    _furnish(served.house)
    served.person = person
    page = served.look(f"/frame?path={path}")
    width = page.partition('data-width="')[2].partition('"')[0]
    assert width == "360/360"
    assert 'data-small=""' in page


RULES = """\
rules:
  - name: left-open-for-longer-than-anybody-would-think-of-naming-it
    title: {zh: 夜间单元门长时间未关并且没有任何人去处理的情况, en: Unit door left open at night for much longer than usual}
    why: {zh: 夜里门开着，谁都能进来。, en: Anybody can walk in at night.}
    when: left_open
    during: {from: "22:00", to: "06:00"}
    steps:
      - {after: 3m, tell: residents}
      - {after: 8m, tell: grid_worker, repeat: {every: 5m, at_most: 3}}
      - {after: 30m, tell: grid_leader, unless: taken}
"""


def _furnish_for_maintainers(house: House) -> None:
    """Rules in force, files that are not, rules that broke, mutes: each with the longest words there are."""
    loaded, faults = load_texts([("rules/rules.yaml", RULES)])
    assert loaded, faults
    long_word = "x" * 120
    with house.db.write() as tx:
        keep_setup(tx, Setup(loaded.rules, {}, ZoneInfo("Asia/Shanghai")), "a setup", NOON_MS)
        impact = Impact(closes=1_234, starts=1_234, moves=1_234, raises=1_234, clears=1, tells=1, changes=1)
        activate(tx, loaded.rules, Activation([], long_word, "rollback"), impact, NOON_MS - 3_600_000)
        say_refused(tx, NOON_MS, "root", [Fault(f"rules/{long_word}.yaml:5:5", "no" * 60, "Mend it.")])
    broke = {"rule": loaded.rules.rules[0].name, "error": f"KeyError('{long_word}')", "everywhere": True}
    house.put(t.gaps, at_ms=NOON_MS, kind="rule_failed", entrance="door-00001", facts=broke)
    for ident, ends_ms, why in (("a", NOON_MS + 90_000_000, "很" * 200), ("b", NOON_MS - 1, long_word)):
        house.put(
            t.mutes,
            id=ident,
            scope={"within": ["龙华区/煤机街道/西湖社区"], "entrance": ["door-0000*"]},
            from_ms=NOON_MS - 90_000_000,
            until_ms=ends_ms,
            why=why,
            who="maintainer",
            at_ms=NOON_MS - 90_000_000,
            ended_by="maintainer" if ident == "b" else None,
        )


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    "path",
    ["/rules", "/rules/left-open-for-longer-than-anybody-would-think-of-naming-it", "/mutes"],
    ids=["rules", "one-rule", "mutes"],
)
def test_the_maintainers_pages_fit_a_phone_too(served: Served, path: str, language: str) -> None:
    _furnish_for_maintainers(served.house)
    served.person = "maintainer"
    page = served.look(f"/frame?path={path}?lang={language}")
    assert page.partition('data-width="')[2].partition('"')[0] == "360/360"
    assert page.partition('data-small="')[2].partition('"')[0] == ""


@pytest.mark.browser
def test_the_beacon_says_seen_and_the_page_alone_does_not(served: Served) -> None:
    _furnish(served.house)
    link = f"/c/{served.house.links.case_token('worker', 'case-1')}"
    assert httpx.get(served.address + link).status_code == 200
    assert served.house.seen() == [None]
    page = served.look(link)
    assert "我来处理" in page
    wait_for(lambda: served.house.seen() == [NOON_MS], "the beacon says seen")


@pytest.mark.browser
def test_an_open_page_shows_a_commit_by_itself(served: Served) -> None:
    _furnish(served.house)
    served.person = "worker"
    served.let_go.clear()
    shown: list[str] = []
    looking = threading.Thread(target=lambda: shown.append(served.look("/")), daemon=True)
    looking.start()
    live = served.house.app.state.site.live
    wait_for(lambda: live.pages, "the page listens")
    with served.house.db.write() as tx:
        tx.execute(update(t.states).values(contact="closed", open_since_ms=0, unknown_since_ms=0))
        tx.execute(update(t.road).values(position=8))
    assert served.swapped.wait(60), "the page put in nothing new"
    served.let_go.set()
    looking.join(90)
    assert 'class="shape open"' not in shown[0]
    assert 'class="shape closed"' in shown[0]


def test_a_commit_reaches_an_open_stream(served: Served) -> None:
    served.person = "worker"
    with httpx.stream("GET", f"{served.address}/live", timeout=20) as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith("data")) == "data: 7"
        with served.house.db.write() as tx:
            tx.execute(update(t.road).values(position=8))
        assert next(line for line in lines if line.startswith("data") and line != "data:") == "data: 8"


def test_it_ends_although_a_page_listens(served: Served) -> None:
    served.person = "worker"
    with httpx.stream("GET", f"{served.address}/live", timeout=20) as stream:
        next(stream.iter_lines())
        served.stop.set()
        served.thread.join(30)
        assert not served.thread.is_alive()


def test_a_busy_port_is_said_with_the_option_that_names_it(served: Served) -> None:
    with pytest.raises(DoorwardError, match=r"web\.port"):
        serve(served.house.app, "127.0.0.1", served.port, threading.Event())


def test_no_token_is_ever_logged(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    token = served.house.links.case_token("worker", "case-1")
    httpx.get(f"{served.address}/c/{token}")
    httpx.get(f"{served.address}/l/{token}")
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
    assert token not in "\n".join(ours)
