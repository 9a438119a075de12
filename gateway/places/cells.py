"""The cells of a CSV file or of a workbook's first sheet, as stripped text.

CSV may be UTF-8, with or without a byte order mark, or GB18030, which is what a
Chinese Excel writes.
"""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import NamedTuple

import openpyxl


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


def read_xlsx(path: Path) -> Iterator[Cells]:
    """All rows of the first sheet."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and validations, which we do not read
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                sheet = book.worksheets[0]
                sheet.reset_dimensions()  # some programs write a size that cuts rows off
                rows = [[_plain(value) for value in row] for row in sheet.iter_rows(values_only=True)]
            finally:
                book.close()
    except Exception:  # a zip, XML, value or key error of any of its layers; its text may quote cells
        raise Unreadable(
            "cannot be read as a workbook", "Save it again as XLSX, without a password."
        ) from None
    yield from (Cells(line, cells) for line, cells in enumerate(rows, start=1))


def _plain(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer():
            return str(int(value))
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime() | date() | time():
            return value.isoformat()
    return str(value).strip()
