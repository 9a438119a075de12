"""Who may mute what, for how long, and who may end it: asked as on a page.

Two grids of one community, with two doors in the first and one in the second; the gate lies
in the second grid and is shown to the first.
"""

from __future__ import annotations

from typing import Any

import pytest

from gateway.cases.act import MOST_NOTE, Act, Answer
from gateway.cases.muting import LEADERS, LONGEST_MS, MAINTAINER, asked_mute, may_mute
from gateway.places.entrance import EntranceRow
from gateway.places.model import LEVELS, Person, Registry
from rules.duration import DAY_MS, HOUR_MS
from rules.mute import Mute
from rules.rule import Watch
from tests.small_district import GRID, entrance

NOW = 1_790_000_000_000
OTHER = GRID.replace("第一", "第二")
COMMUNITY = GRID.rpartition("/")[0]
STREET, DISTRICT = "龙华区/煤机街道", "龙华区"
ROWS = [
    entrance(1, id="d1"),
    entrance(2, id="d2")._replace(tags=frozenset({"bikes"})),
    entrance(3, id="d3", grid="第二网格", compound="南家属院")._replace(tags=frozenset({"bikes", "far"})),
    EntranceRow(
        "g1",
        "东门",
        "gate",
        "龙华区",
        "煤机街道",
        "西湖社区",
        "第二网格",
        "南家属院",
        seen_by=frozenset({GRID}),
    ),
]
PEOPLE = [
    Person("worker", "王芳", "grid_worker", GRID),
    Person("leader", "陈静", "grid_leader", GRID),
    Person("leader2", "赵敏", "grid_leader", OTHER),
    Person("community", "何平", "community", COMMUNITY),
    Person("street", "吴刚", "street", STREET),
    Person("district", "郑爽", "district", DISTRICT),
    Person("installer", "孙磊", "installer", DISTRICT),
    Person("repair", "周立", "repair", DISTRICT),
    Person("maintainer", "马红", "maintainer", COMMUNITY),
]
HERE = Registry(ROWS, [], PEOPLE)
HOLDS = Mute("m1", Watch(entrances=frozenset({"d1"})), NOW - HOUR_MS, NOW + HOUR_MS)


def asked(
    person: str, where: dict[str, Any] | None, note: str = "搬家", mutes: tuple[Mute, ...] = (), **more: Any
) -> Mute | Answer:
    fields = {"do": "mute", "until_ms": NOW + HOUR_MS, "person": person, "where": where, "note": note} | more
    return asked_mute(Act.model_validate(fields), mutes, HERE, NOW)


def unmuted(person: str, ident: str, mutes: tuple[Mute, ...] = (HOLDS,), now_ms: int = NOW) -> Mute | Answer:
    return asked_mute(Act(do="unmute", person=person, mute=ident), mutes, HERE, now_ms)


# -- what -----------------------------------------------------------------------------------

IN_GRID: list[tuple[dict[str, Any], str]] = [
    ({"entrance": ["d1"]}, "a door"),
    ({"entrance": ["d1", "d2"]}, "doors"),
    ({"within": [GRID]}, "her grid"),
    ({"within": ["北家属院"]}, "a compound by its name"),
    ({"within": [GRID], "tags": ["bikes"]}, "a tag in her grid"),
]
BEYOND: list[tuple[dict[str, Any], str]] = [
    ({"entrance": ["d3"]}, "a door of the next grid"),
    ({"entrance": ["d1", "d3"]}, "one of hers and one that is not"),
    ({"entrance": ["d*"]}, "a pattern that fits more than hers"),
    ({"within": [COMMUNITY]}, "all of the community"),
    ({"tags": ["bikes"]}, "a tag that others bear as well"),
    ({"kind": ["unit_door"]}, "all doors"),
]
NOTHING: list[tuple[dict[str, Any], str]] = [
    ({"entrance": ["d9"]}, "no such door"),
    ({"within": ["北京"]}, "no such place"),
    ({"entrance": ["d1"], "kind": ["gate"]}, "no such gate"),
]


@pytest.mark.parametrize("where", [where for where, _ in IN_GRID], ids=[why for _, why in IN_GRID])
def test_a_leader_and_all_above_mute_what_lies_in_their_place(where: dict[str, Any]) -> None:
    may = {person.id for person in PEOPLE if isinstance(asked(person.id, where), Mute)}
    assert may == {"leader", "community", "street", "district", "maintainer"}


