"""Outputs of nodes go before the runs, are archived before, and executions are found by SQL when their runs are gone; also after kills."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from cargo_ai.domains.orchestration.retention import archived_spans
from cargo_ai.kernel import ids
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.unit.domains.orchestration.retention.past import BY_NODE, Past, shown_values

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_bodies_go_before_runs_and_both_are_still_found(past: Past) -> None:
    backend, api = past.backend, past.backend.admin
    await backend.other_api.call("orchestration.retention.update", bodiesDays=0, runsDays=0)
    await past.later(100)

    # The outputs of nodes are gone, and say so; that nodes were executed is still known.
    details = await api.call("orchestration.run.get", uuid=past.single)
    assert [each["isBodyDropped"] for each in details["run"]["executions"]] == [True, True, True]
    assert details["runContext"]["fit"]["reason"] == details["runComputedConfigs"]["fit"]["reason"] == "bodyDropped"
    of_batch = (await api.call("orchestration.run.list", batchUuid=past.batch))["runs"]
    assert len(of_batch) == 60
    assert all(each["isBodyDropped"] for run in of_batch for each in run["executions"])
    context = (await api.call("orchestration.run.get", uuid=of_batch[0]["uuid"]))["runContext"]
    assert context["end"]["errorMessage"].startswith("This has been removed by age")
    assert await past.by_node() == {"start": 61, "fit": 61, "end": 61}
    assert "removed by age" in (await api.warnings("orchestration.run.getLog", uuid=past.single))[0]

    # What is unfinished, and what another workspace keeps, has all that it had.
    waiting = await api.call("orchestration.run.get", uuid=past.parked)
    assert not waiting["run"]["executions"][0]["isBodyDropped"]
    theirs = await backend.other_api.call("orchestration.run.get", uuid=past.theirs)
    assert theirs["runContext"]["fit"] == {"n": theirs["runContext"]["start"]["n"]}

    # It cannot be repeated from where its outputs are needed, but from the start.
    _, refused = await api.refusal("orchestration.run.replay", uuid=past.single, fromNode="end")
    assert refused["reason"] == "nodeNotReached"
    assert "from its first node only" in refused["errorMessage"]
    again = await api.call("orchestration.run.replay", uuid=past.single, fromNode="start")
    await backend.ended("runs", again["run"]["uuid"])

    rows = await past.archived()
    assert len(rows) == 61 * 3
    assert shown_values(rows, "fit") == sorted(f'{{"n":{n}}}' for n in range(61))
    assert not any("secret" in row["record_id"] for row in rows)
    await past.later(101)
    assert len(await past.archived()) == 61 * 3, "archived twice"

    # The runs are gone a year later, their spans are not.
    await past.later(500)
    for operation in ("get", "getLog", "explain"):
        status, gone = await api.refusal(f"orchestration.run.{operation}", uuid=past.single)
        assert (status, gone["reason"]) == (404, "runNotFound")
        assert gone["fix"].endswith(f"SELECT * FROM spans WHERE run_uuid = '{past.single}'\"")
    assert "fix" not in (await api.refusal("orchestration.run.get", uuid=str(ids.first_at(0))))[1]
    assert await past.by_node() == {"start": 61, "fit": 61, "end": 61}
    assert await past.by_node() == {"start": 61, "fit": 61, "end": 61}
    stolen = await backend.other_api.call("orchestration.query.execute", query=BY_NODE.format(workflow=past.workflow))
    assert stolen["rows"] == []
    assert (await backend.other_api.call("orchestration.archive.list"))["months"] == []
    assert (await backend.other_api.call("orchestration.run.get", uuid=past.theirs))["run"]["uuid"] == past.theirs
    (month,) = (await api.call("orchestration.archive.list"))["months"]
    assert (month["areRunsRemoved"], month["isInSql"]) == (True, True)


async def test_a_file_that_the_file_store_has_lost_is_named_and_stops_nothing(past: Past) -> None:
    api, files = past.backend.admin, past.backend.state.files
    await past.later(500)
    every = files.keys()
    for key in [key async for key in every if "/archive/" in key]:
        await files.remove(key)
    (warning,) = await api.warnings("orchestration.query.execute", query=BY_NODE.format(workflow=past.workflow))
    (month,) = (await api.call("orchestration.archive.list"))["months"]
    assert "no longer in the file store" in warning
    assert f"archive remove --month {month['month']}" in warning
    await api.call("orchestration.archive.forget", recordIds=["r1"])
    for _ in range(600):
        if not (await api.call("orchestration.archive.list"))["forgettingCount"]:
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("the record is still being forgotten")


async def test_months_that_are_too_large_for_a_query_are_loaded_by_a_job(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    api = past.backend.admin
    await past.later(500)
    monkeypatch.setattr(archived_spans, "AT_ONCE", 10)
    warnings = await api.warnings("orchestration.query.execute", query=BY_NODE.format(workflow=past.workflow))
    assert await past.by_node() == {}
    (month,) = (await api.call("orchestration.archive.list"))["months"]
    assert f"archive load --month {month['month']}" in warnings[0]
    assert "must be a month, such as 2026-01" in await api.refusal_message("orchestration.archive.load", month="2026-13")
    assert await api.refused("orchestration.archive.load", month="2001-01") == (404, "monthNotFound")
    await api.call("orchestration.archive.load", month=month["month"])
    for _ in range(600):
        (month,) = (await api.call("orchestration.archive.list"))["months"]
        if month["isInSql"]:
            break
        await asyncio.sleep(0.05)
    assert await past.by_node() == {"start": 61, "fit": 61, "end": 61}


@pytest.mark.slow
async def test_a_kill_between_archive_and_drop_neither_loses_nor_doubles(past: Past, backend_url: str) -> None:
    for point in ("between archive and drop:2", "between pages of bodies:1"):
        await past.killed(backend_url, point)
    await past.later(100)
    rows = await past.archived()
    mine = [row for row in rows if row["workflow_uuid"] == past.workflow]
    assert shown_values(mine, "fit") == sorted(f'{{"n":{n}}}' for n in range(61))
    assert len({(row["run_uuid"], row["execution_index"]) for row in rows}) == len(rows)
    async with await psycopg.AsyncConnection[Any].connect(backend_url) as connection:
        left = await (await connection.execute("select distinct run_uuid::text from executions where not is_dropped")).fetchall()
    assert left == [(past.parked,)]


async def test_rules_refuse_nonsense(backend: Backend) -> None:
    api = backend.admin
    wrong: list[Body] = [{"bodiesDays": -1}, {"runsDays": 36_501}, {"bodiesDays": "soon"}]
    for values in wrong:
        assert (await api.refused("orchestration.retention.update", **values))[0] == 400
    assert await api.refused("orchestration.retention.update", bodiesDays=31, runsDays=30) == (400, "bodiesOutliveRuns")
    assert await api.refused("orchestration.retention.update", archiveDays=30) == (400, "archiveTooShort")
    assert (await api.call("orchestration.retention.get"))["retention"]["own"] == []
    reply = await api.call("orchestration.retention.update", runsDays=7)
    assert reply["retention"] == {"bodiesDays": 7, "runsDays": 7, "isArchiving": True, "archiveDays": 0, "own": ["runsDays"]}
    reply = await api.call("orchestration.retention.update", runsDays=None)
    assert reply["retention"] == {"bodiesDays": 30, "runsDays": 365, "isArchiving": True, "archiveDays": 0, "own": []}
