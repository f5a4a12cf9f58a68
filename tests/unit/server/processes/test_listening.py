"""The port of a server: taken at once, or when who still has it lets go."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor

import pytest

from cargo_ai.server.processes import listening


def test_a_port_that_another_has_is_an_error_at_once() -> None:
    with listening.bind("127.0.0.1", 0) as other, pytest.raises(OSError, match="in use") as refused:
        listening.bind("127.0.0.1", int(other.getsockname()[1]))
    assert refused.value.errno == errno.EADDRINUSE


def test_a_port_that_a_killed_server_still_has_is_waited_for() -> None:
    with listening.bind("127.0.0.1", 0) as other, ThreadPoolExecutor() as threads:
        port = int(other.getsockname()[1])
        bound = threads.submit(listening.bind, "127.0.0.1", port, 30.0)
        other.close()
        with bound.result() as ours:
            assert ours.getsockname()[1] == port
