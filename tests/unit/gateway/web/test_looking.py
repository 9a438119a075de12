"""What each reader sees, and what she does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.store import tables as t
from gateway.web import queries
from tests.unit.gateway.web.house import HOSTILE, NOON_MS, House

HOUR = 3_600_000


def test_open_longest_comes_first_then_unknown_closed_and_no_word(house: House) -> None:
    house.door("door-00002", since_ms=NOON_MS - HOUR)
    house.door("gate", since_ms=NOON_MS - 2 * HOUR)
    house.door("door-00003", "closed", since_ms=NOON_MS - 3 * HOUR)
    page = house.phone("anna").get("/").text
    order = [page.index(f"/entrance/{ident}") for ident in ("gate", "door-00002", "door-00003", "door-00001")]
    assert order == sorted(order)


def test_each_state_has_a_word_and_a_shape_of_its_own(house: House) -> None:
    house.door("door-00001", since_ms=NOON_MS - HOUR)
    house.door("door-00002", "open", since_ms=NOON_MS - 2 * HOUR, unknown_ms=NOON_MS - HOUR)
    house.door("door-00003", "closed", since_ms=NOON_MS - HOUR)
    page = house.phone("worker").get("/").text
    for state, word in (
        ("open", "开着"),
        ("unknown", "状态未知"),
        ("closed", "已关"),
        ("none", "还没有消息"),
    ):
        assert f'<svg class="shape {state}"' in page
        assert word in page
    assert "最后确认从 10:00 起开着，11:00 起没有消息" in page


def test_silence_is_never_shown_as_closed(house: House) -> None:
    house.door("door-00001", "closed", since_ms=NOON_MS - 2 * HOUR, unknown_ms=NOON_MS - HOUR)
    page = house.phone("anna").get("/entrance/door-00001").text
    assert "<b>unknown</b><span>last known closed, no word since 11:00" in page


def test_whose_it_is_stands_beside_the_door(house: House) -> None:
    house.door("door-00001", since_ms=NOON_MS - HOUR)
    house.case()
    assert "王芳</b> <span>left-open · 还无人受理" in house.phone("worker").get("/").text


@pytest.mark.parametrize(
    "path", ["/entrance/door-00001", "/entrance/nowhere", "/case/case-1", "/case/nowhere"]
)
def test_what_is_outside_the_scope_is_not_there(house: House, path: str) -> None:
    house.case()
    house.event("filed", "left-open")
    answer = house.phone("stranger").get(path)
    assert answer.status_code == 404
    assert "北家属院" not in answer.text


def test_her_own_doors_only(house: House) -> None:
    page = house.phone("stranger").get("/").text
    assert "door-00004" in page
    assert "door-00001" not in page


@pytest.mark.parametrize("path", ["/", "/entrance/door-00001", "/case/case-1"])
def test_who_is_not_logged_in_is_asked_to(house: House, path: str) -> None:
    house.case()
    answer = house.phone().get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_who_left_the_tables_is_logged_out(house: House) -> None:
    assert house.phone("somebody who left").get("/").status_code == 303


def test_a_leader_of_many_sees_those_that_need_somebody(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOST_DOORS", 3)
    house.door("door-00002", since_ms=NOON_MS - HOUR)
    house.door("door-00003", "closed", since_ms=NOON_MS - HOUR)
    house.door("door-00001", "closed", since_ms=NOON_MS - HOUR)
    house.case()
    page = house.phone("anna").get("/").text
    assert "Of 5 entrances, only those that need somebody are shown; 3 are not." in page
    assert "door-00003" not in page
    assert page.index("door-00002") < page.index("door-00001")
    assert "closed" in page[page.index("/entrance/door-00001") :]


def test_names_and_notes_cannot_run_a_script(house: House) -> None:
    house.case(entrance="gate", owner="leader", rule=HOSTILE)
    house.event("settled", "other", who="leader", note=HOSTILE)
    house.event(HOSTILE, HOSTILE)
    phone = house.phone("leader")
    for path in ("/", "/entrance/gate", "/case/case-1"):
        page = phone.get(path).text
        assert "&lt;script&gt;" in page
        assert HOSTILE not in page


def test_the_story_names_who_through_what_and_why(house: House) -> None:
    house.case()
    house.message(seen_at_ms=NOON_MS - 30_000)
    house.event("filed", "left-open")
    house.event("not_told", "reminded_before", role="residents")
    house.event("told", "on_duty", person="worker", role="grid_worker", message="m-1")
    house.event("taken", "took_it", who="worker")
    house.event("passed_up", "not_taken", person="anna", role="community")
    house.event("passed_up", "asked", who="worker", person="anna", role="community", note="The hinge.")
    house.event("settled", "repaired", who="anna")
    house.event("settled", "verified_by_sensor")
    page = house.phone("anna").get("/case/case-1").text
    for line in (
        "The case was filed.",
        "Not told: residents (they had been reminded).",
        "Told: grid worker 王芳 (on duty now).",
        "seen 11:59",
        "王芳 took it.",
        "Nobody took it in time; passed up to community Anna Berg.",
        "王芳 passed it up to community Anna Berg.",
        "<q>The hinge.</q>",
        "Anna Berg settled it: repaired.",
        "Settled: verified by the sensor.",
    ):
        assert line in page


def test_a_settled_case_of_an_open_door_says_so(house: House) -> None:
    house.door("door-00001", since_ms=NOON_MS - HOUR)
    house.case(state="settled", settled_at_ms=NOON_MS, settled_how="in_use")
    page = house.phone("anna").get("/case/case-1").text
    assert "The sensor still shows it open." in page
    assert "/act" not in page


def test_a_rule_is_named_by_its_title(house: House) -> None:
    rules = '[{"name": "left-open", "title": {"zh": "单元门未关", "en": "Unit door left open"}}]'
    house.put(t.setups, hash="x", at_ms=1, zone="Asia/Shanghai", rules=rules, entrances=b"")
    house.case()
    assert "Unit door left open" in house.phone("anna").get("/case/case-1").text
    assert "单元门未关" in house.phone("worker").get("/case/case-1").text


def test_the_day_in_words_and_what_the_sensor_said(house: House) -> None:
    for before, contact in ((25, "closed"), (3, "open"), (2, "closed"), (1, "closed")):
        house.put(
            t.journal,
            at_ms=NOON_MS - before * HOUR,
            kind="reading",
            entrance="door-00002",
            contact=contact,
            battery_pct=9.0,
            rssi_dbm=-80.0,
        )
    page = house.phone("anna").get("/entrance/door-00002").text
    assert '<title id="day">Open for 1 h altogether, 1×.</title>' in page
    assert "09:00–10:00 open" in page
    assert "low, please change it · 9 %" in page
    assert "<dd>fair</dd>" in page
    assert "<dd>11:00</dd>" in page


def test_chinese_first_then_what_she_reads_then_what_she_chose(house: House) -> None:
    assert 'lang="zh-CN"' in house.phone().get("/login").text
    anna = house.phone("anna")
    assert 'lang="en"' in anna.get("/").text
    assert 'lang="zh-CN"' in anna.get("/?lang=zh").text
    assert 'lang="zh-CN"' in anna.get("/").text
    assert 'lang="zh-CN"' in anna.get("/?lang=xx").text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_fault_is_a_page_in_both_languages(house: House, language: str) -> None:
    said = {"zh": "这里没有您能看的内容。", "en": "There is nothing here for you."}
    answer = house.phone().get(f"/nowhere?lang={language}")
    assert answer.status_code == 404
    assert said[language] in answer.text


def test_a_broken_house_is_a_page_with_all_its_headers(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr(queries, "doors", broken)
    answer = house.phone("worker").get("/")
    assert answer.status_code == 500
    assert "没有成功" in answer.text
    assert "secret words" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_pages_are_kept_by_nobody_and_run_no_foreign_script(house: House) -> None:
    answer = house.phone("worker").get("/")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "style=" not in answer.text
    assert "onclick" not in answer.text
    assert answer.text.count("<script") == 1  # the file


def test_the_style_and_the_script_are_kept_by_their_version_alone(house: House) -> None:
    for name in ("doorward.css", "doorward.js", "doorward.svg"):
        for address, kept in ((f"/static/{name}?v", True), (f"/static/{name}", False)):
            answer = house.phone().get(address)
            assert answer.status_code == 200
            assert ("immutable" in answer.headers["cache-control"]) == kept


def test_pages_live_below_a_path_whether_the_proxy_cuts_it_off_or_not(tmp_path: Path) -> None:
    house = House(tmp_path, "https://city.test/doors")
    for path in ("/doors/login", "/login"):
        answer = house.phone().get(path)
        assert answer.status_code == 200
        assert 'action="/doors/login"' in answer.text
    assert house.phone().get("/doors/static/doorward.css").status_code == 200
    assert house.phone().get("/").headers["location"] == "/doors/login"
    house.db.close()


@pytest.mark.parametrize(
    ("age_ms", "ok", "status"),
    [
        pytest.param(1_000, True, 200, id="well"),
        pytest.param(30_000, True, 200, id="just-heard"),
        pytest.param(30_001, True, 503, id="silent-too-long"),
        pytest.param(1_000, False, 503, id="it-says-that-it-is-unwell"),
    ],
)
def test_healthz_is_what_the_gateway_says_and_when(house: House, age_ms: int, ok: bool, status: int) -> None:
    house.put(t.health, part="gateway", at_ms=NOON_MS - age_ms, facts={"ok": ok, "position": 7})
    house.put(t.health, part="sender", at_ms=NOON_MS, facts={"ok": True, "waiting_ms": 0})
    answer = house.phone().get("/healthz")
    assert answer.status_code == status
    assert answer.json()["parts"]["gateway"] == {"age_ms": age_ms, "ok": ok, "position": 7}


def test_healthz_without_a_gateway_is_not_well(house: House) -> None:
    assert house.phone().get("/healthz").status_code == 503
