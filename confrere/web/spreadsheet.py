"""Tables as pages and files show them. A cell that a spreadsheet would run is defused."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

Cell = str | int | float | None
# how a formula or a command begins in a spreadsheet (OWASP, "CSV Injection")
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}")


@dataclass(frozen=True, slots=True)
class Table:
    """A data table: `name` is in its address, `title` above it, units stand in `heads`."""

    name: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def written(table: Table, notes: Sequence[str] = ()) -> str:
    """Write a table as CSV (RFC 4180), notes below it; numbers with at most two decimals."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(_cell(one) for one in table.heads)
    lines.writerows([_cell(one) for one in row] for row in table.rows)
    if notes:
        lines.writerow([])
        lines.writerows([_cell(one)] for one in notes)
    return out.getvalue()


def download(table: Table, notes: Sequence[str]) -> Response:
    """Answer with the table as a file; the byte order mark tells spreadsheets that it is UTF-8."""
    return Response(
        "\N{ZERO WIDTH NO-BREAK SPACE}" + written(table, notes),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{table.name}.csv"'},
    )


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    text = str(value)
    if isinstance(value, str) and text.lstrip(" ").startswith(_STARTS_FORMULA):
        return "'" + text
    return text
