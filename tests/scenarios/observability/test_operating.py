"""A real server is watched: metrics of all its processes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.kit.processes.real_server import Json, real_server, wait_until

pytestmark = pytest.mark.slow
TOKEN = "of-the-scraper-only"


def node(uuid: str, slug: str, children: list[str]) -> Json:
    return {"uuid": uuid, "slug": slug, "kind": "native", "actionSlug": slug, "config": {}, "childrenUuids": children}


def test_metrics_count_what_all_processes_did_and_show_what_waits(tmp_path: Path) -> None:
    with real_server(tmp_path, workers=2, METRICS_TOKEN=TOKEN) as server:
        workflow = server.tool([node("1", "start", ["2"]), node("2", "end", [])])
        for number in range(3):
            server.run(workflow, {"n": number})

        def text() -> str:
            answer = server.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
            assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain"), answer.text
            return answer.text

        def value(line: str) -> float:
            match = re.search(rf"^{re.escape(line)} (\S+)$", text(), re.MULTILINE)
            return float(match[1]) if match else 0.0

        wait_until(
            lambda: value('cargo_ai_node_executions_total{kind="native",outcome="success"}') >= 6, 60, "the executions in the metrics"
        )
        assert value('cargo_ai_requests_total{operation="orchestration.run.create",status="200"}') == 3
        assert value('cargo_ai_request_seconds_count{operation="orchestration.run.create"}') == 3
        assert value('cargo_ai_workers{state="alive"}') == 2
        assert "cargo_ai_database_connections" in text() and "cargo_ai_build_info" in text()
        assert server.client.get("/metrics").status_code == 401


def test_a_rotated_key_opens_what_the_former_one_has_sealed_and_a_backup_made_after_it_is_restored(tmp_path: Path) -> None:
    with real_server(tmp_path, workers=1) as server:
        connector = server.connector("http://127.0.0.1:1")
        refused = server.command("rotate-key")
        assert refused.returncode == 1 and "stop it first" in refused.stdout
        key = server.data_dir / "secret.key"
        before = key.read_text()
        server.stop()
        done = server.command("rotate-key")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["sealed"] >= 2
        assert key.read_text() != before and not (server.data_dir / "secret.key.former").exists()
        server.start()
        assert server.call("connection.connector.get", uuid=connector)["connector"]["uuid"] == connector
        backup = server.command("backup", str(tmp_path / "a.backup"), BACKUP_PASSPHRASE="correct horse battery")
        assert backup.returncode == 0, backup.stderr
        # As a rotation that was cut off leaves it: both keys are there, and nothing else has changed.
        (server.data_dir / "secret.key.former").write_text(before)
        server.stop()
        cut_off = server.command("backup", str(tmp_path / "b.backup"), BACKUP_PASSPHRASE="correct horse battery")
        assert cut_off.returncode == 1 and "rotate-key" in cut_off.stdout
        again = server.command("rotate-key")
        assert again.returncode == 0 and json.loads(again.stdout)["sealed"] == 0, again.stderr
