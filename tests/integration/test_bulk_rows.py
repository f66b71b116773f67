"""Rows added in bulk arrive as they were given."""

from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.database.bulk import add_rows

AWKWARD = ['say "x"', "back\\slash", "{a,b}", "NULL", "", "two\nlines", "Lucía, tab\t"]


def test_awkward_text_and_nulls_survive_many_rows(conn: Connection) -> None:
    owner, count = str(uuid4()), 5003  # more than one statement carries
    given = [AWKWARD[n % len(AWKWARD)] for n in range(count)]
    added = add_rows(conn, "patients", {
        "owner_group": [owner] * count, "assigner": ["A"] * count,
        "mrn": [str(n) for n in range(count)], "family": given,
        "birth_date": [None if n % 2 else "1960-02-29" for n in range(count)],
        "synthetic": ["t"] * count, "updated_at": ["2026-11-24 03:00:00+00"] * count,
    })  # fmt: skip
    assert added == count
    query = (
        "select family, birth_date::text from patients where owner_group = :o order by mrn::int"
    )
    found = conn.execute(sa.text(query), {"o": owner}).all()
    assert [row[0] for row in found] == given
    assert [row[1] for row in found[:3]] == ["1960-02-29", None, "1960-02-29"]


def test_an_unknown_column_and_uneven_columns_are_refused(conn: Connection) -> None:
    with pytest.raises(KeyError):
        add_rows(conn, "patients", {"mrn); drop table patients --": ["1"]})
    with pytest.raises(ValueError, match="length"):
        add_rows(conn, "patients", {"mrn": ["1"], "assigner": []})
