"""Buttons, and the links that stand in messages."""

from __future__ import annotations

import pytest

from gateway.cases.act import Act
from gateway.store import tables as t
from gateway.web import casework
from tests.unit.gateway.web.house import NOON_MS, House

DAY = 86_400_000
ANSWERS = [
    ("take", "done", "Done."),
    ("settle", "done", "Done."),
    ("pass_up", "done", "Done."),
    ("take", "already_yours", "You have it already."),
    ("take", "already_taken", "Somebody else has taken it already."),
    ("settle", "already_settled", "It is settled already."),
    ("settle", "reason_needed", "Choose a reason first."),
    ("pass_up", "nobody_above", "Nobody above can be reached; it stays where it is."),
    ("take", "not_found", "This case is not yours to see."),
    ("take", "not_understood", "That was not understood. Please tell the maintainer."),
]


@pytest.mark.parametrize(("do", "answer", "words"), ANSWERS, ids=[f"{do}-{a}" for do, a, _ in ANSWERS])
def test_every_answer_is_said_in_words_after_its_button(
    house: House, do: str, answer: str, words: str
) -> None:
    house.case()
    house.answer = answer
    phone = house.phone("anna")
    pressed = phone.press(do, person="anna", reason="closed", note="Shut.")
    assert (pressed.status_code, pressed.headers["location"]) == (303, f"/case/case-1?said={answer}")
    assert words in phone.get(pressed.headers["location"]).text
    assert words not in phone.get("/case/case-1").text


def test_an_act_says_who_did_what_through_what(house: House) -> None:
    house.case()
    house.phone("worker").press("settle", reason="in_use", note=" Moving.\r\nUntil six. ")
    [row] = house.rows(t.inbox)
    assert Act.model_validate(row.act) == Act(
        do="settle",
        person="worker",
        case="case-1",
        reason="in_use",
        note="Moving.\nUntil six.",
        through="page",
    )
    assert house.pokes == 1


def test_without_an_answer_it_is_saved_and_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(casework, "ANSWER_WITHIN_S", 0.0)
    house.case()
    house.answer = None
    phone = house.phone("worker")
    pressed = phone.press("take")
    assert len(house.rows(t.inbox)) == 1
    assert "已保存，会尽快处理。" in phone.get(pressed.headers["location"]).text


def test_a_form_of_another_site_or_person_is_refused(house: House) -> None:
    house.case()
    phone = house.phone("worker")
    for form in ("", "made up", house.links.form_token("leader")):
        assert phone.post("/case/case-1/act", do="take", form=form).status_code in (400, 403)
    assert phone.post("/case/case-1/act", do="take").status_code == 400
    fields = {"do": "take", "form": house.links.form_token("worker")}
    foreign = {"sec-fetch-site": "cross-site"}
    assert phone.ask("POST", "/case/case-1/act", data=fields, headers=foreign).status_code == 403
    assert house.rows(t.inbox) == []


def test_nobody_acts_on_what_she_may_not_see(house: House) -> None:
    house.case()
    assert house.phone("stranger").press("take", person="stranger").status_code == 404
    assert house.phone().press("take").status_code == 403
    assert house.rows(t.inbox) == []


@pytest.mark.parametrize("do", ["login", "delete", ""])
def test_a_page_has_three_buttons_and_no_other(house: House, do: str) -> None:
    house.case()
    assert house.phone("worker").press(do, reason="closed").status_code == 400
    assert house.rows(t.inbox) == []


def test_too_long_a_form_is_refused(house: House) -> None:
    house.case()
    assert house.phone("worker").press("pass_up", note="x" * 20_000).status_code == 413
    house.phone("worker").press("pass_up", note="很" * 501)
    assert len(house.rows(t.inbox)[0].act["note"]) == 500


def test_a_link_shows_its_case_to_its_person_without_a_log_in(house: House) -> None:
    house.case()
    token = house.links.case_token("worker", "case-1")
    page = house.phone().get(f"/c/{token}")
    assert page.status_code == 200
    assert "王芳" in page.text
    assert f'name="token" value="{token}"' in page.text


