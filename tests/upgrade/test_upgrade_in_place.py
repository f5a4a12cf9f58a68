"""Upgrade a server of schema 0019 in place that was killed in the middle of its work: nothing is lost, and everything goes on."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from cargo_ai.store import migrate
from tests.kit.processes.real_server import wait_until
from tests.upgrade import state
from tests.upgrade.conftest import Json, Upgraded

pytestmark = [pytest.mark.slow]

CHANGING = {"requestId", "usesCount", "sizeBytes", "recordsCount", "lastChange", "lastRun", "lastBatch", "since"}
"""Response fields that the work in flight changes, or that differ in each response; times are shifted and differ, too."""
RENAMED = {"takenExecutionsCount": "reusedExecutionsCount"}
"""Response fields of our own that were renamed on purpose, while they were unreleased."""
RECORDS = 300
MAX_REPEATED = 100
"""The most calls whose answers were not yet durable when the previous server was killed."""


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Where a response lacks a field of the previous server's, or has another value. Added fields are allowed."""
    if isinstance(before, dict) and isinstance(after, dict):
        old, new = cast("Json", before), cast("Json", after)
        faults: list[str] = []
        for name in old:
            if name not in CHANGING and not name.endswith(("At", "Url")):
                now = RENAMED.get(name, name)
                faults += differences(old[name], new[now], f"{path}.{now}") if now in new else [f"{path}.{now} is missing"]
        return faults
    if isinstance(before, list) and isinstance(after, list):
        pairs = list(zip(cast("list[Any]", before), cast("list[Any]", after), strict=False))
        lengths = len(cast("list[Any]", before)), len(cast("list[Any]", after))
        if lengths[0] != lengths[1]:
            return [f"{path} has {lengths[1]} items instead of {lengths[0]}"]
        return [fault for at, pair in enumerate(pairs) for fault in differences(*pair, f"{path}[{at}]")]
    return [] if before == after else [f"{path} is {after!r} instead of {before!r}"]


def test_read_operations_answer_as_the_previous_server_did(upgraded: Upgraded) -> None:
    faults: list[str] = []
    clients = {name: upgraded.server.client_of(str(upgraded.known[name])) for name in ("token", "restrictedToken")}
    for answer in state.answers():
        response = upgraded.server.send(answer["operation"], clients[answer["token"]], **answer["fields"])
        found = differences([answer["status"], answer["response"]], [response.status_code, response.json()])
        faults += [f"{answer['operation']} {answer['fields']}: {fault}" for fault in found]
    for client in clients.values():
        client.close()
    assert not faults, "\n".join(faults)


def test_the_database_is_at_the_newest_revision(upgraded: Upgraded) -> None:
    assert upgraded.server.value("select version_num from alembic_version") == migrate.head()


def test_tokens_keep_their_rights(upgraded: Upgraded) -> None:
    known, server = upgraded.known, upgraded.server
    with server.client_of(str(known["removedToken"])) as client:
        assert server.send("storage.model.all", client).status_code == 401
    with server.client_of(str(known["restrictedToken"])) as client:
        response = server.send("storage.record.update", client, modelUuid=known["companies"], id="c1.example", data={})
        assert response.status_code == 403, response.text
    response = server.client.post(
        f"/v1/models/{known['leads']}/records/ingest",
        json=[{"email": "fresh@example.com", "name": "Fresh", "score": 5}],
        headers={"Authorization": f"Bearer {known['ingestToken']}"},
    )
    assert response.status_code == 200, response.text


def test_a_repeated_idempotency_key_returns_the_stored_response(upgraded: Upgraded) -> None:
    stored = upgraded.known["idempotency"]
    headers = {"Idempotency-Key": stored["key"]}
    response = upgraded.server.send("orchestration.run.create", None, headers, workflowUuid=stored["workflow"], data=stored["data"])
    assert (response.status_code, response.json()["run"]["uuid"]) == (200, stored["run"])


