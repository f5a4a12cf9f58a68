"""Dump and load a database with PostgreSQL's own programs, as a stream."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import psycopg
from psycopg import conninfo

from cargo_ai.server.backup.refusals import DumpFailed
from cargo_ai.store.embedded import binaries
from cargo_ai.store.embedded.os_user import ENVIRONMENT, EmbeddedPostgresError

BLOCK_BYTES = 256 * 1024
# Owners and grants belong to the cluster that is restored into: its login owns everything, and workspaces' logins are let in when they ask.
PORTABLE = ("--no-owner", "--no-privileges", "--no-comments", "--no-publications", "--no-subscriptions", "--no-security-labels")
# A login must not be able to name the application's tables.
CLOSE_PUBLIC = ("GRANT USAGE, CREATE ON SCHEMA public TO CURRENT_USER", "REVOKE ALL ON SCHEMA public FROM PUBLIC")


def dump(url: str, programs: Path | None) -> Iterator[bytes]:
    """The whole database at one point in time, in pg_dump's custom format, while others write. DumpFailed when it cannot be read."""
    command = [_program("pg_dump", programs), "--format=custom", "--compress=gzip:3", "--lock-wait-timeout=60s", *PORTABLE]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, *_target(url)], env=_environment(url), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        )
        assert process.stdout is not None
        try:
            while block := process.stdout.read(BLOCK_BYTES):
                yield block
            _require_success("pg_dump", process, errors)
        finally:
            _end(process)


def load(url: str, blocks: Iterable[bytes], programs: Path | None) -> None:
    """Load such a dump into an empty database, in one transaction. DumpFailed when it cannot be loaded: nothing is in it then."""
    command = [_program("pg_restore", programs), "--single-transaction", *PORTABLE]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, *_target(url)], env=_environment(url), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors
        )
        assert process.stdin is not None
        try:
            try:
                for block in blocks:
                    process.stdin.write(block)
                process.stdin.close()
            except BrokenPipeError:
                pass  # its own message says why it ended
            _require_success("pg_restore", process, errors)
        finally:
            _end(process)
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in (*CLOSE_PUBLIC, "ANALYZE"):
            connection.execute(statement)


def is_empty(url: str) -> bool:
    """Whether a database holds nothing but extensions."""
    query = (
        "SELECT NOT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v')"
        " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
        " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e'))"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    return bool(row and row[0])


def _program(name: str, programs: Path | None) -> str:
    path = binaries.folder_of(programs) / name
    if not path.is_file():
        raise EmbeddedPostgresError(f"{path.parent} has no {name}: CARGO_AI_POSTGRES_BIN takes a bin folder of PostgreSQL that has it.")
    return str(path)


def _target(url: str) -> list[str]:
    """The database, without the password: everyone may read the arguments of a process."""
    parts = {name: value for name, value in conninfo.conninfo_to_dict(url).items() if name != "password"}
    return [f"--dbname={conninfo.make_conninfo('', **parts)}"]


def _environment(url: str) -> dict[str, str]:
    password = conninfo.conninfo_to_dict(url).get("password")
    return ENVIRONMENT | ({"PGPASSWORD": str(password)} if password else {})


def _require_success(name: str, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    if process.wait() != 0:
        errors.seek(0)
        raise DumpFailed(f"{name} failed: {errors.read(4000).decode(errors='replace').strip()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None and not pipe.closed:
            try:
                pipe.close()
            except BrokenPipeError:
                continue