@pytest.mark.parametrize("where", [where for where, _ in BEYOND], ids=[why for _, why in BEYOND])
def test_nobody_mutes_what_does_not_all_lie_in_her_place(where: dict[str, Any]) -> None:
    assert asked("leader", where) is Answer.NOT_FOUND
    may = {person.id for person in PEOPLE if isinstance(asked(person.id, where), Mute)}
    assert may - {"leader2"} == {"community", "street", "district", "maintainer"}
    assert ("leader2" in may) is (where == {"entrance": ["d3"]}), "it lies in her grid alone"


@pytest.mark.parametrize("where", [where for where, _ in NOTHING], ids=[why for _, why in NOTHING])
def test_nobody_mutes_what_there_is_not(where: dict[str, Any]) -> None:
    assert {asked(person.id, where) for person in PEOPLE} == {Answer.NOT_FOUND}


def test_a_maintainer_mutes_anything_wherever_she_sits() -> None:
    far = entrance(9, id="far", district="桥西区", street="南", community="南一")
    registry = Registry([*ROWS, far], [], PEOPLE)
    assert not registry.may_see("maintainer", "far")
    assert may_mute("maintainer", Watch(entrances=frozenset({"far"})), registry)
    assert not may_mute("district", Watch(entrances=frozenset({"far"})), registry)


def test_a_gate_that_is_only_shown_to_her_grid_is_not_hers_to_mute() -> None:
    assert HERE.may_see("leader", "g1") and "g1" not in {row.id for row in HERE.entrances_in(GRID)}
    assert asked("leader", {"entrance": ["g1"]}) is Answer.NOT_FOUND
    assert isinstance(asked("leader2", {"entrance": ["g1"]}), Mute)
    assert isinstance(asked("community", {"entrance": ["g1"]}), Mute)


def test_workers_and_companies_mute_nothing() -> None:
    for person in ("worker", "installer", "repair", "nobody"):
        assert asked(person, {"entrance": ["d1"]}) is Answer.NOT_FOUND
    assert {MAINTAINER, *LEADERS} == {"maintainer", *LEVELS} - {"grid_worker"}


# -- why and how long -----------------------------------------------------------------------


@pytest.mark.parametrize("note", ["", " ", "\t\n"])
def test_a_mute_says_why(note: str) -> None:
    assert asked("maintainer", {"entrance": ["d1"]}, note) is Answer.REASON_NEEDED


def test_a_reason_is_no_novel() -> None:
    assert isinstance(asked("maintainer", {"entrance": ["d1"]}, "因" * MOST_NOTE), Mute)
    with pytest.raises(ValueError, match="at most 500"):
        asked("maintainer", {"entrance": ["d1"]}, "因" * (MOST_NOTE + 1))


@pytest.mark.parametrize("where", [None, {}, {"entrance": [], "tags": []}])
def test_a_mute_of_everything_is_not_understood(where: dict[str, Any] | None) -> None:
    assert asked("maintainer", where) is Answer.NOT_UNDERSTOOD


@pytest.mark.parametrize(
    ("from_ms", "until_ms", "expected"),
    [
        pytest.param(0, NOW + HOUR_MS, (NOW, NOW + HOUR_MS), id="from-now-on"),
        pytest.param(NOW + 5, NOW + 9, (NOW + 5, NOW + 9), id="later"),
        pytest.param(NOW - 5, NOW + 9, (NOW, NOW + 9), id="what-is-past-cannot-be-muted"),
        pytest.param(0, NOW + 1, (NOW, NOW + 1), id="the-shortest"),
        pytest.param(0, NOW + LONGEST_MS, (NOW, NOW + LONGEST_MS), id="the-longest"),
        pytest.param(
            NOW + DAY_MS,
            NOW + DAY_MS + LONGEST_MS,
            (NOW + DAY_MS, NOW + DAY_MS + LONGEST_MS),
            id="the-longest-counts-from-its-beginning",
        ),
        pytest.param(0, NOW + LONGEST_MS + 1, None, id="longer"),
        pytest.param(NOW + 5, NOW + 5 + LONGEST_MS + 1, None, id="longer-and-later"),
        pytest.param(0, NOW, None, id="no-time-at-all"),
        pytest.param(0, 0, None, id="without-end"),
        pytest.param(0, NOW - 1, None, id="over-already"),
        pytest.param(NOW + 9, NOW + 5, None, id="over-before-it-begins"),
        pytest.param(0, -1, None, id="long-ago"),
    ],
)
def test_a_mute_has_an_end_within_a_month(
    from_ms: int, until_ms: int, expected: tuple[int, int] | None
) -> None:
    mute = asked("leader", {"entrance": ["d1"]}, from_ms=from_ms, until_ms=until_ms)
    assert (mute.from_ms, mute.until_ms) == expected if isinstance(mute, Mute) else expected is None
    assert isinstance(mute, Mute) or mute is Answer.NOT_UNDERSTOOD


