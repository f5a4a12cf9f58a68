"""What the pages of one model share: the model, its columns by their names in SQL, and its tabs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from cargo_ai.console.page import PageRequest
from cargo_ai.console.views.storage import address
from cargo_ai.kernel.wire import JsonObject

SYSTEM: tuple[tuple[str, str, str], ...] = (("_id", "Id", "string"), ("_title", "Title", "string"), ("_created_at", "Created", "date"))
"""System columns that a filter or an order may name: slug, label, type."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the grid and the filter builder know it."""

    slug: str
    label: str
    type: str
    kind: str

    @property
    def is_writable(self) -> bool:
        """Whether people write its values."""
        return self.kind in {"original", "custom"}


def columns_of(model: JsonObject) -> list[Column]:
    """The columns of a model, those of its source first."""
    listed = cast("list[JsonObject]", [*model["columns"], *model["additionalColumns"]])
    return [Column(str(one["slug"]), str(one.get("label") or one["slug"]), str(one["type"]), str(one["kind"])) for one in listed]


async def get_model(request: PageRequest, uuid: str) -> JsonObject:
    """The model, or the refusal of an unknown one."""
    return cast("JsonObject", (await request.call("storage.model.get", {"uuid": uuid}))["model"])


def tabs(uuid: str, current: str) -> list[tuple[str, str, bool]]:
    """Label, path, and whether it is the current one."""
    entries = [("Columns", ""), ("Records", "records"), ("Changes", "changes"), ("Segments", "segments"), ("Refreshes", "refreshes")]
    return [(label, address.model(uuid, page), label == current) for label, page in entries]


def table_name(model: JsonObject, datasets: list[JsonObject]) -> str:
    """The name of a model in SQL."""
    slug = next((str(dataset["slug"]) for dataset in datasets if dataset["uuid"] == model["datasetUuid"]), "default")
    return f"{slug}.{model['slug']}"
