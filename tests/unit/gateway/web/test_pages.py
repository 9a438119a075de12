"""The pages on a real SQLite file: who sees what, and what a press does."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select, text

from gateway.clock import ManualClock
from gateway.links import Links
from gateway.places.model import Person, Registry
from gateway.road import Mark, Road
from gateway.store import tables as t
from gateway.store.database import Database, open_database
from gateway.web.app import build_app
from tests.small_district import GRID, PEOPLE, entrance
from tests.unit.gateway.test_road import T0, ZONE, district, event
from tests.unit.gateway.web.house import Browser

LINKS = Links("a key for tests")


class House(NamedTuple):
    client: Browser
    db: Database
    road: Road
    clock: ManualClock
    case: str


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    db = open_database(tmp_path / "doorward.db")
    clock = ManualClock(T0)
    road = Road.open(db, district(), T0)
    road.take([Mark("listening"), event(T0, 0, "open")], now_ms=T0)
    road.take([], now_ms=clock.move(5_000))
    outsider = Person("outsider", "外人", "grid_worker", GRID.replace("第一", "第二"))
    people = [Person(i, name, role, place) for i, name, role, place in PEOPLE]
    registry = Registry([*(entrance(n) for n in range(3)), _evil()], [], [*people, outsider])
    lock = threading.Lock()

    def poke() -> None:  # the gateway, at once
        with lock:
            road.take([], now_ms=clock.now_ms())

    app = build_app(
        db=db,
        registry=registry,
        links=LINKS,
        clock=clock,
        zone=ZONE,
        poke=poke,
        public_url="http://testserver",
    )
    with db.read() as tx:
        case = tx.execute(select(t.cases.c.id)).scalar_one()
    yield House(Browser(app, "http://testserver"), db, road, clock, case)
    db.close()


def _evil() -> Any:
    return entrance(9, name="<script>alert(1)</script>")


def log_in(house: House, person: str) -> None:
    house.client.cookies.set("doorward", LINKS.session_token(person))


def rows(db: Database, what: Any) -> list[Any]:
    with db.read() as tx:
        return list(tx.execute(select(what)))


def press(house: House, person: str, do: str, **more: str) -> Any:
    token = LINKS.case_token(person, house.case)
    data = {"do": do, "form": LINKS.form_token(person), "token": token, **more}
    return house.client.post(f"/case/{house.case}/act", **data)


def test_without_a_session_every_page_leads_to_the_log_in(house: House) -> None:
    for path in ("/", "/entrance/door-00000", f"/case/{house.case}"):
        answer = house.client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_my_doors_shows_the_open_one_first_in_both_languages(house: House) -> None:
    log_in(house, "worker")
    zh, en = house.client.get("/").text, house.client.get("/?lang=en").text
    assert zh.index("0号楼1单元门") < zh.index("1号楼1单元门")
    assert "开着" in zh and "王芳" in zh and "还没有消息" in zh
    assert "My doors" in en and "no word yet" in en


def test_what_is_outside_the_scope_is_as_if_it_did_not_exist(house: House) -> None:
    log_in(house, "outsider")
    assert house.client.get("/entrance/door-00000").status_code == 404
    assert house.client.get(f"/case/{house.case}").status_code == 404
    assert house.client.get("/entrance/nothing").status_code == 404
    assert "1单元门" not in house.client.get("/").text
    assert press(house, "outsider", "take").status_code == 404
    assert rows(house.db, t.inbox) == []


def test_a_get_changes_nothing_however_often(house: House) -> None:
    link = f"/c/{LINKS.case_token('worker', house.case)}"
    login = f"/l/{LINKS.login_token('worker', 'm')}"
    for _ in range(100):
        assert house.client.get(link).status_code == 200
        assert house.client.get(login).status_code == 200
    (case,) = rows(house.db, t.cases)
    assert case.state == "filed"
    assert rows(house.db, t.inbox) == rows(house.db, t.logins) == []
    assert all(m.seen_at_ms is None for m in rows(house.db, t.messages))


def test_taking_passing_up_and_settling_through_a_link(house: House) -> None:
    answer = press(house, "worker", "take")
    assert answer.headers["location"].endswith("?said=done")
    assert press(house, "second", "take").headers["location"].endswith("said=already_taken")
    assert press(house, "worker", "settle").headers["location"].endswith("said=reason_needed")
    assert press(house, "worker", "pass_up", note="锁坏了").headers["location"].endswith("said=done")
    (case,) = rows(house.db, t.cases)
    assert (case.state, case.owner) == ("filed", "leader")
    assert press(house, "leader", "settle", reason="repair_ordered").headers["location"].endswith("done")
    (case,) = rows(house.db, t.cases)
    assert (case.state, case.settled_how) == ("settled", "repair_ordered")
    page = house.client.get(f"/c/{LINKS.case_token('leader', house.case)}").text
    assert "传感器仍显示门开着" in page and "锁坏了" in page and "已报修" in page


def test_a_form_that_is_not_ours_is_refused(house: House) -> None:
    token = LINKS.case_token("worker", house.case)
    stranger = {"do": "take", "form": LINKS.form_token("second"), "token": token}
    assert house.client.post(f"/case/{house.case}/act", **stranger).status_code == 403
    other = {"do": "take", "form": LINKS.form_token("worker"), "token": LINKS.case_token("worker", "other")}
    assert house.client.post(f"/case/{house.case}/act", **other).status_code == 403
    assert rows(house.db, t.inbox) == []


@pytest.mark.parametrize("token", ["x", "", "WyJ3b3JrZXIiLCJjYXNlIl0.a.b"])
def test_an_altered_link_leads_to_the_log_in(house: House, token: str) -> None:
    assert house.client.get(f"/c/{token or 'none'}").headers["location"] == "/login?wrong"


def test_a_link_ends_a_day_after_the_case_was_settled(house: House) -> None:
    press(house, "worker", "settle", reason="closed")
    link = f"/c/{LINKS.case_token('worker', house.case)}"
    house.clock.move(23 * 3_600_000)
    assert house.client.get(link).status_code == 200
    house.clock.move(2 * 3_600_000)
    assert house.client.get(link).status_code == 303


def test_seen_is_told_by_the_page_and_not_by_the_link(house: House) -> None:
    link = f"/c/{LINKS.case_token('worker', house.case)}"
    assert f'data-seen="{link}/seen"' in house.client.get(link).text
    assert house.client.post(f"{link}/seen").status_code == 204
    seen = {m.person: m.seen_at_ms for m in rows(house.db, t.messages) if m.case_id}
    assert seen == {"worker": house.clock.now_ms()}


def test_a_log_in_link_works_once(house: House) -> None:
    link = f"/l/{LINKS.login_token('worker', 'message')}"
    first = house.client.post(link)
    assert first.status_code == 303 and "HttpOnly" in first.headers["set-cookie"]
    house.client.cookies.clear()
    second = house.client.post(link)
    assert second.status_code == 403 and "set-cookie" not in second.headers


def test_asking_for_a_link_says_the_same_to_everybody(house: House) -> None:
    known = house.client.post("/login", person="王芳")
    unknown = house.client.post("/login", person="nobody")
    assert known.text == unknown.text
    (message,) = [m for m in rows(house.db, t.messages) if m.text_key == "login"]
    assert message.person == "worker"


def test_a_name_with_a_script_in_it_is_only_a_name(house: House) -> None:
    log_in(house, "worker")
    page = house.client.get("/").text
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    press(house, "worker", "take")
    press(house, "worker", "pass_up", note="<img src=x onerror=alert(1)>")
    assert "<img" not in house.client.get(f"/c/{LINKS.case_token('leader', house.case)}").text


def test_one_entrance_has_a_picture_of_its_day_that_a_screen_reader_can_say(house: House) -> None:
    log_in(house, "worker")
    page = house.client.get("/entrance/door-00000").text
    title = re.search(r'<title id="day">([^<]+)</title>', page)
    assert title and title[1].startswith("开着")
    assert '<rect class="open"' in page


def test_headers_are_strict(house: House) -> None:
    headers = house.client.get("/login").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"]
    assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")


def test_health_fails_when_the_road_stands_still(house: House) -> None:
    assert house.client.get("/healthz").status_code == 503
    with house.db.write() as tx:
        tx.execute(text("INSERT INTO health VALUES ('gateway', :at, '{\"ok\": true}')"), {"at": T0 + 5_000})
    assert house.client.get("/healthz").status_code == 200
    house.clock.move(31_000)
    assert house.client.get("/healthz").status_code == 503
