"""Filter scopes: what a filter may name besides columns (saved segments, runs), supplied by the domains above."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.segmentation.filter import Filter
from cargo_ai.kernel import clock
from cargo_ai.records.catalog import Catalog
from cargo_ai.records.filter.terms import FilterContext

ScopeBuilder = Callable[[AsyncSession, Catalog, Filter], Awaitable[FilterContext]]

scopes: list[ScopeBuilder] = []
"""Who knows more: the room of segments puts itself here."""


async def build_scope(db: AsyncSession, catalog: Catalog, filter: Filter) -> FilterContext:
    """What the filter is compiled against."""
    return await scopes[-1](db, catalog, filter) if scopes else FilterContext(catalog, clock.now())
