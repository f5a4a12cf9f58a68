"""idle: what a server takes that has nothing to do: CPU, statements of its database, and memory, the database included."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter

from bench import processes, report
from bench.report import Json
from bench.runs.moments.idle_plays import SECONDS, log_statements, statements_meanwhile
from bench.temporary_server import TemporaryServer

SETTLED_SECONDS = 200
"""After a start, the API is asked, partitions are made, and sandboxes that no one uses are given up after a minute. PostgreSQL vacuums what
the migrations of a new database have left in its catalogs: each of its three databases once, the last of them after three minutes."""
DIGITS = re.compile(r"\d+")


def measure() -> Json:
    """A new server with its defaults, which has executed nothing."""
    with TemporaryServer(workers=2) as server:
        report.say(f"idle: {SETTLED_SECONDS} seconds until it has settled")
        time.sleep(SETTLED_SECONDS)
        # To log two of them a second is nothing that shows; that all processes of the database read that they are to, is.
        log = log_statements(server)
        before = processes.cpu_seconds(server)
        began = time.monotonic()
        heard = statements_meanwhile(log)
        took = time.monotonic() - began
        spent = {group: seconds - before.get(group, 0.0) for group, seconds in processes.cpu_seconds(server).items()}
        memory = {group: processes.memory(pids).all for group, pids in processes.of(server).items()}
    often = Counter(DIGITS.sub("0", re.sub(r"\s+", " ", statement))[:80] for statement in heard).most_common(12)
    return report.figure(
        [
            report.at_most("percent of a core", 100 * sum(spent.values()) / took, 0.5),
            report.at_most("statements per second", len(heard) / SECONDS, 2),
            report.at_most("megabytes (PSS), the database included", sum(memory.values()), 250),
        ],
        {
            "percentOfACore": {group: report.rounded(100 * seconds / took) for group, seconds in spent.items()},
            "megabytes": {group: report.rounded(size) for group, size in memory.items()},
            "mostOften": [{"statement": text, "times": times} for text, times in often],
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("idle", measure))
