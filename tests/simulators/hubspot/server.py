"""The simulator on a port of the loopback: in a thread of a test, or as the only thing of a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from tests.simulators import running as running_server
from tests.simulators.hubspot.application import build
from tests.simulators.hubspot.control import Control
from tests.simulators.hubspot.limits import Numbers
from tests.simulators.hubspot.sign_in import SERVICE_KEY

ROOT = Path(__file__).parents[3]


def server_of(control: Control) -> uvicorn.Server:
    """The server, not yet started."""
    return running_server.server_of(build(control))


class Running(running_server.Running):
    """A simulator that answers: `url`, the key that it accepts, and its control."""

    key = SERVICE_KEY

    def __init__(self, control: Control) -> None:
        self.control = control
        super().__init__(build(control))


@contextmanager
def running(numbers: Numbers | None = None, search_lag: float = 0.0) -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control(numbers, search_lag))
    try:
        yield simulator
    finally:
        simulator.stop()


@contextmanager
def process(*options: str) -> Generator[str]:
    """A simulator in a process of its own; yields its URL. `options` as for `python -m tests.simulators.hubspot`."""
    command = [sys.executable, "-m", "tests.simulators.hubspot", "--port", "0", *options]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield child.stdout.readline().strip()
        finally:
            child.terminate()
