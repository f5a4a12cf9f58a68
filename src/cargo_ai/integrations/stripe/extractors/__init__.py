"""Lists of Stripe that fill models."""

from __future__ import annotations

from cargo_ai.integrations.kit import Extractor
from cargo_ai.integrations.stripe.extractors.events import EventsOf
from cargo_ai.integrations.stripe.extractors.tables import TABLES


def _extractor(table: EventsOf) -> Extractor:
    return Extractor(
        slug=table.slug,
        name=table.name,
        description=f"Fills a model with {table.name.lower()}: all of them, and from then on what Stripe's events tell.",
        shape=table.shape,
        pages=table.pages,
        tells_removals=bool(table.removal),
    )


EXTRACTORS: tuple[Extractor, ...] = tuple(_extractor(table) for table in TABLES)
