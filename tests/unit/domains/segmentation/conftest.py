"""Segments and their changes by real requests, written short."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, cast

import pytest

from cargo_ai.domains.segmentation.public import SegmentChanged
from cargo_ai.kernel import ids
from tests.kit.api_client import ApiClient
from tests.kit.published import collect

Body = dict[str, Any]
EVERYTHING: Body = {"conjonction": "and", "groups": []}


def where(*conditions: Body, join: str | None = "and") -> Body:
    """A filter of one group."""
    return {"conjonction": "and", "groups": [{"conjonction": join, "conditions": list(conditions)}]}


def above(count: float, column: str = "employees") -> Body:
    """A filter on a number."""
    return where({"kind": "number", "columnSlug": column, "operator": "greaterThan", "value": count})


async def segment_of(api: ApiClient, model: str, filter: Body = EVERYTHING, **more: Any) -> str:
    """The uuid of a new segment."""
    made = await api.call("segmentation.segment.create", name="Some", modelUuid=model, filter=filter, **more)
    return str(made["segment"]["uuid"])


async def compared(api: ApiClient, segment: str) -> Body:
    """A change of the segment, made now."""
    change: Body = (await api.call("segmentation.change.create", segmentUuid=segment))["change"]
    return change


def counts(change: Body) -> tuple[int, int, int, int, int]:
    """added, updated, removed, unchanged, total."""
    names = ("added", "updated", "removed", "unchanged", "total")
    return tuple(int(change[f"{name}RecordsCount"]) for name in names)  # pyright: ignore[reportReturnType]


async def kinds(api: ApiClient, change: Body, *wanted: str) -> dict[str, str]:
    """The ids of a change's records with their kinds."""
    found = await api.call("segmentation.change.fetch", uuid=change["uuid"], kinds=list(wanted), limit=1000)
    assert found["count"] == len(found["records"])
    return {record["_id"]: record["_kind"] for record in found["records"]}


@pytest.fixture
def published() -> Generator[list[SegmentChanged]]:
    """The changes of segments that are published while the test runs."""
    with collect(SegmentChanged) as events:
        yield cast("list[SegmentChanged]", events)


def new_id() -> str:
    """A uuid that names nothing."""
    return str(ids.new())
