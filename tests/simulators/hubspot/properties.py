"""Properties of object types: their definitions, and the check of a value against its definition."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from tests.simulators.hubspot.refusal import Fault

Json = Any
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_INTEGER = re.compile(r"-?\d+")


@dataclass(frozen=True)
class Property:
    """One property of an object type. `options`: value → label, for enumerations."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = "information"
    description: str = ""
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    unique: bool = False
    read_only: bool = False
    hidden: bool = False
    hubspot_defined: bool = True

    def to_wire(self) -> dict[str, Json]:
        """As the properties endpoint shows it."""
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": self.description,
            "groupName": self.group,
            "options": [
                {"label": label, "value": value, "displayOrder": order, "hidden": False}
                for order, (value, label) in enumerate(self.options.items())
            ],
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": False,
            "hasUniqueValue": self.unique,
            "hidden": self.hidden,
            "hubspotDefined": self.hubspot_defined,
            "modificationMetadata": {"archivable": not self.hubspot_defined, "readOnlyDefinition": self.hubspot_defined}
            | {"readOnlyValue": self.read_only},
            "formField": not self.read_only,
            "archived": False,
        }

    def check(self, value: str) -> Fault | None:
        """What is wrong with a value, None when it can be stored. The empty text clears any property."""
        if self.read_only:
            return Fault(self.name, "READ_ONLY_VALUE", f'"{self.name}" is a read only property; its value cannot be set.')
        if value == "":
            return None
        check = _CHECKS.get(self.type)
        return check(self, value) if check else self._check_text(value)

    def _check_text(self, value: str) -> Fault | None:
        if self.name == "email" and not _EMAIL.fullmatch(value):
            return Fault(self.name, "INVALID_EMAIL", f"Email address {value} is invalid")
        if len(value) > 65_536:
            return Fault(self.name, "PROPERTY_VALUE_TOO_LONG", f"{self.name} is longer than the maximum of 65536 characters")
        return None


def _check_number(definition: Property, value: str) -> Fault | None:
    try:
        float(value)
    except ValueError:
        return Fault(definition.name, "INVALID_LONG", f"{value} was not a valid number.")
    return None


def _check_option(definition: Property, value: str) -> Fault | None:
    many = definition.field_type == "checkbox"
    for choice in value.strip(";").split(";") if many else [value]:
        if choice not in definition.options:
            allowed = ", ".join(definition.options)
            return Fault(definition.name, "INVALID_OPTION", f"{choice} was not one of the allowed options: [{allowed}]")
    return None


def _check_bool(definition: Property, value: str) -> Fault | None:
    if value.lower() in ("true", "false"):
        return None
    return Fault(definition.name, "INVALID_OPTION", f"{value} was not one of the allowed options: [true, false]")


def _check_date(definition: Property, value: str) -> Fault | None:
    try:
        if not _INTEGER.fullmatch(value):
            date.fromisoformat(value) if definition.type == "date" else datetime.fromisoformat(value)
        elif definition.type == "date" and int(value) % 86_400_000:
            return Fault(definition.name, "INVALID_DATE", f"{value} is at {int(value) % 86_400_000} ms, not midnight!")
    except ValueError:
        return Fault(definition.name, "INVALID_DATE", f"{value} was not a valid long.")
    return None


_CHECKS = {"number": _check_number, "enumeration": _check_option, "bool": _check_bool, "date": _check_date, "datetime": _check_date}


def text_of(value: Json) -> str:
    """A value as HubSpot stores it: as text. null clears like the empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def property_from(document: Mapping[str, Json]) -> Property:
    """The property that a request to create one describes."""
    options = {str(option["value"]): str(option.get("label", option["value"])) for option in document.get("options", [])}
    return Property(
        name=str(document["name"]),
        label=str(document.get("label", document["name"])),
        type=str(document.get("type", "string")),
        field_type=str(document.get("fieldType", "text")),
        group=str(document.get("groupName", "information")),
        description=str(document.get("description", "")),
        options=options,
        unique=bool(document.get("hasUniqueValue", False)),
        hubspot_defined=False,
    )
