"""Tables in and out of files: CSV, and the first sheet of an Excel workbook (.xlsx).

What comes in is a stranger's: sizes are bounded before anything is unpacked.
"""

import csv
import io
import warnings
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from itertools import islice

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font
from starlette.responses import Response

from confrere.kernel.errors import Invalid

MOST_UNPACKED = 64 << 20  # bytes of a workbook after unpacking
MOST_LINES, MOST_COLUMNS = 20_001, 60
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WIDEST = 40


def read_table(content: bytes) -> list[list[str]]:
    """Read a file's rows as text; its kind is told by its bytes. Raises Invalid."""
    if content.startswith(b"PK\x03\x04"):
        return _read_workbook(content)
    if b"\x00" in content[:4096]:
        raise Invalid("this is neither a CSV file nor an Excel workbook (.xlsx)", "file")
    return _read_csv(content)


def _read_csv(content: bytes) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    first = text.split("\n", 1)[0]
    mark = max(",;\t", key=first.count)
    try:
        lines = islice(csv.reader(io.StringIO(text), delimiter=mark), MOST_LINES + 1)
        return [[_plain(cell) for cell in row] for row in lines]
    except csv.Error as error:
        raise Invalid(f"this is no CSV file: {error}", "file") from None


def _plain(cell: str) -> str:
    """Take off the quote with which an export defuses what a spreadsheet would run."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@") else cell


def _read_workbook(content: bytes) -> list[list[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            unpacked = sum(one.file_size for one in packed.infolist())
        if unpacked <= MOST_UNPACKED:
            return _first_sheet(content)
    except Exception:  # noqa: BLE001 - a broken workbook breaks its reader in many ways
        raise Invalid("this workbook cannot be read; save it again as .xlsx", "file") from None
    raise Invalid("the workbook is too large unpacked; split it", "file")


def _first_sheet(content: bytes) -> list[list[str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # styles and extensions that do not matter here
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        rows = book.worksheets[0].iter_rows(values_only=True, max_col=MOST_COLUMNS)
        return [[_text(cell) for cell in row] for row in islice(rows, MOST_LINES + 1)]


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def workbook(name: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Response:
    """Answer with a workbook of one sheet; every cell is text, so that nothing is guessed."""
    book = Workbook()
    sheet = book.active
    sheet.title = name[:31]
    sheet.append(list(heads))
    for line, row in enumerate(rows, start=2):
        for column, value in enumerate(row, start=1):
            cell = sheet.cell(line, column)
            cell.value, cell.data_type, cell.number_format = value, "s", "@"
    for column, head in enumerate(heads, start=1):
        sheet.cell(1, column).font = Font(bold=True)
        letter = sheet.cell(1, column).column_letter
        longest = max([len(head), *(len(row[column - 1]) for row in rows)])
        sheet.column_dimensions[letter].width = min(longest + 2, _WIDEST)
    sheet.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    headers = {"content-disposition": f'attachment; filename="{name}.xlsx"'}
    return Response(out.getvalue(), media_type=XLSX, headers=headers)
