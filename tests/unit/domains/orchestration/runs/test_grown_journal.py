"""In a journal of thousands of runs, lists and counts read a few hundred rows, no matter what is filtered and who asks."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import text

from bench import graphs
from bench.runs.age import journal_rows
from bench.runs.age.grown import read_journal
from bench.runs.age.grown_reads import Asked, Journal, questions
from cargo_ai.domains.orchestration.runs.filters import text_search
from cargo_ai.kernel import clock
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.kit.measures.rows_read import rows_read

pytestmark = pytest.mark.asyncio(loop_scope="module")

RUNS = 12_000
COUNTED = 100
MAX_READ = 3_000
"""A quarter of the runs, a twentieth of the executions."""
NO_INDEX = ("span list, node of none", "span list, page 100", "span list, record")
"""What a list of spans looks through runs for, as far as it does (see `span.MAX_RUNS`)."""
TABLES = ("runs", "executions", "execution_rows", "packed", "batches", "shards")


@dataclass(frozen=True)
class Grown:
    """A journal of RUNS runs, and another workspace with a handful."""

    backend: Backend
    journal: Journal
    few: Journal

    async def read_by(self, asked: Asked, api: ApiClient | None = None) -> int:
        """How many rows a request reads."""
        return await rows_read(self.backend.state.database, self._ask(asked, api or self.backend.admin), TABLES)

    async def rows(self, query: str) -> list[Any]:
        """What the database has."""
        async with self.backend.state.database.session(ALL_WORKSPACES) as db:
            return list(await db.execute(text(query)))

    async def _ask(self, asked: Asked, api: ApiClient) -> Body:
        verb, path, body = asked
        bounded = body if body is None or not path.endswith(("/list", "/count")) else {**body, "countUpTo": COUNTED}
        reply = await api.http.request(verb, f"/v1{path}", json=bounded)
        assert reply.status_code == 200, reply.text
        answer: Body = reply.json()
        return answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grown(backend: Backend) -> Grown:
    """The journal, filled with copies of a batch's runs."""
    tool, release = await backend.admin.deployed(graphs.five_native())
    batch = await backend.batch(graphs.companies(100), workflowUuid=tool["workflowUuid"])
    other, _ = await backend.other_api.deployed(graphs.five_native())
    run = (await backend.other_api.call("orchestration.run.create", workflowUuid=other["workflowUuid"], data=graphs.companies(1)[0]))["run"]
    await backend.ended("runs", run["uuid"], backend.other_api)

    def fill() -> Journal:
        url = backend.state.database.url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            journal_rows.fill(connection, batch["uuid"], RUNS)
            return read_journal(connection, batch["uuid"], RUNS // 2)

    journal = await asyncio.to_thread(fill)
    few = Journal(other["workflowUuid"], batch["uuid"], release["uuid"], journal.user, run["uuid"], run["uuid"], run["uuid"], 1)
    return Grown(backend, journal, few)


def _lists(asked: Mapping[str, Asked]) -> dict[str, Asked]:
    """What has no bound of its own: metrics are counters, one run is one run."""
    others = ("run get", "run explain", "segment", "server", "run list, half way", *NO_INDEX)
    return {name: each for name, each in asked.items() if not name.startswith(others)}


async def test_no_list_and_no_count_goes_through_the_journal(grown: Grown) -> None:
    read = {name: await grown.read_by(asked) for name, asked in _lists(questions(grown.journal)).items()}
    assert {name: rows for name, rows in read.items() if rows > MAX_READ} == {}


async def test_a_workspace_with_few_runs_does_not_pay_for_those_of_others(grown: Grown) -> None:
    read = {name: await grown.read_by(asked, grown.backend.other_api) for name, asked in _lists(questions(grown.few)).items()}
    assert {name: rows for name, rows in read.items() if rows > 200} == {}


async def test_a_batch_shows_its_runs_and_spans_to_its_own_workspace_only(grown: Grown) -> None:
    batch = grown.journal.batch
    for fields in ({"batchUuid": batch}, {"traceUuid": batch}):
        asked: Body = {"executionStartedAfter": "2020-01-01", "limit": 5, **fields}
        assert len((await grown.backend.admin.call("orchestration.span.list", **asked))["spans"]) == 5
        assert await grown.backend.other_api.call("orchestration.span.list", **asked) == {"spans": [], "count": 0, "isCountExact": True}
    assert len((await grown.backend.admin.call("orchestration.run.list", batchUuid=batch, limit=5))["runs"]) == 5
    assert (await grown.backend.other_api.call("orchestration.run.list", batchUuid=batch))["runs"] == []
    tool = await grown.backend.admin.tool("Other")
    assert (await grown.backend.admin.call("orchestration.run.list", batchUuid=batch, workflowUuid=tool["workflowUuid"]))["runs"] == []


async def test_a_page_of_an_old_batch_passes_none_of_the_runs_of_later_ones(grown: Grown) -> None:
    asked = questions(grown.journal)
    read = {name: await grown.read_by(asked[name]) for name in ("run list, batch", "run list, batch error", "span list, batch")}
    assert {name: rows for name, rows in read.items() if rows > 1_000} == {}


async def test_a_text_is_looked_for_by_its_rare_words_and_found_wherever_it_is(grown: Grown) -> None:
    titles = [str(title) for (title,) in await grown.rows("select record_title from runs where batch_uuid is not null")]
    for part in ("Company 4321", "company 43", "ANY 432", "pany 4321", "4321", "any 4_21", "Company 5%", "company", "Nothing 4321"):
        expected = sum(part.lower() in title.lower() for title in titles)
        fields = {"workflowUuid": grown.journal.workflow, "recordTitle": part}
        assert (await grown.backend.admin.call("orchestration.run.count", **fields, countUpTo=20_000))["count"] == expected, part
        either = {"workflowUuid": grown.journal.workflow, "recordTitleOrId": part}
        assert (await grown.backend.admin.call("orchestration.run.count", **either, countUpTo=20_000))["count"] == expected, part
    async with grown.backend.state.database.session(ALL_WORKSPACES) as db:
        where = {"workflow_uuid": grown.journal.workflow, "record_title": "Company 4321", "record_title_or_id": "y 43210"}
        filters = await text_search.with_rare_words(db, uuid.UUID(grown.backend.workspace), where)
    assert filters["rare_words"] == {"Company 4321": [" 4321"], "y 43210": ["43210"]}


async def test_sql_over_spans_reads_no_bodies_for_what_is_beside_them(grown: Grown) -> None:
    plan = await grown.rows("explain select node_slug, count(*), sum(execution_credits_used_count) from journal.spans group by 1")
    assert not [line for (line,) in plan if "packed_bodies" in line]
    assert [line for (line,) in plan if "packed_executions" in line]


async def test_files_of_outputs_count_no_further_than_fits_into_one(grown: Grown) -> None:
    for noun, reason in (("run", "tooManyRuns"), ("record", None)):
        fields = {"workflowUuid": grown.journal.workflow}
        operation = f"orchestration.{noun}.downloadOutputs"
        if reason is not None:
            status, refusal = await grown.backend.admin.refusal(operation, **fields)
            assert (status, refusal["reason"]) == (400, reason)
            assert refusal["errorMessage"].startswith("More than 10000 runs match")
        assert (await grown.backend.admin.call(operation, **fields, limit=5))["url"]
        assert (await grown.backend.admin.call(operation, **fields, limit=5, offset=5_000))["url"]
        refused = await grown.backend.admin.refused(operation, **fields, limit=5, offset=20_000)
        assert refused == (400, f"no{noun.capitalize()}sFound")


async def test_errors_are_as_many_as_have_failed_whatever_time_is_asked_for(grown: Grown) -> None:
    moments = [row[0] for row in await grown.rows("select created_ms from runs where rare_status = 'error' order by uuid")]
    half, begin, end = moments[len(moments) // 2], moments[10] + 1, moments[-10]
    small = str((await grown.rows("select uuid from batches where cursor < 10000 and cursor > 1000"))[0][0])
    asked: list[tuple[Body, str]] = [
        ({}, "true"),
        ({"batchUuid": grown.journal.batch}, f"batch_uuid = '{grown.journal.batch}'"),
        ({"batchUuid": small, "createdAfter": _iso(half)}, f"batch_uuid = '{small}' and created_ms >= {half}"),
        ({"releaseUuid": grown.journal.release}, f"release_uuid = '{grown.journal.release}'"),
        ({"createdAfter": _iso(begin)}, f"created_ms >= {begin}"),
        ({"createdBefore": _iso(end)}, f"created_ms < {end}"),
        ({"createdAfter": _iso(begin), "createdBefore": _iso(end)}, f"created_ms >= {begin} and created_ms < {end}"),
        ({"createdAfter": _iso(half), "createdBefore": _iso(half + 1)}, f"created_ms = {half}"),
    ]
    for fields, where in asked:
        ((runs,),) = await grown.rows(f"select count(*) from runs where rare_status = 'error' and {where}")
        reply = await grown.backend.admin.call("orchestration.run.getErrors", workflowUuid=grown.journal.workflow, **fields)
        (error,) = reply["runErrors"]
        assert (error["runsCount"], reply["count"], error["nodeSlug"]) == (runs, 1, "small"), fields
        assert error["errorMessage"].startswith("The service answered 500: record ")
    nothing = {"workflowUuid": grown.journal.workflow, "batchUuid": str(uuid.UUID(int=7))}
    assert (await grown.backend.admin.call("orchestration.run.getErrors", **nothing))["runErrors"] == []


def _iso(ms: int) -> str:
    return clock.to_iso(datetime.fromtimestamp(ms / 1000, UTC))


async def test_the_page_behind_one_far_down_is_read_from_where_that_ended(grown: Grown) -> None:
    def page(number: int) -> Asked:
        body: dict[str, Any] = {"workflowUuid": grown.journal.workflow, "limit": 50, "offset": 5_000 + 50 * number}
        return ("POST", "/orchestration/runs/list", body)

    async def runs(number: int) -> list[str]:
        verb, path, body = page(number)
        return [run["uuid"] for run in (await grown.backend.admin.http.request(verb, f"/v1{path}", json=body)).json()["runs"]]

    pages = [await runs(number) for number in range(3)]
    assert await grown.read_by(page(3)) < 1_000
    assert await runs(1) == pages[1]
    assert await grown.read_by(page(0)) < 1_000
    whole = await grown.backend.admin.call("orchestration.run.list", workflowUuid=grown.journal.workflow, limit=150, offset=5_000)
    assert [run for each in pages for run in each] == [run["uuid"] for run in whole["runs"]]
