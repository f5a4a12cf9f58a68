"""Two API processes on one port: both answer, and when one is killed or hangs, nothing is lost but its connections."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from tests.crash.conftest import PURE, MakeServer, proven_once, pure_graph
from tests.kit.processes.real_server import Json, RealServer, csv_of, is_alive, wait_until

RECORDS = 10_000
CLIENTS = 100

pytestmark = [pytest.mark.slow, pytest.mark.alone]


class Holding:
    """Clients, each with a connection of its own, that hold a GET of a batch until it is over, and begin again when that breaks."""

    def __init__(self, server: RealServer, batch: str) -> None:
        self._server, self._batch = server, batch
        self.ended: list[Json] = []
        self.broken = 0
        self._threads = [threading.Thread(target=self._hold, daemon=True) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _hold(self) -> None:
        with self._server.client_of(self._server.token) as client:
            while True:
                try:
                    reply = self._server.send("orchestration.batch.get", client, {"Prefer": "wait=25"}, uuid=self._batch)
                except httpx.TransportError:
                    self.broken += 1
                    continue
                if reply.status_code == 200 and (batch := reply.json()["batch"])["finishedAt"]:
                    self.ended.append(batch)
                    return

    def join(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def sockets_of(pid: int) -> int:
    """How many sockets a process has open."""
    links = [os.readlink(handle) for handle in Path(f"/proc/{pid}/fd").iterdir() if handle.is_symlink()]
    return sum(link.startswith("socket:") for link in links)


def is_replaced(server: RealServer, gone: Sequence[int]) -> bool:
    """Whether there are two that run, and none of those."""
    processes: list[Json] = json.loads((server.data_dir / "server.json").read_text())["processes"]
    apis = [process for process in processes if process["kind"] == "api" and process["state"] == "running"]
    return len(apis) == 2 and not {process["pid"] for process in apis} & set(gone)


def test_a_hundred_held_requests_hear_of_the_end_though_one_api_is_killed_and_one_hangs(make_server: MakeServer) -> None:
    server = make_server(API_PROCESSES="2", HUNG_AFTER_SECONDS="5")
    killed, hung = server.children("api")
    before = [sockets_of(pid) for pid in (killed, hung)]
    batch = server.batch(server.tool(pure_graph()), csv_of(RECORDS))
    holding = Holding(server, batch)
    wait_until(lambda: sockets_of(killed) + sockets_of(hung) >= sum(before) + CLIENTS, 30, "all connections")
    shares = [sockets_of(pid) - count for pid, count in zip((killed, hung), before, strict=True)]
    assert min(shares) >= CLIENTS / 10, f"both take part: {shares}"
    os.kill(killed, signal.SIGKILL)
    os.kill(hung, signal.SIGSTOP)
    wait_until(lambda: not is_alive(hung), 30, "the one that hangs to be killed")
    wait_until(lambda: is_replaced(server, [killed, hung]), 30, "two others")
    holding.join(60)
    assert len(holding.ended) == CLIENTS and holding.broken >= CLIENTS / 2
    proven_once(server, batch, RECORDS, PURE)
    status = json.loads(server.command("status").stdout)
    assert (status["api"], len(status["processes"]), {process["state"] for process in status["processes"]}) == (2, 4, {"running"})

    # Each connection may come to either process: a token that was removed works at none of them.
    made = server.call("workspaceManagement.token.create", name="Short-lived")["token"]
    visitors = [server.client_of(made["token"]) for _ in range(20)]
    try:
        path = "/v1/workspaceManagement/users/current"
        assert {visitor.get(path).status_code for visitor in visitors} == {200}
        server.call("workspaceManagement.token.remove", uuid=made["uuid"])
        time.sleep(1)
        assert {visitor.get(path).status_code for visitor in visitors} == {401}
    finally:
        for visitor in visitors:
            visitor.close()
    assert server.stop() == 0
