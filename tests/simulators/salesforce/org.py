"""The org: its objects with their fields, and the records in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from tests.simulators.serving import Refused

Json = Any
JsonObject = dict[str, Json]
NUMBERS = ("double", "currency", "percent", "int")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def refused(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Refused:
    """A refusal in Salesforce's form."""
    return Refused(status, [{"message": message, "errorCode": code}], headers)


class RowRefused(Exception):
    """One record of a collection is refused."""

    def __init__(self, code: str, message: str, *fields: str) -> None:
        super().__init__(message)
        self.code = code
        self.result: JsonObject = {"success": False, "errors": [{"statusCode": code, "message": message, "fields": list(fields)}]}


@dataclass
class FieldType:
    """A field of an object."""

    name: str
    type: str = "string"
    label: str = ""
    length: int = 255
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    required: bool = False
    writable: bool = True
    id_lookup: bool = False
    name_field: bool = False
    choices: tuple[str, ...] = ()
    restricted: bool = True
    to: str = ""
    """The object that a reference leads to; its relationship is the field without `Id`."""

    def describe(self) -> JsonObject:
        """As `describe` gives it."""
        return {
            "name": self.name,
            "label": self.label or self.name,
            "type": self.type,
            "length": self.length if self.type in ("string", "email", "textarea", "phone", "url") else 0,
            "externalId": self.external_id,
            "unique": self.unique,
            "caseSensitive": self.case_sensitive,
            "idLookup": self.id_lookup or self.external_id or self.type == "id",
            "nameField": self.name_field,
            "createable": self.writable,
            "updateable": self.writable,
            "nillable": not self.required,
            "filterable": self.type != "textarea",
            "restrictedPicklist": bool(self.choices) and self.restricted,
            "picklistValues": [{"value": one, "label": one, "active": True, "defaultValue": False} for one in self.choices],
            "referenceTo": [self.to] if self.to else [],
            "relationshipName": self.relationship or None,
        }

    @property
    def relationship(self) -> str:
        """The name of the relationship of a reference."""
        return self.name.removesuffix("Id") if self.to else ""

    def read(self, value: Json) -> Json:
        """A value that is written, as it is kept."""
        if value is None or value == "":
            if self.required:
                raise RowRefused("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{self.name}]", self.name)
            return None
        if self.type in NUMBERS:
            if isinstance(value, bool) or not re.fullmatch(r"-?\d+(\.\d+)?", str(value)):
                raise refused(400, "JSON_PARSER_ERROR", f"Cannot deserialize instance of {self.type} from value {value}")
            return float(value)
        if self.type == "boolean":
            if not isinstance(value, bool):
                raise refused(400, "JSON_PARSER_ERROR", f"Cannot deserialize instance of boolean from value {value}")
            return value
        text = str(value)
        if self.type in ("string", "email") and len(text) > self.length:
            message = f"{self.name}: data value too large: {text[:20]} (max length={self.length})"
            raise RowRefused("STRING_TOO_LONG", message, self.name)
        if self.type == "email" and not _EMAIL.fullmatch(text):
            raise RowRefused("INVALID_EMAIL_ADDRESS", f"{self.name}: invalid email address: {text}", self.name)
        if self.choices and self.restricted and not set(text.split(";")) <= set(self.choices):
            message = f"{self.name}: bad value for restricted picklist field: {text}"
            raise RowRefused("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, self.name)
        return text

    def same(self, one: Json, other: Json) -> bool:
        """Whether two values are the same, as an external id or in a filter."""
        if one is None or other is None:
            return one is other
        if self.type in NUMBERS:
            return float(one) == float(other)
        if self.type in ("id", "reference"):
            return str(one)[:15] == str(other)[:15]
        return str(one) == str(other) if self.case_sensitive else str(one).lower() == str(other).lower()


@dataclass
class ObjectType:
    """An object with its records by id."""

    name: str
    prefix: str
    fields: dict[str, FieldType]
    records: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    deleted: set[str] = field(default_factory=set[str])
    trash: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    made: int = 0

    def field_named(self, name: str) -> FieldType | None:
        """A field; names know no case."""
        return next((one for one in self.fields.values() if one.name.lower() == name.lower()), None)

    def create(self, values: Mapping[str, Json]) -> JsonObject:
        """One more record, as it is kept."""
        missing = [one.name for one in self.fields.values() if one.required and values.get(one.name) in (None, "")]
        if missing:
            raise RowRefused("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", *missing)
        record_id = id_of(self.prefix, self.made + 1)
        self._unique(values, "")
        self.made += 1
        now = _now()
        given = {"Id": record_id, **{name: None for name in self.fields if name != "Id"}, **values}
        self.records[record_id] = given | {"CreatedDate": now, "LastModifiedDate": now, "SystemModstamp": now, "IsDeleted": False}
        return self.records[record_id]

    def change(self, record_id: str, values: Mapping[str, Json]) -> None:
        """Change a record."""
        self._unique(values, record_id)
        self.records[record_id] |= {**values, "LastModifiedDate": _now(), "SystemModstamp": _now()}

    def delete(self, record_id: str) -> None:
        """Move a record to the recycle bin, where `queryAll` still sees it."""
        self.trash[record_id] = self.records.pop(record_id) | {"IsDeleted": True, "SystemModstamp": _now()}
        self.deleted.add(record_id)

    def _unique(self, values: Mapping[str, Json], besides: str) -> None:
        for name, value in values.items():
            kind = self.fields[name]
            if not kind.unique or value is None:
                continue
            other = next((one for one in self.records.values() if one["Id"] != besides and kind.same(one[name], value)), None)
            if other is not None:
                message = f"duplicate value found: {name} duplicates value on record with id: {other['Id']}"
                raise RowRefused("DUPLICATE_VALUE", message, name)

    def record(self, record_id: str) -> JsonObject:
        """A record by its id of 15 or 18 characters."""
        if record_id[:15] in {gone[:15] for gone in self.deleted}:
            raise RowRefused("ENTITY_IS_DELETED", "entity is deleted")
        known = next((one for key, one in self.records.items() if key[:15] == record_id[:15]), None)
        if known is None:
            raise RowRefused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        return known

    def having(self, name: str, value: Json) -> list[JsonObject]:
        """The records with a value of a field."""
        kind = self.fields[name]
        return [one for one in self.records.values() if kind.same(one[name], value)]


def id_of(prefix: str, number: int) -> str:
    """An id of 18 characters: the last three say which of the others are capital letters."""
    short = f"{prefix}5g00000{number:05d}"
    parts = (short[start : start + 5] for start in (0, 5, 10))
    return short + "".join(_ALPHABET[sum(1 << at for at, mark in enumerate(part) if mark.isupper())] for part in parts)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


class Org:
    """All objects."""

    def __init__(self) -> None:
        moments = ("CreatedDate", "LastModifiedDate", "SystemModstamp")
        times = (*(FieldType(name, "datetime", writable=False) for name in moments), FieldType("IsDeleted", "boolean", writable=False))
        own = FieldType("Id", "id", "Record ID", writable=False)

        def made(name: str, prefix: str, *fields: FieldType) -> ObjectType:
            return ObjectType(name, prefix, {one.name: one for one in (own, *fields, *times)})

        industries = ("Banking", "Energy", "Technology")
        account = made(
            "Account",
            "001",
            FieldType("Name", label="Account Name", required=True, name_field=True),
            FieldType("Domain__c", label="Domain", external_id=True, unique=True),
            FieldType("Legacy__c", label="Legacy key", external_id=True),
            FieldType("Industry", "picklist", choices=industries),
            FieldType("BillingCity", label="Billing City", length=40),
            FieldType("AnnualRevenue", "currency", "Annual Revenue"),
            FieldType("Active__c", "boolean", "Active"),
            FieldType("Renewal__c", "date", "Renewal"),
            FieldType("Regions__c", "multipicklist", "Regions", choices=("EMEA", "APAC")),
            FieldType("Description", "textarea"),
        )
        contact = made(
            "Contact",
            "003",
            FieldType("LastName", label="Last Name", required=True, name_field=True),
            FieldType("Email", "email", length=80, id_lookup=True),
            FieldType("Number__c", "double", "Number", external_id=True, unique=True),
            FieldType("AccountId", "reference", "Account ID", to="Account"),
        )
        self.objects = {one.name: one for one in (account, contact)}

    def object_named(self, name: str) -> ObjectType:
        """An object; refuses (404) one that there is not."""
        known = next((one for one in self.objects.values() if one.name.lower() == name.lower()), None)
        if known is None:
            raise refused(404, "NOT_FOUND", "The requested resource does not exist")
        return known

    def read(self, kind: ObjectType, record: Mapping[str, Json]) -> JsonObject:
        """The values of a record that is written."""
        values: JsonObject = {}
        for name, value in record.items():
            if name in ("attributes", "id"):
                continue
            parent = next((one for one in kind.fields.values() if one.relationship.lower() == name.lower() and one.to), None)
            if parent is not None and isinstance(value, dict):
                values[parent.name] = self._parent(parent, cast("JsonObject", value))
                continue
            known = kind.field_named(name)
            if known is None:
                raise RowRefused("INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}")
            if not known.writable:
                message = f"Unable to create/update fields: {known.name}. Please check the security settings of this field."
                raise RowRefused("INVALID_FIELD_FOR_INSERT_UPDATE", message, known.name)
            values[known.name] = known.read(value)
        return values

    def _parent(self, reference: FieldType, key: JsonObject) -> str:
        kind = self.objects[reference.to]
        ((name, value),) = key.items()
        known = kind.field_named(name)
        found = [] if known is None or not known.external_id else kind.having(known.name, value)
        if len(found) != 1:
            raise RowRefused("INVALID_FIELD", f"Foreign key external ID: {value} not found for field {name} in entity {kind.name}")
        return str(found[0]["Id"])
