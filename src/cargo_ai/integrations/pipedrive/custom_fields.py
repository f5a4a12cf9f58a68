"""Custom fields: of which objects have some of their own, under names that are hashes; people may say them by the names that they see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cargo_ai.integrations.kit import Answer, InvalidConfig, Service, cursor, items_of
from cargo_ai.integrations.kit.errors import at
from cargo_ai.integrations.pipedrive.objects import RECORD_ID, Object, spelled
from cargo_ai.kernel import clock

Json = Any
JsonObject = Mapping[str, Json]

PAGE = 500
KNOWN_SECONDS = 600.0
MAX_KNOWN = 1_000
SEARCHABLE = frozenset({"address", "varchar", "text", "varchar_auto", "double", "monetary", "phone"})
"""Types of custom fields that Pipedrive finds records by."""


@dataclass(frozen=True, slots=True)
class CustomField:
    """One. code: a hash of 40 characters. options: ids by their labels in lower case, of a field with choices."""

    code: str
    name: str
    type: str
    description: str
    options: Mapping[str, Json]
    labels: Sequence[str]


_known: dict[tuple[str, str, str], tuple[float, Sequence[CustomField]]] = {}


async def custom_fields(service: Service, of: Object) -> Sequence[CustomField]:
    """The custom fields of an object, in Pipedrive's order. They are remembered for ten minutes: to ask costs as much as ten reads."""
    key = (service.spec.address({}), f"{service.workspace} {service.connector}", of.path)
    until, fields = _known.get(key, (0.0, ()))
    if until <= clock.seconds():
        fields = await read_custom_fields(service, of)
        if len(_known) >= MAX_KNOWN:
            _known.clear()
        _known[key] = (clock.seconds() + KNOWN_SECONDS, fields)
    return fields


async def read_custom_fields(service: Service, of: Object) -> Sequence[CustomField]:
    """The same, asked for now."""

    async def fetch(after: str | None) -> Answer:
        return await service.get(f"/{of.fields_path}", query={"limit": PAGE, "cursor": after})

    fields = [
        field async for field in items_of(cursor(fetch, items="data", next="additional_data.next_cursor")) if field.get("is_custom_field")
    ]
    return [_field(field) for field in fields]


def _field(field: JsonObject) -> CustomField:
    options: list[JsonObject] = [*at(field, "options.*")]
    labels = [str(option.get("label")) for option in options]
    return CustomField(
        str(field["field_code"]),
        str(field.get("field_name") or field["field_code"]),
        str(field.get("field_type") or ""),
        str(field.get("description") or ""),
        {label.strip().lower(): option.get("id") for label, option in zip(labels, options, strict=True)},
        labels,
    )


class Names:
    """The fields of an object by the names that people give them."""

    def __init__(self, of: Object, custom: Sequence[CustomField]) -> None:
        self.object = of
        self._by_code = {field.code: field for field in custom}
        self._by_name: dict[str, list[CustomField]] = {}
        for field in custom:
            self._by_name.setdefault(field.name.strip().lower(), []).append(field)

    def custom(self, name: str) -> CustomField | None:
        """The custom field of this code or name, None for one of Pipedrive itself. InvalidConfig where no one is, or several are."""
        if self.is_own(name):
            return None
        named = [self._by_code[name]] if name in self._by_code else self._by_name.get(name.strip().lower(), [])
        if len(named) > 1:
            raise InvalidConfig(f"{len(named)} fields of {self.object.path} are called {name}: say which by its code.")
        if not named:
            raise InvalidConfig(f"{self.object.path} have no field {name} in this Pipedrive account.")
        return named[0]

    def is_own(self, name: str) -> bool:
        """Whether it is a field of Pipedrive itself."""
        plain = spelled(name)
        return plain == RECORD_ID or plain in self.object.values or plain in self.object.read


async def names_of(service: Service, of: Object, names: Sequence[str]) -> Names:
    """The fields of an object; those of the account are asked for only when one of these names may be one."""
    own = Names(of, ())
    return own if all(own.is_own(name) for name in names) else Names(of, await custom_fields(service, of))
