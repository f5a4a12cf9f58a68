"""A stopped server finishes what it has: no request breaks, no node is lost or executed twice, and it takes no longer than it may."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import pytest

from tests.crash.conftest import MakeServer, effect_graph, proven_once
from tests.kit.peers.counting_service import counting_service
from tests.kit.processes.real_server import RealServer, csv_of, wait_until

pytestmark = pytest.mark.slow

RECORDS = 400
CLIENTS = 4


class Clients:
    """Clients that ask again and again, each over a connection of its own, until no one listens any more."""

    def __init__(self, server: RealServer) -> None:
        self.outcomes: Counter[str] = Counter()
        self._url, self._token = server.base_url, server.token
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait for the end of all."""
        for thread in self._threads:
            thread.join(60)

    def _ask(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        while True:
            try:
                with httpx.Client(base_url=self._url, headers=headers, timeout=60, trust_env=False) as client:
                    outcome = str(client.get("/v1/workspaceManagement/workspaces/current").status_code)
            except httpx.ConnectError:
                self.outcomes["refused"] += 1
                return
            except httpx.HTTPError as error:
                outcome = type(error).__name__
            self.outcomes[outcome] += 1
            if not outcome.isdigit():
                return


def test_a_stop_breaks_no_request_and_loses_or_repeats_no_node(make_server: MakeServer) -> None:
    with counting_service(latency=0.3) as service:
        server = make_server(DRAIN_SECONDS="20")
        server.wait_for_workers()
        batch = server.batch(server.tool(effect_graph(server.connector(service.url))), csv_of(RECORDS))
        clients = Clients(server)
        wait_until(lambda: len(service.calls) >= RECORDS / 10 and clients.outcomes["200"] >= 20, 60, "work and requests to be under way")
        began = time.monotonic()
        assert server.stop() == 0
        took = time.monotonic() - began
        clients.join()
        assert took < 25, f"{took:.1f} s"
        assert set(clients.outcomes) <= {"200", "refused"}, clients.outcomes
        server.start()
        server.finished(batch, 120)
        proven_once(server, batch, RECORDS, ("start", "first", "end"))
        assert service.repeated("/first/") == {}
        assert len(service.count("/first/")) == RECORDS


def test_a_stop_answers_what_no_process_has_accepted_yet(make_server: MakeServer) -> None:
    server = make_server(workers=1)
    (api,) = server.children("api")
    address = urlsplit(server.base_url)
    request = f"GET /healthz HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode()
    os.kill(api, signal.SIGSTOP)
    with ExitStack() as stack:
        waiting = [stack.enter_context(socket.create_connection((address.hostname, address.port), 30)) for _ in range(CLIENTS)]
        for connection in waiting:
            connection.sendall(request)
        stopped = stack.enter_context(ThreadPoolExecutor(1)).submit(server.stop)
        wait_until(lambda: "server stops" in server.log.read_text(), 10, "the stop to begin")
        os.kill(api, signal.SIGCONT)
        answers = [connection.recv(64) for connection in waiting]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address.hostname, address.port), 30)
        assert stopped.result() == 0
    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * CLIENTS


def test_an_api_that_is_stopped_by_itself_is_replaced_and_answers_again(make_server: MakeServer) -> None:
    server = make_server(workers=1)
    (api,) = server.children("api")
    os.kill(api, signal.SIGTERM)

    def answers() -> bool:
        try:
            return server.children("api") != [api] and server.client.get("/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    wait_until(answers, 30, "another API")
