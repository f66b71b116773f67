"""Names that sound alike: the standard's examples, and the database says the same."""

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from confrere.patients import service as patients
from confrere.patients import sounds
from confrere.patients.model import Demographics
from tests.integration.world import NOW, build


@pytest.mark.parametrize(
    ("name", "key"),
    [  # archives.gov/research/census/soundex
        ("Washington", "W252"), ("Lee", "L000"), ("Gutierrez", "G362"), ("Pfister", "P236"),
        ("Jackson", "J250"), ("Tymczak", "T522"), ("Ashcraft", "A261"), ("VanDeusen", "V532"),
        ("Robert", "R163"), ("Rupert", "R163"), ("Dörfler", "D614"), ("O'Brien", "O165"),
        ("", ""), ("李", ""), ("12", ""),
    ],
)  # fmt: skip
def test_names_have_the_keys_of_the_national_archives(name: str, key: str) -> None:
    assert sounds.sound(name) == key


@settings(
    max_examples=150, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
       | st.text("abcdfghlmnrstwxy Aé'-", max_size=12))  # fmt: skip
def test_the_database_makes_the_same_key(conn: Connection, name: str) -> None:
    made = conn.execute(sa.text(f"select {sounds.sql('cast(:name as text)')}"), {"name": name})
    # letters that fold to a to z only in one of the two are none that a name needs
    if all(c.lower() == c.lower().casefold() and len(c.lower()) == 1 for c in name):
        assert made.scalar_one() == sounds.sound(name)


def test_both_names_are_heard_or_either(conn: Connection) -> None:
    world = build(conn)
    made = [
        patients.record(conn, world.owner, Demographics("A", str(n), family, first), NOW).id
        for n, (family, first) in enumerate(
            [("Smith", "Catherine Mary"), ("Smyth", "Katherine"), ("Smit", "Peter"),
             ("Peters", "Schmitt")]
        )
    ]  # fmt: skip
    assert set(patients.sounding(conn, "Smythe", "Peder", 9)) == {made[2]}
    assert set(patients.sounding(conn, "Smythe", "", 9)) == {*made}
    assert set(patients.sounding(conn, "Smythe", "Cathryn", 9)) == {made[0]}
    assert len(patients.sounding(conn, "Smythe", "", 2)) == 2
    assert patients.sounding(conn, "", "", 9) == []