def test_the_interrupted_batch_finishes_with_each_record_exactly_once(upgraded: Upgraded) -> None:
    known, server = upgraded.known, upgraded.server
    batch = upgraded.finished_batch("interruptedBatch")
    counts = (batch["status"], batch["runsCount"], batch["executedRunsCount"], batch["failedRunsCount"])
    assert counts == ("success", RECORDS, RECORDS, 0), batch
    rows = server.results(batch["uuid"])
    assert sorted(row["recordId"] for row in rows) == sorted(f"i{at}" for at in range(RECORDS))
    assert all(row["output"] == {"id": row["recordId"], "industry": "Robotics"} for row in rows)
    assert all(counts == {"start": 1, "ask": 1, "end": 1} for counts in server.executed(batch["uuid"]).values())
    before = {key: path for path, key, _ in known["calls"] if path.startswith("/slow/")}
    calls = upgraded.service.calls("/slow/")
    after = {call.key: call.path for call in calls}
    # One key per record across both servers; only calls without a durable answer are repeated, and none of them twice.
    assert len(before | after) == RECORDS == len({*before.values(), *after.values()})
    assert len(before.keys() & after.keys()) <= MAX_REPEATED and len(calls) == len(after)
    # The sealed secret and header of the connector arrive at the service.
    assert {(call.status, call.headers["x-former"]) for call in calls} == {(200, "yes")}


def test_parked_runs_go_on(upgraded: Upgraded) -> None:
    assert upgraded.run_output("delayRun") == {"id": "d0", "hello": "Hello Delayed"}
    assert upgraded.run_output("groupRun")["items"] == [{"double": 2}, {"double": 4}, {"double": 6}]
    assert upgraded.run_output("nestedToolRun") == {"hello": "Hello Around"}
    # The service had answered 503 with Retry-After.
    assert upgraded.run_output("retryAfterRun")["industry"] == "Robotics"
    assert {key for path, key, _ in upgraded.known["calls"] if path.startswith("/busy/")} == set(upgraded.service.keys("/busy/"))


def test_open_calls_are_repeated_with_their_idempotency_keys(upgraded: Upgraded) -> None:
    *runs, cancelled = upgraded.known["openCallRuns"]
    assert all(upgraded.run_output(run)["industry"] == "Robotics" for run in runs)
    assert upgraded.run_status(cancelled) == "cancelled"
    before = {key for path, key, _ in upgraded.known["calls"] if path.startswith("/hang/")}
    assert set(upgraded.service.keys("/hang/")) <= before and len(before) == len(runs) + 1


def test_a_staged_batch_goes_on_and_a_stopped_one_resumes(upgraded: Upgraded) -> None:
    staged = upgraded.finished_batch("stagedBatch")
    assert (staged["status"], staged["executedRunsCount"], staged["pace"]["stage"]) == ("success", 6, 2)
    stopped = upgraded.call("orchestration.batch.get", uuid=upgraded.known["stoppedBatch"])["batch"]
    assert (stopped["status"], stopped["pace"]["stoppedBy"], stopped["failedRunsCount"]) == ("error", "errorRate", 2)
    upgraded.call("orchestration.batch.resume", uuid=stopped["uuid"])
    resumed = upgraded.finished_batch("stoppedBatch")
    assert (resumed["status"], resumed["executedRunsCount"], resumed["failedRunsCount"]) == ("success", 10, 2)


def test_queued_jobs_are_carried_out(upgraded: Upgraded) -> None:
    known, server = upgraded.known, upgraded.server
    assert upgraded.run_output("queuedRun")["twice"] == [{"twice": 40}, {"twice": 42}]
    queued = upgraded.finished_batch("queuedBatch")
    assert (queued["status"], queued["executedRunsCount"], queued["failedRunsCount"]) == ("success", 5, 0)
    (memory,) = server.call("orchestration.memory.list")["memories"]
    assert memory["value"] == known["memoryValue"] + 6
    assert upgraded.finished_batch("queuedPlayBatch")["executedRunsCount"] == 2
    assert upgraded.finished_batch("cancelledBatch")["status"] == "cancelled"
    wait_until(lambda: server.call("storage.run.get", uuid=known["queuedRefresh"])["run"]["status"] == "success", 60, "the refresh")

    def index_statuses() -> list[str]:
        return [index["status"] for index in server.call("storage.model.listIndexes", uuid=known["companies"])["indexes"]]

    def size() -> str:
        return str(server.call("storage.record.get", modelUuid=known["companies"], id="c3.example")["record"]["size"])

    wait_until(lambda: index_statuses() == ["ready", "ready"], 60, "the index")
    wait_until(lambda: size() == "small", 60, "the computed column")
    wait_until(lambda: len(upgraded.service.calls("/hook/")) == 1, 60, "the webhook")
    (webhook,) = upgraded.service.calls("/hook/")
    assert webhook.headers["x-cargo-signature"] == hmac.new(b"whisper", webhook.body, hashlib.sha256).hexdigest()
    assert json.loads(webhook.body)["batch"]["uuid"] == known["webhookBatch"]
    wait_until(lambda: bool(upgraded.mail.emails), 60, "the e-mail to the reviewer")
    assert upgraded.mail.emails[0].recipients == ["ann@example.com"]
    wait_until(lambda: server.value("select count(*) from procrastinate_jobs") == 0, 60, "the queue to be empty")