def test_the_longest_is_a_month() -> None:
    assert LONGEST_MS == 31 * DAY_MS


def test_what_is_asked_wrongly_tells_nothing_of_what_there_is() -> None:
    for where in ({"entrance": ["d1"]}, {"entrance": ["d9"]}):
        assert asked("worker", where, "") is Answer.REASON_NEEDED
        assert asked("worker", where, until_ms=NOW) is Answer.NOT_UNDERSTOOD


def test_a_mute_is_named_after_all_that_it_says() -> None:
    first = asked("leader", {"entrance": ["d1"]})
    assert isinstance(first, Mute) and first == asked("leader", {"entrance": ["d1"]}), (
        "a press that counts twice"
    )
    others = [
        asked("community", {"entrance": ["d1"]}),
        asked("leader", {"entrance": ["d2"]}),
        asked("leader", {"entrance": ["d1"]}, "装修"),
        asked("leader", {"entrance": ["d1"]}, until_ms=NOW + HOUR_MS + 1),
        asked("leader", {"entrance": ["d1"]}, from_ms=NOW + 1),
    ]
    assert len({first.id, *(mute.id for mute in others if isinstance(mute, Mute))}) == 6


def test_what_is_pressed_twice_is_done_once() -> None:
    first = asked("leader", {"entrance": ["d1"]})
    assert isinstance(first, Mute)
    assert asked("leader", {"entrance": ["d1"]}, mutes=(HOLDS, first)) is Answer.DONE
    assert isinstance(asked("leader", {"entrance": ["d2"]}, mutes=(HOLDS, first)), Mute)
    assert asked("worker", {"entrance": ["d1"]}, mutes=(HOLDS, first)) is Answer.NOT_FOUND


# -- ending it --------------------------------------------------------------------------------


def test_a_mute_is_ended_now() -> None:
    assert unmuted("leader", "m1") == HOLDS._replace(until_ms=NOW)


def test_a_mute_that_has_not_begun_ends_with_nothing_in_it() -> None:
    later = HOLDS._replace(from_ms=NOW + 5, until_ms=NOW + 9)
    assert unmuted("leader", "m1", (later,)) == later._replace(from_ms=NOW, until_ms=NOW)


@pytest.mark.parametrize(
    ("person", "may"),
    [
        ("worker", False),
        ("leader", True),
        ("leader2", False),
        ("community", True),
        ("installer", False),
        ("nobody", False),
        ("maintainer", True),
    ],
)
def test_whoever_may_mute_it_may_end_it_whoever_began_it(person: str, may: bool) -> None:
    assert isinstance(unmuted(person, "m1"), Mute) is may
    assert may or unmuted(person, "m1") is Answer.NOT_FOUND


@pytest.mark.parametrize(
    ("ident", "now_ms"),
    [
        pytest.param("m2", NOW, id="no-such-mute"),
        pytest.param("", NOW, id="none"),
        pytest.param("m1", NOW + HOUR_MS, id="its-end"),
        pytest.param("m1", NOW + DAY_MS, id="long-over"),
    ],
)
def test_what_is_over_or_was_never_there_cannot_be_ended(ident: str, now_ms: int) -> None:
    assert unmuted("maintainer", ident, now_ms=now_ms) is Answer.NOT_FOUND
    assert isinstance(unmuted("maintainer", "m1", now_ms=NOW + HOUR_MS - 1), Mute)


def test_a_mute_that_was_ended_before_it_began_may_be_asked_for_again() -> None:
    times: dict[str, Any] = {"from_ms": NOW + HOUR_MS, "until_ms": NOW + 2 * HOUR_MS}
    first = asked("leader", {"entrance": ["d1"]}, **times)
    assert isinstance(first, Mute)
    ended = unmuted("leader", first.id, (first,))
    assert isinstance(ended, Mute)
    assert isinstance(asked("leader", {"entrance": ["d1"]}, mutes=(ended,), **times), Mute)
