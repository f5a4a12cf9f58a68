"""Half-sent requests without a token, more of them than the server may have open files: others go on working, the log stays small."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.kit.processes.real_server import RealServer, wait_until

FLOOD = 1_200

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@contextmanager
def few_files(folder: Path) -> Generator[RealServer]:
    """A server that may have 1,024 open files, and no more however it asks."""
    server = RealServer(folder, workers=1)
    server.wrapper = ("sh", "-c", 'ulimit -n 1024; exec "$@"', "sh")
    try:
        yield server.start()
    finally:
        server.erase()


def flood(server: RealServer, stack: ExitStack) -> list[socket.socket]:
    """Many connections with half a header each."""
    host, port = server.base_url.removeprefix("http://").split(":")
    opened: list[socket.socket] = []
    for _ in range(FLOOD):
        opened.append(stack.enter_context(socket.create_connection((host, int(port)), timeout=10)))
        opened[-1].sendall(b"GET /v1/x HTTP/1.1\r\nHost: x\r\nX-Half:")
    return opened


def latencies(server: RealServer, requests: int) -> list[float]:
    """Seconds of requests on connections of their own, sorted."""
    took: list[float] = []
    for _ in range(requests):
        began = time.monotonic()
        with server.client_of(server.token) as client:
            assert client.get("/v1/workspaceManagement/users/current").status_code == 200
        took.append(time.monotonic() - began)
    return sorted(took)


def test_others_work_while_half_sent_requests_hold_more_connections_than_there_may_be(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4_096), hard))
    try:
        with few_files(tmp_path) as server, ExitStack() as stack:
            before = latencies(server, 40)
            size = server.log.stat().st_size
            opened = flood(server, stack)
            during = latencies(server, 100)
            assert during[95] < max(0.5, 5 * before[38]), f"p95 {during[95]:.3f} s, before {before[38]:.3f} s"
            assert server.logged("Traceback") == 0 and server.log.stat().st_size - size < 200_000

            def closed() -> bool:
                opened[:] = [one for one in opened if not ended(one)]
                return not opened

            wait_until(closed, 60, "the half-sent requests to be ended")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def ended(connection: socket.socket) -> bool:
    """Whether the other side has closed; what it said before is read away."""
    connection.setblocking(False)
    try:
        while connection.recv(4_096):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def test_a_server_without_a_free_file_says_so_once_a_second_and_recovers(tmp_path: Path) -> None:
    with few_files(tmp_path) as server, ExitStack() as stack:
        (api,) = server.children("api")
        # Behind its back, so that it does not know how few there are.
        resource.prlimit(api, resource.RLIMIT_NOFILE, (100, 1_024))
        began = time.monotonic()
        flood(server, stack)
        wait_until(lambda: server.logged("too many open files") >= 2, 20, "the server to say what is wrong")
        cpu = cpu_seconds(api)
        time.sleep(3)
        assert cpu_seconds(api) - cpu < 1.5, "it does not spin"
        assert server.logged("too many open files") <= time.monotonic() - began + 2
        assert server.logged("Traceback") == 0
        stack.close()
        resource.prlimit(api, resource.RLIMIT_NOFILE, (1_024, 1_024))
        assert latencies(server, 5)[-1] < 5


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100
