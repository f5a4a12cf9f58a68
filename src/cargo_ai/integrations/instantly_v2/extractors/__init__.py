"""The list of Instantly that fills models: its leads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pydantic import Field

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.integrations.instantly_v2.client import leads_page
from cargo_ai.integrations.instantly_v2.fields import CAMPAIGN
from cargo_ai.integrations.kit import Cursor, ExtractedPage, Extractor, ExtractRequest, Form, SourceColumn, SourceShape

Json = Any
_TYPES: dict[str, ColumnType] = {
    **dict.fromkeys(
        ("id", "email", "first_name", "last_name", "company_name", "job_title", "company_domain", "phone", "website"), "string"
    ),
    **dict.fromkeys(("campaign", "list_id"), "string"),
    **dict.fromkeys(("status", "lt_interest_status", "email_open_count", "email_reply_count", "email_click_count"), "number"),
    **dict.fromkeys(("timestamp_created", "timestamp_updated", "timestamp_last_contact", "timestamp_last_reply"), "date"),
    "payload": "object",
}
_SHAPE = SourceShape(
    tuple(SourceColumn(name, kind, name.replace("_", " ").capitalize()) for name, kind in _TYPES.items()),
    "id",
    "email",
    "timestamp_created",
    frozenset({"timestamp_updated"}),
)


class Leads(Form):
    """Whose leads."""

    campaign_id: str = Field(default="", title="Campaign", description="All by default.", max_length=100, json_schema_extra=CAMPAIGN)


async def _pages(request: ExtractRequest, cursor: Cursor | None) -> AsyncIterator[ExtractedPage]:
    campaign = request.form(Leads).campaign_id.strip()
    after: str | None = (cursor or {}).get("after")
    while True:
        leads, after = await leads_page(request.service, campaign, after)
        records = [{name: lead.get(name) for name in _TYPES} for lead in leads]
        yield ExtractedPage(records, None if after is None else {"after": after}, after is not None)
        if after is None:
            return


EXTRACTORS: tuple[Extractor, ...] = (
    Extractor(
        slug="leads",
        name="Leads",
        description="Fills a model with leads and how far each has come; all are read each time, for Instantly does not say what changed.",
        form=Leads,
        shape=_SHAPE,
        pages=_pages,
        is_incremental=False,
        min_interval=900,
    ),
)
