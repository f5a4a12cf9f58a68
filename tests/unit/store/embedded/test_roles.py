"""Roles of the embedded PostgreSQL: the owner is not a superuser, and every login needs a password."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from cargo_ai.store.embedded import data_home, postgres
from cargo_ai.store.embedded.postgres import Cluster
from tests.unit.store.embedded.calls import execute, value


def test_the_owner_is_no_superuser_and_owns_the_database(shared: Cluster) -> None:
    rights = "SELECT (rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls)::text FROM pg_roles WHERE rolname = current_user"
    assert value(shared.owner_url, rights) == "(f,t,f,f,f)"
    assert value(shared.owner_url, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()") == "cargo_owner"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        execute(shared.owner_url, "SELECT pg_read_file('/etc/passwd')")


def test_the_extensions_are_there(shared: Cluster) -> None:
    known = value(shared.owner_url, "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension")
    assert known == "btree_gin pg_trgm plpgsql unaccent vector"


def test_a_role_that_was_let_in_nowhere_can_connect_to_no_database(shared: Cluster) -> None:
    execute(shared.owner_url, "CREATE ROLE stranger LOGIN PASSWORD 'known'")
    password = shared.owner_url.split(":")[2].split("@")[0]
    for database in ("cargo_ai", "postgres", "template1"):
        url = shared.owner_url.replace("cargo_owner", "stranger").replace(password, "known").replace("/cargo_ai?", f"/{database}?")
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            execute(url)


def test_every_login_needs_a_password_and_there_is_no_tcp(shared: Cluster) -> None:
    methods = "SELECT string_agg(DISTINCT auth_method, ' ') FROM pg_hba_file_rules"
    assert value(shared.admin_url, methods) == "scram-sha-256"
    assert value(shared.admin_url, "SHOW listen_addresses") == ""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        execute(shared.admin_url.replace("cargo_admin:", "cargo_admin:0"))


def test_a_database_that_is_missing_or_not_yet_the_owners_becomes_its(stopped: Path) -> None:
    # As a new data folder has it, and as one whose making has failed.
    for statement in ("ALTER DATABASE cargo_ai OWNER TO cargo_admin", "DROP DATABASE cargo_ai WITH (FORCE)"):
        execute(postgres.start(stopped, fsync=False).admin_url, statement)
        data_home.data_home_of(stopped).owner_password.unlink()
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        assert value(postgres.start(stopped, fsync=False).owner_url, owner) == "cargo_owner"


def test_a_new_server_has_read_next_to_nothing_of_the_template_that_its_database_is_a_copy_of(folder: Path) -> None:
    admin = postgres.start(folder, fsync=False).admin_url
    if not value(admin, "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_buffercache'"):
        pytest.skip("this PostgreSQL does not say what is in its buffers")
    execute(admin, "CREATE EXTENSION pg_buffercache")
    buffers = "SELECT count(*) FROM pg_buffercache b JOIN pg_database d ON d.oid = b.reldatabase WHERE d.datname = 'template1'"
    read = value(admin, buffers)
    assert isinstance(read, int)
    assert read < 200
