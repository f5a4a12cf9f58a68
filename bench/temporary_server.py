"""A temporary server for one measurement, used through the command line and removed afterwards."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from bench.report import Json
from cargo_ai.store.embedded import postgres, process
from cargo_ai.store.embedded.data_home import data_home_of

ROOT = Path(__file__).resolve().parents[1]
CLI = Path(sys.executable).with_name("cargo-ai")
BOUNDARY = "cargo-ai-bench"


class MeasurementFailed(RuntimeError):
    """What was to be measured did not work; the message says what was asked and what came back."""


class Api:
    """One kept connection to the API, signed in."""

    def __init__(self, base_url: str, token: str, *, seconds: float = 60) -> None:
        parts = urlsplit(base_url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
        self._headers = {"Authorization": f"Bearer {token}"}

    def send(self, verb: str, path: str, body: bytes | None = None, **headers: str) -> Json:
        """One exchange; the reply's document. Raises MeasurementFailed unless it is a success."""
        self._connection.request(verb, f"/v1{path}", body, self._headers | headers)
        response = self._connection.getresponse()
        document = response.read()
        if response.status >= 300:
            raise MeasurementFailed(f"{verb} {path}: {response.status} {document[:500].decode(errors='replace')}")
        found: Json = json.loads(document)
        return found

    def read(self, url: str) -> int:
        """Download a file by its signed URL, keeping nothing; its bytes."""
        parts = urlsplit(url)
        self._connection.request("GET", f"{parts.path}?{parts.query}")
        response = self._connection.getresponse()
        if response.status >= 300:
            raise MeasurementFailed(f"GET {parts.path}: {response.status} {response.read(500).decode(errors='replace')}")
        size = 0
        while part := response.read(1024**2):
            size += len(part)
        return size

    def post(self, path: str, document: Any) -> Json:
        """POST a document."""
        return self.send("POST", path, json.dumps(document).encode(), **{"Content-Type": "application/json"})

    def final(self, path: str) -> Json:
        """GET what may still be under way, waiting at the server as long as that allows at a time."""
        return self.send("GET", path, Prefer="wait=25")

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class TemporaryServer:
    """A context in which a server runs on an empty data folder, with a sign-in of its own.

    With `keep`, it runs in that folder, which stays, and goes on with what an earlier one left there.
    """

    def __init__(self, *, workers: int = 2, python_path: str = "", keep: Path | None = None, **settings: str) -> None:
        self._workers = workers
        self._keep = keep
        self._folder = keep or Path(tempfile.mkdtemp(prefix="cargo-ai-bench-"))
        self.data_dir = self._folder / "data"
        mine = {name: value for name, value in os.environ.items() if not name.startswith("CARGO_")}
        own = {"DATA_DIR": str(self.data_dir), "OUTBOUND_ALLOW": "127.0.0.1", **settings}
        self._environment = mine | {f"CARGO_AI_{name}": value for name, value in own.items()}
        self._environment |= {"XDG_CONFIG_HOME": str(self._folder / "config"), "PYTHONPATH": python_path}
        self._create_workspaces: Json = {}

    def __enter__(self) -> TemporaryServer:
        kept = self._folder / "start.json"
        try:
            started = self._cli("server", "start", "--port", "0", "--workers", str(self._workers), "--detach")
            self._create_workspaces = (json.loads(kept.read_text()) if kept.exists() else {}) | started
            if self._keep is not None:
                kept.write_text(json.dumps(self._create_workspaces))
        except BaseException:
            self._remove()
            raise
        self.api = self.connect()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.api.close()
        self._remove()

    def _remove(self) -> None:
        try:
            if self.data_dir.exists():
                self._cli("server", "stop")
                if self._keep is None:
                    postgres.erase(self.data_dir)
        finally:
            if self._keep is None:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _cli(self, *words: str) -> Json:
        done = subprocess.run([CLI, *words], cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise MeasurementFailed(f"cargo-ai {' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        document: Json = json.loads(done.stdout)
        return document

    def stop(self) -> None:
        """Stop it; the context or `start_again` goes on with its folder."""
        self.api.close()
        self._cli("server", "stop")

    def start_again(self) -> None:
        """Start it again, on the port that is free then."""
        self._create_workspaces |= self._cli("server", "start", "--port", "0", "--workers", str(self._workers), "--detach")
        self.api = self.connect()

    def connect(self, *, seconds: float = 60, token: str = "") -> Api:
        """Another connection to the API, for a thread of its own or another workspace; each answer may take so long."""
        return Api(str(self._create_workspaces["baseUrl"]), token or str(self._create_workspaces["token"]), seconds=seconds)

    @property
    def base_url(self) -> str:
        """Where it answers."""
        return str(self._create_workspaces["baseUrl"])

    @property
    def token(self) -> str:
        """The admin's token."""
        return str(self._create_workspaces["token"])

    @property
    def supervisor(self) -> int:
        """The process id of the server's parent process."""
        return int(json.loads((self.data_dir / "server.json").read_text())["pid"])

    @property
    def postmaster(self) -> int:
        """The process id of the database's parent process, without asking it: a connection costs what an idle server takes in seconds."""
        pid = process.postmaster_pid(data_home_of(self.data_dir))
        if pid is None:
            raise MeasurementFailed("The database does not run.")
        return pid

    def database(self) -> postgres.Cluster:
        """The server's database."""
        cluster = postgres.status(self.data_dir)
        if cluster is None:
            raise MeasurementFailed("The database does not answer.")
        return cluster

    def deploy(self, nodes: list[Json], api: Api | None = None) -> str:
        """A tool with this graph, deployed; its workflow's uuid."""
        api = api or self.api
        workflow = str(api.post("/orchestration/tools", {"name": "Benchmark"})["tool"]["workflowUuid"])
        api.post("/orchestration/releases/draft/deploy", {"workflowUuid": workflow, "nodes": nodes, "formFields": None})
        return workflow

    def upload(self, records: list[Json], api: Api | None = None) -> str:
        """The records as a file of JSON lines; the name that batches call it by."""
        lines = "".join(json.dumps(record) + "\n" for record in records)
        form = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="records.ndjson"\r\n'
            f"Content-Type: application/x-ndjson\r\n\r\n{lines}\r\n--{BOUNDARY}--\r\n"
        )
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        reply = (api or self.api).send("POST", "/workspaceManagement/files/upload", form.encode(), **{"Content-Type": kind})
        return str(reply["s3Filename"])

    def start_batch(self, workflow: str, file: str, api: Api | None = None) -> str:
        """Send an uploaded file through the workflow; the batch's uuid."""
        data = {"kind": "file", "s3Filename": file}
        return str((api or self.api).post("/orchestration/batches", {"workflowUuid": workflow, "data": data})["batch"]["uuid"])

    def finish_batch(self, batch: str, count: int) -> Json:
        """Wait for the end of a batch; MeasurementFailed unless all of its records went through without an error."""
        while True:
            found: Json = self.api.final(f"/orchestration/batches/{batch}")["batch"]
            if found["finishedAt"] is not None:
                break
        if (found["status"], found["executedRunsCount"], found["failedRunsCount"]) != ("success", count, 0):
            raise MeasurementFailed(f"The batch of {count} did not end well: {json.dumps(found)[:600]}")
        return found
