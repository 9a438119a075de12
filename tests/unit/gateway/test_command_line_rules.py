"""``doorward rules …`` as a maintainer types it."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from gateway.cli import main
from gateway.errors import DoorwardError
from gateway.reloading import REREAD, ROLLBACK
from gateway.store import tables as t
from gateway.store.database import Database, open_database
from gateway.store.rule_versions import Activation, activate, say_refused
from gateway.tuning import asking
from rules.duration import HOUR_MS, MINUTE_MS
from rules.fault import Fault
from rules.impact import Impact
from rules.load import load_texts
from tests.small_district import RULE, write_directory
from tests.unit.gateway.lived import Lived
from tests.unit.gateway.test_road import T0, ZONE

LATER = RULE.replace("2s", "2m").replace("4s", "4m").replace("60s", "30m")
SOONER = RULE.replace("4s", "3s")
WRONG = RULE.replace("left_open", "left_opne").replace("clear_after: 1s", "clear_after: 1x")
CSV = """\
time,entrance,contact
2026-11-02T22:00:00,door-00000,open
2026-11-02T22:01:30,door-00000,closed
2026-11-02T23:00:00,door-00001,open
2026-11-02T23:10:00,door-00001,closed
2026-11-03T08:00:00,door-00001,closed
"""


def doorward(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def said(*words: str | Path) -> str:
    done = doorward("rules", *words)
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(*words: str | Path, code: int = 1) -> str:
    """What stands on standard error, on one line."""
    done = doorward("rules", *words)
    assert done.exit_code == code, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return " ".join(done.stderr.split())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write_directory(tmp_path / "district", broker_port=1, phone_port=1)


@pytest.fixture
def database(directory: Path) -> Iterator[Database]:
    db = open_database(directory / "data" / "doorward.db")
    yield db
    db.close()


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# -- check ------------------------------------------------------------------------------------


def test_check_lists_the_faults_of_the_rules_and_of_nothing_else(directory: Path) -> None:
    with (directory / "people.csv").open("a") as people:
        people.write("x,\n")
    assert said("check", directory) == "no fault found\n"
    written(directory / "rules" / "rules.yaml", WRONG)
    found = doorward("rules", "check", directory)
    assert found.exit_code == 1
    assert [line.partition(": ")[0] for line in found.output.splitlines()] == [
        "rules/rules.yaml:5:5",
        "rules/rules.yaml:10:5",
    ]
    assert "Did you mean 'left_open'?" in found.output


def test_check_says_how_rules_and_tables_do_not_fit(directory: Path) -> None:
    written(
        directory / "rules" / "rules.yaml", RULE.replace("    when", "    watch: {within: 西湖社}\n    when")
    )
    found = doorward("rules", "check", directory)
    assert (found.exit_code, found.output) == (
        1,
        "rules/rules.yaml:5: the rule 'left-open' names the place '西湖社', and there is none. "
        "Did you mean '西湖社区'?\n",
    )


def test_check_of_a_directory_without_settings_says_what_is_missing(tmp_path: Path) -> None:
    found = doorward("rules", "check", tmp_path)
    assert found.exit_code == 1
    assert "doorward.toml" in found.output


# -- what if ------------------------------------------------------------------------------------


class InThisProcess:
    """Plays both rule sets one after the other, in place of two processes."""

    def __init__(
        self, _many: int, *, mp_context: object, initializer: Callable[..., None], initargs: tuple[Any, ...]
    ) -> None:
        initializer(*initargs)

    def __enter__(self) -> InThisProcess:
        return self

    def __exit__(self, *_: object) -> None:
        gc.enable()  # each of the two processes leaves it off

    def submit(self, work: Callable[..., Any], *about: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*about))
        except DoorwardError as error:
            future.set_exception(error)
        return future


def counted(text: str) -> tuple[int, ...]:
    """Cases then and now, messages then and now."""
    found = re.search(r"have been (\d+) cases? instead of (\d+), and (\d+) messages? instead of (\d+)", text)
    assert found, text
    return tuple(map(int, found.groups()))


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "ProcessPoolExecutor", InThisProcess)


@pytest.fixture
def history(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Lived:
    """One evening, and now is its end: a door that stood open for a minute and a half, and one for ten."""
    lived = Lived(directory / "data")
    for door, minutes in ((0, 1.5), (1, 10)):
        lived.say("closed", door)
        lived.say("open", door)
        lived.go(int(minutes * MINUTE_MS))
        lived.say("closed", door)
        lived.go(MINUTE_MS)
    lived.close()
    monkeypatch.setattr("gateway.rules_cli._now", lambda: lived.now)
    return lived


def test_what_other_rules_would_have_done_is_played_in_two_processes(directory: Path, tmp_path: Path) -> None:
    readings = written(tmp_path / "readings.csv", CSV)
    new = written(tmp_path / "new" / "rules.yaml", LATER)
    done = doorward("rules", "whatif", directory, new.parent, "--from", readings, "--lang", "en")
    assert (done.exit_code, done.stderr.replace("playing\n", "")) == (0, "")
    assert counted(done.stdout) == (1, 2, 4, 12)
    assert "The worst night of one person would have had 2 messages instead of 4. " in done.stdout
    assert "Open doors that are noticed now would be noticed no more once.\n" in done.stdout
    assert "No longer noticed\n  西湖社区 北家属院 0号楼1单元门\n" in done.stdout
    assert "5 readings through two rule sets took 0 s." in done.stdout


def test_an_error_in_one_of_the_processes_is_said_like_any_other(directory: Path, tmp_path: Path) -> None:
    new = written(tmp_path / "rules.yaml", LATER)
    error = refused("whatif", directory, new)
    assert error.startswith(f"doorward: {directory / 'data' / 'doorward.db'}: there is no history yet.")
    assert "Give a file with --from." in error


def test_an_error_in_one_of_the_processes_has_one_full_stop(directory: Path, tmp_path: Path) -> None:
    assert not refused("whatif", directory, written(tmp_path / "rules.yaml", LATER)).endswith("..")


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("name", "text", "cases"),
    [
        pytest.param("new/rules.yaml", LATER, 1, id="a-folder-in-place-of-all"),
        pytest.param("rules.yaml", LATER, 1, id="a-file-in-place-of-its-namesake"),
        pytest.param("more.yaml", LATER.replace("left-open", "open-long"), 2, id="a-file-beside-the-others"),
    ],
)
def test_new_rules_are_a_folder_or_a_file(
    directory: Path, tmp_path: Path, name: str, text: str, cases: int
) -> None:
    readings = written(tmp_path / "readings.csv", CSV)
    new = written(tmp_path / name, text)
    given = new.parent if "/" in name else new
    text = said("whatif", directory, given, "--from", readings, "--lang", "en")
    assert counted(text)[:2] == (cases, 2)
    assert (directory / "rules" / "rules.yaml").read_text() == RULE, "nothing is switched"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        pytest.param(
            "new/a.yaml", WRONG, ["new/a.yaml:5:5: ", "new/a.yaml:10:5: "], id="of-a-folder-by-its-own-name"
        ),
        pytest.param(
            "rules.yaml",
            WRONG,
            ["rules/rules.yaml:5:5: ", "Did you mean 'left_open'?", "rules/rules.yaml:10:5: "],
            id="of-a-file-as-if-it-stood-there",
        ),
        pytest.param(
            "more.yaml",
            LATER,
            ["rules/rules.yaml:2:5: the rule 'left-open' stands already at rules/more.yaml:2:5"],
            id="that-two-files-make-together",
        ),
        pytest.param(
            "new/a.txt",
            LATER,
            ["there are no rule files", "/new"],
            id="none-at-all",
        ),
    ],
)
def test_every_fault_of_the_new_rules_is_said_before_anything_is_played(
    directory: Path, tmp_path: Path, name: str, text: str, words: list[str]
) -> None:
    new = written(tmp_path / name, text)
    error = refused("whatif", directory, new.parent if "/" in name else new, "--last", "1d")
    assert error.startswith("doorward: the new rules cannot be used: ")
    for word in words:
        assert word in error


def test_the_last_fault_of_the_new_rules_has_one_full_stop(directory: Path, tmp_path: Path) -> None:
    new = written(tmp_path / "rules.yaml", RULE.replace("left_open", "left_opne"))
    assert refused("whatif", directory, new).endswith("Did you mean 'left_open'?")


@pytest.mark.parametrize("last", ["soon", "30", "-1d", ""])
def test_a_time_back_that_is_none_says_how_to_write_one(directory: Path, tmp_path: Path, last: str) -> None:
    new = written(tmp_path / "rules.yaml", LATER)
    error = refused("whatif", directory, new, "--last", last, code=2)
    assert f"--last: '{last}' is not a duration with a unit; write it like 30s, 8m, 1h30m or 2d" in error


@pytest.mark.usefixtures("in_this_process", "history")
def test_our_own_history_is_played_without_a_file(directory: Path, tmp_path: Path) -> None:
    new = written(tmp_path / "rules.yaml", LATER)
    text = said("whatif", directory, new, "--last", "1h", "--lang", "en")
    assert counted(text) == (1, 2, 4, 12)
    assert "6 readings through two rule sets" in text


@pytest.mark.usefixtures("in_this_process", "history")
def test_nights_before_the_history_began_are_no_quiet_nights(directory: Path, tmp_path: Path) -> None:
    new = written(tmp_path / "rules.yaml", LATER)
    assert said("whatif", directory, new, "--last", "30d", "--lang", "en").startswith("In 1 night")


@pytest.mark.usefixtures("in_this_process")
def test_a_past_without_readings_is_an_error(directory: Path, tmp_path: Path, database: Database) -> None:
    new = written(tmp_path / "rules.yaml", LATER)
    store = directory / "data" / "doorward.db"
    assert refused("whatif", directory, new) == (
        f"doorward: {store}: there are no readings to play. Give more of --last, or a file with --from."
    )
    other = written(tmp_path / "other.csv", "when,door\n")
    assert f"{other}: there are no readings to play." in refused("whatif", directory, new, "--from", other)


@pytest.mark.usefixtures("in_this_process")
def test_rows_that_are_left_out_are_said_on_standard_error(directory: Path, tmp_path: Path) -> None:
    readings = written(tmp_path / "readings.csv", CSV + "sometime,door-00000,open\n" * 123)
    new = written(tmp_path / "rules.yaml", LATER)
    done = doorward("rules", "whatif", directory, new, "--from", readings)
    assert done.exit_code == 0
    lines = [line for line in done.stderr.splitlines() if line.startswith("readings.csv")]
    assert lines[0] == "readings.csv:7: 'sometime' is no time. Write it like 2026-11-03T22:14:00+08:00."
    assert (len(lines), lines[-1]) == (101, "readings.csv: 23 more rows were left out.")
    assert "sometime" not in done.stdout


@pytest.mark.usefixtures("in_this_process")
def test_a_page_and_all_figures_are_written_and_hold_no_address_of_anybody(
    directory: Path, tmp_path: Path
) -> None:
    readings = written(tmp_path / "readings.csv", CSV)
    new = written(tmp_path / "rules.yaml", LATER)
    page, figures = tmp_path / "page.html", tmp_path / "figures.json"
    done = doorward(
        "rules",
        "whatif",
        directory,
        new,
        "--from",
        readings,
        "--html",
        page,
        "--json",
        figures,
        "--lang",
        "zh",
    )
    assert done.exit_code == 0
    assert "换一套规则会怎样" in page.read_text() and "<svg" in page.read_text()
    made = json.loads(figures.read_text())
    assert (made["no_longer_caught"], made["readings"]) == (["door-00000"], 5)
    assert {one["person"] for one in made["now"]["messages_to_person"]} == {
        "worker",
        "leader",
        "residents:西湖社区/北家属院/0号楼/1单元",
        "residents:西湖社区/北家属院/1号楼/1单元",
    }
    contacts = (directory / "contacts.csv").read_text()
    assert "json://127.0.0.1:1/worker" in contacts
    for text in (done.stdout, page.read_text(), figures.read_text()):
        assert "json://" not in text and "127.0.0.1" not in text


# -- explain and preview ---------------------------------------------------------------------------


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("entrance", "mend"),
    [
        ("door-0000", "Is it one of: door-00000, door-00001, door-00002?"),
        ("gate", "Its id stands in entrances.csv."),
    ],
    ids=["a-part-of-one", "nothing-like-it"],
)
def test_an_entrance_that_there_is_not_is_guessed_at(directory: Path, entrance: str, mend: str) -> None:
    assert refused("explain", directory, entrance) == (
        f"doorward: entrances.csv: no entrance is called '{entrance}'. {mend}"
    )


def test_explain_before_the_first_start_says_what_to_do(directory: Path) -> None:
    error = refused("explain", directory, "door-00000")
    assert "Start the gateway first" in error


@pytest.mark.usefixtures("history")
def test_explain_says_it_in_the_language_that_is_asked_for_and_at_the_time(directory: Path) -> None:
    assert said("explain", directory, "door-00000").startswith(
        "西湖社区 北家属院 0号楼1单元门从 22:14 起关着。\n"
    )
    at = datetime.fromtimestamp((T0 + 2 * MINUTE_MS) / 1000, ZONE).isoformat()
    english = said("explain", directory, "door-00001", "--at", at, "--lang", "en")
    assert english.startswith(
        "西湖社区 北家属院 1号楼1单元门 has not reported yet.\n\nUnit door left open (left-open)\n"
    )
    error = refused("explain", directory, "door-00000", "--at", "tomorrow", code=2)
    assert "--at: 'tomorrow' is no time; write it like 2026-11-03T22:14" in error


def test_preview_draws_a_rule_as_text_as_a_page_and_as_pictures(directory: Path, tmp_path: Path) -> None:
    text = said("preview", directory, "left-open", "--lang", "en")
    assert text.startswith("Unit door left open (left-open)\n\n")
    assert "The door is open already when the rule is added\n  20" in text
    page, folder = tmp_path / "page.html", tmp_path / "pictures" / "new"
    said("preview", directory, "left-open", "--out", page, "--svg", folder, "--lang", "zh")
    assert page.read_text().count("<svg") == len(list(folder.iterdir()))
    assert "单元门未关" in page.read_text()
    names = {path.name for path in folder.iterdir()}
    assert {"left-open-mute_ends.svg", "left-open-rule_added.svg", "left-open-silent.svg"} <= names
    assert all(path.read_text().startswith("<svg ") for path in folder.iterdir())


@pytest.mark.parametrize(
    ("name", "guess"),
    [("left-opne", "Did you mean 'left-open'?"), ("gate", "Choose one of: left-open.")],
)
def test_a_rule_that_there_is_not_is_guessed_at(directory: Path, name: str, guess: str) -> None:
    assert f"no rule is called '{name}'. {guess}" in refused("preview", directory, name, code=2)


def test_a_rule_that_cannot_be_drawn_says_so(directory: Path) -> None:
    silent = RULE.replace("left_open", "silent")
    written(directory / "rules" / "rules.yaml", silent)
    assert said("preview", directory, "left-open", "--lang", "en") == (
        "There is nothing to draw: it never counts, or it has no beginning that one could draw.\n"
    )


# -- what is usual ------------------------------------------------------------------------------------

USUALLY = RULE.replace("after: 2s", "after: {usual: p90, at_least: 1s, at_most: 3m}").replace("4s", "4m")
USUALLY = USUALLY.replace("60s", "30m")


def openings(path: Path, *, doors: int = 1, many: int = 40) -> Path:
    """At ten on a Monday, each of ``many`` openings a second longer than the one before."""
    rows = ["time,entrance,contact"]
    for door in range(doors):
        for n in range(many):
            for minute, second, contact in ((n, 0, "open"), (n, n + 1, "closed")):
                rows.append(f"2026-11-02T10:{minute:02}:{second:02},door-{door:05},{contact}")
    return written(path, "\n".join(rows) + "\n")


def learned(db: Database) -> list[tuple[str, int, str, str | None]]:
    with db.read() as tx:
        rows = tx.execute(select(t.learned).order_by(t.learned.c.entrance, t.learned.c.state))
        return [(row.entrance, row.percent, row.state, row.who) for row in rows]


def test_what_is_usual_is_proposed_and_counts_once_it_is_accepted(
    directory: Path, tmp_path: Path, database: Database
) -> None:
    written(directory / "rules" / "rules.yaml", USUALLY)
    readings = openings(tmp_path / "readings.csv", doors=2)
    assert said("learn", directory, "--from", readings) == (
        "p90: 3 entrances, 2 with enough openings, 2 other than accepted\n"
        "  door-00000  西湖社区 北家属院 0号楼1单元门: usually up to 36s, at the most 36s, known of 7 hours of the week\n"
        "  door-00001  西湖社区 北家属院 1号楼1单元门: usually up to 36s, at the most 36s, known of 7 hours of the week\n"
        "Try it with 'doorward rules whatif', then 'doorward rules accept'. Until then nothing changes.\n"
    )
    assert learned(database) == [
        ("door-00000", 90, "proposed", None),
        ("door-00001", 90, "proposed", None),
    ]
    note = directory / "data" / REREAD
    assert not note.exists()
    assert said("accept", directory, "--entrance", "*-00001", "--by", "马红") == "1 accepted by 马红\n"
    assert note.exists(), "a running gateway looks again"
    assert learned(database) == [
        ("door-00000", 90, "proposed", None),
        ("door-00001", 90, "accepted", "马红"),
    ]
    with database.read() as tx:
        (row,) = tx.execute(select(t.learned).where(t.learned.c.state == "accepted"))
    assert {hour: ms for hour, ms in enumerate(row.hours) if ms} == dict.fromkeys(range(10, 168, 24), 36000)
    assert "2 with enough openings, 1 other than accepted" in said("learn", directory, "--from", readings)
    assert said("accept", directory, "--by", "马红") == "2 accepted by 马红\n"
    assert [state for _, _, state, _ in learned(database)] == ["accepted", "accepted"]


@pytest.mark.usefixtures("database")
def test_what_nothing_asks_for_is_not_learned(directory: Path) -> None:
    assert refused("learn", directory) == (
        "doorward: rules: no step asks for what is usual. "
        "Write one: after: {usual: p99, at_least: 3m, at_most: 20m}"
    )
    written(directory / "rules" / "rules.yaml", USUALLY)
    assert "--last: 'soon' is not a duration" in refused("learn", directory, "--last", "soon", code=2)


def test_what_is_usual_is_learned_from_our_own_history(
    directory: Path, database: Database, history: Lived
) -> None:
    written(directory / "rules" / "rules.yaml", USUALLY)
    assert said("learn", directory).startswith(
        "p90: 3 entrances, 0 with enough openings, 2 other than accepted\n"
    )
    assert {entrance for entrance, *_ in learned(database)} == {"door-00000", "door-00001"}


@pytest.mark.usefixtures("database")
def test_rows_that_nothing_was_learned_from_are_said(directory: Path, tmp_path: Path) -> None:
    written(directory / "rules" / "rules.yaml", USUALLY)
    wrong = written(tmp_path / "wrong.csv", "when,door\n2026-11-02,door-00000\n")
    assert "wrong.csv:1" in doorward("rules", "learn", directory, "--from", wrong).output


def test_accepting_where_nothing_was_proposed_accepts_nothing(directory: Path, database: Database) -> None:
    assert said("accept", directory, "--by", "马红") == "0 accepted by 马红\n"
    assert learned(database) == []


def test_a_candidate_is_tried_with_what_was_proposed(
    directory: Path, tmp_path: Path, database: Database, in_this_process: None
) -> None:
    written(directory / "rules" / "rules.yaml", USUALLY)
    readings = openings(tmp_path / "readings.csv", many=58)
    said("learn", directory, "--from", readings)
    same = directory / "rules"
    text = said("whatif", directory, same, "--from", readings, "--lang", "en")
    assert counted(text) == (0, 0, 11, 0), "openings of 53 s to 58 s; the last is not over yet"


# -- what was ever in force --------------------------------------------------------------------------

Through = Literal["start", "reload", "rollback"]


def switch(
    db: Database,
    text: str,
    at_ms: int = T0,
    author: str = "root",
    through: Through = "reload",
    name: str = "rules/rules.yaml",
    **impact: int,
) -> str:
    loaded, faults = load_texts([(name, text)])
    assert loaded, faults
    with db.write() as tx:
        activate(tx, loaded.rules, Activation([(name, text)], author, through), Impact(**impact), at_ms)
    return loaded.rules.hash


def test_history_lists_what_was_in_force_the_newest_first(directory: Path, database: Database) -> None:
    first = switch(database, RULE, author="root", through="start")
    second = switch(database, LATER, T0 + MINUTE_MS, "马红", raises=3, moves=12, changes=41)
    switch(database, RULE, T0 + HOUR_MS, "马红", "rollback", clears=1)
    assert said("history", directory).splitlines() == [
        f"{first}  2026-09-21 23:13:20+08:00  马红  rollback  结束 1 个告警",
        f"{second}  2026-09-21 22:14:20+08:00  马红  reload  改动 12 个计时，触发 3 个告警，影响 41 扇门",
        f"{first}  2026-09-21 22:13:20+08:00  root  start  对正在发生的没有影响",
    ]
    assert len(said("history", directory, "--last", "1").splitlines()) == 1


def test_history_says_that_the_files_are_not_in_force_and_why(directory: Path, database: Database) -> None:
    switch(database, RULE)
    with database.write() as tx:
        say_refused(
            tx, T0, "root", [Fault("rules/rules.yaml:5:5", "there is no such word", "Write another.")]
        )
    written(directory / "rules" / "rules.yaml", "rules: [")
    lines = said("history", directory).splitlines()
    assert lines[:2] == [
        "NOT IN FORCE  the files as they stand since 2026-09-21 22:13:20+08:00, by root:",
        "    rules/rules.yaml:5:5: there is no such word. Write another.",
    ]
    assert len(lines) == 3


def test_diff_shows_what_the_last_change_did_or_what_lies_between_two(
    directory: Path, database: Database
) -> None:
    first = switch(database, RULE)
    assert said("diff", directory) == "only one rule set was ever active\n"
    second = switch(database, LATER)
    third = switch(database, SOONER, name="rules/doors.yaml")
    between = said("diff", directory, first, second).splitlines()
    assert between[:2] == ["--- rules/rules.yaml", "+++ rules/rules.yaml"]
    assert [line for line in between[3:] if line[0] in "+-"] == [
        "-      - {after: 2s, tell: residents}",
        "-      - {after: 4s, tell: grid_worker}",
        "-      - {after: 60s, tell: grid_leader, unless: taken}",
        "+      - {after: 2m, tell: residents}",
        "+      - {after: 4m, tell: grid_worker}",
        "+      - {after: 30m, tell: grid_leader, unless: taken}",
    ]
    last = said("diff", directory).splitlines()
    assert "+++ rules/doors.yaml" in last and "-      - {after: 2m, tell: residents}" in last
    assert said("diff", directory, second[:6]) == said("diff", directory)
    assert said("diff", directory, third, third) == ""


@pytest.mark.parametrize("version", ["zzz", "%", "_"])
def test_a_beginning_that_names_no_rule_set_is_refused(
    directory: Path, database: Database, version: str
) -> None:
    switch(database, RULE)
    switch(database, LATER)
    error = refused("diff", directory, version, code=2)
    assert f"no single rule set begins with '{version}'; see 'doorward rules history'" in error
    error = refused("rollback", directory, version, code=2)
    assert f"0 rule sets begin with '{version}'; see 'doorward rules history'" in error
    assert (directory / "rules" / "rules.yaml").read_text() == RULE


def test_rollback_puts_the_files_of_the_rule_set_before_back(directory: Path, database: Database) -> None:
    first = switch(database, RULE)
    switch(database, LATER)
    rules = directory / "rules"
    written(rules / "rules.yaml", LATER)
    written(rules / "more.yaml", SOONER.replace("left-open", "more"))
    written(rules / "notes.txt", "not a rule")
    out = said("rollback", directory, "--by", "马红")
    assert {path.name: path.read_text() for path in rules.iterdir()} == {
        "rules.yaml": RULE,
        "notes.txt": "not a rule",
    }
    (kept,) = (directory / "data").glob("rules-before-rollback-*")
    assert {path.name for path in kept.iterdir()} == {"rules.yaml", "more.yaml", "notes.txt"}
    assert (kept / "rules.yaml").read_text() == LATER
    assert out == f"the files of {first} are back; what stood there is in {kept}\n"
    note = json.loads((directory / "data" / ROLLBACK).read_text())
    assert note == {"hash": first, "by": "马红"}


def test_rollback_goes_to_any_rule_set_by_the_beginning_of_its_hash(
    directory: Path, database: Database
) -> None:
    hashes = [switch(database, text) for text in (RULE, LATER, SOONER)]
    out = said("rollback", directory, hashes[0][:8])
    assert hashes[0] in out
    written(directory / "rules" / "rules.yaml", "rules: [")
    (kept,) = (directory / "data").glob("rules-before-rollback-*")
    kept.rename(kept.with_name("elsewhere"))
    out = said("rollback", directory, hashes[1])
    assert hashes[1] in out, "broken files are no hindrance"
    assert (directory / "rules" / "rules.yaml").read_text() == LATER


def test_rollback_without_a_rule_set_before_is_refused(directory: Path, database: Database) -> None:
    switch(database, RULE)
    assert "there is no rule set before this one" in refused("rollback", directory, code=2)
    assert not list((directory / "data").glob("rules-before-rollback-*"))


def test_two_rollbacks_in_one_second_keep_both(
    directory: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.fromtimestamp(T0 / 1000, tz)

    monkeypatch.setattr("gateway.rules_cli.datetime", Stopped)
    switch(database, RULE)
    switch(database, LATER)
    said("rollback", directory)
    said("rollback", directory)


def test_a_directory_that_never_ran_has_no_history(directory: Path) -> None:
    for command in ("history", "diff", "rollback"):
        assert re.search("Start the gateway first", refused(command, directory))
