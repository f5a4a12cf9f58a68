"""Downloads of records: the database writes them in pieces, which together are the model, in every form."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from importlib import import_module
from typing import Any

import pytest

from cargo_ai.domains.storage import public as storage
from cargo_ai.domains.workspace import public
from cargo_ai.records.bulk import unload
from cargo_ai.records.catalog import Relation
from cargo_ai.server.api.state import State
from cargo_ai.store.driver import Connection, driver_connection, execute
from tests.kit.api_client import ApiClient

pq: Any = import_module("pyarrow.parquet")
RECORDS = 1_234


class Reader:
    """Reads the pieces of one model, and knows how many of its connections are open."""

    def __init__(self, state: State, workspace: uuid.UUID, relation: Relation) -> None:
        self._state, self._workspace, self.relation = state, workspace, relation
        self.open = self.most = 0

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Connection]:
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            async with self._state.database.session(self._workspace) as db:
                yield await driver_connection(db)
        finally:
            self.open -= 1

    def pieces(self, form: unload.ExportFormat) -> AsyncGenerator[bytes]:
        return unload.chunks(self.opened, self.relation, form)


@pytest.fixture
async def reader(api: ApiClient, state: State, first_workspace: public.Bootstrap, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Of a model of 1,234 companies, in pieces of some dozens."""
    monkeypatch.setattr(unload, "FIRST_ROWS", 50)
    monkeypatch.setattr(unload, "MAX_ROWS", 70)
    model = await api.model()
    async with state.database.session(first_workspace.workspace_uuid) as db:
        relation = await storage.relation(db, uuid.UUID(model))
        assert relation is not None
        moments = "select '2025-03-30 01:30:00.1239+02'::timestamptz + n * interval '1 hour' as at"
        await execute(
            await driver_connection(db),
            f'insert into "{relation.schema}"."{relation.table}" (_id, _emitted_at, _created_at, _updated_at, domain, name, founded) '
            "select id, at, at, case when n %% 3 = 0 then at + interval '1 hour 7 ms' else at end, "
            "id, E'say \"hi\",\\nü \\\\', case when n %% 2 = 0 then at - interval '300 years' end "
            f"from generate_series(1, %s) as n, lateral ({moments}) as m, lateral (select lpad(n::text, 9, 'c') as id) as i",
            [RECORDS],
        )
        await db.commit()
    return Reader(state, first_workspace.workspace_uuid, relation)


async def test_the_pieces_of_every_form_are_the_records_as_the_api_shows_them(api: ApiClient, reader: Reader) -> None:
    shown = [record for offset in (0, 1_000) for record in await api.records(str(reader.relation.model), limit=1_000, offset=offset)]
    assert len(shown) == RECORDS
    lines = b"".join([piece async for piece in reader.pieces("ndjson")])
    assert [json.loads(line) for line in lines.splitlines()] == shown
    text = b"".join([piece async for piece in reader.pieces("csv")]).decode()
    rows = csv.reader(io.StringIO(text, newline=""))
    assert [row[:6] for row in rows] == [[str(value) for value in record.values()][:6] for record in shown]


async def test_a_piece_is_whole_lines_and_no_connection_is_held_while_it_is_read(reader: Reader) -> None:
    count = 0
    async with aclosing(reader.pieces("ndjson")) as pieces:
        async for piece in pieces:
            assert piece.endswith(b"\n")
            count += piece.count(b"\n")
            async with asyncio.timeout(60):
                while reader.open:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
    assert count == RECORDS
    assert 1 < reader.most <= unload.CHUNKS_AHEAD + 1


async def test_those_who_stops_reading_leaves_nothing_open(reader: Reader) -> None:
    pieces = reader.pieces("csv")
    assert await anext(pieces)
    await pieces.aclose()
    assert reader.open == 0


async def test_an_error_of_the_database_ends_the_pieces(reader: Reader, state: State, first_workspace: public.Bootstrap) -> None:
    pieces = reader.pieces("csv")
    assert await anext(pieces)
    async with state.database.session(first_workspace.workspace_uuid) as db:
        await execute(await driver_connection(db), f'drop view "{reader.relation.schema}"."{reader.relation.view}"')
        await db.commit()
    with pytest.raises(Exception, match="does not exist"):
        _ = [piece async for piece in pieces]
    assert reader.open == 0


async def test_a_record_of_many_megabytes_is_downloaded_in_every_form(api: ApiClient) -> None:
    model = await api.model()
    await api.add(model, {"domain": "a.com", "name": "x" * 3_000_000}, {"domain": "b.com"})
    for form in ("json", "csv", "parquet"):
        url = (await api.call("storage.record.download", modelUuid=model, format=form))["url"]
        reply = await api.http.get(url.partition("http://test")[2])
        assert reply.status_code == 200
        if form == "parquet":
            assert [len(name or "") for name in pq.read_table(io.BytesIO(reply.content)).column("name").to_pylist()] == [3_000_000, 0]
        else:
            # As its name, and as its title.
            assert reply.content.count(b"x" * 1_000) == 6_000
