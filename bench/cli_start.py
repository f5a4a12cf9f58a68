"""cliStart: what a command costs before it does anything, in CPU time, against an interpreter that does nothing."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile

from bench import report
from bench.report import Json
from bench.temporary_server import CLI

TIMES = 20


def _cpu(command: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure() -> Json:
    """CPU time (user and system) of both commands, in times that of `python3 -c pass`: medians of 20, taken by turns."""
    commands = {
        "nothing": [sys.executable, "-c", "pass"],
        "version": [str(CLI), "--version"],
        "help": [str(CLI), "orchestration", "batch", "create", "--help"],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CARGO_")} | {"XDG_CONFIG_HOME": folder}
        for command in commands.values():
            _cpu(command, environment)  # compiled files are written by the first run
        for _ in range(TIMES):
            for name, command in commands.items():
                taken[name].append(_cpu(command, environment))
    middle = {name: report.median(values) for name, values in taken.items()}
    goals = [
        report.at_most("cargo-ai --version, times python3 -c pass", middle["version"] / middle["nothing"], 3),
        report.at_most("cargo-ai orchestration batch create --help, times python3 -c pass", middle["help"] / middle["nothing"], 6),
    ]
    return report.figure(goals, {"cpuMilliseconds": {name: report.rounded(value * 1000) for name, value in middle.items()}, "times": TIMES})


if __name__ == "__main__":
    sys.exit(report.alone("cliStart", measure))
