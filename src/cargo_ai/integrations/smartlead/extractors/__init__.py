"""The list of Smartlead that fills models: the leads of a campaign."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.integrations.kit import Cursor, ExtractedPage, Extractor, ExtractRequest, Form, SourceColumn, SourceShape
from cargo_ai.integrations.smartlead.client import leads_page
from cargo_ai.integrations.smartlead.fields import Id, campaign_field

Json = Any
_OF_THE_LEAD: dict[str, ColumnType] = {
    **dict.fromkeys(("id", "email", "first_name", "last_name", "company_name", "phone_number", "website", "location"), "string"),
    "custom_fields": "object",
    "is_unsubscribed": "boolean",
}
_IN_THE_CAMPAIGN: dict[str, ColumnType] = {"status": "string", "lead_category_id": "string", "created_at": "date"}
_SHAPE = SourceShape(
    tuple(SourceColumn(name, kind, name.replace("_", " ").capitalize()) for name, kind in (_OF_THE_LEAD | _IN_THE_CAMPAIGN).items()),
    "id",
    "email",
    "created_at",
)


class Leads(Form):
    """Whose leads."""

    campaign_id: Id = campaign_field()


def _record(item: dict[str, Json]) -> dict[str, Json]:
    """A lead with how it stands in the campaign; some answers have the one in the other."""
    lead = cast("dict[str, Json]", item["lead"] if isinstance(item.get("lead"), dict) else item)
    record = {name: lead.get(name) for name in _OF_THE_LEAD} | {name: item.get(name) for name in _IN_THE_CAMPAIGN}
    texts = ("id", "lead_category_id")
    return record | {name: None if record[name] is None else str(record[name]) for name in texts}


async def _pages(request: ExtractRequest, cursor: Cursor | None) -> AsyncIterator[ExtractedPage]:
    campaign = request.form(Leads).campaign_id.strip()
    start: int | None = int((cursor or {}).get("offset") or 0)
    while start is not None:
        items, start = await leads_page(request.service, campaign, start)
        yield ExtractedPage([_record(item) for item in items], None if start is None else {"offset": start}, start is not None)


EXTRACTORS: tuple[Extractor, ...] = (
    Extractor(
        slug="leads",
        name="Leads of a campaign",
        description="Fills a model with the leads of a campaign; all are read each time, for Smartlead does not say what changed.",
        form=Leads,
        shape=_SHAPE,
        pages=_pages,
        is_incremental=False,
        min_interval=900,
    ),
)
