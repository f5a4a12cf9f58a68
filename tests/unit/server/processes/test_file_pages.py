"""Pages of libraries: those that are as in their files are let go of, and come back when they are needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import asyncio, sqlalchemy, ssl, psycopg
from cargo_ai.server.processes import file_pages

def kilobytes(name):
    return sum(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith(name))

file_pages.SETTLED_SECONDS = 0
before, own = kilobytes("Rss:"), kilobytes("Private_Dirty:")
asyncio.run(file_pages.release_when_settled())
after, own = kilobytes("Rss:"), kilobytes("Private_Dirty:") - own
# All of it works as before.
assert str(sqlalchemy.select(sqlalchemy.literal(1)).compile()).startswith("SELECT")
ssl.create_default_context()
psycopg.conninfo.make_conninfo("host=there")
print(before, after, own)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what is mapped")
def test_a_process_is_smaller_afterwards_and_works_as_before() -> None:
    assert Path("/proc/self/smaps").exists()
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    before, after, own = map(int, done.stdout.split())
    assert after < before - 4 * 1024, f"{before} kB before, {after} kB after"
    # All that the system says of what is mapped is a megabyte or two.
    assert own < 512, f"{own} kB more of its own"
