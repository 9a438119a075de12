"""The maintainers' pages: which rules are in force, and mutes."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from gateway.cases.act import MOST_NOTE, Act, Where
from gateway.cases.muting import LONGEST_MS
from gateway.store import tables as t
from gateway.store.resuming import keep_setup
from gateway.store.rule_versions import Activation, activate, say_accepted, say_refused
from gateway.web import casework
from gateway.web.rulebook import LENGTHS
from rules import duration
from rules.engine import Setup
from rules.fault import Fault
from rules.impact import Impact
from rules.load import load_texts
from rules.rule import RuleSet
from tests.unit.gateway.test_road import ZONE
from tests.unit.gateway.web.house import HOSTILE, NOON_MS, House, Phone

HOUR = 3_600_000
RULES = """\
rules:
  - name: left-open
    title: {zh: 单元门未关, en: Unit door left open}
    why: {zh: 夜里门开着，谁都能进来。, en: Anyone can walk in.}
    when: left_open
    during: {from: "22:00", to: "06:00"}
    steps:
      - {after: 3m, tell: residents}
      - {after: 8m, tell: grid_worker}
  - name: silent
    title: {zh: "传感器<b>失联", en: "Sensor <b>silent"}
    why: "Nobody <b>knows."
    when: silent
    steps:
      - {after: 0s, tell: installer}
"""
GRID = "龙华区/煤机街道/西湖社区/第一网格"
OTHER_GRID = GRID.replace("第一", "第二")
COMMUNITY = "龙华区/煤机街道/西湖社区"


def loaded(text: str = RULES) -> RuleSet:
    found, faults = load_texts([("rules/rules.yaml", text)])
    assert found, faults
    return found.rules


def in_force(house: House, text: str = RULES) -> None:
    setup = Setup(loaded(text), {}, ZONE)
    with house.db.write() as tx:
        keep_setup(tx, setup, "a setup", NOON_MS)


def switched(house: House, at_ms: int, author: str, through: Any, text: str = RULES, **impact: int) -> str:
    rules = loaded(text)
    with house.db.write() as tx:
        activate(
            tx, rules, Activation([("rules/rules.yaml", text)], author, through), Impact(**impact), at_ms
        )
    return rules.hash


def words(page: str) -> str:
    """What a reader reads of it."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


