"""Filter scopes: what a filter may name besides columns (saved segments, runs), supplied by the domains above."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.contract.segmentation.filter import Filter
from cargo_ai.kernel import clock
from cargo_ai.records.catalog import Catalog
from cargo_ai.records.filter.terms import FilterContext


async def build_scope(services: Services, db: AsyncSession, catalog: Catalog, filter: Filter) -> FilterContext:
    """What the filter is compiled against."""
    resolve = services.hooks.filter_scope
    return await resolve(db, catalog, filter) if resolve is not None else FilterContext(catalog, clock.now())
