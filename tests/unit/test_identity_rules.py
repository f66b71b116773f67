"""Passwords, lockout and roles, without a database."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from confrere.identity import secrets
from confrere.identity.model import check_belongings, check_password, locked_until, username_of
from confrere.identity.permissions import OF_ROLE, Permission, device_may, require
from confrere.kernel.errors import Invalid, Refused
from confrere.kernel.ids import GroupId, ReaderId, SiteId, UserId
from confrere.kernel.principal import Principal, Role

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def principal(role: Role) -> Principal:
    return Principal(UserId(uuid4()), "A. Person", role, GroupId(uuid4()), None, None, "s")


def test_the_account_locks_at_the_fifth_failure_and_the_lock_grows_to_its_limit() -> None:
    assert locked_until(4, NOW) is None
    waits = [locked_until(n, NOW) for n in (5, 6, 7, 9, 10, 500)]
    seconds = [(until - NOW).total_seconds() for until in waits if until]
    assert seconds == [30, 60, 120, 480, 900, 900]


@pytest.mark.parametrize(
    "bad",
    [
        "fourteen chars",
        "aaaaaaaaaaaaaaaa",
        "passwordpassword1",
        "password12345678",
        "Welcome-Hospital-2026",
        "mkessler is the best",
        "x" * 20 + "y" * 300,
        "abcdefghijklmnop",
    ],
)
def test_a_weak_password_is_refused_and_the_field_named(bad: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_password(bad, "mkessler")
    assert caught.value.field == "password"


@pytest.mark.parametrize("good", ["green kettle under stairs", "Radiology needs 9 teapots"])
def test_a_long_phrase_needs_no_digits_or_signs(good: str) -> None:
    check_password(good, "mkessler")


def test_usernames_are_compared_without_case_and_in_one_unicode_form() -> None:
    assert username_of("  MKessler ") == "mkessler"
    assert username_of("Jose\u0301") == username_of("JOS\u00c9")


def test_a_password_hash_is_argon2id_with_at_least_19_mib_and_two_passes() -> None:
    stored = secrets.hash_password("green kettle under stairs")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert secrets.verify_password(stored, "green kettle under stairs")
    assert not secrets.verify_password(stored, "green kettle under stair")
    assert not secrets.verify_password(None, "anything")
    assert not secrets.verify_password("", "")


def test_a_secret_holds_32_random_bytes_and_its_digest_does_not_reveal_it() -> None:
    secret = secrets.new_secret(lambda n: bytes(range(n)))
    assert secret == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert len(secrets.digest(secret)) == 32


def test_a_resident_signs_preliminary_but_never_final() -> None:
    resident = principal(Role.RESIDENT)
    require(resident, Permission.DRAFT)
    require(resident, Permission.SIGN_PRELIMINARY)
    with pytest.raises(Refused, match="A resident may not sign a final report"):
        require(resident, Permission.SIGN_FINAL)
    assert {role for role, has in OF_ROLE.items() if Permission.SIGN_FINAL in has} == {
        Role.RADIOLOGIST
    }


def test_an_analyst_sees_pooled_measures_and_no_patient() -> None:
    assert OF_ROLE[Role.ANALYST] == {Permission.READ_POOLED, Permission.OWN_ACCOUNT}


def test_it_engineers_and_administrators_see_no_report_image_or_patient() -> None:
    clinical = {
        Permission.READ_WORKLIST,
        Permission.READ_IMAGES,
        Permission.READ_REPORTS,
        Permission.READ_PATIENTS,
    }
    assert not clinical & OF_ROLE[Role.IT_ENGINEER]
    assert not clinical & OF_ROLE[Role.ADMINISTRATOR]


def test_every_role_is_in_the_table_and_no_person_has_a_device_right() -> None:
    assert set(OF_ROLE) == set(Role)
    devices = {one for one in Permission if one.name.startswith(("DICOM_", "HL7_"))}
    assert not any(devices & has for has in OF_ROLE.values())
    assert device_may("dicom", Permission.DICOM_STORE)
    assert not device_may("hl7", Permission.DICOM_STORE)
    assert not device_may("", Permission.DICOM_ECHO)


@pytest.mark.parametrize(
    ("role", "group", "reader", "site", "field"),
    [
        (Role.RADIOLOGIST, True, False, False, "reader"),
        (Role.RADIOLOGIST, False, True, False, "group"),
        (Role.GROUP_MANAGER, False, False, False, "group"),
        (Role.GROUP_MANAGER, True, True, False, "reader"),
        (Role.HOSPITAL_CLIENT, True, False, False, "site"),
        (Role.HOSPITAL_CLIENT, False, False, True, "site"),
        (Role.ANALYST, True, False, False, "group"),
    ],
)
def test_a_role_without_its_scope_is_refused(
    role: Role, group: bool, reader: bool, site: bool, field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        check_belongings(
            role,
            GroupId(uuid4()) if group else None,
            ReaderId(uuid4()) if reader else None,
            SiteId(uuid4()) if site else None,
        )
    assert caught.value.field == field


def test_a_lock_is_over_when_its_time_is_over() -> None:
    until = locked_until(5, NOW)
    assert until == NOW + timedelta(seconds=30)
