"""Reading for the rows of a batch: the records that each names by a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from cargo_ai.integrations.kit.rows import Rows
from cargo_ai.integrations.kit.writes import key_of
from cargo_ai.integrations.salesforce.describe import described
from cargo_ai.integrations.salesforce.fields import OfObject
from cargo_ai.integrations.salesforce.matching import matching, searchable
from cargo_ai.integrations.salesforce.values import checked_name

Json = Any
OfObjectT = TypeVar("OfObjectT", bound=OfObject)


async def read_matches(
    rows: Rows[OfObjectT], match_by: str, value: Callable[[OfObjectT], Json], field: str, names: Sequence[str] = (), *, usual: bool = True
) -> dict[int, list[Mapping[str, Json]]]:
    """The records that have each row's value of `match_by`, by the row's position; rows whose value cannot be searched have failed.

    field: of the config, in which the value stands. names: what is read of them; by default what is usual, or only the id.
    """
    keys = rows.read(lambda form: key_of(value(form), field))
    if not keys:
        return {}
    object_type = checked_name(rows.first.object_type, "object")
    known = await described(rows.requests[next(iter(keys))], object_type, match_by)
    fitting = searchable(rows, known, match_by, keys)
    if not fitting:
        return {}
    matches = await matching(rows.service, known, match_by, [*fitting.values()], names or (known.usual_fields if usual else ()))
    return {position: matches.of(key) for position, key in fitting.items()}
