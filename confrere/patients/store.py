"""SQL of this part, in and out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.database.paging import Condition, any_of, older, within
from confrere.kernel.ids import GroupId, PatientId
from confrere.kernel.periods import Place
from confrere.patients import store_numbers
from confrere.patients.comparing import phone
from confrere.patients.model import (
    Demographics,
    Fit,
    NameSought,
    Number,
    Patient,
    PatientsSought,
)
from confrere.patients.sounds import first_word, sound
from confrere.patients.tables import START, patients
from confrere.patients.telling import FIELDS, told

MOST_CANDIDATES = 100  # by one key; a key that more share tells nearly nothing
# a branch a key, so that each is one walk of an index; equality is leakproof, so also behind
# row-level security. That no key is empty is said for the sake of the partial indexes
CANDIDATES = """
select * from patients where id is distinct from cast(:self as uuid) and id in (
    (select id from patients where birth_date = cast(:born as date) and not synthetic
        limit 10 * :most)
    union all (select id from patients where name_key = any(cast(:names as text[]))
        and name_key <> '' and not synthetic limit :most)
    union all (select id from patients where family_key = cast(:family as text)
        and given_key = cast(:given as text) and not synthetic limit :most)
    union all (select id from patients where house_key = cast(:house as text)
        and house_key <> '' and not synthetic limit :most)
    union all (select id from patients where phone_key = cast(:phone as text)
        and phone_key <> '' and not synthetic limit :most)
    union all (select id from patients where national_last4 = cast(:national as text)
        and national_last4 <> '' and not synthetic limit 2 * :most)
    union all (select p.id from unnest(cast(:assigners as text[]), cast(:numbers as text[]))
        as said (assigner, number) join patients p
        on p.mrn = said.number and p.assigner = said.assigner
        where not p.synthetic limit :most)
    union all (select i.patient_id from
        unnest(cast(:assigners as text[]), cast(:numbers as text[])) as said (assigner, number)
        join patient_identifiers i on i.value = said.number and i.assigner = said.assigner
        limit :most)
) and not synthetic
"""
_KEYS = {"family": patients.c.family_key, "given": patients.c.given_key}


def save(
    conn: Connection, owner: GroupId, said: Demographics, at: datetime, said_at: datetime
) -> tuple[Patient, bool]:
    """Add a patient, or bring what is new; say whether anything was."""
    words = {name: getattr(said, name) for name in FIELDS}
    told_at = {name: said_at.isoformat() for name in FIELDS if words[name]}
    key = ["owner_group", "assigner", "mrn"]
    made = insert(patients).values(
        owner_group=owner, assigner=said.assigner, mrn=said.mrn, updated_at=at, source=told_at,
        **words,
    )  # fmt: skip
    adding = made.on_conflict_do_nothing(index_elements=key).returning(patients)
    if added := conn.execute(adding).first():
        store_numbers.add(conn, owner, PatientId(added.id), _others(said), said_at)
        return _whole(conn, [added])[0], True
    theirs = _identity(owner, said.assigner, said.mrn)
    known = conn.execute(sa.select(patients).where(theirs).with_for_update()).one()
    (before,) = _whole(conn, [known])
    more = store_numbers.add(conn, owner, before.id, _others(said), said_at)
    now, times = told(before.demographics, known.source, said, said_at)
    if times == known.source and not more:
        return before, False
    news = {name: getattr(now, name) for name in FIELDS}
    is_news = more or now != before.demographics
    news |= {"source": times} | ({"updated_at": at} if is_news else {})
    done = sa.update(patients).where(patients.c.id == known.id).values(news)
    return _whole(conn, [conn.execute(done.returning(patients)).one()])[0], is_news


def _others(said: Demographics) -> list[Number]:
    own = (said.assigner, said.mrn)
    return [one for one in said.further if (one.assigner, one.value) != own]


def get(conn: Connection, ids: Sequence[PatientId]) -> list[Patient]:
    """Patients by id, as far as this connection may see them."""
    return _whole(conn, conn.execute(sa.select(patients).where(patients.c.id.in_(ids))))


def by_identifier(conn: Connection, owner: GroupId, assigner: str, mrn: str) -> Patient | None:
    """The identity that an assigner gave; else the only one with this further record number."""
    row = conn.execute(sa.select(patients).where(_identity(owner, assigner, mrn))).first()
    if row is not None:
        return _whole(conn, [row])[0]
    known = store_numbers.bearers(conn, owner, assigner, mrn)
    return next(iter(get(conn, known)), None) if len(known) == 1 else None


def _identity(owner: GroupId, assigner: str, mrn: str) -> Condition:
    c = patients.c
    return sa.and_(c.owner_group == owner, c.assigner == assigner, c.mrn == mrn)


def candidates(
    conn: Connection, said: Demographics, not_this: PatientId | None
) -> list[Patient]:
    """Identities worth comparing: they share one of the keys with what is said."""
    query = sa.text(CANDIDATES).columns(*patients.c)
    keys = _keys(said) | {"self": not_this, "most": MOST_CANDIDATES}
    return _whole(conn, conn.execute(query, keys))


def _keys(said: Demographics) -> dict[str, Any]:
    """The keys of one identity, as `tables` has the database make them.

    Names also stand in each other's place: that is a slip of registration as well.
    """
    born = said.birth_date
    orders = [(said.family, said.given), (said.given, said.family)]
    names = [f"{a[:4].lower()}|{b[:1].lower()}|{born.year}" for a, b in orders if a and born]
    number = re.search("[0-9]+", said.street)
    letter = re.search("[A-Za-z]", said.street)
    house = (
        f"{said.postal_code[:5]}|{number[0]}|{letter[0].lower() if letter else ''}"
        if (number and said.postal_code)
        else None
    )
    return {
        "assigners": [assigner for assigner, _ in sorted(said.numbers)],
        "numbers": [number for _, number in sorted(said.numbers)], "born": born, "names": names,
        "family": said.family.lower() or None, "given": said.given.lower() or None,
        "house": house, "phone": phone(said.phone) or None,
        "national": said.national_last4 or None,
    }  # fmt: skip


def of_person(conn: Connection, person: UUID) -> list[Patient]:
    """All identities linked as one person."""
    return _whole(conn, conn.execute(sa.select(patients).where(patients.c.person_id == person)))


def set_persons(
    conn: Connection, now: Mapping[PatientId, tuple[UUID | None, PatientId | None]],
    at: datetime,
) -> list[Patient]:  # fmt: skip
    """Write each identity's person and successor; return those that this changed.

    Who was merged away, or no longer is, counts as updated: others see that of the identity.
    """
    changed = []
    for one, (person, successor) in sorted(now.items()):
        c = patients.c
        stays = c.merged_into.is_not_distinct_from(successor)
        news = {
            "person_id": person, "merged_into": successor,
            "updated_at": sa.case((stays, c.updated_at), else_=at),
        }  # fmt: skip
        as_before = sa.and_(c.person_id.is_not_distinct_from(person), stays)
        done = sa.update(patients).where(c.id == one, ~as_before).values(news)
        changed += _whole(conn, conn.execute(done.returning(patients)))
    return changed


def samples(conn: Connection, most: int) -> list[Patient]:
    """Return real identities to train on, drawn evenly by their random ids."""
    query = sa.select(patients).where(patients.c.synthetic.is_(False))
    rows = conn.execute(query.order_by(patients.c.id).limit(most))
    return [_patient(row) for row in rows]  # what further numbers they have teaches nothing


def search(
    conn: Connection, owners: Sequence[GroupId], conditions: dict[str, str], limit: int,
    offset: int = 0,
) -> list[Patient]:  # fmt: skip
    """Patients by exact identifier, family prefix, birth date; newest first.

    `mrn` is an identity's own number, `number` its own or a further one.
    """
    query = sa.select(patients).order_by(patients.c.updated_at.desc(), patients.c.id)
    if owners:
        query = query.where(patients.c.owner_group.in_(owners))
    if "mrn" in conditions:
        query = query.where(patients.c.mrn == conditions["mrn"])
    if "number" in conditions:
        query = query.where(store_numbers.numbered(None, conditions["number"]))
    if "assigner" in conditions:
        query = query.where(patients.c.assigner == conditions["assigner"])
    for name in ("family", "given"):
        if name in conditions:
            query = query.where(_begins(_KEYS[name], conditions[name]))
    if "birth_date" in conditions:
        query = query.where(patients.c.birth_date == conditions["birth_date"])
    return _whole(conn, conn.execute(query.limit(limit).offset(offset)))


def sounding(conn: Connection, family: str, given: str, most: int) -> list[PatientId]:
    """Whose name sounds like this, last changed first; without a given name, either name may."""
    c, key = patients.c, sound(family)
    heard = (
        sa.and_(c.family_sound == key, c.given_sound == sound(first_word(given)))
        if given
        else sa.or_(c.family_sound == key, c.given_sound == key)
    )
    if not key:
        return []
    found = sa.select(c.id).where(heard).order_by(c.updated_at.desc(), c.id).limit(most)
    return [PatientId(one) for one in conn.execute(found).scalars()]


def page(
    conn: Connection, sought: PatientsSought, limit: int, after: Place | None
) -> list[Patient]:
    """Patients that fit, last changed first."""
    c = patients.c
    asked = [
        c.id.in_(sought.ids) if sought.ids is not None else None,
        c.sex.in_(sought.sexes) if sought.sexes is not None else None,
        within(c.birth_date, sought.born) if sought.born is not None else None,
        within(c.updated_at, sought.updated) if sought.updated is not None else None,
        *(
            any_of(store_numbers.numbered(*pair) for pair in pairs)
            for pairs in sought.identifiers
        ),
        *(_named(name) for name in sought.names),
        *(c.phone_key.in_(some - {""}) for some in sought.phones),
        *(
            any_of(c.postal_code.startswith(code, autoescape=True) for code in codes)
            for codes in sought.postal_codes
        ),
        c.merged_into.is_(None).in_(sought.active) if sought.active is not None else None,
        older(c.updated_at, c.id, after),
    ]
    query = (
        sa.select(patients)
        .where(*(one for one in asked if one is not None))
        .order_by(c.updated_at.desc(), c.id.desc())
        .limit(limit)
    )
    return _whole(conn, conn.execute(query))


def _named(name: NameSought) -> Condition:
    def fits(column: Any, value: str) -> Condition:
        if name.fit is Fit.EXACT:
            return sa.and_(column == value)
        if name.fit is Fit.START:
            return _begins(_KEYS[column.name], value)
        return sa.and_(_KEYS[column.name].contains(value.lower(), autoescape=True))

    return any_of(
        fits(patients.c[field], value) for field in name.fields for value in name.values
    )


def _begins(key: Any, start: str) -> Condition:
    """Begin with these letters: a range, because LIKE has no index behind row-level security."""
    low = start.lower()
    if not low:
        return sa.true()
    if key is patients.c.family_key and len(low) == START:
        return sa.and_(patients.c.family_start == low, patients.c.family_start != "")
    # C collation compares bytes, and no UTF-8 text holds the byte after the last code point
    return sa.and_(key >= low, key < low + "\U0010ffff")


def _whole(conn: Connection, rows: Iterable[Any]) -> list[Patient]:
    return store_numbers.with_further(conn, [_patient(row) for row in rows])


def _patient(r: Any) -> Patient:
    said = Demographics(
        r.assigner, r.mrn, r.family, r.given, r.birth_date, r.sex, r.postal_code, r.street,
        r.phone, r.national_last4,
    )  # fmt: skip
    return Patient(
        PatientId(r.id), GroupId(r.owner_group), said, r.person_id,
        PatientId(r.merged_into) if r.merged_into else None, r.updated_at,
    )  # fmt: skip
