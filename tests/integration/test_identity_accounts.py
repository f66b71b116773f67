"""Sign-in, sessions and tokens against PostgreSQL, as the app role."""

import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.identity import service
from confrere.identity.model import Limits, User
from confrere.identity.service import Rejected, SignedIn
from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.kernel.ids import GroupId, ReaderId
from confrere.kernel.principal import Role

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
PASSWORD = "green kettle under stairs"


def make_user(conn: Connection, username: str = "mkessler") -> User:
    return service.create_user(
        conn,
        username,
        "Dr M. Kessler",
        Role.RADIOLOGIST,
        group=GroupId(uuid4()),
        reader=ReaderId(uuid4()),
        site=None,
        password=PASSWORD,
        now=NOW,
    )


def attempt(
    conn: Connection, password: str = PASSWORD, at: datetime = NOW, username: str = "mkessler"
) -> SignedIn | Rejected:
    return service.sign_in(conn, username, password, at, random=os.urandom)


def signed_in(conn: Connection, at: datetime = NOW) -> SignedIn:
    outcome = attempt(conn, at=at)
    assert isinstance(outcome, SignedIn)
    return outcome


def test_the_right_password_gives_a_session_of_that_person(app_conn: Connection) -> None:
    user = make_user(app_conn)
    outcome = attempt(app_conn, username=" MKessler")
    assert isinstance(outcome, SignedIn)
    found = service.principal_of_session(app_conn, outcome.secret, NOW)
    assert found == outcome.principal
    assert (found.user, found.role, found.group, found.reader) == (
        user.id,
        Role.RADIOLOGIST,
        user.group,
        user.reader,
    )
    assert found.purpose == "treatment"


def test_only_the_digest_of_a_secret_is_stored(app_conn: Connection) -> None:
    make_user(app_conn)
    secret = signed_in(app_conn).secret
    stored = app_conn.execute(sa.text("select s::text from sessions s")).scalars().all()
    assert stored
    assert not any(secret in row for row in stored)


def test_wrong_unknown_and_disabled_are_rejected_alike(app_conn: Connection) -> None:
    user = make_user(app_conn)
    assert isinstance(attempt(app_conn, "wrong horse battery"), Rejected)
    assert attempt(app_conn, username="nobody") == Rejected(None, locked=False)
    service.disable_user(app_conn, user.id, NOW)
    assert isinstance(attempt(app_conn), Rejected)
    service.enable_user(app_conn, user.id)
    assert isinstance(attempt(app_conn), SignedIn)


def test_five_failures_lock_also_the_right_password_until_the_time_is_over(
    app_conn: Connection,
) -> None:
    make_user(app_conn)
    for _ in range(4):
        assert attempt(app_conn, "wrong horse battery") == Rejected(
            attempt_user(app_conn), locked=False
        )
    fifth = attempt(app_conn, "wrong horse battery")
    assert isinstance(fifth, Rejected)
    assert fifth.locked
    assert isinstance(attempt(app_conn, at=NOW + timedelta(seconds=29)), Rejected)
    assert isinstance(attempt(app_conn, at=NOW + timedelta(seconds=30)), SignedIn)


def attempt_user(conn: Connection) -> User:
    return service.list_users(conn)[0]


def test_a_failure_after_the_lock_doubles_it_and_success_forgets(app_conn: Connection) -> None:
    make_user(app_conn)
    for _ in range(5):
        attempt(app_conn, "wrong horse battery")
    later = NOW + timedelta(seconds=30)
    attempt(app_conn, "wrong horse battery", later)
    assert attempt_user(app_conn).locked_until == later + timedelta(seconds=60)
    assert isinstance(attempt(app_conn, at=later + timedelta(seconds=60)), SignedIn)
    attempt(app_conn, "wrong horse battery", later + timedelta(seconds=61))
    assert attempt_user(app_conn).locked_until is None


def test_a_session_ends_when_idle_and_at_its_absolute_end(app_conn: Connection) -> None:
    make_user(app_conn)
    secret = signed_in(app_conn).secret
    limits = Limits(life=timedelta(hours=12), idle=timedelta(minutes=60))

    def alive(at: datetime) -> bool:
        return service.principal_of_session(app_conn, secret, at, limits=limits) is not None

    for hour in range(1, 15):
        assert alive(NOW + timedelta(minutes=50 * hour)) is (50 * hour < 12 * 60)
    other = signed_in(app_conn).secret
    assert (
        service.principal_of_session(
            app_conn, other, NOW + timedelta(minutes=59), limits=limits, touch=False
        )
        is not None
    )
    gone = service.principal_of_session(
        app_conn, other, NOW + timedelta(minutes=60), limits=limits
    )
    assert gone is None


