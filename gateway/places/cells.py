"""The cells of a CSV file or of a workbook's first sheet, as stripped text.

CSV may be UTF-8, with or without a byte order mark, or GB18030, which is what a
Chinese Excel writes.
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

from python_calamine import CalamineError, CalamineWorkbook


class Cells(NamedTuple):
    """One row of cells.

    Attributes:
        line: Where it begins, from 1.
        cells: Its values; empty if the row is broken.
        broken: What is wrong with it; empty if nothing is.
    """

    line: int
    cells: Sequence[str]
    broken: str = ""


class Unreadable(Exception):
    """The file as a whole cannot be read.

    Attributes:
        mend: What to do about it.
    """

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def read_csv(path: Path) -> Iterator[Cells]:
    """All rows. After a broken one it goes on with the next line, whatever its quotes say."""
    lines = io.StringIO(_text(path), newline="").readlines()
    at = 0
    while at < len(lines):
        begin = at
        reader = csv.reader(lines[begin:], strict=True)
        try:
            for cells in reader:
                yield Cells(at + 1, [cell.strip() for cell in cells])
                at = begin + reader.line_num
        except csv.Error:
            yield Cells(at + 1, (), "the quotes or characters of this row are broken")
            at += 1


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}", "See to its owner and permissions.") from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable("is neither UTF-8 nor GB18030", "Save it as 'CSV UTF-8'.")


MOST_SHEET_BYTES = 200_000_000
"""Unpacked; 200,000 rows of fifteen cells."""
_FAR = re.compile(rb' r="([A-Z]{3}\d+|[B-Z][A-Z]\d+|[A-Z]+(?:[2-9]\d{5}|\d{7}))"')
"""A cell to the right of column AZ or below row 199,999."""


def read_xlsx(path: Path) -> Iterator[Cells]:
    """All rows of the first sheet."""
    try:
        _refuse_far_cells(path)
        with CalamineWorkbook.from_path(path) as book:
            rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, BadZipFile, zlib.error, OSError):  # their texts may quote cells
        raise Unreadable(
            "cannot be read as a workbook", "Save it again as XLSX, without a password."
        ) from None
    for line, cells in enumerate(rows, start=1):
        yield Cells(line, [_plain(value) for value in cells])


def _refuse_far_cells(path: Path) -> None:
    """The reader takes memory for every cell before the last one, and ends the process if there is none."""
    with ZipFile(path) as book:
        for sheet in book.infolist():
            if not sheet.filename.startswith("xl/worksheets/"):
                continue
            if sheet.file_size > MOST_SHEET_BYTES:
                raise Unreadable("is too large for a table", "Delete the rows that are none of ours.")
            if far := _FAR.search(book.read(sheet)):
                where = far[1].decode()
                raise Unreadable(
                    f"has something in cell {where}, far from its table",
                    "Delete that cell's row and column there, and save it again.",
                )


def _plain(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer():
            return str(int(value))
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime() | date() | time():
            return value.isoformat()
    return str(value).strip()
