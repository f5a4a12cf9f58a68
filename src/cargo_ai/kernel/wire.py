"""Wire: the base of all requests and responses, and warnings about fields that they do not have."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticSerializationError

from cargo_ai.kernel import clock
from cargo_ai.kernel.schemas.validation_errors import errors_of as errors_of

JsonObject = dict[str, Any]


def _utc(timestamp: datetime) -> datetime:
    try:
        return timestamp.replace(tzinfo=UTC) if timestamp.tzinfo is None else timestamp.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be in the years 1 to 9999, in UTC") from None


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, uuid.UUID) else value


Uuid = Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=64)]
"""An id as text. One that is not a uuid gets the same 404 as an unknown one."""

Timestamp = Annotated[
    datetime,
    AfterValidator(_utc),
    PlainSerializer(clock.to_iso, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A timestamp: UTC, milliseconds, `Z`."""


class Wire(BaseModel):
    """Base of requests and replies: camelCase outside, snake_case inside, frozen; nulls are kept; unknown fields are dropped."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, defer_build=True, extra="ignore", protected_namespaces=()
    )

    def to_wire(self) -> JsonObject:
        """A JSON object with camelCase keys; nullable fields are present as null."""
        return self.model_dump(mode="json", by_alias=True)

    def to_json(self) -> bytes:
        """The same as bytes, serialised without Python objects in between."""
        try:
            return self.model_dump_json(by_alias=True).encode()
        except PydanticSerializationError as error:
            if "surrogates not allowed" not in str(error):
                raise
            # Half of a character in JSON that was stored before such were replaced: a question mark.
            return json.dumps(self.to_wire(), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class Nothing(Wire):
    """No input, or no output."""


class ByUuid(Wire):
    """A thing named by its id."""

    uuid: Uuid = Field(description="Its uuid.")


class Removed(Wire):
    """What was removed, cancelled or changed where the contract names no reply."""

    uuid: Uuid


class Counted(Wire):
    """How many things a bulk operation touched."""

    count: int


def unknown_field_warnings(value: Any, raw: Any, path: str = "") -> list[str]:
    """Sentences for the fields of `raw` that the validated `value` has no place for; walks nested models and lists."""
    if isinstance(value, BaseModel) and isinstance(raw, Mapping):
        return _unrecognized_fields(value, cast("Mapping[str, Any]", raw), path)
    if isinstance(value, (list, tuple)) and isinstance(raw, Sequence) and not isinstance(raw, (str, bytes)):
        pairs = zip(cast("Sequence[Any]", value), cast("Sequence[Any]", raw), strict=False)
        return [warning for i, (inner, item) in enumerate(pairs) for warning in unknown_field_warnings(inner, item, f"{path}[{i}]")]
    return []


def _unrecognized_fields(value: BaseModel, raw: Mapping[str, Any], path: str) -> list[str]:
    warnings: list[str] = []
    known: set[str] = set()
    for name, field in type(value).model_fields.items():
        alias = field.alias or name
        known |= {alias, name}
        choices = getattr(field.validation_alias, "choices", None)
        if isinstance(choices, list):
            known |= {str(choice) for choice in cast("list[object]", choices)}
        elif isinstance(field.validation_alias, str):
            known.add(field.validation_alias)
        inner = raw.get(alias, raw.get(name))
        if inner is not None:
            warnings += unknown_field_warnings(getattr(value, name), inner, f"{path}.{alias}" if path else alias)
    known |= cast("frozenset[str]", getattr(type(value), "accepts_also", frozenset[str]()))
    if value.model_config.get("extra") != "allow":
        where = f"{path}." if path else ""
        warnings += [f"unrecognized_keys: {where}{key} is not a known field and was ignored" for key in raw if key not in known]
    return warnings
