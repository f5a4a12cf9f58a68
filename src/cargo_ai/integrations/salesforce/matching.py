"""Finding records by the value of a field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.integrations.kit import Failed, InvalidConfig, Service
from cargo_ai.integrations.kit.rows import Rows
from cargo_ai.integrations.kit.writes.matches import Matches
from cargo_ai.integrations.salesforce.describe import Described
from cargo_ai.integrations.salesforce.records import query
from cargo_ai.integrations.salesforce.soql import by_values
from cargo_ai.integrations.salesforce.values import canonical, literal

Json = Any
JsonObject = Mapping[str, Json]

MAX_RECORDS = 20_000
"""How many records one batch may read."""


async def matching(service: Service, described: Described, name: str, keys: Sequence[str], names: Sequence[str]) -> Matches:
    """The records with these values of a field. InvalidConfig where there are too many to read."""
    definition = described.wanted(name)
    matches, count = Matches(lambda key: canonical(definition, key), "Id"), 0
    for soql in by_values(described, name, keys, names):
        async for page in query(service, soql):
            for record in page.items:
                matches.add(record.get(str(definition["name"])), record)
            count += len(page.items)
            if count > MAX_RECORDS:
                raise InvalidConfig(f"more than {MAX_RECORDS:,} records match: match by a field that few records share.")
    return matches


def searchable(rows: Rows[Any], described: Described, name: str, keys: Mapping[int, str]) -> dict[int, str]:
    """The rows whose value the field can hold at all; the others have failed."""
    definition, fitting = described.wanted(name), dict[int, str]()
    for position, key in keys.items():
        try:
            literal(definition, key)
            fitting[position] = key
        except InvalidConfig as error:
            rows.settle(position, Failed(str(error), reason="invalidConfig"))
    return fitting
