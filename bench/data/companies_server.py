"""A server with a model of companies, the file that they come from, and the same rows in DuckDB."""

from __future__ import annotations

import csv
import os
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import psycopg

from bench import processes, report
from bench.report import Json
from bench.temporary_server import MeasurementFailed, TemporaryServer

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
ROUNDS = 3
COLUMNS = (
    ("id", "string", "text", "varchar"),
    ("name", "string", "text", "varchar"),
    ("domain", "string", "text", "varchar"),
    ("country", "string", "text", "varchar"),
    ("city", "string", "text", "varchar"),
    ("industry", "string", "text", "varchar"),
    ("employees", "number", "double precision", "double"),
    ("revenue", "number", "double precision", "double"),
    ("score", "number", "double precision", "double"),
    ("is_public", "boolean", "boolean", "boolean"),
    ("updated_at", "date", "timestamptz", "timestamptz"),
    ("about", "string", "text", "varchar"),
)
"""Slug, our type, PostgreSQL's and DuckDB's."""
_COUNTRIES = ("FR", "DE", "US", "GB", "ES", "IT", "NL", "SE", "JP", "IN")
_INDUSTRIES = ("fintech", "retail", "health", "energy", "media", "travel", "software", "farming")
_WORDS = ("growing", "maker", "of", "tools", "for", "teams", "in", "offices", "ships", "and", "fields", "around", "the", "world", "since")


def row(number: int, salt: int = 0) -> list[str]:
    """A company; the same one for the same number and salt."""
    chance = random.Random(number * 7919 + salt)
    industry = chance.choice(_INDUSTRIES)
    return [
        f"c{number:09d}", f"{industry.title()} {number} {chance.choice(_WORDS)}", f"company{number}.example", chance.choice(_COUNTRIES),
        f"City {chance.randrange(5000)}", industry, str(chance.randrange(1, 100_000)), f"{chance.random() * 1e9:.2f}",
        f"{chance.random() * 100:.3f}", "true" if chance.random() < 0.1 else "false",
        f"202{chance.randrange(6)}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}T{chance.randrange(24):02d}:00:00Z",
        " ".join(chance.choices(_WORDS, k=8)),
    ]  # fmt: skip


