"""Read tables of credentials: row by row, each problem with its line, column and remedy. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import ReaderId, SiteId
from confrere.network.facts import read_fact, typed
from confrere.network.fields import SITE
from confrere.network.kinds import Fact, Kind
from confrere.network.npi import npi_holds

NPI, NAME, OF_SITE = "npi", "name", "of_site"
MOST_ROWS = 20_000
MOST_PROBLEMS = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One fact of a file, and about whom."""

    line: int
    reader: ReaderId | None
    site: SiteId | None
    fact: Fact


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong where; `line` counts from 1, the heads included."""

    line: int
    column: str
    says: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file would record, or why it can't."""

    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """Whose credentials may be imported: readers by NPI, sites by code; `own_sites` by code."""

    readers: Mapping[str, ReaderId]
    elsewhere: Mapping[str, str]  # NPI -> the group it belongs to
    sites: Mapping[str, SiteId]
    own_sites: Mapping[str, SiteId]


def heads(kind: Kind) -> tuple[str, ...]:
    """The columns of a kind's file: whose it is, then the fields. `name` is for people only."""
    whose = (OF_SITE,) if kind.of_site else (NPI, NAME)
    return (*whose, *(one.name for one in kind.fields))


def line_of(
    kind: Kind, fact: Fact, whose: Sequence[str], codes: Mapping[SiteId, str]
) -> list[str]:
    """One fact as a line of the kind's file; `whose` fills the first columns."""
    values = typed(kind, fact, codes)
    return [*whose, *(values[one.name] for one in kind.fields)]


def read_table(kind: Kind, table: Sequence[Sequence[str]], known: Known) -> Plan:
    """Read a whole file. Wrong columns are named, and then no row is read."""
    if not table:
        return _refused("the file is empty", "begin with the template", "")
    found = [" ".join(head.split()).casefold().replace(" ", "_") for head in table[0]]
    if wrong := _wrong_columns(kind, found):
        return Plan((), tuple(wrong))
    if len(table) > MOST_ROWS:
        return _refused(f"more than {MOST_ROWS} rows", "split the file", "")
    rows: list[Row] = []
    problems: list[Problem] = []
    seen: dict[tuple[object, Fact], int] = {}
    for line, cells in enumerate(table[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        raw = dict(zip(found, cells, strict=False))
        try:
            row = _row(kind, line, raw, known)
        except Invalid as error:
            problems.append(Problem(line, error.field, str(error), _remedy(kind, error.field)))
        else:
            key = (row.reader or row.site, row.fact)
            if key in seen:
                says = f"the same as line {seen[key]}"
                problems.append(Problem(line, "", says, "remove one of the two lines"))
            seen.setdefault(key, line)
            rows.append(row)
    if not rows and not problems:
        return _refused("no row below the heads", "fill in a row", "")
    return Plan(tuple(rows), tuple(problems[:MOST_PROBLEMS]))


def _refused(says: str, remedy: str, column: str) -> Plan:
    return Plan((), (Problem(1, column, says, remedy),))


def _wrong_columns(kind: Kind, found: Sequence[str]) -> list[Problem]:
    wanted = heads(kind)
    needed = {OF_SITE if kind.of_site else NPI} | {f.name for f in kind.fields if f.required}
    wrong = [
        Problem(1, one, f"there is no column {one!r} for a {kind.title.lower()}",
                f"remove it; the columns are {', '.join(wanted)}")
        for one in found
        if one and one not in wanted
    ]  # fmt: skip
    wrong += [
        Problem(1, one, f"the column {one!r} is missing", "add it, as the template has it")
        for one in wanted
        if one in needed and one not in found
    ]
    twice = {one for one in found if one and found.count(one) > 1}
    wrong += [Problem(1, one, "the column is there twice", "keep one") for one in sorted(twice)]
    return wrong


def _row(kind: Kind, line: int, raw: Mapping[str, str], known: Known) -> Row:
    if kind.of_site:
        code = raw.get(OF_SITE, "").strip()
        site = known.own_sites.get(code) or known.own_sites.get(code.upper())
        if site is None:
            raise Invalid(f"{code!r} is no site of yours", OF_SITE)
        return Row(line, None, site, read_fact(kind, raw, known.sites))
    npi = raw.get(NPI, "").strip()
    if npi not in known.readers:
        raise Invalid(_why_not(npi, known), NPI)
    return Row(line, known.readers[npi], None, read_fact(kind, raw, known.sites))


def _why_not(npi: str, known: Known) -> str:
    if not npi:
        return "no NPI: it tells whose credential this is"
    if npi in known.elsewhere:
        return f"NPI {npi} belongs to {known.elsewhere[npi]}: only that group records for it"
    if not npi_holds(npi):
        return f"{npi!r} is no NPI: its check digit does not fit"
    return f"no reader of yours has the NPI {npi}"


def _remedy(kind: Kind, column: str) -> str:
    if column == NPI:
        return "correct the NPI, or add the reader first"
    if column == OF_SITE:
        return "write the code of one of your sites"
    field = next((one for one in kind.fields if one.name == column), None)
    if field is None:
        return "correct this row"
    if field.kind == SITE:
        return "write a site's code, as the network page has it"
    if field.choices:
        return f"one of: {', '.join(one for one in field.choices if one)}"
    return field.hint or f"correct {field.label.lower()}"
