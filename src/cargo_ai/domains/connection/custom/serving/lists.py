"""Serving lists: the extractors of an integration of this server, as they answer over the protocol of custom integrations."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any, cast

from cargo_ai.domains.connection.custom.serving.served import Opened, Served, ServedError, object_in
from cargo_ai.integrations.kit import Extractor, ExtractRequest, scrub_json

Json = Any
JsonObject = dict[str, Json]


async def fetch(served: Served, body: JsonObject) -> JsonObject:
    """One page of a list. `isDryFetch`: only its columns."""
    extractor, request, opened = await _extract(served, body)
    with served.said(opened):
        shape = await extractor.shape_for(request)
        columns = [
            {"slug": column.name, "type": column.type, "label": column.label or column.name, "description": column.description}
            for column in shape.columns
        ]
        about = {"columns": columns, "idColumnSlug": shape.id, "titleColumnSlug": shape.title, "timeColumnSlug": shape.time}
        if body.get("isDryFetch") is True:
            return {"outcome": "fetched", **about, "data": {"kind": "records", "records": [], "hasMore": False}}
        meta = body.get("meta")
        cursor = cast("JsonObject", meta).get("cursor") if isinstance(meta, dict) else None
        async with aclosing(cast("Any", extractor.pages(request, cursor))) as pages:
            async for page in pages:
                records: list[JsonObject] = [{"action": "upsert", "override": False, "record": dict(record)} for record in page.records]
                records += [{"action": "remove", "override": False, "record": {shape.id: gone}} for gone in page.removed]
                kept = {"meta": {"cursor": page.cursor}} if page.cursor is not None else {}
                data = {"kind": "records", "records": records, "hasMore": page.more, **kept}
                return scrub_json({"outcome": "fetched", **about, "data": data}, opened.sensitive)
    raise ServedError(502, f"{served.integration.name} ended the list in the middle.")


async def count(served: Served, body: JsonObject) -> JsonObject:
    """How many records a list has."""
    extractor, request, opened = await _extract(served, body)
    if extractor.count is None:
        raise ServedError(404, f"{extractor.name} is not counted without reading it.")
    with served.said(opened):
        return {"count": await extractor.count(request)}


async def _extract(served: Served, body: JsonObject) -> tuple[Extractor, ExtractRequest, Opened]:
    extractor = served.integration.extractor(str(body.get("slug")))
    if extractor is None:
        raise ServedError(404, f"{served.integration.name} has no extractor {str(body.get('slug'))[:100]}.")
    opened = await served.opened(body)
    columns = tuple(map(str, cast("list[Json]", body.get("columns") or [])))
    config = object_in(body, "config")
    request = ExtractRequest(config, opened.config, opened.service, served.client, served.settings, columns, opened.sensitive)
    return extractor, request, opened
