"""Logging in and out."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.links import _read
from gateway.store import tables as t
from gateway.web import session
from tests.unit.gateway.web.house import House


@pytest.mark.parametrize("typed", ["worker", "王芳", " 王芳 "])
def test_a_link_is_asked_for_by_number_or_name(house: House, typed: str) -> None:
    house.phone().post("/login", person=typed)
    assert [row.act["person"] for row in house.rows(t.inbox)] == ["worker"]
    assert house.rows(t.inbox)[0].act["do"] == "login"
    assert house.pokes == 1


def test_nobody_can_find_out_who_works_here(house: House) -> None:
    answers = {
        house.phone().post("/login", person=typed).text for typed in ("worker", "nobody", "王芳", "x' OR 1")
    }
    assert len(answers) == 1
    assert {row.act["person"] for row in house.rows(t.inbox)} == {"worker"}


def test_a_log_in_link_works_once(house: House) -> None:
    path = f"/l/{house.links.login_token('worker', 'm-1')}"
    first, second = house.phone(), house.phone()
    assert "王芳" in first.get(path).text
    entered = first.post(path)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert first.get("/").status_code == 200
    refused = second.post(path)
    assert refused.status_code == 403
    assert "这个链接已用过或已过期。" in refused.text
    assert "这个链接已用过或已过期。" in second.get(path).text
    assert second.get("/").status_code == 303


def test_a_message_that_was_sent_twice_logs_in_once(house: House) -> None:
    """Each attempt to send it makes another token."""
    house.phone().post(f"/l/{house.links.login_token('worker', 'm-1')}")
    assert session.SESSION not in house.phone().post(f"/l/{house.links.login_token('worker', 'm-1')}").cookies
    assert len(house.rows(t.logins)) == 1


@pytest.mark.parametrize("token", ["made-up", "", "a.b.c"])
def test_a_made_up_link_logs_nobody_in(house: House, token: str) -> None:
    assert house.phone().post(f"/l/{token or 'x'}").status_code == 403
    assert house.rows(t.logins) == []


def test_a_case_link_is_no_log_in_link(house: House) -> None:
    assert house.phone().post(f"/l/{house.links.case_token('worker', 'm-1')}").status_code == 403


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(tmp_path: Path) -> None:
    for url, secure in (("https://doors.test", True), ("http://doors.test", False)):
        house = House(tmp_path / str(secure), url)
        answer = house.phone().post(f"/l/{house.links.login_token('worker', 'm-1')}")
        cookies = answer.headers.get_list("set-cookie")
        assert len(cookies) == 2
        for cookie in cookies:
            assert "HttpOnly" in cookie
            assert "SameSite=lax" in cookie
            assert ("Secure" in cookie) is secure
        house.db.close()


def test_looking_makes_a_session_new_and_a_page_by_itself_does_not(house: House) -> None:
    assert f"{session.SESSION}=" in house.phone("worker").get("/").headers["set-cookie"]
    by_itself = house.phone("worker").get("/", headers={session.BY_ITSELF: "1"})
    assert by_itself.status_code == 200
    assert "set-cookie" not in by_itself.headers


@pytest.mark.parametrize("since", ["", "leader"], ids=["without", "of-somebody-else"])
def test_who_does_not_show_when_she_logged_in_gets_no_new_session(house: House, since: str) -> None:
    phone = house.phone("worker")
    phone.cookies.delete(session.SINCE)
    if since:
        phone.cookies.set(session.SINCE, house.links.session_token(since), domain="doors.test")
    answer = phone.get("/")
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers


def test_a_session_ends_when_it_should(house: House) -> None:
    """The ages are the signer's business; here is what it is asked."""
    token = house.links.session_token("worker")
    assert house.links.read_session(token, session.SESSION_S) == "worker"
    assert _read(house.links._session, token, -1) is None
    assert session.SESSION_S < session.SINCE_S


def test_who_logs_out_is_out(house: House) -> None:
    phone = house.phone("worker")
    assert phone.post("/logout", form="made up").status_code == 303
    assert phone.get("/").status_code == 200
    phone.post("/logout", form=house.links.form_token("worker"))
    assert phone.get("/").status_code == 303


def test_a_link_that_is_cut_off_says_so(house: House) -> None:
    link = f"/c/{house.links.case_token('worker', 'case-1')[:-3]}"
    where = house.phone().get(link).headers["location"]
    assert "这个链接不完整" in house.phone().get(where).text


def test_the_log_in_page_speaks_the_language_of_whoever_was_sent_it(house: House) -> None:
    for person, words in (("worker", "您将登录为"), ("anna", "You log in as")):
        assert words in house.phone().get(f"/l/{house.links.login_token(person, 'm-1')}").text
