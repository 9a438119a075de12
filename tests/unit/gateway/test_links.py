"""Signed links: who may do what, for how long, and whose key it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from itsdangerous import TimestampSigner

from gateway.links import CASE_LINK_S, LOGIN_LINK_S, CaseLink, Links, LoginLink, open_links

KEY = "a key of the tests"
LINKS = Links(KEY)
NOW_S = 1_790_000_000


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Moves the time by which links are made and read."""

    def move(seconds: int) -> None:
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: NOW_S + seconds)

    move(0)
    return move


def test_a_link_says_whom_and_what_it_is_for() -> None:
    assert LINKS.read_case(LINKS.case_token("worker", "case-1")) == CaseLink("worker", "case-1")
    assert LINKS.read_login(LINKS.login_token("worker", "m-1")) == LoginLink("worker", "m-1")
    assert LINKS.read_session(LINKS.session_token("worker"), 60) == "worker"
    assert LINKS.form_is_ours(LINKS.form_token("worker"), "worker")


def test_a_link_ends(at: Callable[[int], None]) -> None:
    case, login, session = LINKS.case_token("w", "c"), LINKS.login_token("w", "m"), LINKS.session_token("w")
    at(LOGIN_LINK_S)
    assert LINKS.read_login(login)
    at(LOGIN_LINK_S + 1)
    assert LINKS.read_login(login) is None
    assert LINKS.read_session(session, LOGIN_LINK_S) is None
    at(CASE_LINK_S)
    assert LINKS.read_case(case)
    at(CASE_LINK_S + 1)
    assert LINKS.read_case(case) is None


@pytest.mark.parametrize("place", [0, 10, -30, -5], ids=["person", "case", "time", "signature"])
def test_an_altered_link_is_none(place: int) -> None:
    letters = list(LINKS.case_token("worker", "case-1"))
    letters[place] = "A" if letters[place] != "A" else "B"
    assert LINKS.read_case("".join(letters)) is None


def test_no_kind_of_link_opens_what_another_is_for() -> None:
    tokens = LINKS.case_token("w", "c"), LINKS.login_token("w", "c"), LINKS.session_token("w")
    case, login, session = tokens
    assert LINKS.read_case(login) is None and LINKS.read_case(session) is None
    assert LINKS.read_login(case) is None and LINKS.read_login(session) is None
    assert LINKS.read_session(case, 60) is None and LINKS.read_session(login, 60) is None
    assert not any(LINKS.form_is_ours(token, "w") for token in tokens)


def test_a_form_is_one_persons() -> None:
    assert not LINKS.form_is_ours(LINKS.form_token("worker"), "another")
    assert not LINKS.form_is_ours("", "worker")


def test_another_key_reads_nothing() -> None:
    assert Links("another key").read_case(LINKS.case_token("worker", "case-1")) is None


@pytest.mark.parametrize("rubbish", ["", "x", "....", "ÿ", "a" * 10_000])
def test_rubbish_is_none(rubbish: str) -> None:
    assert LINKS.read_case(rubbish) is None


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    token = open_links(tmp_path / "data").case_token("worker", "case-1")
    assert open_links(tmp_path / "data").read_case(token) == CaseLink("worker", "case-1")
    assert (tmp_path / "data" / "link.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["link.key"]
