"""The quota of records: by hand, by file, by nodes, under concurrency, and given back when records or models are removed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cargo_ai.domains.workspace import public
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient
from tests.unit.domains.storage.actions.test_perform import Nodes
from tests.unit.domains.storage.models.refreshes.test_file_source import upload


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A server on which a workspace may keep ten records."""
    return Settings({"CARGO_AI_DATA_DIR": str(tmp_path / "data"), "CARGO_AI_STRICT_REFUSALS": "1", "CARGO_AI_MAX_RECORDS": "10"})


async def used(api: ApiClient) -> dict[str, Any]:
    """The quota of records as `workspace usage` shows it."""
    return {quota["kind"]: quota for quota in (await api.call("workspaceManagement.workspace.getUsage"))["quotas"]}["records"]


def domains(first: int, last: int) -> list[dict[str, Any]]:
    return [{"domain": f"d{number}.com"} for number in range(first, last)]


async def test_the_eleventh_record_is_refused_and_changes_are_not(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, *domains(0, 9))
    await api.call("storage.record.create", modelUuid=uid, data={"domain": "last.com"})
    status, body = await api.refusal("storage.record.create", modelUuid=uid, data={"domain": "more.com"})
    assert (status, body["reason"]) == (413, "quotaExceeded")
    assert body["quota"] == {"kind": "records", "limit": 10, "used": 10, "setting": "CARGO_AI_MAX_RECORDS"}
    assert "10 records" in body["errorMessage"]
    await api.call("storage.record.update", modelUuid=uid, id="last.com", data={"name": "Last"})
    await api.call("storage.record.remove", modelUuid=uid, id="d0.com")
    await api.call("storage.record.create", modelUuid=uid, data={"domain": "more.com"})
    assert (await used(api))["used"] == 10


async def test_a_file_that_adds_too_many_adds_none(api: ApiClient) -> None:
    uid = await api.model()
    key = await upload(api, "domain\n" + "".join(f"d{number}.com\n" for number in range(11)))
    assert await api.refused("storage.record.ingest", modelUuid=uid, s3Filename=key) == (413, "quotaExceeded")
    assert await api.records(uid) == []
    key = await upload(api, "domain\n" + "".join(f"d{number}.com\n" for number in range(10)))
    assert (await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key))["added"] == 10
    # The same ten again add nothing.
    assert (await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key))["unchanged"] == 10
    lines = await upload(api, '{"domain":"x.com"}\n', "more.ndjson")
    assert await api.refused("storage.record.ingest", modelUuid=uid, s3Filename=lines) == (413, "quotaExceeded")


async def test_a_model_from_a_file_counts_and_gives_its_place_back_when_it_is_removed_for_ever(api: ApiClient) -> None:
    key = await upload(api, "id,name\n" + "".join(f"{number},n\n" for number in range(8)))
    uid = await api.model("uploaded", "uploadFile", s3Filename=key)
    quota = await used(api)
    assert (quota["used"], quota["remaining"]) == (8, 2)
    assert quota["largest"] == [{"name": "default.uploaded", "uuid": uid, "used": 8, "fix": f"cargo-ai storage model get {uid}"}]
    await api.call("storage.model.remove", uuid=uid)
    await api.call("workspaceManagement.bin.remove", uuid=uid)
    assert (await used(api))["used"] == 0


async def test_of_many_nodes_as_many_add_a_record_as_there_is_place_for(
    api: ApiClient, state: State, first_workspace: public.Bootstrap
) -> None:
    uid = await api.model()
    await api.add(uid, *domains(0, 5))
    workers = [Nodes(state, first_workspace.workspace_uuid) for _ in range(2)]

    def config(number: int) -> dict[str, Any]:
        return {"modelUuid": uid, "matchingColumnSlug": "domain", "matchingValue": f"d{number}.com", "mappings": []}

    outcomes = await asyncio.gather(*(workers[number % 2].act("upsert", config(number)) for number in range(20)))
    assert (await used(api))["used"] == 10
    failed = [outcome.message for outcome in outcomes if hasattr(outcome, "message")]
    assert len(failed) == 10
    assert all("10 records" in message for message in failed)


async def test_a_server_without_a_limit_says_so(api: ApiClient, state: State) -> None:
    uid = await api.model()
    await api.add(uid, *domains(0, 3))
    state.settings.environment["CARGO_AI_MAX_RECORDS"] = "0"
    quota = await used(api)
    assert (quota["used"], quota["limit"], quota["remaining"]) == (3, None, None)
