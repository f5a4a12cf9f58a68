"""enumerateIds: all ids of a model, page by page as batches read them, against SQLite by the same keys."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
import uuid

import psycopg

from bench import report
from bench.data.companies_server import ROUNDS, ROWS, CompaniesServer, seconds
from bench.report import Json
from bench.temporary_server import MeasurementFailed
from cargo_ai.domains.storage import public
from cargo_ai.records import rows
from cargo_ai.store.session import Database

PAGE = 1_000


async def _ours(url: str, workspace: uuid.UUID, model: uuid.UUID) -> tuple[int, float]:
    """How many ids, and the seconds from the first page to the last."""
    database, count, last = Database(url), 0, ""
    async with database.session(workspace) as db:
        relation = await public.relation(db, model)
    assert relation is not None
    async with await psycopg.AsyncConnection.connect(url) as connection:
        began = time.perf_counter()
        while page := await rows.ids_after(connection, relation, last, PAGE):
            count, last = count + len(page), page[-1]
        took = time.perf_counter() - began
    await database.close()
    return count, took


def _sqlite(connection: sqlite3.Connection) -> None:
    last = ""
    while page := connection.execute("select id from t where id > ? order by id limit ?", (last, PAGE)).fetchall():
        last = page[-1][0]


def measure() -> Json:
    """Three rounds by turns; medians."""
    ours, bare = list[float](), list[float]()
    with CompaniesServer(workers=1) as server:
        model = server.loaded()
        lite = sqlite3.connect(server.files / "ids.sqlite")
        lite.execute("create table t (id text primary key, name text) without rowid")
        lite.executemany("insert into t values (?, ?)", ((f"c{number:09d}", f"Company {number}") for number in range(ROWS)))
        lite.commit()
        with psycopg.connect(server.url) as connection:
            found = connection.execute("select workspace_uuid from models").fetchone()
        assert found is not None
        for _ in range(ROUNDS):
            count, took = asyncio.run(_ours(server.url, found[0], uuid.UUID(model)))
            ours.append(took)
            if count != ROWS:
                raise MeasurementFailed(f"{count} ids came, not {ROWS:,}.")
            bare.append(seconds(lambda: _sqlite(lite)))
        lite.close()
    return report.figure(
        [report.at_most("times SQLite", report.median(ours) / report.median(bare), 2.0)],
        {"rows": ROWS, "seconds": [report.rounded(one) for one in ours], "sqliteSeconds": [report.rounded(one) for one in bare]},
    )


if __name__ == "__main__":
    sys.exit(report.alone("enumerateIds", measure))