def test_signing_out_ends_that_session_at_once(app_conn: Connection) -> None:
    make_user(app_conn)
    first, second = signed_in(app_conn).secret, signed_in(app_conn).secret
    service.sign_out(app_conn, first, NOW)
    assert service.principal_of_session(app_conn, first, NOW) is None
    assert service.principal_of_session(app_conn, second, NOW) is not None


def test_disabling_a_user_ends_sessions_and_tokens_for_good(app_conn: Connection) -> None:
    user = make_user(app_conn)
    session = signed_in(app_conn).secret
    token = service.create_token(
        app_conn, user.id, "EHR", expires_at=NOW + timedelta(days=9), now=NOW, random=os.urandom
    )
    assert service.principal_of_token(app_conn, token, NOW) is not None
    service.disable_user(app_conn, user.id, NOW)
    assert service.principal_of_session(app_conn, session, NOW) is None
    assert service.principal_of_token(app_conn, token, NOW) is None
    service.enable_user(app_conn, user.id)
    assert service.principal_of_session(app_conn, session, NOW) is None
    assert service.principal_of_token(app_conn, token, NOW) is None


def test_a_token_ends_on_its_day_when_revoked_and_is_no_session(app_conn: Connection) -> None:
    user = make_user(app_conn)
    day = timedelta(days=1)
    token = service.create_token(
        app_conn, user.id, "EHR", expires_at=NOW + 2 * day, now=NOW, random=os.urandom
    )
    today = service.principal_of_token(app_conn, token, NOW)
    tomorrow = service.principal_of_token(app_conn, token, NOW + day)
    assert today
    assert tomorrow
    assert today.session != tomorrow.session
    assert service.principal_of_token(app_conn, token, NOW + 2 * day) is None
    assert service.principal_of_session(app_conn, token, NOW) is None
    assert service.principal_of_token(app_conn, token + "x", NOW) is None
    assert service.principal_of_token(app_conn, "\ud800", NOW) is None
    (known,) = service.tokens_of(app_conn, user.id)
    service.revoke_token(app_conn, user.id, known.id, NOW)
    assert service.principal_of_token(app_conn, token, NOW) is None
    with pytest.raises(NotFound):
        service.revoke_token(app_conn, user.id, known.id, NOW)


def test_a_token_without_a_label_or_an_end_in_reach_is_refused(app_conn: Connection) -> None:
    user = make_user(app_conn)
    for label, days, field in (("", 9, "label"), ("EHR", 0, "expires_at"), ("EHR", 401, "")):
        with pytest.raises(Invalid) as caught:
            service.create_token(
                app_conn,
                user.id,
                label,
                expires_at=NOW + timedelta(days=days),
                now=NOW,
                random=os.urandom,
            )
        assert field in caught.value.field


def test_a_username_is_taken_in_any_case(app_conn: Connection) -> None:
    make_user(app_conn)
    with pytest.raises(Conflict, match="taken"):
        make_user(app_conn, "MKESSLER")


def test_changing_the_password_needs_the_old_one_and_ends_other_sessions(
    app_conn: Connection,
) -> None:
    user = make_user(app_conn)
    mine, other = signed_in(app_conn).secret, signed_in(app_conn).secret
    fresh = "teapots never sing alone"
    assert not service.change_password(
        app_conn, user.id, "wrong horse battery", fresh, NOW, session=mine
    )
    assert service.change_password(app_conn, user.id, PASSWORD, fresh, NOW, session=mine)
    assert service.principal_of_session(app_conn, mine, NOW) is not None
    assert service.principal_of_session(app_conn, other, NOW) is None
    assert isinstance(attempt(app_conn), Rejected)
    assert isinstance(attempt(app_conn, fresh), SignedIn)


def test_an_administrators_reset_unlocks_and_ends_every_session(app_conn: Connection) -> None:
    user = make_user(app_conn)
    secret = signed_in(app_conn).secret
    for _ in range(6):
        attempt(app_conn, "wrong horse battery")
    service.reset_password(app_conn, user.id, "teapots never sing alone", NOW)
    assert service.principal_of_session(app_conn, secret, NOW) is None
    assert isinstance(attempt(app_conn, "teapots never sing alone"), SignedIn)
