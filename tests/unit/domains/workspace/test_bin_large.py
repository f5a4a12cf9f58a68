"""The bin: what is large is removed forever by a job."""

from __future__ import annotations

import pytest

from cargo_ai.context.removal import bin_kinds
from cargo_ai.domains.storage.models import model_bin
from tests.kit.backend import Backend
from tests.unit.domains.workspace.test_bin_list import REMOVE, binned, nothing_is_due, removed, rows, segment, tables

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_is_large_is_removed_forever_by_a_job(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    api = backend.admin
    model, small = await api.model("vast"), await api.model("slight")
    await api.add(model, *({"domain": f"{number}.com"} for number in range(3)))
    everyone = await segment(api, model, "Everyone")
    await api.call("segmentation.change.create", segmentUuid=everyone["uuid"])
    for kind, uid in (("segment", everyone["uuid"]), ("model", model), ("model", small)):
        await removed(api, kind, uid)
    monkeypatch.setattr(bin_kinds, "LARGE", 2)

    warnings = [await api.warnings(REMOVE, uuid=uid) for uid in (everyone["uuid"], model, small)]

    assert [len(one) for one in warnings] == [1, 1, 0]
    assert "removed in the background" in warnings[1][0]
    assert await tables(backend, "slight") == []
    assert not {model, small, everyone["uuid"]} & set(await binned(api))
    await nothing_is_due(backend)
    assert await tables(backend, "vast") == []
    assert await rows(backend, "select 1 from segment_members where segment_uuid = :uid", uid=everyone["uuid"]) == []


async def test_a_model_with_few_records_left_in_a_large_table_is_removed_by_a_job(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = backend.admin
    model = await api.model("hollow")
    await removed(api, "model", model)
    monkeypatch.setattr(model_bin, "LARGE_BYTES", 1_000)
    (warning,) = await api.warnings(REMOVE, uuid=model)
    assert "removed in the background" in warning
    await nothing_is_due(backend)
    assert await tables(backend, "hollow") == []
