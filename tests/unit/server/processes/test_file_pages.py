"""Pages of libraries: those that are as in their files are let go of, and come back when they are needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sqlalchemy, ssl, psycopg
from cargo_ai.server.processes import file_pages

def resident():
    return sum(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("Rss:"))

before = resident()
file_pages.release()
after = resident()
# All of it works as before.
assert str(sqlalchemy.select(sqlalchemy.literal(1)).compile()).startswith("SELECT")
ssl.create_default_context()
psycopg.conninfo.make_conninfo("host=there")
print(before, after)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what is mapped")
def test_a_process_is_smaller_afterwards_and_works_as_before() -> None:
    assert Path("/proc/self/smaps").exists()
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    before, after = map(int, done.stdout.split())
    assert after < before - 4 * 1024, f"{before} kB before, {after} kB after"
