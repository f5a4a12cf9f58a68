"""Laps of a fill: which columns still lack values, and after which record the way round all records began for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cargo_ai.store.driver import Connection, fetch

Laps = dict[str, list[Any]]
"""By column: the id after which its lap began, and whether the last record was passed since. It ends at the record where it began."""

_ENDED = "select slug from unnest(%s::text[], %s::text[]) as laps (slug, began) where began <= %s"


def begin(laps: Mapping[str, Any], slugs: Iterable[str], after: str) -> Laps:
    """The laps with new ones for these columns, which begin after a record; '' is before the first."""
    return {**laps, **{slug: [after, False] for slug in slugs}}


def past_the_end(laps: Mapping[str, Any]) -> Laps:
    """Those that are left when the last record is done: the others began with the first, or come here again."""
    return {slug: [began, True] for slug, (began, came_round) in laps.items() if began and not came_round}


def ends(laps: Mapping[str, Any]) -> list[str] | None:
    """Where the laps end that are left, when the last record is behind all of them; None where one still has to pass it."""
    return [str(began) for began, _ in laps.values()] if all(came_round for _, came_round in laps.values()) else None


async def past(connection: Connection, laps: Mapping[str, Any], last: str) -> Laps:
    """Those that are left when the records up to this one are done. The database compares, in the order in which it reads them."""
    round_again = {str(slug): str(began) for slug, (began, came_round) in laps.items() if came_round}
    ended = await fetch(connection, _ENDED, [list(round_again), list(round_again.values()), last]) if round_again else []
    return {slug: lap for slug, lap in laps.items() if slug not in {str(row[0]) for row in ended}}