def write(path: Path, numbers: range, salt: int = 0) -> None:
    """A CSV file of companies."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column[0] for column in COLUMNS)
        writer.writerows(row(number, salt) for number in numbers)


class CompaniesServer(TemporaryServer):
    """A server with files and models of companies; `workers` run no batches here."""

    def __enter__(self) -> CompaniesServer:
        super().__enter__()
        self.files = Path(tempfile.mkdtemp(prefix="cargo-ai-bench-files-"))
        self.slow = self.connect(seconds=900)
        self.url = self.database().owner_url
        found = self.api.send("GET", "/storage/datasets/list")["datasets"]
        self._dataset = next(one["uuid"] for one in found if one["kind"] == "native")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        shutil.rmtree(self.files, ignore_errors=True)
        self.slow.close()
        super().__exit__(kind, error, trace)

    def companies(self, rows: int = ROWS) -> Path:
        """The file of all companies."""
        path = self.files / f"companies-{rows}.csv"
        if not path.exists():
            report.say(f"writing {rows:,} companies")
            write(path, range(rows))
        return path

    def model(self, slug: str, columns: list[Json] | None = None) -> str:
        """The uuid of an empty model, of companies by default."""
        mine = [{"slug": name, "type": kind, "label": name} for name, kind, _, _ in COLUMNS]
        config = {"columns": columns or mine, "idColumnSlug": "id", "titleColumnSlug": "id" if columns else "name"}
        fields = {"slug": slug, "name": slug, "datasetUuid": self._dataset, "extractorSlug": "defineObject", "config": config}
        return str(self.api.post("/storage/models", fields)["model"]["uuid"])

    def put(self, path: Path) -> str:
        """Upload a file; its key."""
        head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\nContent-Type: text/csv\r\n\r\n'
        body = head.encode() + path.read_bytes() + b"\r\n--b--\r\n"
        kind = "multipart/form-data; boundary=b"
        return str(self.slow.send("POST", "/workspaceManagement/files/upload", body, **{"Content-Type": kind})["s3Filename"])

    def ingest(self, model: str, key: str) -> Json:
        """Read an uploaded file into a model."""
        return self.slow.post("/storage/records/ingest", {"modelUuid": model, "s3Filename": key})

    def loaded(self, rows: int = ROWS) -> str:
        """The uuid of a model that has all companies."""
        model = self.model("companies")
        self.ingest(model, self.put(self.companies(rows)))
        return model

    def index(self, model: str, **asked: Any) -> list[list[str]]:
        """Let the server make the indexes that a filter and an order need, and wait for them; the columns of each."""
        path = f"/storage/models/{model}/indexes"
        made = self.api.post(path, asked)["indexes"]
        until = time.monotonic() + 300
        while any(one["status"] != "ready" for one in made):
            if time.monotonic() > until or any(one["status"] == "failed" for one in made):
                raise MeasurementFailed(f"An index was not made: {made}")
            time.sleep(0.1)
            made = self.api.send("GET", path)["indexes"]
        return [one["columnSlugs"] for one in made]

    def table(self, model: str) -> str:
        """The name of a model's table, quoted."""
        with psycopg.connect(self.url) as connection:
            found = connection.execute("select schema_name, table_name from models where uuid = %s", (model,)).fetchone()
        assert found is not None
        return f'"{found[0]}"."{found[1]}"'

    def view(self, model: str) -> str:
        """The name of a model's view, quoted."""
        with psycopg.connect(self.url) as connection:
            found = connection.execute("select schema_name, view_name from models where uuid = %s", (model,)).fetchone()
        assert found is not None
        return f'"{found[0]}"."{found[1]}"'

    def duck(self) -> duckdb.DuckDBPyConnection:
        """An empty DuckDB with a file of its own and two threads."""
        return duckdb.connect(str(self.files / f"{time.monotonic_ns()}.duckdb"), config={"threads": 2})

    def duck_companies(self, rows: int = ROWS) -> duckdb.DuckDBPyConnection:
        """The same companies in DuckDB."""
        connection = self.duck()
        connection.execute(duck_load(self.companies(rows)))
        return connection


def duck_load(path: Path) -> str:
    """The statement that reads the file into a table `t` of DuckDB."""
    kinds = ", ".join(f"'{name}': '{kind}'" for name, _, _, kind in COLUMNS)
    return f"create table t as select * from read_csv('{path}', header = true, columns = {{{kinds}}})"


def plain_table(name: str, *, key: bool) -> str:
    """The statement that makes a plain table of companies."""
    return f"create table {name} ({', '.join(f'{slug} {kind}' for slug, _, kind, _ in COLUMNS)}{', primary key (id)' if key else ''})"


def copy_file(connection: psycopg.Connection[Any], table: str, path: Path) -> None:
    """COPY a CSV file as it is."""
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy {table} from stdin (format csv, header)".encode()) as copy,
        path.open("rb") as file,
    ):
        while part := file.read(1024**2):
            copy.write(part)


def run(connection: psycopg.Connection[Any], statement: str, params: Sequence[object] = ()) -> Any:
    """Run a statement; the first row, or None."""
    cursor = connection.execute(statement.encode(), params or None)
    return cursor.fetchone() if cursor.description else None


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class ApiGrowth:
    """A context that measures by how much the API's memory grows at most, in megabytes."""

    def __init__(self, server: TemporaryServer) -> None:
        self._pids = processes.of(server)["api"]
        self._ended = threading.Event()
        self.before = self._peak = processes.memory(self._pids).all
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> ApiGrowth:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            self._peak = max(self._peak, processes.memory(self._pids).all)

    @property
    def megabytes(self) -> float:
        """So far."""
        return self._peak - self.before
