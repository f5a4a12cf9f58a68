"""Attributes of objects and lists: what Attio says of each, remembered for ten minutes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from cargo_ai.integrations.kit import Answer, Service, ServiceError, items_of, offset, segment
from cargo_ai.kernel import clock

Json = Any
JsonObject = Mapping[str, Json]
Target = Literal["objects", "lists"]

PAGE = 100
KNOWN_SECONDS = 600.0
MAX_KNOWN = 1_000
"""Objects whose attributes are remembered, of all accounts."""
RECORD_ID = "record_id"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute. `objects`: ids of the objects whose records it may refer to."""

    id: str
    slug: str
    title: str
    type: str
    is_multiselect: bool = False
    is_unique: bool = False
    is_writable: bool = True
    is_required: bool = False
    description: str = ""
    objects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of one object or list, by slug; they can be named by id, too."""

    by_slug: Mapping[str, Attribute] = field(default_factory=dict[str, Attribute])

    def get(self, name: str) -> Attribute | None:
        """The attribute with this slug or id, None where Attio names none."""
        return self.by_slug.get(name) or next((attribute for attribute in self if attribute.id == name), None)

    def slug_of(self, name: str) -> str:
        """The slug of an attribute that is named by its id; any other name as it is."""
        attribute = self.get(name)
        return name if attribute is None else attribute.slug

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self.by_slug.values())

    def has_all(self, names: Iterable[str]) -> bool:
        """Whether each of these is an attribute."""
        return all(self.get(name) is not None for name in names)


_known: dict[tuple[str, Target, str], tuple[float, Attributes]] = {}


async def attributes_of(service: Service, of: str, names: Iterable[str] = (), *, target: Target = "objects") -> Attributes:
    """The attributes of an object or a list, by slug or id. Attio is asked again where one of `names` is not among those remembered."""
    key = (_account(service), target, of)
    until, attributes = _known.get(key, (0.0, Attributes()))
    if until <= clock.seconds() or not attributes.has_all(name for name in names if name != RECORD_ID):
        attributes = await read_attributes(service, of, target=target)
        if len(_known) >= MAX_KNOWN:
            _known.clear()
        _known[key] = (clock.seconds() + KNOWN_SECONDS, attributes)
    return attributes


async def read_attributes(service: Service, of: str, *, target: Target = "objects") -> Attributes:
    """The same, as Attio says it now."""

    async def fetch(start: int) -> Answer:
        return await service.get(f"/{target}/{segment(of)}/attributes", query={"limit": PAGE, "offset": start})

    pages = items_of(offset(fetch, items="data", size=PAGE))
    listed = [_attribute(definition) async for definition in pages if not definition.get("is_archived")]
    if not listed and target == "objects":
        raise ServiceError(f"{service.name}: {of} has no attributes.", reason="unexpectedAnswer")
    return Attributes({attribute.slug: attribute for attribute in listed})


def _attribute(definition: JsonObject) -> Attribute:
    config = cast("JsonObject", definition.get("config") or {})
    reference = cast("JsonObject", config.get("record_reference") or {})
    identity = cast("JsonObject", definition.get("id") or {})
    slug = str(definition["api_slug"])
    return Attribute(
        id=str(identity.get("attribute_id") or slug),
        slug=slug,
        title=str(definition.get("title") or slug),
        type=str(definition.get("type") or ""),
        is_multiselect=bool(definition.get("is_multiselect")),
        is_unique=bool(definition.get("is_unique")),
        is_writable=definition.get("is_writable") is not False,
        is_required=bool(definition.get("is_required")),
        description=str(definition.get("description") or ""),
        objects=tuple(str(allowed) for allowed in cast("list[Json]", reference.get("allowed_object_ids") or [])),
    )


def _account(service: Service) -> str:
    config: JsonObject = {} if service.account is None else service.account.config
    text = json.dumps([service.spec.address(config), config], sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
