"""Tables as CSV that people open in a spreadsheet, which must not run what a reader or a list was named."""

import csv
import io
from collections.abc import Iterable

_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four are the same signs in full width


def csv_line(cells: Iterable[object]) -> str:
    """One line with its end. A text that a spreadsheet would take for a formula begins with an apostrophe."""
    line = io.StringIO()
    csv.writer(line).writerow([_harmless(cell) for cell in cells])
    return line.getvalue()


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