# -- who may see what -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/rules", {"maintainer"}),
        ("/rules/left-open", {"maintainer"}),
        ("/mutes", {"maintainer", "leader", "stranger", "anna"}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_page_that_is_not_for_her_is_not_there(
    house: House, path: str, allowed: set[str], method: str
) -> None:
    in_force(house)
    for person in house.registry.people:
        answer = house.phone(person).ask(method, path)
        assert answer.status_code == (200 if person in allowed else 404), person
        assert "left-open" not in answer.text or person in allowed
    answer = house.phone().ask(method, path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_a_rule_that_there_is_not_is_not_there(house: House) -> None:
    phone = house.phone("maintainer")
    assert phone.get("/rules/left-open").status_code == 404, "nothing is in force"
    in_force(house)
    assert phone.get("/rules/left-open").status_code == 200
    assert phone.get("/rules/nothing").status_code == 404


def test_looking_changes_nothing(house: House) -> None:
    in_force(house)
    switched(house, NOON_MS, "root", "start")
    muted(house, "m", entrance=["door-00001"])
    phone, before = house.phone("maintainer"), house.everything()
    for path in ("/rules", "/rules/left-open", "/rules/silent", "/mutes", "/mutes?said=done"):
        assert phone.get(path).status_code == 200
    assert house.everything() == before


# -- rules in force, and files that are not --------------------------------------------------------


def test_rules_in_force_are_listed_with_why_in_the_language_of_the_reader(house: House) -> None:
    phone = house.phone("maintainer")
    assert "还没有规则生效。" in phone.get("/rules").text
    in_force(house)
    page = phone.get("/rules").text
    assert 'href="/rules/left-open"' in page and 'href="/rules/silent"' in page
    assert "单元门未关 left-open · 夜里门开着，谁都能进来。" in words(page)
    english = phone.get("/rules?lang=en").text
    assert "Unit door left open left-open · Anyone can walk in." in words(english)
    assert "Sensor &lt;b&gt;silent" in english and "Nobody &lt;b&gt;knows." in english
    assert "<b>silent" not in english


def test_files_that_are_not_in_force_are_shown_with_every_fault_escaped(house: House) -> None:
    in_force(house)
    phone = house.phone("maintainer")
    assert "没有生效" not in phone.get("/rules").text
    faults = [Fault("rules/rules.yaml:5:5", HOSTILE, "Mend it."), Fault("rules/b.yaml", "is not UTF-8")]
    with house.db.write() as tx:
        say_refused(tx, NOON_MS - HOUR, f"root{HOSTILE}", faults)
    page = phone.get("/rules?lang=en").text
    assert "The rule files as they stand are not in force." in page
    assert "Since 11:00, by root&lt;script&gt;" in page
    assert (
        "<li><code>rules/rules.yaml:5:5: &lt;script&gt;alert(1)&lt;/script&gt;. Mend it.</code></li>" in page
    )
    assert "<li><code>rules/b.yaml: is not UTF-8.</code></li>" in page
    assert HOSTILE not in page
    assert "单元门未关" in phone.get("/rules?lang=zh").text, "what was in force goes on"
    with house.db.write() as tx:
        say_accepted(tx, loaded(), [("rules/rules.yaml", RULES)])
    assert "没有生效" not in phone.get("/rules").text


def test_what_was_ever_in_force_is_listed_the_newest_first(house: House) -> None:
    first = switched(house, NOON_MS - 2 * HOUR, "root", "start")
    second = switched(
        house, NOON_MS - HOUR, f"小马{HOSTILE}", "reload", RULES.replace("3m", "4m"), raises=3, moves=12
    )
    switched(house, NOON_MS, "马红", "rollback", clears=1)
    phone = house.phone("maintainer")
    page = phone.get("/rules?lang=en").text
    story = words(page[page.index("What was ever in force") : page.index("On the server")])
    assert story == (
        "What was ever in force "
        f"12:00 {first} · 马红 · gone back ends 1 alarm "
        f"11:00 {second} · 小马&lt;script&gt;alert(1)&lt;/script&gt; · files changed moves 12 clocks, raises 3 alarms "
        f"10:00 {first} · root · at a start changes nothing that is going on"
    )
    assert "退回旧版 结束 1 个告警" in words(phone.get("/rules?lang=zh").text)


def broke(house: House, at_ms: int, rule: str, error: str = "KeyError('x')", **more: Any) -> None:
    facts = {"rule": rule, "error": error, "everywhere": False} | more
    house.put(t.gaps, at_ms=at_ms, kind="rule_failed", entrance="door-00001", facts=facts)


def test_rules_that_broke_since_they_were_switched_on_are_shown(house: House) -> None:
    in_force(house)
    broke(house, NOON_MS - 2 * HOUR, "an-old-one")
    switched(house, NOON_MS - HOUR, "root", "reload")
    house.put(t.gaps, at_ms=NOON_MS, kind="reports", entrance="door-00001", facts={"missing": 1})
    phone = house.phone("maintainer")
    assert "Rules that broke" not in phone.get("/rules?lang=en").text
    broke(house, NOON_MS - 60_000, "silent", HOSTILE)
    broke(house, NOON_MS, "left-open", everywhere=True)
    page = phone.get("/rules?lang=en").text
    assert (
        "Rules that broke 12:00 left-open · door-00001 · off everywhere KeyError(&#39;x&#39;) "
        "11:59 silent · door-00001 &lt;script&gt;alert(1)&lt;/script&gt;"
    ) in words(page)
    assert "an-old-one" not in page and HOSTILE not in page


def test_a_rule_is_shown_with_a_picture_of_each_edge(house: House) -> None:
    in_force(house)
    phone = house.phone("maintainer")
    page = phone.get("/rules/left-open?lang=en").text
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == [
        "The door is open already when the window begins",
        "The door is still open when the window ends",
        "The door is still open when a mute ends",
        "The door is open already when the rule is added",
        "The sensor falls silent in the middle",
        "doorward is away in the middle",
    ]
    assert page.count("<svg ") == len(headings)
    assert page.count("<desc>") == len(headings)
    assert "夜里门开着，谁都能进来。" in phone.get("/rules/left-open?lang=zh").text


def test_a_rule_that_cannot_be_drawn_says_so(house: House) -> None:
    in_force(house)
    page = house.phone("maintainer").get("/rules/silent?lang=en").text
    assert "There is nothing to draw" in page
    assert "<svg " not in page
    assert "<h1>Sensor &lt;b&gt;silent</h1>" in page


# -- mutes ------------------------------------------------------------------------------------


def muted(
    house: House,
    ident: str,
    *,
    from_ms: int = NOON_MS - HOUR,
    until_ms: int = NOON_MS + HOUR,
    why: str = "Removal",
    ended_by: str | None = None,
    **scope: list[str],
) -> None:
    with house.db.write() as tx:
        tx.execute(
            insert(t.mutes).values(
                id=ident,
                scope=scope,
                from_ms=from_ms,
                until_ms=until_ms,
                why=why,
                who="anna",
                at_ms=from_ms,
                ended_by=ended_by,
                ended_at_ms=until_ms if ended_by else None,
            )
        )


def shown(page: httpx.Response, why: str = r"why-[\w-]+") -> set[str]:
    assert page.status_code == 200
    return set(re.findall(why, page.text))


@pytest.mark.parametrize(
    ("person", "seen"),
    [
        ("maintainer", {"door", "pattern", "grid", "other-grid", "community", "gates"}),
        ("anna", {"door", "pattern", "grid", "other-grid", "community", "gates"}),
        ("leader", {"door", "grid", "gates"}),  # the only gate is hers
        ("stranger", {"other-grid"}),
    ],
)
def test_mutes_are_listed_for_those_who_could_have_made_them(
    house: House, person: str, seen: set[str]
) -> None:
    muted(house, "1", why="why-door", entrance=["door-00001"])
    muted(house, "2", why="why-pattern", entrance=["door-0000*"])
    muted(house, "3", why="why-grid", within=[GRID])
    muted(house, "4", why="why-other-grid", within=[OTHER_GRID])
    muted(house, "5", why="why-community", within=["西湖社区"])
    muted(house, "6", why="why-gates", kind=["gate"], within=[OTHER_GRID, GRID])
    muted(house, "7", why="why-nothing", entrance=["gone"])
    assert {why.removeprefix("why-") for why in shown(house.phone(person).get("/mutes"))} == seen


def test_a_mute_says_where_until_when_why_and_by_whom(house: House) -> None:
    muted(house, "first", within=[COMMUNITY], why=f"Fire drill {HOSTILE}")
    page = house.phone("maintainer").get("/mutes?lang=en").text
    assert "11:00 – 13:00 西湖社区 Fire drill &lt;script&gt;alert(1)&lt;/script&gt; · Anna Berg" in words(
        page
    )
    assert HOSTILE not in page
    assert '<form method="post" action="/mutes/first/end">' in page


def test_what_is_over_cannot_be_ended(house: House) -> None:
    muted(house, "later", from_ms=NOON_MS + HOUR, until_ms=NOON_MS + 2 * HOUR, why="why-later", within=[GRID])
    muted(house, "over", until_ms=NOON_MS, why="why-over", within=[GRID])
    muted(house, "early", until_ms=NOON_MS - 60_000, why="why-early", ended_by="maintainer", within=[GRID])
    page = house.phone("leader").get("/mutes?lang=en").text
    assert re.findall(r'action="/mutes/(\w+)/end"', page) == ["later"]
    before, _, over = page.partition("<h2>Over</h2>")
    assert "why-later" in before and "why-later" not in over
    assert "11:00 – 12:00 第一网格 · why-over · Anna Berg 11:00 – 11:59" in words(over)
    assert "why-early · Anna Berg ended early by 马红" in words(over)


def test_nothing_muted_is_said(house: House) -> None:
    page = house.phone("leader").get("/mutes").text
    assert "没有静音。" in page
    assert "已结束" not in page


def test_a_kind_of_entrance_is_said_in_words(house: House) -> None:
    muted(house, "1", kind=["gate"], within=[COMMUNITY])
    page = words(house.phone("maintainer").get("/mutes").text)
    assert "西湖社区" in page and "gate" not in page


@pytest.mark.parametrize(
    ("person", "places"),
    [
        ("leader", [GRID]),
        ("stranger", [OTHER_GRID]),
        pytest.param(
            "anna",
            [COMMUNITY, f"{COMMUNITY}/北家属院", GRID, OTHER_GRID],
        ),
        (
            "maintainer",
            ["龙华区", "龙华区/煤机街道", COMMUNITY, f"{COMMUNITY}/北家属院", GRID, OTHER_GRID],
        ),
    ],
)
def test_places_that_she_may_mute_are_offered_the_widest_first(
    house: House, person: str, places: list[str]
) -> None:
    page = house.phone(person).get("/mutes").text
    chosen = page[page.index('<select name="place">') : page.index("</select>")]
    assert re.findall(r'<option value="([^"]+)">', chosen) == places
    assert '<option value="">—</option>' in chosen, "nothing is muted by accident"


def test_every_length_that_is_offered_is_one(house: House) -> None:
    page = house.phone("leader").get("/mutes?lang=en").text
    offered = re.findall(r'<option value="(\d+\w)">(.+?)</option>', page)
    assert [value for value, _ in offered] == list(LENGTHS)
    assert offered[0] == ("30m", "30\u00a0min")
    assert all(0 < duration.parse(value) <= LONGEST_MS for value, _ in offered)


def ask(phone: Phone, house: House, person: str, **fields: str) -> httpx.Response:
    form = house.links.form_token(person)
    return phone.post("/mutes", **({"form": form, "length": "2h", "why": "Removal"} | fields))


@pytest.mark.parametrize(
    ("fields", "act"),
    [
        pytest.param(
            {"place": GRID}, {"where": Where(within=(GRID,)), "until_ms": NOON_MS + 2 * HOUR}, id="a-place"
        ),
        pytest.param(
            {"entrance": " door-00001 ", "place": GRID},
            {"where": Where(entrance=("door-00001",)), "until_ms": NOON_MS + 2 * HOUR},
            id="an-entrance-before-a-place",
        ),
        pytest.param(
            {"entrance": "door-*", "length": "30m"},
            {"where": Where(entrance=("door-*",)), "until_ms": NOON_MS + HOUR // 2},
            id="a-pattern",
        ),
        pytest.param(
            {"place": ""},
            {"where": Where(), "until_ms": NOON_MS + 2 * HOUR},
            id="nothing-which-is-refused-later",
        ),
        pytest.param(
            {"place": GRID, "length": "9999d"},
            {"where": Where(within=(GRID,)), "until_ms": NOON_MS + LONGEST_MS},
            id="no-longer-than-a-month",
        ),
        pytest.param(
            {"place": GRID, "why": " Removal.\r\nUntil six. "},
            {"where": Where(within=(GRID,)), "until_ms": NOON_MS + 2 * HOUR, "note": "Removal.\nUntil six."},
            id="why-on-two-lines",
        ),
        pytest.param(
            {"place": GRID, "why": "很" * 600},
            {"where": Where(within=(GRID,)), "until_ms": NOON_MS + 2 * HOUR, "note": "很" * MOST_NOTE},
            id="why-at-length",
        ),
    ],
)
def test_muting_puts_its_act_into_the_inbox(
    house: House, fields: dict[str, str], act: dict[str, Any]
) -> None:
    pressed = ask(house.phone("leader"), house, "leader", **fields)
    assert (pressed.status_code, pressed.headers["location"]) == (303, "/mutes?said=done")
    (row,) = house.rows(t.inbox)
    wanted = Act(**({"do": "mute", "person": "leader", "note": "Removal"} | act))
    assert Act.model_validate(row.act) == wanted
    assert (row.at_ms, house.pokes) == (NOON_MS, 1)


def test_ending_a_mute_puts_its_act_into_the_inbox(house: House) -> None:
    muted(house, "first", within=[GRID])
    form = house.links.form_token("leader")
    pressed = house.phone("leader").post("/mutes/first/end", form=form)
    assert (pressed.status_code, pressed.headers["location"]) == (303, "/mutes?said=done")
    (row,) = house.rows(t.inbox)
    assert Act.model_validate(row.act) == Act(do="unmute", person="leader", mute="first")


@pytest.mark.parametrize(
    ("answer", "en", "zh"),
    [
        ("done", "Done.", "已完成。"),
        (
            "not_found",
            "There is nothing of that kind, or it is not yours to mute.",
            "没有这样的地方，或不归您静音。",
        ),
        ("reason_needed", "Say why.", "请写明原因。"),
        (
            "not_understood",
            "It needs a place or an entrance, and an end within 31 days.",
            "需要地方或出入口，以及 31 天内的结束时间。",
        ),
        ("later", "Saved. It takes a moment.", "已保存，稍候生效。"),
    ],
)
def test_the_answer_is_said_on_the_page(
    house: House, answer: str, en: str, zh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(casework, "ANSWER_WITHIN_S", 0.0 if answer == "later" else 5.0)
    house.answer = None if answer == "later" else answer
    phone = house.phone("leader")
    location = ask(phone, house, "leader", place=GRID).headers["location"]
    assert location == f"/mutes?said={answer}"
    assert f'role="status">{en}</p>' in phone.get(f"{location}&lang=en").text
    assert f'role="status">{zh}</p>' in phone.get(f"{location}&lang=zh").text
    assert en not in phone.get("/mutes?lang=en").text


@pytest.mark.parametrize("length", ["", "soon", "30", "-2h"])
def test_a_length_that_is_none_is_refused(house: House, length: str) -> None:
    assert ask(house.phone("leader"), house, "leader", place=GRID, length=length).status_code == 400
    assert house.rows(t.inbox) == []


@pytest.mark.parametrize("path", ["/mutes", "/mutes/first/end"])
def test_a_forged_form_is_refused(house: House, path: str) -> None:
    muted(house, "first", within=[GRID])
    phone = house.phone("leader")
    fields = {"place": GRID, "length": "2h", "why": "x"}
    for form in ("made up", house.links.form_token("anna"), house.links.session_token("leader")):
        assert phone.post(path, form=form, **fields).status_code == 403
    assert phone.post(path, **fields).status_code == 400
    ours = {"form": house.links.form_token("leader"), **fields}
    foreign = {"sec-fetch-site": "cross-site"}
    assert phone.ask("POST", path, data=ours, headers=foreign).status_code == 403
    assert house.phone().post(path, **ours).status_code == 403, "without a log-in"
    assert phone.ask("GET", path).status_code == (200 if path == "/mutes" else 405)
    assert house.rows(t.inbox) == []
    assert phone.post(path, **ours).status_code == 303


@pytest.mark.parametrize("path", ["/mutes", "/mutes/first/end"])
def test_who_is_no_leader_mutes_nothing(house: House, path: str) -> None:
    form = house.links.form_token("worker")
    answer = house.phone("worker").post(path, form=form, place=GRID, length="2h", why="x")
    assert answer.status_code == 404
    assert house.rows(t.inbox) == []
