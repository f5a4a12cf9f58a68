"""Metrics of workers on other machines, as the API of another one shows them."""

from __future__ import annotations

import uuid
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api import app as application
from cargo_ai.server.metrics import elsewhere, page
from cargo_ai.server.metrics.collector import PrometheusCollector
from cargo_ai.store.session import ALL_WORKSPACES
from cargo_ai.store.tables import WorkerMetrics
from tests.kit.application import make_state

TOKEN = "of-the-scraper-only"


@pytest.mark.asyncio
async def test_what_a_worker_elsewhere_counts_stands_beside_the_servers_own(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "FRESH_SECONDS", 0.0)
    state = make_state(database_url, Settings({"CARGO_AI_DATA_DIR": str(tmp_path), "CARGO_AI_METRICS_TOKEN": TOKEN}))
    (tmp_path / "metrics").mkdir()
    worker, gone = uuid.uuid4(), uuid.uuid4()
    counted = PrometheusCollector(None)
    counted.count("executions", ("native", "success"), 7)
    counted.time("call", ("http",), 0.3)
    await elsewhere.write(state.database, worker, counted)
    counted.count("executions", ("native", "success"), 1)
    for each in (worker, gone):
        await elsewhere.write(state.database, each, counted)
    async with state.database.session(ALL_WORKSPACES) as db:
        silent = update(WorkerMetrics).where(WorkerMetrics.worker_uuid == gone)
        await db.execute(silent.values(written_ms=clock.now_ms() - elsewhere.SILENT_MS - 1_000, process="gone/1"))
        await db.commit()
    transport = httpx.ASGITransport(app=application.build(state))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        shown = await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    await state.database.close()
    assert shown.status_code == 200, shown.text
    lines = shown.text.splitlines()
    (executions,) = [line for line in lines if line.startswith("cargo_ai_node_executions_total{")]
    assert 'worker="' in executions and executions.endswith(" 8.0")
    assert sum(line.startswith("cargo_ai_connector_call_seconds_bucket{") for line in lines) == 13
    assert len([line for line in lines if line.startswith("# TYPE cargo_ai_node_executions")]) == 1
    assert "gone/1" not in shown.text and "_created" not in shown.text