def test_reviews_can_be_decided_and_their_runs_finish(upgraded: Upgraded) -> None:
    first, _, third = upgraded.known["reviews"]
    runs = upgraded.known["reviewedRuns"]
    # The second review was approved while no worker was running.
    assert upgraded.run_output(runs[1]) == {"id": "r2", "decision": "approved", "subject": "Dear Waiting 2"}
    upgraded.call("orchestration.review.approve", uuid=first, values={"subject": "Dear Waiting 1"})
    assert upgraded.run_output(runs[0]) == {"id": "r1", "decision": "approved", "subject": "Dear Waiting 1"}
    assert upgraded.run_status(upgraded.known["cancellingRun"]) == "cancelled"
    # Once a link signed by the previous server is too old, it is refused as expired, not as invalid.
    link = urlsplit(str(upgraded.known["reviewLink"]))
    response = upgraded.server.client.get(f"{link.path}?{link.query}")
    assert response.status_code == 200 or response.json()["reason"] == "linkExpired", response.text
    upgraded.call("orchestration.review.reject", uuid=third, comment="No")
    assert upgraded.run_output(runs[2])["decision"] == "rejected"


def test_plays_react_to_pending_and_new_changes(upgraded: Upgraded) -> None:
    known, server = upgraded.known, upgraded.server

    def records(play: str) -> list[str]:
        """The records of successful runs that the current server has created."""
        statement = "select uuid::text as uuid, record_id from runs where workflow_uuid = %s and status = 'success' order by record_id"
        rows = server.rows(statement, known[play]["workflowUuid"])
        return [row["record_id"] for row in rows if row["uuid"] not in state.run_uuids()]

    def has_batch(play: str) -> bool:
        return bool(server.value("select count(*) from batches where workflow_uuid = %s", known[play]["workflowUuid"]))

    # Written while no worker was running: in the segment of a realtime play, and of a cron play that was due.
    wait_until(lambda: {"c10.example", "neuf.example"} <= set(records("realtimePlay")), 60, "the realtime play")
    wait_until(lambda: "c9.example" in records("cronPlay"), 60, "the cron play")
    wait_until(lambda: has_batch("dependentPlay"), 60, "the dependent play")
    server.call("storage.record.create", modelUuid=known["companies"], data={"domain": "new.example", "country": "FR", "employees": 3})
    wait_until(lambda: "new.example" in records("realtimePlay"), 60, "the run of the new record")
    record = server.call("storage.record.get", modelUuid=known["companies"], id="new.example")["record"]
    assert (record["tier"], record["size"]) == ("seen 3", "small")
    # A change that a cron play holds until it is due.
    assert records("oncePlay") == []
    server.rows("update schedules set next_fire_at = now() where owner_uuid = %s and kind = 'play'", known["oncePlay"]["uuid"])
    server.rows("select pg_notify('cargo_schedules', '')")
    wait_until(lambda: records("oncePlay") == ["otto.example"], 60, "the held change")


