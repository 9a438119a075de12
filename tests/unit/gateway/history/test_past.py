"""The past, out of a file or out of the journal, ready to be played."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from pyarrow import parquet

from gateway.errors import DoorwardError
from gateway.history.past import AT_ONCE, MOST_FAULTS, FromFile, Part, beats_of, mute_of, read_file
from gateway.store import tables as t
from gateway.tuning.whatif import play
from rules.duration import DAY_MS, HOUR_MS, MINUTE_MS
from rules.engine import Engine
from rules.mute import Mute
from rules.reading import CLOSED, OPEN, Reading
from rules.rule import Entrance
from tests.unit.gateway.lived import Lived, alarms_of

ZONE = ZoneInfo("Asia/Shanghai")
DOORS = {name: Entrance(name) for name in ("a", "b")}
NOON_MS = 1_793_678_400_000  # 2026-11-03 12:00 in Shanghai
HEADER = "time,entrance,contact\n"
Table = dict[str, Any]


def from_csv(path: Path, text: str) -> FromFile:
    file = path / "readings.csv"
    file.write_text(text)
    return read_file(file, ZONE, DOORS)


def from_parquet(path: Path, table: Table) -> FromFile:
    file = path / "readings.parquet"
    parquet.write_table(pa.table(table), file)
    return read_file(file, ZONE, DOORS)


def played_back(past: FromFile) -> list[tuple[int, str, str | None]]:
    """(ms after noon, entrance, contact) in the order of playing."""
    return [
        (reading.received_at_ms - NOON_MS, entrance, reading.contact)
        for part in past.parts()
        for entrance, reading in part.arrivals
    ]


def said(past: FromFile) -> list[str]:
    return [str(fault) for fault in past.faults]


# -- times ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        pytest.param("2026-11-03T12:00:00+08:00", 0, id="with-an-offset"),
        pytest.param("2026-11-03T04:00:00Z", 0, id="in-utc"),
        pytest.param("2026-11-03T05:00:00.250+01:00", 250, id="elsewhere-and-to-the-millisecond"),
        pytest.param("2026-11-03T12:00:00", 0, id="without-an-offset-it-is-local"),
        pytest.param("2026-11-03 12:00:01", 1_000, id="with-a-space"),
        pytest.param(" 2026-11-03T12:00:00 ", 0, id="with-spaces-around"),
        pytest.param("2026/11/3 12:00", 0, id="as-excel-writes-it"),
        pytest.param("2026/11/3 12:00:59", 59_000, id="as-excel-writes-seconds"),
        pytest.param("2026-11-3 9:05", -10_500_000, id="as-another-excel-writes-it"),
        pytest.param("2026/11/3", -43_200_000, id="a-date-is-its-first-moment"),
    ],
)
def test_a_time_in_a_csv_file_may_be_written_in_many_ways(tmp_path: Path, text: str, ms: int) -> None:
    past = from_csv(tmp_path, f"{HEADER}{text},a,open\n")
    assert (said(past), played_back(past)) == ([], [(ms, "a", OPEN)])


@pytest.mark.parametrize(
    "times",
    [
        pytest.param(["2026-11-03T12:00:00+08:00"], id="iso-text"),
        pytest.param(["2026-11-03 12:00"], id="iso-text-without-an-offset"),
        pytest.param(["2026/11/3 12:00"], id="text-as-excel-writes-it"),
        pytest.param(pa.array([NOON_MS], pa.timestamp("ms", "UTC")), id="a-timestamp-in-utc"),
        pytest.param(pa.array([NOON_MS * 1000], pa.timestamp("us", "Asia/Shanghai")), id="in-shanghai"),
        pytest.param(pa.array([NOON_MS * 10**6], pa.timestamp("ns", "UTC")), id="in-nanoseconds"),
        pytest.param(pa.array([NOON_MS + 8 * HOUR_MS], pa.timestamp("ms")), id="without-a-zone-it-is-local"),
        pytest.param(pa.array([NOON_MS], pa.int64()), id="whole-milliseconds"),
        pytest.param(pa.array([float(NOON_MS)], pa.float64()), id="milliseconds-as-a-float"),
    ],
)
def test_a_time_in_a_parquet_file_may_be_text_a_timestamp_or_milliseconds(tmp_path: Path, times: Any) -> None:
    past = from_parquet(tmp_path, {"time": times, "entrance": ["a"], "contact": ["open"]})
    assert (said(past), played_back(past)) == ([], [(0, "a", OPEN)])


def test_milliseconds_as_text_never_become_another_century(tmp_path: Path) -> None:
    past = from_csv(tmp_path, f"{HEADER}1791031500000,a,open\n")  # 2026-10-03, read as 1791-03-15
    assert [at for at in past.times if at < 0] == []


# -- order, and what else is taken as it comes --------------------------------------------


def test_rows_out_of_order_are_played_in_order_and_of_one_moment_as_they_stand(tmp_path: Path) -> None:
    past = from_csv(
        tmp_path,
        HEADER
        + "2026-11-03T12:00:05,a,closed\n"
        + "2026-11-03T12:00:00,b,open\n"
        + "2026-11-03T12:00:05,b,closed\n"
        + "2026-11-03T12:00:00,a,open\n",
    )
    assert played_back(past) == [
        (0, "b", OPEN),
        (0, "a", OPEN),
        (5_000, "a", CLOSED),
        (5_000, "b", CLOSED),
    ]
    assert (past.from_ms, past.until_ms, past.size) == (NOON_MS, NOON_MS + 5_000, 4)


def test_columns_may_stand_in_any_order_among_others(tmp_path: Path) -> None:
    past = from_csv(
        tmp_path,
        "\ufefftime,note, contact ,who,entrance\n"
        '2026-11-03T12:00,a cart,open,x,"a"\n'
        "\n"
        '2026-11-03T12:01,"two\nlines",closed,y, b \n',
    )
    assert (said(past), played_back(past)) == ([], [(0, "a", OPEN), (60_000, "b", CLOSED)])
    table = {
        "x": [1],
        "contact": ["open"],
        "time": [NOON_MS],
        "entrance": pa.array(["a"]).dictionary_encode(),
    }
    assert played_back(from_parquet(tmp_path, table)) == [(0, "a", OPEN)]


def test_many_rows_come_in_parts_and_somebody_listened_from_the_first_on(tmp_path: Path) -> None:
    many = 2 * AT_ONCE + 1
    table = {
        "time": [NOON_MS + i for i in range(many)],
        "entrance": ["a"] * many,
        "contact": ["open", "closed"] * AT_ONCE + ["open"],
    }
    first, *parts = from_parquet(tmp_path, table).parts()
    assert first == Part([], ("listening", NOON_MS, None))
    assert [len(part.arrivals) for part in parts] == [AT_ONCE, AT_ONCE, 1]
    last = parts[-1].arrivals[0]
    assert last == ("a", Reading("file", NOON_MS + many - 1, OPEN))


def test_a_file_without_rows_is_a_past_without_readings(tmp_path: Path) -> None:
    past = from_csv(tmp_path, HEADER)
    assert (past.size, past.from_ms, past.until_ms, said(past)) == (0, 0, 0, [])


# -- what is wrong with it -------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        pytest.param(
            "sometime,a,open",
            "readings.csv:2: 'sometime' is no time. Write it like 2026-11-03T22:14:00+08:00.",
            id="no-time",
        ),
        pytest.param(
            "2026-02-30T00:00,a,open",
            "readings.csv:2: '2026-02-30T00:00' is no time. Write it like 2026-11-03T22:14:00+08:00.",
            id="no-such-day",
        ),
        pytest.param(
            ",a,open",
            "readings.csv:2: '' is no time. Write it like 2026-11-03T22:14:00+08:00.",
            id="an-empty-time",
        ),
        pytest.param(
            "2026-11-03,a,ajar",
            "readings.csv:2: 'ajar' is no contact. Write open or closed.",
            id="no-contact",
        ),
        pytest.param(
            "2026-11-03,a,Open",
            "readings.csv:2: 'Open' is no contact. Write open or closed.",
            id="a-contact-in-capitals",
        ),
        pytest.param(
            "2026-11-03,c,open",
            "readings.csv:2: no entrance is called 'c'. Its rows are left out.",
            id="no-such-entrance",
        ),
        pytest.param("2026-11-03,a", "readings.csv:2: 2 cells instead of 3.", id="a-cell-too-few"),
        pytest.param("2026-11-03,a,open,x", "readings.csv:2: 4 cells instead of 3.", id="a-cell-too-many"),
    ],
)
def test_a_bad_row_is_said_with_its_line_and_the_others_are_played(
    tmp_path: Path, row: str, fault: str
) -> None:
    past = from_csv(tmp_path, f"{HEADER}{row}\n2026-11-03T12:00,b,open\n")
    assert said(past) == [fault]
    assert played_back(past) == [(0, "b", OPEN)]


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        pytest.param(
            "time",
            pa.array(["sometime"]),
            "readings.parquet:row 1: 'sometime' is no time. Write it like 2026-11-03T22:14:00+08:00.",
            id="no-time",
        ),
        pytest.param(
            "time",
            pa.array([float("nan")]),
            "readings.parquet:row 1: 'nan' is no time. Write it like 2026-11-03T22:14:00+08:00.",
            id="no-number",
        ),
        pytest.param(
            "entrance",
            pa.array([None], pa.string()),
            "readings.parquet:row 1: no entrance is called 'None'. Its rows are left out.",
            id="no-entrance",
        ),
        pytest.param(
            "contact",
            pa.array([True]),
            "readings.parquet:row 1: 'True' is no contact. Write open or closed.",
            id="no-contact",
        ),
    ],
)
def test_a_bad_row_of_a_parquet_file_is_said_with_its_number(
    tmp_path: Path, column: str, value: Any, fault: str
) -> None:
    table = {"time": pa.array([NOON_MS]), "entrance": pa.array(["a"]), "contact": pa.array(["open"])}
    past = from_parquet(tmp_path, table | {column: value})
    assert (said(past), past.size) == ([fault], 0)


@pytest.mark.parametrize(
    "table",
    [
        pytest.param({"time": pa.array([None], pa.int64())}, id="an-empty-time"),
        pytest.param({"time": pa.array([None], pa.string())}, id="an-empty-text"),
        pytest.param({"time": pa.array([date(2026, 11, 3)])}, id="a-date"),
        pytest.param(
            {"time": pa.array([NOON_MS * 10**6 + 1], pa.timestamp("ns"))}, id="a-nanosecond-too-much"
        ),
        pytest.param({"time": pa.array([2**63], pa.uint64())}, id="a-number-too-large"),
        pytest.param({"entrance": pa.array([["a"]])}, id="a-list"),
    ],
)
def test_whatever_a_parquet_file_holds_is_a_fault_in_words(tmp_path: Path, table: Table) -> None:
    good = {"time": pa.array([NOON_MS]), "entrance": pa.array(["a"]), "contact": pa.array(["open"])}
    past = from_parquet(tmp_path, good | table)
    assert past.size + len(past.faults) == 1


def test_an_unknown_entrance_is_said_once_however_many_rows_it_has(tmp_path: Path) -> None:
    rows = "".join(f"2026-11-03T12:00:{i:02},{'abcd'[i % 4]},open\n" for i in range(40))
    past = from_csv(tmp_path, HEADER + rows)
    assert said(past) == [
        "readings.csv:4: no entrance is called 'c'. Its rows are left out.",
        "readings.csv:5: no entrance is called 'd'. Its rows are left out.",
    ]
    assert past.size == 20


@pytest.mark.parametrize(("bad", "more"), [(MOST_FAULTS, 0), (MOST_FAULTS + 1, 1), (MOST_FAULTS + 57, 57)])
def test_too_many_faults_are_counted_and_no_more_than_a_hundred_kept(
    tmp_path: Path, bad: int, more: int
) -> None:
    past = from_csv(tmp_path, HEADER + "sometime,a,open\n" * bad + "2026-11-03,a,open\n")
    assert (len(past.faults), past.more_faults, past.size) == (MOST_FAULTS, more, 1)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(
            "time,door,contact\n2026-11-03,a,open\n",
            "readings.csv:1: the header is time,door,contact. Write: time,entrance,contact",
            id="another-header",
        ),
        pytest.param(
            "2026-11-03,a,open\n",
            "readings.csv:1: the header is 2026-11-03,a,open. Write: time,entrance,contact",
            id="no-header",
        ),
        pytest.param(
            "time;entrance;contact\n2026-11-03;a;open\n",
            "readings.csv:1: the header is time;entrance;contact. Write: time,entrance,contact",
            id="semicolons",
        ),
    ],
)
def test_a_table_of_something_else_is_one_fault(tmp_path: Path, text: str, fault: str) -> None:
    past = from_csv(tmp_path, text)
    assert (said(past), past.size) == ([fault], 0)


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (fault,) = said(from_csv(tmp_path, ""))
    assert "the header is ." not in fault


def test_a_parquet_file_of_something_else_is_one_fault(tmp_path: Path) -> None:
    past = from_parquet(tmp_path, {"time": [NOON_MS], "door": ["a"], "contact": ["open"]})
    assert said(past) == [
        "readings.parquet: the columns are time, door, contact. It needs: time, entrance, contact"
    ]


def _damaged(file: Path) -> None:
    many = {"time": list(range(3_000)), "entrance": ["a"] * 3_000, "contact": ["open"] * 3_000}
    parquet.write_table(pa.table(many), file, compression="snappy")
    data = bytearray(file.read_bytes())
    data[100:200] = b"\xff" * 100
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        pytest.param(
            "x.parquet", lambda f: f.write_text(HEADER), "this is no Parquet file", id="csv-as-parquet"
        ),
        pytest.param("x.parquet", _damaged, "cannot be read", id="a-damaged-parquet-file"),
        pytest.param("x.csv", _damaged, "Give a CSV file in UTF-8, or Parquet", id="parquet-as-csv"),
        pytest.param(
            "x.csv",
            lambda f: f.write_bytes(f"{HEADER}2026-11-03,门,open\n".encode("gbk")),
            "Give a CSV file in UTF-8",
            id="not-in-utf-8",
        ),
        pytest.param("x.csv", lambda f: f.mkdir(), "cannot be read", id="a-folder"),
        pytest.param("x.csv", lambda f: None, "cannot be read", id="no-file"),
    ],
)
def test_a_file_of_the_wrong_kind_is_one_sentence_that_names_it(
    tmp_path: Path, name: str, write: Callable[[Path], object], words: str
) -> None:
    file = tmp_path / name
    write(file)
    with pytest.raises(DoorwardError, match=words) as raised:
        read_file(file, ZONE, DOORS)
    assert str(file) in str(raised.value)


def test_a_cell_of_a_mebibyte_is_a_fault_in_words(tmp_path: Path) -> None:
    assert said(from_csv(tmp_path, f"{HEADER}{'x' * (1 << 20)},a,open\n"))


def test_the_kind_of_a_file_is_told_by_its_name_in_capitals_too(tmp_path: Path) -> None:
    from_parquet(tmp_path, {"time": [NOON_MS], "entrance": ["a"], "contact": ["open"]})
    shutil.move(tmp_path / "readings.parquet", tmp_path / "READINGS.PARQUET")
    assert played_back(read_file(tmp_path / "READINGS.PARQUET", ZONE, DOORS)) == [(0, "a", OPEN)]


# -- our own journal ---------------------------------------------------------------------

MORNING_MS = int(datetime(2026, 9, 22, tzinfo=UTC).timestamp() * 1000)
RULES = """\
rules:
  - name: left-open
    title: {zh: 单元门未关, en: Unit door left open}
    why: A test watches it.
    when: left_open
    steps:
      - {after: 1h, tell: grid_worker}
    clear_after: 30s
  - name: silent
    title: {zh: 传感器失联, en: Sensor silent}
    why: A test watches it.
    when: silent
    steps:
      - {after: 0s, tell: installer}
    clear_after: 0s
