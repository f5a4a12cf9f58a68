"""Memory: a server process of its own takes a large file and gives one, and stays small."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

MEGABYTES = 200
SERVER = textwrap.dedent("""
    import asyncio, json, socket, sys, uuid
    import uvicorn
    from types import SimpleNamespace
    from cargo_ai.domains.workspace import public
    from cargo_ai.kernel.secrets import SecretKey
    from cargo_ai.kernel.settings import Settings
    from cargo_ai.context.downloads import exports
    from cargo_ai.server.api import app
    from cargo_ai.server.api.signals import Signals
    from cargo_ai.server.api.state import State
    from cargo_ai.store import migrate
    from cargo_ai.server.compose import hooks
    from cargo_ai.store.files import FileStore
    from cargo_ai.store.session import ALL_WORKSPACES, Database

    async def numbers(services, workspace, params):
        async def rows():
            for page in range(params["pages"]):
                yield [{"n": n, "text": "x" * 1000} for n in range(1000)]
        return exports.Export(rows(), ["n", "text"], "numbers")

    async def main():
        url, folder = sys.argv[1:]
        exports.register("numbers", numbers)
        settings = Settings({"CARGO_AI_DATA_DIR": folder})
        state = State(Database(url), FileStore.of(settings), SecretKey(b"x" * 32), settings, Signals(url), migrate.head())
        async with state.database.session(ALL_WORKSPACES) as db:
            workspace = await public.bootstrap(db, hooks())
            await db.commit()
        listening = socket.create_server(("127.0.0.1", 0))
        base = "http://127.0.0.1:%d" % listening.getsockname()[1]
        ctx = SimpleNamespace(secrets=state.secrets, base_url=base, workspace=workspace.workspace_uuid)
        link = exports.sign(ctx, "numbers", {"pages": 200}, "json")
        print(json.dumps({"base": base, "token": workspace.token, "link": link}), flush=True)
        await uvicorn.Server(uvicorn.Config(app.build(state), log_config=None)).serve([listening])

    asyncio.run(main())
""")


@dataclass(frozen=True)
class Running:
    pid: int
    base: str
    token: str
    link: str

    def peak_kilobytes(self) -> int:
        """The most memory that the process ever had."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.fixture
def running(database_url: str, tmp_path: Path) -> Iterator[Running]:
    command = [sys.executable, "-c", SERVER, database_url, str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ)) as process:
        assert process.stdout is not None
        yield Running(process.pid, **json.loads(process.stdout.readline()))
        process.terminate()


def form(megabytes: int) -> Iterator[bytes]:
    yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    for _ in range(megabytes):
        yield b"0123456789abcdef" * 65_536
    yield b"\r\n--b--\r\n"


def send(server: Running, megabytes: int) -> None:
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "multipart/form-data; boundary=b"}
    reply = httpx.post(f"{server.base}/v1/workspaceManagement/files/upload", content=form(megabytes), headers=headers, timeout=120)
    assert reply.status_code == 200, reply.text


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_a_large_upload_costs_little_memory(running: Running) -> None:
    send(running, 1)
    before = running.peak_kilobytes()
    send(running, MEGABYTES)
    assert running.peak_kilobytes() - before < 30 * 1024


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_a_large_download_costs_little_memory(running: Running) -> None:
    send(running, 1)
    before = running.peak_kilobytes()
    received = 0
    with httpx.stream("GET", running.link, timeout=120) as reply:
        for chunk in reply.iter_bytes():
            received += len(chunk)
    assert received > MEGABYTES * 1_000_000
    assert running.peak_kilobytes() - before < 30 * 1024
