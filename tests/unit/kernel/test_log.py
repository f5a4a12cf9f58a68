"""The log of a process: lines for people or for programs, whichever was asked for last."""

from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
from cargo_ai.kernel import log

log.setup(human=True)
logger = log.get("a logger")
logger.warning("for people")
log.setup(human=False)
logger.warning("for programs")
"""


def test_a_logger_that_was_used_before_writes_as_it_was_asked_for_last() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=30)
    people, programs = done.stderr.splitlines()
    assert "for people" in people and not people.startswith("{")
    assert json.loads(programs)["event"] == "for programs"


def test_no_library_is_loaded_for_colours_that_are_not_written() -> None:
    script = "import sys; from cargo_ai.kernel import log; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
