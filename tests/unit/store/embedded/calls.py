"""Code in another process, and statements on a database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

import cargo_ai

SOURCE = Path(str(cargo_ai.__file__)).parents[1]
START = (
    "import json, sys; from pathlib import Path; from cargo_ai.store.embedded import postgres as embedded\n"
    "c = embedded.start(Path(sys.argv[1]), fsync=False); "
)
# Imports come first: this Python itself may lie where the user no one cannot read.
BECOME_UNPRIVILEGED = (
    "import encodings.idna, os, pwd, psycopg, psycopg.errors; from cargo_ai.store.embedded import postgres as embedded\n"
    "try: psycopg.connect('host=/nowhere')\nexcept psycopg.OperationalError: pass\n"
    "user = pwd.getpwnam('nobody'); os.setgroups([]); os.setgid(user.pw_gid); os.setuid(user.pw_uid)\n"
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to act as two users")


def python(code: str, *argv: str, unprivileged: bool = False) -> subprocess.CompletedProcess[str]:
    """Run code in another process with warnings as errors, by default as ourselves."""
    command = [sys.executable, "-W", "error", "-c", (BECOME_UNPRIVILEGED if unprivileged else "") + code, *argv]
    environment = {"PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.defpath}
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=180, check=False)


def value(url: str, statement: str) -> object:
    """The only value that a statement answers."""
    with psycopg.connect(url, autocommit=True, connect_timeout=60) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None


def execute(url: str, *statements: str) -> None:
    """Run statements that answer nothing."""
    with psycopg.connect(url, autocommit=True, connect_timeout=60) as connection:
        for statement in statements:
            connection.execute(statement.encode())
