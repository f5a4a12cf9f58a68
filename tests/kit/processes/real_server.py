"""A real server for tests: `cargo-ai server start` on a data folder of its own; its processes may be killed, its database looked into."""

from __future__ import annotations

import csv
import io
import os
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

from cargo_ai.server.processes.watching import loop_watch, task_stacks
from cargo_ai.store.embedded import postgres
from tests.kit.api_client import request_of
from tests.kit.data import data_folders
from tests.kit.measures import loop_steps

Json = dict[str, Any]
START_SECONDS = 90
WORK = (
    "select uuid, state, owner, epoch, tries, touched_ms, executed from shards where state <> 'done' limit 50",
    "select id, queue_name, task_name, status, args, worker_id, scheduled_at from procrastinate_jobs limit 50",
    "select uuid, pid, queue_ids, beat_ms from workers",
    "select id, last_heartbeat from procrastinate_workers",
    "select pid, application_name, state, wait_event, xact_start, left(query, 200) as query from pg_stat_activity where datid is not null",
)
STOP_SECONDS = 60


class RealServer:
    """Started by `start`, again after any end of it; `erase` leaves nothing behind. Its log is in `folder`. `data_dir`: a folder of the
    caller's instead of one with an empty database."""

    def __init__(self, folder: Path, *, workers: int = 2, data_dir: Path | None = None, **environment: str) -> None:
        self.folder = folder
        self.lent = data_dir is None
        self.data_dir = data_dir or data_folders.take()
        self.log = folder / "server.log"
        self.workers = workers
        self.wrapper: tuple[str, ...] = ()
        """Words before the command, such as those of a shell that sets limits."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CARGO_") or name == "CARGO_AI_POSTGRES_BIN"}
        named = {f"CARGO_AI_{name}": value for name, value in environment.items()}
        watched = {"CARGO_AI_API_PROCESSES": "1", "CARGO_AI_LOOP_STALL_MILLISECONDS": str(int(loop_steps.max_seconds() * 1000))}
        self.environment = kept | watched | {"CARGO_AI_DATA_DIR": str(self.data_dir), "CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"} | named
        self.process: subprocess.Popen[bytes] | None = None
        self.base_url = self.token = ""
        self.client = httpx.Client()

    def start(self, **environment: str) -> RealServer:
        """Start it and wait until it is ready. `environment` (without the prefix) holds for this start only."""
        assert self.process is None
        words = [*self.wrapper, sys.executable, "-m", "cargo_ai", "server", "start", "--port", "0", "--workers", str(self.workers)]
        env = self.environment | {f"CARGO_AI_{name}": value for name, value in environment.items()}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline() if ready else b""
        assert line.startswith(b'{"baseUrl"'), f"the server did not start: {line!r}\n{self.tail()}"
        said: Json = httpx.Response(200, content=line).json()
        self.base_url, self.token = said["baseUrl"], said.get("token") or self.token
        self.client.close()
        self.client = self.client_of(self.token)
        return self

    def client_of(self, token: str) -> httpx.Client:
        """An HTTP client that is signed in by that token."""
        # An empty transport table keeps proxies of the environment out.
        return httpx.Client(base_url=self.base_url, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False)

    def command(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """How a `cargo-ai server` command of this data folder ended."""
        env = self.environment | {f"CARGO_AI_{name}": value for name, value in environment.items()}
        command = [sys.executable, "-m", "cargo_ai", "server", *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=START_SECONDS, check=False)

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """SIGTERM, and the exit code of the supervisor."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        self._forget()
        return code

    def kill(self) -> None:
        """SIGKILL to the supervisor alone; what it has started is left to see that by itself."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)
        self._forget()

    def erase(self) -> None:
        """End whatever is left, and delete the data."""
        orphans = self.children()
        if self.process is not None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        for pid in {*orphans, *self.strays()}:
            _send(pid, signal.SIGCONT)
            _send(pid, signal.SIGKILL)
        self.client.close()
        if self.lent:
            data_folders.give_back(self.data_dir)
        else:
            postgres.erase(self.data_dir)
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        stalls = [line.replace("\\n", "\n") for line in lines if loop_watch.STALLED in line]
        assert not stalls, f"an event loop was held up {len(stalls)} times: " + "\n".join(stalls[:3])

    def _forget(self) -> None:
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None

    def children(self, module: str = "") -> list[int]:
        """The pids of living processes that the supervisor has started."""
        if self.process is None:
            return []
        names = {f"cargo-ai {module}"} if module else {"cargo-ai api", "cargo-ai worker"}
        return sorted(pid for pid, parent, _ in _processes() if parent == self.process.pid and _name(pid) in names)

    def strays(self) -> list[int]:
        """The pids of living processes of this server, anyone who is their parent."""
        mark = f"CARGO_AI_DATA_DIR={self.data_dir}".encode()
        found: list[int] = []
        for pid, _, line in _processes():
            if "cargo_ai" in line and pid != os.getpid() and mark in _environment(pid):
                found.append(pid)
        return found

    def worker_pids(self) -> list[int]:
        """The pids of the workers."""
        return self.children("worker")

    def wait_for_workers(self, count: int | None = None, other_than: Sequence[int] = (), seconds: float = 90) -> list[int]:
        """Return when this many workers (all, by default) that are none of those live and have said so in the database."""
        wanted = self.workers if count is None else count

        def there() -> list[int]:
            living = {pid for pid in self.worker_pids() if pid not in other_than}
            said = {row["pid"] for row in self.rows("select pid from workers where queue_ids <> '{}'")}
            return sorted(living & said)

        wait_until(lambda: len(there()) >= wanted, seconds, "workers")
        return there()

    def busy_worker(self, seconds: float = 90) -> int:
        """The pid of a worker that holds a running shard of a batch."""
        found: list[int] = []

        def busy() -> bool:
            rows = self.rows(
                "select w.pid from shards s join workers w on w.uuid::text = s.owner where s.state = 'running' and s.lane = 'batch'"
            )
            found[:] = [row["pid"] for row in rows if row["pid"] in self.worker_pids()]
            return bool(found)

        wait_until(busy, seconds, "a busy worker")
        return found[0]

    def memory(self) -> float:
        """Megabytes of all processes of this server, the database's included; shared pages count once (PSS)."""
        cluster = postgres.status(self.data_dir)
        assert cluster is not None
        database = [pid for pid, parent, _ in _processes() if cluster.pid in {pid, parent}]
        return sum(_pss(pid) for pid in {*self.strays(), *database}) / 1024

    @property
    def database_url(self) -> str:
        """The URL of the database's owner."""
        cluster = postgres.status(self.data_dir)
        assert cluster is not None, "the database does not answer"
        return cluster.owner_url

    def rows(self, statement: str, *values: Any) -> list[Json]:
        """The rows of one statement on the database."""
        with psycopg.Connection[Json].connect(self.database_url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, *values: Any) -> Any:
        """The only value of one statement on the database."""
        (row,) = self.rows(statement, *values)
        (found,) = row.values()
        return found

    def send(
        self, name: str, client: httpx.Client | None = None, headers: dict[str, str] | None = None, /, **fields: Any
    ) -> httpx.Response:
        """The reply to an operation: path fields into the path, the rest into the body, or the query of a GET."""
        verb, path, body = request_of(name, fields)
        return (client or self.client).request(verb, path, json=body, headers=headers)

    def call(self, name: str, client: httpx.Client | None = None, /, **fields: Any) -> Json:
        """The body of a reply that must be 200."""
        reply = self.send(name, client, **fields)
        assert reply.status_code == 200, f"{reply.status_code} {reply.text}"
        found: Json = reply.json()
        return found

    def upload(self, content: bytes, name: str = "records.csv", client: httpx.Client | None = None) -> str:
        """The s3Filename of an uploaded file."""
        reply = (client or self.client).post("/v1/workspaceManagement/files/upload", files={"file": (name, content)}, timeout=300)
        assert reply.status_code == 200, reply.text
        return str(reply.json()["s3Filename"])

    def tool(self, nodes: list[Json], client: httpx.Client | None = None) -> str:
        """The workflow of a fresh tool with that graph deployed."""
        made = self.call("orchestration.tool.create", client, name="Crash test")["tool"]
        self.call("orchestration.draftRelease.deploy", client, workflowUuid=made["workflowUuid"], nodes=nodes, formFields=None)
        return str(made["workflowUuid"])

    def connector(self, url: str, **more: Any) -> str:
        """A connector of the `http` integration to that address."""
        fields: Json = {"integrationSlug": "http", "slug": f"service-{time.monotonic_ns()}", "name": "Service", "config": {"baseUrl": url}}
        return str(self.call("connection.connector.create", **fields, **more)["connector"]["uuid"])

    def batch(self, workflow: str, content: bytes, client: httpx.Client | None = None) -> str:
        """The uuid of a batch over a CSV file of that content."""
        data = {"kind": "file", "s3Filename": self.upload(content, client=client)}
        return str(self.call("orchestration.batch.create", client, workflowUuid=workflow, data=data)["batch"]["uuid"])

    def get_batch(self, uuid: str, client: httpx.Client | None = None) -> Json:
        """A batch as it is now."""
        found: Json = self.call("orchestration.batch.get", client, uuid=uuid)["batch"]
        return found

    def finished(self, uuid: str, seconds: float = 120, client: httpx.Client | None = None) -> Json:
        """A batch when it is over. Answers that are not 200 are waited out: the API may be restarting."""
        deadline = time.monotonic() + seconds
        batch: Json = {}
        while time.monotonic() < deadline:
            try:
                reply = self.send("orchestration.batch.get", client, {"Prefer": "wait=5"}, uuid=uuid)
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            if reply.status_code != 200:
                time.sleep(0.1)
                continue
            batch = reply.json()["batch"]
            if batch["finishedAt"]:
                return batch
        raise AssertionError(f"the batch did not end in {seconds} s: {batch}\n{self.state_of_work()}")

    def run(self, workflow: str, data: Json, client: httpx.Client | None = None) -> str:
        """The uuid of a fresh single run."""
        return str(self.call("orchestration.run.create", client, workflowUuid=workflow, data=data)["run"]["uuid"])

    def run_finished(self, uuid: str, seconds: float = 90, client: httpx.Client | None = None) -> Json:
        """The run when it is over."""
        deadline = time.monotonic() + seconds
        found: Json = {}
        while time.monotonic() < deadline:
            reply = self.send("orchestration.run.get", client, {"Prefer": "wait=5"}, uuid=uuid)
            assert reply.status_code == 200, reply.text
            found = reply.json()
            if found["run"]["finishedAt"]:
                return found
        raise AssertionError(f"the run did not end in {seconds} s: {found}\n{self.state_of_work()}")

    def results(self, batch: str, slug: str = "end") -> list[Json]:
        """The downloaded rows of a finished batch, with the output of one node."""
        url = self.call("orchestration.batch.download", uuid=batch, outputNodeSlug=slug, format="json")["url"]
        reply = self.client.get(url, timeout=120)
        assert reply.status_code == 200, reply.text
        found: list[Json] = reply.json()
        return found

    def executed(self, batch: str) -> dict[str, Counter[str]]:
        """What the journal has of a batch: run → node slug → executions."""
        found: dict[str, Counter[str]] = {}
        statement = """
        select r.uuid::text as run, e.node_slug as slug, count(e.*) as n from runs r left join executions e on e.run_uuid = r.uuid
        where r.batch_uuid = %s group by 1, 2
        """
        for row in self.rows(statement, batch):
            counts = found.setdefault(row["run"], Counter())
            if row["slug"] is not None:
                counts[row["slug"]] += row["n"]
        return found

    def tail(self, size: int = 4_000) -> str:
        """The end of the log, without the requests that tests ask again and again."""
        if not self.log.exists():
            return ""
        lines = [line for line in self.log.read_text("utf-8", "replace").splitlines() if '"event": "request"' not in line]
        return "\n".join(lines)[-size:]

    def state_of_work(self) -> str:
        """What is under way and where each task of the workers waits: what to look at when a batch does not end."""
        pids = self.worker_pids()
        for pid in pids:
            _send(pid, signal.SIGCONT)
            _send(pid, task_stacks.SIGNAL)
        with suppress(AssertionError):
            wait_until(lambda: self.logged(task_stacks.LOGGED) >= len(pids), 10, "stacks")
        rows = {statement: self.rows(statement) for statement in WORK}
        return "\n".join([*(f"{statement}\n{found}" for statement, found in rows.items()), self.tail(60_000)])

    def logged(self, text: str) -> int:
        """How many lines of the log contain that."""
        return sum(text in line for line in self.log.read_text("utf-8", "replace").splitlines())


def wait_until(done: Callable[[], bool], seconds: float, what: str) -> None:
    """Return as soon as it is so; AssertionError after the seconds."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.02)


def csv_of(rows: int, column: Callable[[int], str] = lambda at: f"Company {at}") -> bytes:
    """A CSV file with the columns `_id` (r0, r1, …), `name` and `n`."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("_id", "name", "n"))
    writer.writerows((f"r{at}", column(at), at) for at in range(rows))
    return text.getvalue().encode()


def is_alive(pid: int) -> bool:
    """Whether a process lives and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _processes() -> Iterator[tuple[int, int, str]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if fields[0] != "Z":
                yield int(folder.name), int(fields[1]), line


def _name(pid: int) -> str:
    """What the process calls itself; "" when it has just ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _pss(pid: int) -> int:
    """Kilobytes of a process, shared pages in proportion; 0 when it has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


@contextmanager
def real_server(folder: Path, *, workers: int = 2, data_dir: Path | None = None, **environment: str) -> Generator[RealServer]:
    """A running server, erased at the end."""
    server = RealServer(folder, workers=workers, data_dir=data_dir, **environment)
    try:
        yield server.start()
    finally:
        server.erase()