def test_a_hundred_robots_that_open_links_change_nothing(house: House) -> None:
    house.case()
    house.message()
    case = f"/c/{house.links.case_token('worker', 'case-1')}"
    login = f"/l/{house.links.login_token('worker', 'm-9')}"
    before = house.everything()
    phone = house.phone()
    for _ in range(25):
        for path in (case, login):
            assert phone.get(path).status_code == 200
            assert phone.ask("HEAD", path).status_code == 200
    assert house.everything() == before
    assert "doorward" not in phone.cookies


def test_seen_is_what_the_beacon_says_once(house: House) -> None:
    house.case()
    house.message("m-1")
    house.message("m-2", person="leader")
    house.message("m-3", case="case-2")
    beacon = f"/c/{house.links.case_token('worker', 'case-1')}/seen"
    assert house.phone().post(beacon).status_code == 204
    house.clock.move(5_000)
    assert house.phone().post(beacon).status_code == 204
    assert house.seen() == [NOON_MS, None, None]


def test_a_button_behind_a_link_works_without_a_log_in_and_is_seen(house: House) -> None:
    house.case()
    house.message()
    token = house.links.case_token("worker", "case-1")
    phone = house.phone()
    for _ in range(2):  # a link repeats safely
        pressed = phone.press("take", token=token)
        assert (pressed.status_code, pressed.headers["location"]) == (303, f"/c/{token}?said=done")
    assert [row.act["through"] for row in house.rows(t.inbox)] == ["link", "link"]
    assert house.seen() == [NOON_MS]
    assert "已完成。" in phone.get(f"/c/{token}?said=done").text


def test_a_link_is_for_one_case_and_opens_nothing_else(house: House) -> None:
    house.case()
    house.case("case-2", "door-00002")
    token = house.links.case_token("worker", "case-1")
    phone = house.phone()
    phone.get(f"/c/{token}")
    assert phone.get("/").status_code == 303
    assert phone.press("take", case="case-2", token=token).status_code == 403
    assert house.rows(t.inbox) == []


@pytest.mark.parametrize(
    ("settled_ago_ms", "works"),
    [(0, True), (DAY - 1, True), (DAY, False), (3 * DAY, False)],
    ids=["just-settled", "almost-a-day", "a-day", "long-ago"],
)
def test_a_link_is_over_a_day_after_settling(house: House, settled_ago_ms: int, works: bool) -> None:
    house.case(state="settled", settled_at_ms=NOON_MS - settled_ago_ms, settled_how="closed")
    house.message()
    token = house.links.case_token("worker", "case-1")
    answer = house.phone().get(f"/c/{token}")
    assert answer.status_code == (200 if works else 303)
    if not works:
        assert "此链接已失效" in house.phone().get(answer.headers["location"]).text
    house.phone().post(f"/c/{token}/seen")
    assert (house.seen() == [NOON_MS]) is works
    assert house.phone().press("take", token=token).status_code == (303 if works else 403)


@pytest.mark.parametrize(
    ("person", "case", "status"),
    [("stranger", "case-1", 404), ("worker", "nowhere", 404), ("somebody who left", "case-1", 303)],
)
def test_a_link_shows_only_what_its_person_may_see_now(
    house: House, person: str, case: str, status: int
) -> None:
    house.case()
    link = f"/c/{house.links.case_token(person, case)}"
    answer = house.phone().get(link)
    assert answer.status_code == status
    assert "北家属院" not in answer.text
    assert house.phone().get(f"{link}/live").status_code in (403, 404)


def test_a_link_of_another_kind_or_made_up_leads_to_the_log_in(house: House) -> None:
    for token in (house.links.login_token("worker", "case-1"), "made-up"):
        assert house.phone().get(f"/c/{token}").headers["location"] == "/login?wrong"
        assert house.phone().post(f"/c/{token}/seen").status_code == 204
        assert house.phone().get(f"/c/{token}/live").status_code == 403
