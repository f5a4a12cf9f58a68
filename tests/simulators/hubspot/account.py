"""The account: its object types, associations, lists, pipelines and owners."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from tests.simulators.hubspot import standard
from tests.simulators.hubspot.properties import property_from
from tests.simulators.hubspot.records import ObjectType
from tests.simulators.hubspot.refusal import Refused, not_found

Json = Any
PORTAL = 147893286
# The types of the default association between two standard objects.
ASSOCIATIONS = {
    ("0-1", "0-2"): 279,
    ("0-2", "0-1"): 280,
    ("0-1", "0-3"): 4,
    ("0-3", "0-1"): 3,
    ("0-2", "0-3"): 342,
    ("0-3", "0-2"): 341,
    ("0-1", "0-5"): 15,
    ("0-5", "0-1"): 16,
    ("0-2", "0-5"): 340,
    ("0-5", "0-2"): 339,
}


@dataclass
class MemberList:
    """A list ("segment") of records of one type. Members of a DYNAMIC one follow from filters and cannot be set."""

    id: str
    name: str
    object_type: str
    processing: str = "MANUAL"
    members: dict[str, None] = field(default_factory=dict[str, None])

    def to_wire(self) -> dict[str, Json]:
        """As the lists endpoints show it."""
        return {
            "listId": self.id,
            "name": self.name,
            "objectTypeId": self.object_type,
            "processingType": self.processing,
            "processingStatus": "COMPLETE",
            "size": len(self.members),
        }


class Account:
    """Everything that one HubSpot account holds."""

    def __init__(self) -> None:
        self.portal = PORTAL
        self._ids = itertools.count(401_000_001)
        self._type_numbers = itertools.count(2_100_001)
        self.types: dict[str, ObjectType] = {}
        self.custom: dict[str, ObjectType] = {}
        self.lists: dict[str, MemberList] = {}
        self.associated: dict[tuple[str, str], dict[str, dict[str, int]]] = {}
        self.pipelines: dict[str, list[dict[str, Json]]] = {"0-3": standard.deal_pipelines(), "0-5": []}
        self.owners = [_owner("41629779", "Ada", "Lovelace"), _owner("41629780", "Grace", "Hopper"), _owner("41629781", "Alan", "Turing")]
        contacts, companies = standard.contact_properties(), standard.company_properties()
        shown = ("firstname", "lastname", "email")
        self._standard("0-1", "contact", "contacts", contacts, shown, (shown,), modified="lastmodifieddate", identity="email")
        self._standard("0-2", "company", "companies", companies, ("name", "domain"), (("name", "domain"),))
        required = (("dealname",), ("dealstage",))
        shown = ("dealname", "amount", "closedate", "pipeline", "dealstage")
        self._standard("0-3", "deal", "deals", standard.deal_properties(), shown, required)
        self._standard("0-5", "ticket", "tickets", standard.ticket_properties(), ("subject", "content"), (("subject",),))

    def type_named(self, name: str) -> ObjectType:
        """The object type that a path names, by id, name or fully qualified name. Refuses an unknown one."""
        kind = self.types.get(name.lower()) or self.types.get(name)
        if kind is None:
            raise Refused(400, f"Unable to infer object type from: {name}")
        return kind

    def add_schema(self, document: Mapping[str, Json]) -> ObjectType:
        """A custom object type."""
        name = str(document.get("name") or "")
        labels = cast("Mapping[str, str]", document.get("labels") or {})
        if not name.isidentifier() or name.lower() in self.types:
            raise Refused(400, f"{name} is not a valid name, or is taken.")
        own = [property_from(given) for given in cast("list[Mapping[str, Json]]", document.get("properties") or [])]
        required = tuple((str(given),) for given in document.get("requiredProperties") or ())
        id_, full = f"2-{next(self._type_numbers)}", f"p{self.portal}_{name}"
        kind = ObjectType(
            id=id_,
            names=(id_, full, name.lower()),
            label=id_,
            properties={one.name: one for one in [*standard.system_properties("hs_createdate"), *own]},
            portal=self.portal,
            ids=self._ids,
            created_name="hs_createdate",
            shown=tuple(one.name for one in own[:1]),
            required=required,
        )
        kind.schema = {
            "id": id_.partition("-")[2],
            "objectTypeId": id_,
            "fullyQualifiedName": full,
            "name": name,
            "labels": {"singular": labels.get("singular", name), "plural": labels.get("plural", name)},
            "primaryDisplayProperty": document.get("primaryDisplayProperty", own[0].name if own else None),
            "requiredProperties": [given[0] for given in required],
            "archived": False,
        }
        self.custom[id_] = kind
        self._register(kind)
        return kind

    def schema_of(self, kind: ObjectType) -> dict[str, Json]:
        """A custom object type as the schemas endpoint shows it."""
        return kind.schema | {"properties": [definition.to_wire() for definition in kind.properties.values()]}

    def add_list(self, name: str, object_type: str, processing: str = "MANUAL") -> MemberList:
        """A list without members."""
        made = MemberList(str(len(self.lists) + 1), name, object_type, processing)
        self.lists[made.id] = made
        return made

    def list_named(self, key: str) -> MemberList:
        """The list with this id. Refuses an unknown one."""
        if key not in self.lists:
            raise Refused(404, f"List does not exist with ID {key}.", category="OBJECT_NOT_FOUND")
        return self.lists[key]

    def associate(self, from_type: ObjectType, from_id: str, to_type: ObjectType, to_id: str) -> list[Json]:
        """The default association of two records, in both directions (recorded). Repeating it changes nothing."""
        for kind, key in ((from_type, from_id), (to_type, to_id)):
            if kind.get(key) is None:
                raise Refused(
                    404,
                    f"No {kind.label} with ID {key} exists",
                    category="OBJECT_NOT_FOUND",
                    context={"fromObjectId": [from_id], "toObjectId": [to_id]},
                )
        entries: list[Json] = []
        for one, one_id, other, other_id in ((from_type, from_id, to_type, to_id), (to_type, to_id, from_type, from_id)):
            number = ASSOCIATIONS.get((one.id, other.id), 1)
            self.associated.setdefault((one.id, other.id), {}).setdefault(one_id, {})[other_id] = number
            spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}
            entries.append({"from": {"id": one_id}, "to": {"id": other_id}, "associationSpec": spec})
        return entries

    def dissociate(self, from_type: ObjectType, from_id: str, to_type: ObjectType, to_id: str) -> None:
        """Take an association away, in both directions."""
        for one, one_id, other, other_id in ((from_type, from_id, to_type, to_id), (to_type, to_id, from_type, from_id)):
            self.associated.get((one.id, other.id), {}).get(one_id, {}).pop(other_id, None)

    def associations_of(self, from_type: ObjectType, from_id: str, to_type: ObjectType) -> list[Json]:
        """The records that one is associated with."""
        others = self.associated.get((from_type.id, to_type.id), {}).get(from_id, {})
        return [
            {"toObjectId": key, "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": number, "label": None}]}
            for key, number in others.items()
        ]

    def pipelines_of(self, kind: ObjectType) -> list[dict[str, Json]]:
        """The pipelines of an object type; most have none."""
        if kind.id not in self.pipelines:
            raise not_found()
        return self.pipelines[kind.id]

    def _register(self, kind: ObjectType) -> None:
        for name in kind.names:
            self.types[name] = kind

    def _standard(
        self,
        id_: str,
        singular: str,
        plural: str,
        properties: list[standard.Property],
        shown: tuple[str, ...],
        required: tuple[tuple[str, ...], ...],
        *,
        modified: str = "hs_lastmodifieddate",
        identity: str = "",
    ) -> None:
        self._register(
            ObjectType(
                id=id_,
                names=(id_, singular, plural),
                label=singular.upper(),
                properties={definition.name: definition for definition in properties},
                portal=self.portal,
                ids=self._ids,
                modified_name=modified,
                shown=shown,
                required=required,
                identity=identity,
            )
        )


def _owner(key: str, first: str, last: str) -> dict[str, Json]:
    times = {"createdAt": "2024-01-01T00:00:00.000Z", "updatedAt": "2024-01-01T00:00:00.000Z", "archived": False}
    email = f"{first.lower()}@example.com"
    return {"id": key, "email": email, "type": "PERSON", "firstName": first, "lastName": last, "userId": int(key) + 1000} | times
