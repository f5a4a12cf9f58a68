"""A workspace of Attio: its objects with their attributes and records, its lists with their entries, its members."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.simulators.serving import Refused

Json = Any
Values = dict[str, list[dict[str, Json]]]
"""Stored values by attribute."""
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def id_for(*names: str) -> str:
    """An id that is the same in every workspace."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(names)))


WORKSPACE = id_for("workspace")


def refused(status: int, code: str, message: str, kind: str = "invalid_request_error") -> Refused:
    """A refusal in Attio's form."""
    return Refused(status, {"status_code": status, "type": kind, "code": code, "message": message})


@dataclass
class Attribute:
    """One attribute of an object or a list. `objects`: slugs of those whose records it may refer to."""

    slug: str
    type: str = "text"
    multi: bool = False
    unique: bool = False
    required: bool = False
    writable: bool = True
    options: list[str] = field(default_factory=list[str])
    objects: list[str] = field(default_factory=list[str])
    owner: str = ""

    @property
    def id(self) -> str:
        """Its id."""
        return id_for(self.owner, self.slug)

    def document(self) -> dict[str, Json]:
        """As the interface gives it."""
        return {
            "id": {"workspace_id": WORKSPACE, "object_id": id_for(self.owner), "attribute_id": self.id},
            "title": self.slug.replace("_", " ").capitalize(),
            "description": None,
            "api_slug": self.slug,
            "type": self.type,
            "is_system_attribute": not self.writable,
            "is_writable": self.writable,
            "is_required": self.required,
            "is_unique": self.unique,
            "is_multiselect": self.multi,
            "is_archived": False,
            "config": {"record_reference": {"allowed_object_ids": [id_for(slug) for slug in self.objects] or None}},
        }


def system_attributes() -> list[Attribute]:
    """Those that every object has."""
    return [Attribute("record_id", unique=True, writable=False), Attribute("created_at", "timestamp", writable=False)]


@dataclass
class Item:
    """A record, or an entry of a list with its parent."""

    id: str
    created_at: str
    values: Values = field(default_factory=dict[str, list[dict[str, Json]]])
    parent: str = ""


@dataclass
class Collection:
    """An object with its records, or a list (of records of the object `parent`) with its entries."""

    slug: str
    title: str
    attributes: dict[str, Attribute]
    items: dict[str, Item] = field(default_factory=dict[str, Item])
    parent: str = ""

    @property
    def id(self) -> str:
        """Its id."""
        return id_for(self.slug)

    def attribute(self, name: str) -> Attribute | None:
        """One of its attributes, by slug or id."""
        return next((each for each in self.attributes.values() if name in (each.slug, each.id)), None)

    def add(self, *attributes: Attribute) -> None:
        """More attributes."""
        for attribute in attributes:
            attribute.owner = self.slug
            self.attributes[attribute.slug] = attribute


@dataclass
class Member:
    """A person of the workspace."""

    email: str
    first: str
    last: str

    @property
    def id(self) -> str:
        """Its id."""
        return id_for("member", self.email)


class Workspace:
    """A new workspace with the standard objects that matter, a custom one, a list of companies and two members."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.objects: dict[str, Collection] = {}
        self.lists: dict[str, Collection] = {}
        self.members = [Member("grace@acme.example", "Grace", "Hopper"), Member("alan@acme.example", "Alan", "Turing")]
        self.add_object("people", "People", *_people())
        self.add_object("companies", "Companies", *_companies())
        self.add_object("deals", "Deals", Attribute("name", required=True), Attribute("value", "currency"))
        self.add_object("plants", "Plants", Attribute("serial", unique=True), Attribute("capacity", "number"), Attribute("name"))
        self.lists["pipeline"] = self._collection("pipeline", "Pipeline", _pipeline())
        self.lists["pipeline"].parent = "companies"

    def add_object(self, slug: str, title: str, *attributes: Attribute) -> Collection:
        """One more object."""
        self.objects[slug] = self._collection(slug, title, [*system_attributes(), *attributes])
        return self.objects[slug]

    @staticmethod
    def _collection(slug: str, title: str, attributes: list[Attribute]) -> Collection:
        collection = Collection(slug, title, {})
        collection.add(*attributes)
        return collection

    def object(self, name: str) -> Collection:
        """An object by slug or id."""
        return _named(self.objects, name, f'Object with slug/ID "{name}" not found.')

    def list(self, name: str) -> Collection:
        """A list by slug or id."""
        return _named(self.lists, name, f'List with slug/ID "{name}" not found.')

    def new_item(self, parent: str = "") -> Item:
        """A record or an entry with an id and a time of its own."""
        number = next(self._numbers)
        created = (BEGIN + timedelta(milliseconds=number)).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        return Item(f"{number:08d}-0000-4000-8000-00000000cafe", created, {}, parent)

    def entries_of(self, record_id: str) -> Iterator[tuple[Collection, Item]]:
        """Every entry of a record, with its list."""
        for each in self.lists.values():
            yield from ((each, entry) for entry in each.items.values() if entry.parent == record_id)


def _named(collections: dict[str, Collection], name: str, message: str) -> Collection:
    found = next((each for each in collections.values() if name in (each.slug, each.id)), None)
    if found is None:
        raise refused(404, "not_found", message)
    return found


def _people() -> list[Attribute]:
    return [
        Attribute("name", "personal-name"),
        Attribute("email_addresses", "email-address", multi=True, unique=True),
        Attribute("phone_numbers", "phone-number", multi=True),
        Attribute("job_title"),
        Attribute("company", "record-reference", objects=["companies"]),
        Attribute("primary_location", "location"),
        Attribute("owner", "actor-reference"),
        Attribute("tags", "select", multi=True, options=["Warm", "Cold", "Partner"]),
        Attribute("met_on", "date"),
        Attribute("rating", "rating"),
        Attribute("newsletter", "checkbox"),
        Attribute("linked", "record-reference", multi=True),
        Attribute("last_interaction", "interaction", writable=False),
    ]


def _companies() -> list[Attribute]:
    return [
        Attribute("name"),
        Attribute("domains", "domain", multi=True, unique=True),
        Attribute("categories", "select", multi=True, options=["B2B", "SAAS", "Energy"]),
        Attribute("employees", "number"),
        Attribute("team", "record-reference", multi=True, objects=["people"]),
    ]


def _pipeline() -> list[Attribute]:
    return [
        Attribute("stage", "status", options=["Lead", "Won"]),
        Attribute("amount", "currency"),
        Attribute("created_at", "timestamp", writable=False),
    ]
