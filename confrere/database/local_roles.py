"""The three roles and the database of a private server; none of the roles is a superuser.

Superusers and owners pass by row-level security, so the product connects as neither, on a
laptop too: `confrere_owner` migrates, `confrere_app` serves people, `confrere_system` works.
"""

import psycopg
from psycopg import sql

from confrere.database.local_process import LocalServer

BOOT_ROLE = "confrere_boot"  # made by initdb, a superuser: for setting up and for tests
ROLES = ("confrere_owner", "confrere_app", "confrere_system")
_PLAIN = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


def ensure_roles(server: LocalServer, database: str = "confrere") -> None:
    """Create the roles and the database where they lack, and close both to everybody else."""
    name = sql.Identifier(database)
    owner, *users = map(sql.Identifier, ROLES)
    with psycopg.connect(server.url(BOOT_ROLE, "postgres"), autocommit=True) as conn:
        # two starts at once would both find a role absent
        conn.execute("SELECT pg_advisory_lock(hashtext('confrere roles'))")
        for role in ROLES:
            known = conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
            verb = sql.SQL("ALTER ROLE {} " if known else "CREATE ROLE {} ")
            conn.execute(verb.format(sql.Identifier(role)) + sql.SQL(_PLAIN))
        if not conn.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [database]
        ).fetchone():
            conn.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, owner))
        for closed in (name, sql.Identifier("postgres"), sql.Identifier("template1")):
            conn.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(closed))
        for user in users:
            conn.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, user))
        # bulk loads go through a temporary table
        system = sql.Identifier("confrere_system")
        conn.execute(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(name, system))
    with psycopg.connect(server.url(BOOT_ROLE, database), autocommit=True) as conn:
        conn.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
