"""Tables as people keep them: encodings, quotes, workbooks, and bad rows beside good ones."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from gateway.places.tables import Columns, read_table

COLUMNS = Columns(needed=("id", "name"), optional=("note", "from"))


def read(directory: Path, raw: bytes) -> tuple[list[tuple[str, str, str]], list[str]]:
    (directory / "doors.csv").write_bytes(raw)
    rows, faults = read_table(directory, "doors", COLUMNS)
    return [(row["id"], row["name"], row["note"]) for row in rows], [str(fault) for fault in faults]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_any_encoding_that_a_chinese_office_writes(tmp_path: Path, encoding: str) -> None:
    rows, faults = read(tmp_path, "id,name\r\n0417,東门㐂\r\n".encode(encoding))
    assert (rows, faults) == ([("0417", "東门㐂", "")], [])


def test_what_is_no_text_is_one_fault(tmp_path: Path) -> None:
    rows, faults = read(tmp_path, b"id,name\n1,\xff\xff\n")
    assert (rows, faults) == (
        [],
        ["doors.csv: is neither UTF-8 nor GB18030. Save it as 'CSV UTF-8'."],
    )


def test_comments_empty_lines_and_any_order_of_columns(tmp_path: Path) -> None:
    rows, faults = read(tmp_path, b'# a "comment", with commas\n\nname,id\n# another\n\n East , 1 \n,,\n')
    assert (rows, faults) == ([("1", "East", "")], [])


def test_a_row_is_named_by_the_line_on_which_it_begins(tmp_path: Path) -> None:
    _, faults = read(tmp_path, b'id,name,note\n1,East,"two\nlines"\n2,"","three\n\nlines"\n3,West,x\n4,,y\n')
    assert faults == ["doors.csv:4:2: name is empty.", "doors.csv:8:2: name is empty."]


def test_bad_rows_keep_the_good_ones(tmp_path: Path) -> None:
    rows, faults = read(
        tmp_path,
        b'id,name,note\n1,East,x\n2,"West"x,y\n3,North,z\n4,South,a,b\n5\n6,"never ends,x\n7,Middle,y\n',
    )
    assert [id for id, _, _ in rows] == ["1", "3", "7"]
    assert [fault.split(". ")[0] for fault in faults] == [
        "doors.csv:3: the quotes or characters of this row are broken",
        "doors.csv:5:4: the row is longer than the header",
        "doors.csv:6:2: name is empty.",
        "doors.csv:7: the quotes or characters of this row are broken",
    ]


def test_a_header_is_checked_with_a_guess(tmp_path: Path) -> None:
    rows, faults = read(tmp_path, b"id,name,nots,id\n1,East,x,2\n")
    assert rows == [("1", "East", "")]
    assert faults == [
        "doors.csv:1:3: unknown column 'nots'. Did you mean 'note'?",
        "doors.csv:1:4: column id is there twice.",
    ]


def test_without_a_needed_column_there_are_no_rows(tmp_path: Path) -> None:
    assert read(tmp_path, b"name,note\nEast,x\n") == ([], ["doors.csv:1: column id is missing."])


@pytest.mark.parametrize("raw", [b"", b"# only a comment\n"])
def test_an_empty_table_says_how_to_begin(tmp_path: Path, raw: bytes) -> None:
    assert read(tmp_path, raw) == ([], ["doors.csv: there is no header. Begin with: id,name"])


def test_a_secret_table_repeats_nothing(tmp_path: Path) -> None:
    (tmp_path / "doors.csv").write_text("id,name,tgram://token\n1,x,tgram://token\n")
    _, faults = read_table(tmp_path, "doors", COLUMNS._replace(secret=True))
    assert [fault.where for fault in faults] == ["doors.csv:1:3"]
    assert "token" not in str(faults)


def test_a_workbook_reads_like_a_csv(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (
        ["# 说明", None, None, None],
        ["id", "name", "note", "from"],
        [417.0, " 东门 ", 0.5, datetime(2026, 3, 1)],  # noqa: DTZ001  # a cell has no zone
        ["0417", "西门", True, datetime(2026, 3, 1, 14, 30)],  # noqa: DTZ001
        [None, None, None, None],
        [5, None, None, None],
    ):
        sheet.append(row)
    book.create_sheet("another").append(["not", "read"])
    book.save(tmp_path / "doors.xlsx")
    rows, faults = read_table(tmp_path, "doors", COLUMNS)
    assert [[row[c] for c in ("id", "name", "note", "from")] for row in rows] == [
        ["417", "东门", "0.5", "2026-03-01"],
        ["0417", "西门", "yes", "2026-03-01T14:30:00"],
    ]
    assert [str(fault) for fault in faults] == ["doors.xlsx:6:2: name is empty."]


def test_what_is_no_workbook_is_one_fault(tmp_path: Path) -> None:
    (tmp_path / "doors.xlsx").write_bytes(b"id,name\n")
    _, faults = read_table(tmp_path, "doors", COLUMNS)
    assert [fault.what for fault in faults] == ["cannot be read as a workbook"]


@pytest.mark.parametrize("cell", ["XFD3", "B1048576", "BA7"])
def test_a_cell_far_from_the_table_is_named_instead_of_taking_all_memory(tmp_path: Path, cell: str) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["id", "name"])
    sheet[cell] = "x"
    book.save(tmp_path / "doors.xlsx")
    _, (fault,) = read_table(tmp_path, "doors", COLUMNS)
    assert fault.what == f"has something in cell {cell}, far from its table"


def test_two_files_for_one_table_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "doors.csv").write_text("id,name\n1,East\n")
    (tmp_path / "doors.xlsx").write_bytes(b"")
    rows, faults = read_table(tmp_path, "doors", COLUMNS)
    assert (rows, [fault.what for fault in faults]) == ([], ["there is also doors.xlsx"])


def test_a_missing_table_is_a_fault(tmp_path: Path) -> None:
    _, faults = read_table(tmp_path, "doors", COLUMNS)
    assert [fault.what for fault in faults] == ["the table is missing"]