def test_a_segment_is_compared_with_the_previous_servers_snapshot(upgraded: Upgraded) -> None:
    known, server = upgraded.known, upgraded.server
    server.call("storage.record.update", modelUuid=known["companies"], id="c39.example", data={"tier": "changed"})
    change = server.call("segmentation.change.create", segmentUuid=known["segment"])["change"]
    updated = {record["_id"] for record in server.call("segmentation.change.fetch", uuid=change["uuid"], kinds=["updated"])["records"]}
    # Only French records were written besides, by the realtime play.
    untouched = {f"c{at}.example" for at in range(31, 39) if at % 4 not in {0, 2}}
    assert "c39.example" in updated and not updated & untouched and not change["removedRecordsCount"]


def test_releases_can_be_rolled_back_and_drafts_deployed(upgraded: Upgraded) -> None:
    known, server = upgraded.known, upgraded.server
    workflow, (first, _, last) = known["broad"]["workflow"], known["broadReleases"]
    assert server.call("orchestration.release.getDeployed", workflowUuid=workflow)["release"]["uuid"] == last
    draft = server.call("orchestration.draftRelease.get", workflowUuid=workflow)["release"]
    server.call("orchestration.release.rollback", uuid=first)
    assert upgraded.run_output(server.run(workflow, {"_id": "x1", "name": "X", "n": 1})) == {"id": "x1", "industry": "Robotics"}
    server.call("orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=draft["nodes"], formFields=None)
    assert upgraded.run_output(server.run(workflow, {"_id": "x2", "name": "X", "n": 1}))["hello"] == "Dear X"
    replay = server.call("orchestration.run.replay", uuid=known["finishedRun"], fromNode="score")["run"]["uuid"]
    assert upgraded.run_output(replay) == upgraded.run_output("finishedRun")


def test_a_merge_can_be_undone_and_an_ingest_report_downloaded(upgraded: Upgraded) -> None:
    known, server = upgraded.known, upgraded.server
    server.call("storage.merge.undo", uuid=known["merge"])
    assert server.call("storage.record.get", modelUuid=known["companies"], id="twin-b.example")["record"]["name"] == "Twin"
    url = server.call("storage.record.downloadIngestReport", uuid=known["report"], format="json")["url"]
    rows: list[Json] = server.client.get(url).json()
    assert [row["row"] for row in rows if row["verdict"] == "rejected"] == [3]


def test_what_the_previous_server_made_can_be_removed_and_restored(upgraded: Upgraded) -> None:
    known, server = upgraded.known, upgraded.server
    things = {"orchestration.tool": known["openCall"]["tool"], "segmentation.segment": known["segment"], "storage.model": known["regions"]}
    for noun, uid in things.items():
        before = server.call(f"{noun}.get", uuid=uid)
        restore = server.call(f"{noun}.remove", uuid=uid)["restore"]
        assert restore in server.send(f"{noun}.get", uuid=uid).json()["errorMessage"]
        server.call("workspaceManagement.bin.restore", uuid=uid)
        assert not differences(before, server.call(f"{noun}.get", uuid=uid))


def test_no_job_was_unknown_and_nothing_failed_unexpectedly(upgraded: Upgraded) -> None:
    wait_until(lambda: upgraded.server.value("select count(*) from procrastinate_jobs") == 0, 60, "the queue to be empty")
    for text in ("Task was not found", " ERROR ", '"level": "error"', "Traceback"):
        assert not upgraded.server.logged(text), upgraded.server.tail()


def test_files_of_many_records_are_read_into_a_model_of_then_and_taken_back(upgraded: Upgraded) -> None:
    call, model = upgraded.call, upgraded.known["leads"]
    made: list[str] = []
    for name in ("Before", "After"):
        text = "email,name\n" + "".join(f"m{number}@example.com,{name}\n" for number in range(1_200))
        uploaded = upgraded.server.client.post("/v1/workspaceManagement/files/upload", files={"file": ("many.csv", text.encode())})
        call("storage.record.ingest", modelUuid=model, s3Filename=uploaded.json()["s3Filename"])
        made.append(str(call("storage.changeSet.list", modelUuid=model)["changeSets"][0]["uuid"]))
    (changed, _) = call("storage.record.history", modelUuid=model, id="m7@example.com")["changes"]
    assert changed["changes"] == [{"columnSlug": "name", "before": "Before", "after": "After"}]
    assert call("storage.changeSet.undo", uuid=made[1])["revertedCount"] == 1_200
    assert call("storage.changeSet.undo", uuid=made[0])["removedCount"] == 1_200