"""


@pytest.fixture
def lived(tmp_path: Path) -> Iterator[Lived]:
    lived = Lived(tmp_path, RULES, now=MORNING_MS)
    yield lived
    lived.close()


def lines(lived: Lived, **more: Any) -> list[str]:
    """Each reading and mark in its place, with the minutes since the morning."""
    found = []
    for part in lived.recorded(**more).parts():
        found += [f"{_minutes(r.received_at_ms)} {entrance[-1]} {r.contact}" for entrance, r in part.arrivals]
        if part.mark:
            found.append(f"{_minutes(part.mark[1])} {part.mark[0]}")
    return found


def _minutes(at_ms: int) -> int:
    return (at_ms - MORNING_MS) // MINUTE_MS


def beat(lived: Lived, times: int, contact: str = "closed", every_ms: int = 15 * MINUTE_MS) -> None:
    for _ in range(times):
        lived.go(every_ms)
        lived.say(contact, why="heartbeat")


def test_marks_stand_in_their_place_among_the_readings(lived: Lived) -> None:
    lived.say("open")
    lived.go(MINUTE_MS)
    lived.mark("deaf")
    lived.say("closed")
    lived.say("open", door=1)
    lived.mark("listening")
    lived.go(MINUTE_MS)
    lived.mark("session_lost")
    lived.mute(lived.now + HOUR_MS)
    lived.say("closed", door=1)
    assert lines(lived) == [
        "0 deaf",
        "0 listening",
        "0 0 open",
        "1 deaf",
        "1 0 closed",
        "1 1 open",
        "1 listening",
        "2 session_lost",
        "2 mute",
        "2 1 closed",
    ]


def test_a_mute_is_carried_whole(lived: Lived) -> None:
    lived.mute(lived.now + HOUR_MS, within=("西湖社区",), kind=("gate",), entrance=("door-00000",))
    assert lived.road.engine.mutes() == []
    lived.mute(lived.now + HOUR_MS, within=("西湖社区",), kind=("unit_door",))
    (mute,) = lived.road.engine.mutes()
    (mark,) = [part.mark for part in lived.recorded().parts() if part.mark and part.mark[0] == "mute"]
    assert mark[:2] == ("mute", MORNING_MS)
    assert Mute.resume(mute_of(mark[2])) == mute


@pytest.mark.parametrize("carried", [None, "", "{}", '"x"', "7"])
def test_a_mark_that_carries_no_mute_has_none(carried: str | None) -> None:
    assert mute_of(carried) == []


def test_every_fact_of_a_reading_comes_back_as_the_road_took_it(lived: Lived) -> None:
    took: list[tuple[str, Reading]] = []
    engine = lived.road.engine

    class Watched(Engine):
        def on_readings(self, arrivals: Any) -> Any:
            took.extend(arrivals)
            return super().on_readings(arrivals)

    engine.__class__ = Watched
    lived.say("open", retained=True)
    lived.say("open", bat_pct=87.5, bat_v=2.98, bat_low=False, tamper=True, rssi=-67, t=1_790_000_000)
    lived.status(False)
    lived.status(True, 1)
    lived.say("closed", bat_low=True, tamper=False)
    came = [arrival for part in lived.recorded().parts() for arrival in part.arrivals]
    assert len(took) == 5
    assert came == took


def test_of_one_entrance_come_its_readings_and_all_marks(lived: Lived) -> None:
    for door in (0, 1, 2):
        lived.say("open", door)
    lived.mark("session_lost")
    assert lines(lived, only="door-00001") == ["0 deaf", "0 listening", "0 1 open", "0 session_lost"]


def test_what_lies_before_comes_from_two_days_on_and_how_it_stood_before_and_what_lies_after_not_at_all(
    lived: Lived,
) -> None:
    for _ in range(6):
        lived.say("open")
        lived.go(DAY_MS)
    from_ms = MORNING_MS + 4 * DAY_MS
    past = lived.recorded(from_ms=from_ms, until_ms=from_ms + HOUR_MS)
    days = [r.received_at_ms - MORNING_MS for part in past.parts() for _, r in part.arrivals]
    assert [ms // DAY_MS for ms in days] == [1, 2, 3, 4]
    assert past.size >= 3
    assert (past.from_ms, past.until_ms) == (from_ms, from_ms + HOUR_MS)


def test_many_readings_come_in_parts(lived: Lived, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.history.past.AT_ONCE", 2)
    for contact in ("open", "closed", "open", "closed", "open"):
        lived.say(contact)
    parts = list(lived.recorded().parts())
    assert [len(part.arrivals) for part in parts] == [0, 0, 2, 2, 1]
    contacts = [reading.contact for part in parts for _, reading in part.arrivals]
    assert contacts == ["open", "closed", "open", "closed", "open"]


def test_a_history_that_is_empty_is_a_past_without_readings(lived: Lived) -> None:
    past = lived.recorded(from_ms=MORNING_MS + 9 * DAY_MS, until_ms=MORNING_MS + 10 * DAY_MS)
    assert (past.size, list(past.parts())) == (0, [Part([])])


# -- heartbeats that were condensed ----------------------------------------------------------


class Day:
    """What ``heard`` says of one."""

    def __init__(self, first: int, last: int, reports: int, gap: int = 0, gap_from: int = 0) -> None:
        self.first_ms, self.last_ms, self.reports = first, last, reports
        self.longest_gap_ms, self.gap_from_ms = gap, gap_from


@pytest.mark.parametrize(
    ("day", "heartbeat", "moments"),
    [
        pytest.param(Day(100, 130, 4, 10, 100), 10, [100, 110, 120, 130], id="as-often-as-expected"),
        pytest.param(Day(100, 125, 3, 15, 110), 10, [100, 110, 125], id="the-longest-gap-stays"),
        pytest.param(Day(100, 160, 3, 45, 115), 10, [100, 110, 115, 160], id="a-gap-up-to-the-last"),
        pytest.param(Day(100, 130, 3, 60, 40), 10, [100, 110, 120, 130], id="a-gap-before-the-first"),
        pytest.param(Day(100, 130, 3, 10, 100), None, [100, 110, 120, 130], id="of-a-device-without-a-beat"),
        pytest.param(Day(100, 100, 1, 90, 10), 10, [100], id="a-single-one"),
        pytest.param(Day(100, 100, 0), None, [100], id="an-odd-row"),
    ],
)
def test_heartbeats_of_a_day_fit_its_first_its_last_and_its_longest_gap(
    day: Day, heartbeat: int | None, moments: list[int]
) -> None:
    assert beats_of(day, heartbeat) == moments


def _silent_once(lived: Lived) -> None:
    beat(lived, 4)
    lived.go(2 * HOUR_MS)
    beat(lived, 10)


def _silent_to_the_end(lived: Lived) -> None:
    beat(lived, 4)
    lived.go(2 * HOUR_MS)


def _silent_over_midnight(lived: Lived) -> None:
    beat(lived, 40)
    lived.go(20 * HOUR_MS)
    beat(lived, 40)


def _silent_on_two_days(lived: Lived) -> None:
    beat(lived, 40)
    lived.go(2 * HOUR_MS)
    beat(lived, 80)
    lived.go(3 * HOUR_MS)
    beat(lived, 10)


def _almost_silent(lived: Lived) -> None:
    beat(lived, 4)
    beat(lived, 2, every_ms=44 * MINUTE_MS)
    beat(lived, 4)


def _slow_beats(lived: Lived) -> None:
    beat(lived, 10, every_ms=17 * MINUTE_MS)
    lived.go(100 * MINUTE_MS)
    beat(lived, 10, every_ms=17 * MINUTE_MS)


def _lost_session(lived: Lived) -> None:
    beat(lived, 4)
    lived.mark("session_lost")
    beat(lived, 4, every_ms=20 * MINUTE_MS)


def _three_doors(lived: Lived) -> None:
    for n in range(40):
        lived.go(15 * MINUTE_MS)
        for door in (0, 1, 2):
            if door != 1 or not 8 <= n < 16:
                lived.say("closed", door, why="heartbeat")


@pytest.mark.parametrize(
    ("live", "silences"),
    [
        pytest.param(_silent_once, 1, id="once"),
        pytest.param(_silent_to_the_end, 1, id="to-the-end"),
        pytest.param(_silent_over_midnight, 1, id="over-midnight"),
        pytest.param(_silent_on_two_days, 2, id="on-two-days"),
        pytest.param(_almost_silent, 0, id="almost"),
        pytest.param(_slow_beats, 1, id="a-device-that-is-slow"),
        pytest.param(_lost_session, 0, id="the-broker-forgot-us"),
        pytest.param(_three_doors, 1, id="one-door-of-three"),
    ],
)
def test_silences_in_a_replay_are_those_of_the_day_after_heartbeats_were_condensed(
    lived: Lived, live: Callable[[Lived], None], silences: int
) -> None:
    lived.say("closed")
    live(lived)
    before = len(lived.rows(t.journal))
    assert len(lived.alarms()) == silences
    assert _replayed(lived) == lived.alarms()
    lived.condense()
    assert len(lived.rows(t.journal)) <= before / 2, "there is something to condense"
    assert _replayed(lived) == lived.alarms()


def _replayed(lived: Lived) -> set[tuple[str, str, int, int, int]]:
    here = lived.here
    return alarms_of(play(lived.recorded(), here.setup, here.registry, here.reachable))


def _silent_twice(lived: Lived) -> None:
    _silent_once(lived)
    lived.go(90 * MINUTE_MS)
    beat(lived, 4)


def _silent_until_it_moves(lived: Lived) -> None:
    beat(lived, 4)
    lived.go(2 * HOUR_MS)
    lived.say("open")
    lived.say("closed")
    beat(lived, 4)


def _silent_while_open(lived: Lived) -> None:
    beat(lived, 4)
    lived.say("open")
    lived.go(70 * MINUTE_MS)
    beat(lived, 4, "open")


def _open_as_the_broker_remembers(lived: Lived) -> None:
    lived.say("open", 1, retained=True)
    for _ in range(6):
        lived.go(15 * MINUTE_MS)
        lived.say("open", 1, why="heartbeat")


@pytest.mark.parametrize(
    "live",
    [
        pytest.param(_silent_twice, id="of-two-silences-of-a-day-the-shorter-is-filled-up"),
        pytest.param(_silent_until_it_moves, id="a-silence-that-ends-with-a-movement-is-filled-up"),
        pytest.param(_silent_while_open, id="a-heartbeat-after-a-silence-no-longer-says-that-it-is-open"),
        pytest.param(_open_as_the_broker_remembers, id="a-heartbeat-no-longer-confirms-what-was-retained"),
    ],
)
def test_alarms_in_a_replay_are_those_of_the_day_after_heartbeats_were_condensed(
    lived: Lived, live: Callable[[Lived], None]
) -> None:
    lived.say("closed")
    live(lived)
    lived.condense()
    assert _replayed(lived) == lived.alarms()


def test_a_condensed_heartbeat_is_the_word_of_whoever_spoke_for_the_entrance_then(lived: Lived) -> None:
    lived.say("closed")
    beat(lived, 8)
    lived.condense()
    came = [arrival for part in lived.recorded().parts() for arrival in part.arrivals]
    assert {(entrance, reading.device) for entrance, reading in came} == {
        ("door-00000", "doorward:b-00000#1")
    }
    assert [_minutes(reading.received_at_ms) for _, reading in came] == [n * 15 for n in range(9)]


def test_condensed_heartbeats_of_entrances_that_are_gone_are_left_out(lived: Lived) -> None:
    for door in (0, 1):
        lived.say("closed", door)
    for _ in range(4):
        lived.go(15 * MINUTE_MS)
        for door in (0, 1):
            lived.say("closed", door, why="heartbeat")
    lived.condense()
    assert len(lived.rows(t.heard)) == 2
    known = {"door-00001": lived.here.setup.entrances["door-00001"]}
    beats = [line for line in lines(lived, entrances=known) if " 1 " in line and not line.startswith("0 ")]
    assert beats == [f"{n * 15} 1 closed" for n in range(1, 5)]
    assert not [line for line in lines(lived, only="door-00000") if " 1 " in line]


def test_condensed_heartbeats_end_where_the_past_ends(lived: Lived) -> None:
    lived.say("closed")
    beat(lived, 8)
    lived.condense()
    ends = MORNING_MS + 40 * MINUTE_MS
    assert [line.split()[0] for line in lines(lived, until_ms=ends) if line.endswith("closed")] == [
        "0",
        "15",
        "30",
    ]
