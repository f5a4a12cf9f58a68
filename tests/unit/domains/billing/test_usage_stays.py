"""Usage stays when the runs that it is of are removed."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, datetime

from cargo_ai.domains.orchestration.retention import remove
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.ledger import charges
from cargo_ai.ledger.charges import Charge
from cargo_ai.store.driver import driver_connection, value
from tests.kit.api_client import ApiClient, Body
from tests.unit.domains.billing.conftest import Spender

OLD_MS = int(datetime(2025, 1, 10, 9, tzinfo=UTC).timestamp() * 1000)
JANUARY: Body = {"from": "2025-01-01", "to": "2025-01-31", "groupBy": "workflow"}
RUN = """
insert into runs (uuid, workspace_uuid, workflow_uuid, shard_uuid, graph_uuid, trace_uuid, record_id, record_title, record, status,
    created_ms, updated_ms, finished_ms)
values (%(r)s, %(w)s, %(r)s, %(r)s, %(r)s, %(r)s, 'a', 'a', '{}', 'success', %(m)s, %(m)s, %(m)s)
"""


async def test_metrics_are_the_same_after_the_runs_are_gone(api: ApiClient, spender: Spender) -> None:
    run, workflow, workspace = uuid.UUID(int=(OLD_MS << 80) + 7), ids.new(), spender.workspace
    credits = spender.label(workflow=workflow, connector=ids.new(), integration="hunter")
    executions = spender.label("success", unit="orchestration.executions", workflow=workflow)
    async with spender.state.database.session(workspace) as db:
        connection = await driver_connection(db)
        await connection.execute(RUN, {"r": run, "w": workspace, "m": OLD_MS})
        day = charges.day_of(OLD_MS)
        due = [Charge(credits, day, 1, charges.exact(2.5), run), Charge(executions, day, 3, charges.exact(0))]
        await charges.write(connection, due, run, 0, clock.now())
        await db.commit()
    before = await api.call("billing.usage.getMetrics", **JANUARY)
    assert before["totalUsage"] == 2.5
    assert [(item["slug"], item["count"], item["groupBy"]) for item in before["metrics"][0]["items"]] == [
        (credits.slug, 2.5, str(workflow)),
        ("success", 3, str(workflow)),
    ]
    await remove.remove_old_runs(dataclasses.replace(spender.state.services, settings=Settings({"CARGO_AI_KEEP_RUNS_DAYS": "30"})))
    async with spender.state.database.session(workspace) as db:
        connection = await driver_connection(db)
        assert await value(connection, "select count(*) from runs") == 0
        assert await value(connection, "select count(*) from ledger_charges") == 0
    assert await api.call("billing.usage.getMetrics", **JANUARY) == before
