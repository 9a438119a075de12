"""A table as people keep it, CSV or XLSX, into rows that know where they stand.

Rule 1: a bad row is a fault and never stops the good ones.
Rule 2: every value is text: 417.0 in a workbook means "417", and 0417 keeps its zero.
Rule 3: of a secret table no fault repeats a word that stands in it.

Rows whose first cell begins with ``#`` are comments. Lines, rows and columns count from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.places.cells import Cells, Unreadable, read_csv, read_xlsx
from rules.fault import Fault, guess


class Columns(NamedTuple):
    """What a table may hold.

    Attributes:
        needed: Columns that must be there, and filled in every row.
        optional: Columns that may be absent or empty.
        secret: Nothing of what is written in it may be repeated.
    """

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()
    secret: bool = False


class Row:
    """One row. Its values are stripped text; an absent one is empty.

    Attributes:
        file: The table's file name.
        line: Where the row begins.
    """

    __slots__ = ("_columns", "_values", "file", "line")

    def __init__(self, file: str, line: int, columns: Mapping[str, int], values: Sequence[str]) -> None:
        self.file = file
        self.line = line
        self._columns = columns
        self._values = values

    def __getitem__(self, column: str) -> str:
        position = self._columns.get(column)
        return "" if position is None or position >= len(self._values) else self._values[position]

    def words(self, column: str) -> str:
        """The value on one line, with single spaces: names come out of cells in any shape."""
        return " ".join(self[column].split())

    def fault(self, column: str, what: str, mend: str = "") -> Fault:
        return Fault(f"{self.file}:{self.line}:{self._columns.get(column, 0) + 1}", what, mend)


def table_path(directory: Path, stem: str) -> tuple[Path | None, list[Fault]]:
    """Which file holds the table; exactly one may."""
    found = [path for ending in ("csv", "xlsx") if (path := directory / f"{stem}.{ending}").is_file()]
    match found:
        case [path]:
            return path, []
        case []:
            return None, [Fault(f"{stem}.csv", "the table is missing", f"Write {stem}.csv or {stem}.xlsx.")]
    mend = "Keep one of them, so that nobody edits the other in vain."
    return None, [Fault(f"{stem}.csv", f"there is also {stem}.xlsx", mend)]


def read_table(directory: Path, stem: str, columns: Columns) -> tuple[list[Row], list[Fault]]:
    """All rows that can be used, and every fault."""
    path, faults = table_path(directory, stem)
    if path is None:
        return [], faults
    try:
        cells = read_csv(path) if path.suffix == ".csv" else read_xlsx(path)
        return _rows(path.name, cells, columns)
    except Unreadable as error:
        return [], [Fault(path.name, str(error), error.mend)]


def _rows(file: str, records: Iterable[Cells], columns: Columns) -> tuple[list[Row], list[Fault]]:
    rows: list[Row] = []
    faults: list[Fault] = []
    header: dict[str, int] | None = None
    width = 0
    for line, cells, broken in records:
        if broken:
            faults.append(Fault(f"{file}:{line}", broken, "Mend the quotes of this row."))
        elif not any(cells) or cells[0].startswith("#"):
            continue
        elif header is None:
            header, width = _header(file, line, cells, columns, faults), len(cells)
            if not all(column in header for column in columns.needed):
                return [], faults
        elif any(cells[width:]):
            mend = "A comma inside a value needs quotes around the value."
            faults.append(Fault(f"{file}:{line}:{width + 1}", "the row is longer than the header", mend))
        else:
            row = Row(file, line, header, cells)
            empty = [column for column in columns.needed if not row[column]]
            faults += [row.fault(column, f"{column} is empty") for column in empty]
            if not empty:
                rows.append(row)
    if header is None:
        faults.append(Fault(file, "there is no header", f"Begin with: {','.join(columns.needed)}"))
    return rows, faults


def _header(
    file: str, line: int, cells: Sequence[str], columns: Columns, faults: list[Fault]
) -> dict[str, int]:
    """Where each column stands; what is wrong with the header goes into ``faults``."""
    known = (*columns.needed, *columns.optional)
    header: dict[str, int] = {}
    for position, name in enumerate(cells):
        where = f"{file}:{line}:{position + 1}"
        if name in header:
            faults.append(Fault(where, f"column {name} is there twice"))
        elif name in known:
            header[name] = position
        elif columns.secret:
            faults.append(Fault(where, "unknown column", f"Choose from: {', '.join(known)}."))
        elif name:
            faults.append(Fault(where, f"unknown column '{name}'", guess(name, known)))
    for name in columns.needed:
        if name not in header:
            faults.append(Fault(f"{file}:{line}", f"column {name} is missing"))
    return header
