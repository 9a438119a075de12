"""Public holidays and make-up workdays: the package's, the table's, and what is wrong with a table."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import pytest

from gateway.public_holidays import FILE, WARN_BEFORE_MS, load_calendar, runs_out
from rules.days import Calendar
from rules.duration import DAY_MS
from rules.fault import Fault

NATIONAL_DAY = date(2026, 10, 1)  # a Thursday
MADE_UP = date(2026, 10, 10)  # a Saturday on which people work
MONDAY = date(2026, 11, 2)
SUNDAY = date(2026, 11, 8)


def loaded(
    directory: Path, table: str | bytes | None = None, holidays: Literal["china", "none"] = "china"
) -> tuple[Calendar, list[Fault]]:
    if table is not None:
        raw = table if isinstance(table, bytes) else table.encode()
        (directory / FILE).write_bytes(raw)
    return load_calendar(directory, holidays)


def calendar_of(directory: Path, *rows: str, holidays: Literal["china", "none"] = "china") -> Calendar:
    calendar, faults = loaded(directory, "\n".join(["date,kind", *rows]), holidays)
    assert faults == []
    return calendar


# -- what the state has announced ------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "is_workday"),
    [
        pytest.param(NATIONAL_DAY, False, id="national-day-is-a-thursday"),
        pytest.param(MADE_UP, True, id="a-saturday-that-makes-up-for-it"),
        pytest.param(date(2026, 10, 8), True, id="a-thursday-after-it"),
        pytest.param(date(2026, 10, 11), False, id="a-sunday"),
        pytest.param(date(2026, 1, 1), False, id="new-year"),
        pytest.param(date(2025, 1, 26), True, id="a-sunday-before-the-spring-festival"),
    ],
)
def test_china_has_its_holidays_and_make_up_workdays(tmp_path: Path, day: date, is_workday: bool) -> None:
    calendar, faults = loaded(tmp_path)
    assert faults == []
    assert calendar.is_workday(day) is is_workday


def test_a_holiday_that_falls_on_a_weekend_is_a_holiday_all_the_same(tmp_path: Path) -> None:
    calendar, _ = loaded(tmp_path)
    assert {NATIONAL_DAY, date(2026, 10, 3)} <= calendar.holidays
    assert calendar.holidays.isdisjoint(calendar.workdays)
    assert calendar.last_year >= 2026


def test_elsewhere_nothing_is_known(tmp_path: Path) -> None:
    calendar, faults = loaded(tmp_path, holidays="none")
    assert (calendar, faults) == (Calendar(), [])
    assert calendar.is_workday(NATIONAL_DAY) and not calendar.is_workday(MADE_UP)


# -- the table -----------------------------------------------------------------------------


@pytest.mark.parametrize("holidays", ["china", "none"])
def test_the_table_adds_days(tmp_path: Path, holidays: Literal["china", "none"]) -> None:
    calendar = calendar_of(tmp_path, f"{MONDAY},holiday", f"{SUNDAY},workday", holidays=holidays)
    assert not calendar.is_workday(MONDAY) and calendar.is_workday(SUNDAY)
    assert MONDAY in calendar.holidays and SUNDAY in calendar.workdays
    assert (NATIONAL_DAY in calendar.holidays) is (holidays == "china")


def test_the_table_overrides_what_is_announced(tmp_path: Path) -> None:
    calendar = calendar_of(tmp_path, f"{NATIONAL_DAY},workday", f"{MADE_UP},holiday")
    assert calendar.is_workday(NATIONAL_DAY) and not calendar.is_workday(MADE_UP)
    assert NATIONAL_DAY not in calendar.holidays and MADE_UP not in calendar.workdays


def test_of_two_rows_for_one_day_the_last_counts(tmp_path: Path) -> None:
    calendar = calendar_of(tmp_path, f"{MONDAY},holiday", f"{MONDAY},workday", f"{MONDAY},holiday")
    assert MONDAY in calendar.holidays and MONDAY not in calendar.workdays


@pytest.mark.parametrize(
    "table",
    [
        pytest.param("date,kind\n2026-11-02,holiday\n", id="plain"),
        pytest.param("\ufeffdate,kind\r\n2026-11-02,holiday\r\n", id="as-a-spreadsheet-writes-it"),
        pytest.param("kind,why,date\nholiday,本地节日,2026-11-02\n", id="other-columns-in-another-order"),
        pytest.param('date,kind\n"2026-11-02"," holiday "\n', id="quoted-and-with-blanks"),
        pytest.param("date,kind\n2026/11/02,holiday\n", id="slashes"),
        pytest.param("date,kind\n\n2026-11-02,holiday,\n\n", id="empty-lines-and-a-comma-too-many"),
    ],
)
def test_a_table_may_be_written_in_many_ways(tmp_path: Path, table: str) -> None:
    calendar, faults = loaded(tmp_path, table, "none")
    assert (calendar, faults) == (Calendar(frozenset({MONDAY}), frozenset(), 2026), [])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("2026-13-01,holiday", "calendar.csv:3: '2026-13-01' is no date. Write it like 2027-01-01."),
        ("2026-02-29,holiday", "calendar.csv:3: '2026-02-29' is no date. Write it like 2027-01-01."),
        ("1.11.2026,holiday", "calendar.csv:3: '1.11.2026' is no date. Write it like 2027-01-01."),
        ("2026/1/1,holiday", "calendar.csv:3: '2026/1/1' is no date. Write it like 2027-01-01."),
        (",holiday", "calendar.csv:3: '' is no date. Write it like 2027-01-01."),
        ("2026-11-03,hollyday", "calendar.csv:3: 'hollyday' is no kind of day. Did you mean 'holiday'?"),
        ("2026-11-03,Workday", "calendar.csv:3: 'Workday' is no kind of day. Did you mean 'workday'?"),
        ("2026-11-03,", "calendar.csv:3: '' is no kind of day. Choose one of: holiday, workday."),
        ("2026-11-03", "calendar.csv:3: '' is no kind of day. Choose one of: holiday, workday."),
    ],
)
def test_a_bad_row_says_what_is_wrong_and_the_good_ones_count(tmp_path: Path, row: str, words: str) -> None:
    table = f"date,kind\n{MONDAY},holiday\n{row}\n{SUNDAY},workday\n"
    calendar, faults = loaded(tmp_path, table, "none")
    assert [str(fault) for fault in faults] == [words]
    assert calendar == Calendar(frozenset({MONDAY}), frozenset({SUNDAY}), 2026)


def test_each_bad_row_is_named_by_its_line(tmp_path: Path) -> None:
    _, faults = loaded(tmp_path, "date,kind\nx,holiday\n\n2026-11-02,y\n")
    assert [fault.where for fault in faults] == ["calendar.csv:2", "calendar.csv:4"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        pytest.param(b"", "calendar.csv:1: the header is not date,kind. Write: date,kind", id="empty"),
        pytest.param(
            b"day,kind\n2026-11-02,holiday\n",
            "calendar.csv:1: the header is not date,kind. Write: date,kind",
            id="another-header",
        ),
        pytest.param(
            b"2026-11-02,holiday\n",
            "calendar.csv:1: the header is not date,kind. Write: date,kind",
            id="no-header",
        ),
        pytest.param(
            "date,kind\n2026-11-02,节日\n".encode("gb18030"),
            "calendar.csv: cannot be read as UTF-8. Save it as UTF-8.",
            id="another-encoding",
        ),
        pytest.param(
            b"PK\x03\x04\xff\xfe", "calendar.csv: cannot be read as UTF-8. Save it as UTF-8.", id="a-workbook"
        ),
    ],
)
def test_a_table_that_cannot_be_read_changes_nothing(tmp_path: Path, table: bytes, words: str) -> None:
    calendar, faults = loaded(tmp_path, table)
    assert [str(fault) for fault in faults] == [words]
    (tmp_path / FILE).unlink()
    assert calendar == loaded(tmp_path)[0]


def test_a_folder_of_that_name_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    _, faults = load_calendar(tmp_path, "china")
    assert [fault.where for fault in faults] == [FILE]


def test_a_date_that_is_not_there_is_not_called_by_a_name(tmp_path: Path) -> None:
    _, faults = loaded(tmp_path, "kind,date\nholiday\n")
    assert [fault.what for fault in faults] == ["'' is no date"]


def test_a_cell_without_end_is_a_fault_of_the_table(tmp_path: Path) -> None:
    _, faults = loaded(tmp_path, "date,kind\n2026-11-02," + "x" * 200_000)
    assert [fault.where for fault in faults] == ["calendar.csv:2"]
    assert faults[0].what.startswith("cannot be read")


# -- in time ---------------------------------------------------------------------------------


KNOWN = Calendar(frozenset({NATIONAL_DAY}), frozenset(), 2026)
LAST = date(2026, 12, 31)
WARNED = timedelta(milliseconds=WARN_BEFORE_MS)
UP_TO = (
    "calendar.csv: rules ask for workdays or holidays, and those of the coming year are known up to "
    "2026-12-31 only. Update doorward, or enter the new year's days here; until then a day is what "
    "its weekday says."
)


@pytest.mark.parametrize(
    ("today", "warned"),
    [
        pytest.param(NATIONAL_DAY, False, id="long-before"),
        pytest.param(LAST - WARNED - timedelta(days=1), False, id="the-day-before-it-is-time"),
        pytest.param(LAST - WARNED, True, id="in-time"),
        pytest.param(LAST, True, id="on-the-last-day"),
        pytest.param(LAST + timedelta(days=1), True, id="on-the-first-unknown-day"),
        pytest.param(date(2031, 6, 1), True, id="for-as-long-as-nobody-enters-it"),
    ],
)
def test_it_is_said_in_time_and_after_that_the_known_years_end(today: date, warned: bool) -> None:
    assert [str(fault) for fault in runs_out(KNOWN, True, today)] == [UP_TO] * warned
    assert runs_out(KNOWN, False, today) == [], "where no rule asks it is nobody's concern"


def test_it_is_time_in_the_middle_of_november() -> None:
    """When the state announces the next year."""
    assert WARN_BEFORE_MS % DAY_MS == 0
    assert date(2026, 11, 10) < LAST - WARNED < date(2026, 11, 20)


def test_where_nothing_is_known_that_is_said() -> None:
    (fault,) = runs_out(Calendar(), True, NATIONAL_DAY)
    assert "those of the coming year are not known" in fault.what
    assert runs_out(Calendar(), False, NATIONAL_DAY) == []


@pytest.mark.parametrize("kind", ["holiday", "workday"])
def test_the_days_of_a_new_year_end_the_warning(tmp_path: Path, kind: str) -> None:
    last = load_calendar(tmp_path, "china")[0].last_year
    today = date(last, 12, 20)
    assert runs_out(load_calendar(tmp_path, "china")[0], True, today) != []
    calendar = calendar_of(tmp_path, f"{last + 1}-01-01,{kind}")
    assert calendar.last_year == last + 1
    assert runs_out(calendar, True, today) == []
