"""Accounts: made with a password shown once, disabled, unlocked, given tokens; within scope."""

import re
from collections.abc import Iterator
from uuid import UUID, uuid4

import httpx
import pytest

from confrere.audit.model import COLLABORATIVE
from confrere.database.engine import transaction
from confrere.identity import service as identity
from confrere.identity.model import User
from confrere.identity.permissions import Permission
from confrere.kernel.ids import GroupId
from confrere.kernel.principal import Role
from confrere.web import admin_page
from confrere.web.admin_page import new_password
from tests.integration.lists_house import HTMX, House, lists_house

SECRET = re.compile(r'<code id="secret">([^<]+)</code>')


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [admin_page.router]) as made:
        yield made


@pytest.fixture(scope="module")
def admin(house: House) -> httpx.Client:
    return house.signed_in(Role.ADMINISTRATOR, None)


def secret_in(answer: httpx.Response) -> str:
    found = SECRET.search(answer.text)
    assert found, answer.text
    return found[1]


def made_by(house: House, browser: httpx.Client, role: str = "IT engineer") -> tuple[User, str]:
    """Create an account of the owner group; return it with its password."""
    username = f"n{uuid4().hex[:8]}"
    form = {"name": "Nell Park", "username": username, "role": role}
    answer = browser.post("/admin", data=form | {"group": str(house.world.owner)}, headers=HTMX)
    with transaction(house.made.app, frozenset()) as conn:
        user = next(one for one in identity.list_users(conn) if one.username == username)
    return user, secret_in(answer)


def signs_in(house: House, username: str, password: str) -> bool:
    form = {"username": username, "password": password}
    return house.site.browser().post("/login", data=form).status_code == 303


def test_a_new_accounts_password_is_shown_once_and_works(
    house: House, admin: httpx.Client
) -> None:
    user, password = made_by(house, admin)
    assert signs_in(house, user.username, password)
    for path in ("/admin", f"/admin/{user.id}"):
        page = admin.get(path).text
        assert user.username in page
        assert password not in page
    noted = house.trail("account")[0]
    assert (noted.action, noted.object_id) == ("C", user.id)
    assert password not in str(noted.detail)


def test_a_password_is_long_and_every_random_bit_counts() -> None:
    assert new_password(lambda n: bytes(range(n))) == "abcde-fghij-kmnpq-rstuv"
    assert new_password(lambda n: b"\xff" * n) == "99999-99999-99999-99999"


def test_disabling_ends_everything_and_enabling_lets_in_again(
    house: House, admin: httpx.Client
) -> None:
    user, password = made_by(house, admin)
    token = secret_in(
        admin.post(f"/admin/{user.id}/tokens", data={"label": "archive", "days": 90})
    )
    assert "Disabled." in admin.post(f"/admin/{user.id}/disable").text
    assert not signs_in(house, user.username, password)
    with transaction(house.made.app, frozenset()) as conn:
        assert identity.principal_of_token(conn, token, house.site.clock()) is None
    assert "may sign in" in admin.post(f"/admin/{user.id}/enable").text
    assert signs_in(house, user.username, password)


def test_a_reset_replaces_the_password(house: House, admin: httpx.Client) -> None:
    user, old = made_by(house, admin)
    new = secret_in(admin.post(f"/admin/{user.id}/password", headers=HTMX))
    assert not signs_in(house, user.username, old)
    assert signs_in(house, user.username, new)


def test_a_token_is_shown_once_and_revoked_at_once(house: House, admin: httpx.Client) -> None:
    user, _ = made_by(house, admin)
    path = f"/admin/{user.id}/tokens"
    assert admin.post(path, data={"label": "", "days": 30}).status_code == 422
    assert admin.post(path, data={"label": "x", "days": 9999}).status_code == 422
    secret = secret_in(admin.post(path, data={"label": "archive", "days": 30}))
    assert secret not in admin.get(f"/admin/{user.id}").text
    with transaction(house.made.app, frozenset()) as conn:
        assert identity.principal_of_token(conn, secret, house.site.clock()) is not None
        token = identity.tokens_of(conn, user.id)[0].id
    assert "refused from now on" in admin.post(f"{path}/{token}/revoke").text
    assert admin.post(f"{path}/{token}/revoke").status_code == 404
    with transaction(house.made.app, frozenset()) as conn:
        assert identity.principal_of_token(conn, secret, house.site.clock()) is None


def test_nobody_locks_themselves_out(house: House, admin: httpx.Client) -> None:
    me = house.trail("sign-in", GroupId(COLLABORATIVE))[0].agent.user
    assert admin.post(f"/admin/{me}/disable").status_code == 409
    assert admin.post(f"/admin/{me}/password").status_code == 409


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"role": "emperor"}, "Choose the role"),
        ({"role": "radiologist"}, "one of the directory"),
        ({"role": "hospital client"}, "must have a site"),
        ({"group": str(UUID(int=3))}, "one of the groups"),
        ({"reader": str(UUID(int=3)), "role": "resident"}, "a reader of the account"),
        ({"username": "two words"}, "without spaces"),
    ],
)
def test_what_does_not_fit_is_named(
    house: House, admin: httpx.Client, changes: dict[str, str], problem: str
) -> None:
    form = {
        "name": "N", "username": "n", "role": "IT engineer", "group": str(house.world.owner),
    }  # fmt: skip
    answer = admin.post("/admin", data=form | changes, headers=HTMX)
    assert answer.status_code == 422
    assert problem in answer.text


def test_another_groups_reader_cannot_be_lent_an_account(
    house: House, admin: httpx.Client
) -> None:
    form = {
        "name": "N", "username": "n", "role": "radiologist", "group": str(house.world.owner),
        "reader": str(house.world.neuro),
    }  # fmt: skip
    assert admin.post("/admin", data=form).status_code == 422


def test_a_groups_administrator_keeps_that_groups_accounts_only(
    house: House, admin: httpx.Client
) -> None:
    user, password = made_by(house, admin)
    theirs = house.signed_in(Role.ADMINISTRATOR, house.world.partner)
    assert user.username not in theirs.get("/admin").text
    for act in ("disable", "password", "tokens", "enable"):
        form = {"label": "x", "days": "30"}
        assert theirs.post(f"/admin/{user.id}/{act}", data=form).status_code == 404, act
    assert signs_in(house, user.username, password)
    form = {"name": "N", "username": "z", "role": "administrator"}
    assert theirs.post("/admin", data=form).status_code == 422
    wrong = form | {"group": str(house.world.owner)}
    assert theirs.post("/admin", data=wrong).status_code == 422


def test_accounts_are_the_administrators_alone(house: House) -> None:
    manager = house.signed_in(Role.GROUP_MANAGER)
    assert manager.get("/admin").status_code == 403
    assert manager.post("/admin", data={}).status_code == 403
    refused = house.trail("permission")[0]
    assert refused.detail["permission"] == Permission.MANAGE_USERS.value
