"""What an object of an org is: its fields, their types and what may be done with them, as `describe` says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from cargo_ai.integrations.kit import ActionRequest, InvalidConfig, Service, ServiceError, segment
from cargo_ai.integrations.kit.signing.oauth import ACCESS_TOKEN
from cargo_ai.integrations.salesforce.versions import SOBJECTS
from cargo_ai.kernel import clock

Json = Any
JsonObject = Mapping[str, Json]

RECORD_ID = "Id"
KNOWN_SECONDS = 600.0
MAX_KNOWN = 500

_known: dict[tuple[str, str], tuple[float, Described]] = {}


@dataclass(frozen=True, slots=True)
class Described:
    """An object by its API name, with its fields by theirs in lower case: Salesforce knows no case in names."""

    name: str
    fields: Mapping[str, JsonObject]

    def field(self, name: str) -> JsonObject | None:
        """The definition of a field, None for one that the user cannot see or that is not there."""
        return self.fields.get(name.lower())

    def wanted(self, name: str) -> JsonObject:
        """The definition of a field. InvalidConfig where it has none."""
        definition = self.field(name)
        if definition is None:
            raise InvalidConfig(f"{self.name} has no field {name[:100]} in this org, or the connector's user may not see it.")
        return definition

    @property
    def usual_fields(self) -> list[str]:
        """What is read of a record where nothing is said: its name and its times."""
        names = [str(one["name"]) for one in self.fields.values() if one.get("nameField")]
        return [*names, *(str(self.fields[name]["name"]) for name in ("createddate", "lastmodifieddate") if name in self.fields)]


async def describe(service: Service, object_type: str) -> Described:
    """The object as it is now. InvalidConfig for one that the user cannot see."""
    try:
        answer = await service.get(f"{SOBJECTS}/{segment(object_type)}/describe")
    except ServiceError as error:
        if error.status != 404:
            raise
        raise InvalidConfig(f"There is no object {object_type[:100]} in this org, or the connector's user may not see it.") from None
    body: object = answer.body
    fields: object = cast("JsonObject", body).get("fields") if isinstance(body, dict) else None
    if not isinstance(fields, list):
        raise ServiceError("Salesforce described no fields.", status=answer.status, body=answer.body, reason="unexpectedAnswer")
    definitions = {str(one["name"]).lower(): one for one in cast("list[JsonObject]", fields)}
    return Described(str(cast("JsonObject", body).get("name") or object_type), definitions)


async def described(request: ActionRequest, object_type: str, *names: str) -> Described:
    """The same, remembered for ten minutes; asked again when a field is named that it lacks."""
    key = (_account(request), object_type)
    until, known = _known.get(key, (0.0, None))
    if known is None or until <= clock.seconds() or any(known.field(name) is None for name in names):
        known = await describe(request.service, object_type)
        if len(_known) >= MAX_KNOWN:
            _known.clear()
        _known[key] = (clock.seconds() + KNOWN_SECONDS, known)
    for name in names:
        known.wanted(name)
    return known


def _account(request: ActionRequest) -> str:
    """Which account it is: the access token comes and goes."""
    config = {name: value for name, value in request.connector_config.items() if name != ACCESS_TOKEN}
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode("utf-8", "surrogatepass")).hexdigest()
