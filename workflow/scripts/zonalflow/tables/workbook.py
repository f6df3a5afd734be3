"""The wide table as a workbook: ids as text, and a sheet that explains the columns."""

from datetime import datetime
from pathlib import Path

import numpy as np

from zonalflow.common.columns import INSIDE
from zonalflow.common.files import atomic_path
from zonalflow.tables.tidy import Layout
from zonalflow.tables.wide import WideTable

_MADE = datetime(2000, 1, 1)  # always the same, so that the same numbers give the same bytes


def write_workbook(path: Path, table: WideTable, layout: Layout, meanings: dict[str, dict[str, str]]) -> None:
    """Write the workbook ``path``, whole or not at all: the sheets ``zonal_stats`` and ``columns``.

    Args:
        path: the file to write.
        table: the numbers.
        layout: of the study's tables.
        meanings: column of the tidy table to ``long_name``, ``unit`` and ``description``.
    """
    import xlsxwriter

    with atomic_path(path) as temporary:
        options = {"constant_memory": True, "strings_to_numbers": False, "strings_to_formulas": False}
        with xlsxwriter.Workbook(str(temporary), {**options, "strings_to_urls": False}) as book:
            book.set_properties({"created": _MADE})
            head = book.add_format({"bold": True, "bottom": 1})
            sheet = book.add_worksheet("zonal_stats")
            sheet.freeze_panes(1, 1)
            sheet.set_column(0, len(layout.zones), 14)
            _write_numbers(sheet, table, layout, head)
            about = book.add_worksheet("columns")
            about.set_column(0, 1, 28)
            about.set_column(3, 3, 90)
            for row, cells in enumerate(_explanations(table, layout, meanings)):
                about.write_row(row, 0, cells, head if row == 0 else None)


def _write_numbers(sheet, table: WideTable, layout: Layout, head: object) -> None:  # type: ignore[no-untyped-def]
    sheet.write_row(0, 0, [*layout.zones, INSIDE, *table.names], head)
    texts = list(layout.zones.values())
    for row in range(len(layout.inside)):
        for column, values in enumerate(texts):
            if isinstance(values[row], int | float) and np.isfinite(values[row]):
                sheet.write_number(row + 1, column, values[row])
            elif values[row] is not None:
                sheet.write_string(row + 1, column, str(values[row]))
        numbers = [float(layout.inside[row]), *np.asarray(table.numbers[row]).tolist()]
        for column, value in enumerate(numbers, len(texts)):
            if np.isfinite(value):  # a cell without data stays empty
                sheet.write_number(row + 1, column, value)


def _explanations(table: WideTable, layout: Layout, meanings: dict[str, dict[str, str]]) -> list[list[str]]:
    """Return the rows of the sheet ``columns``; a statistic's many dates have one row."""
    rows = [["column", "meaning", "unit", "description"]]
    named = [(name, name) for name in (*layout.zones, INSIDE)]
    dates = "<date>" if table.by_date_alone else "<variable>_{}_<date>"
    named += [(dates.format(layout.names[stat]), layout.names[stat]) for stat in table.stats]
    for name, column in named:
        of = meanings.get(column, {})
        rows.append([name, of.get("long_name", ""), of.get("unit", ""), of.get("description", "")])
    return rows
