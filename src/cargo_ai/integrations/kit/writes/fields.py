"""The fields of forms about records of a CRM, in the words of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import Field, create_model

from cargo_ai.integrations.kit.forms import Form, account_fields, widget
from cargo_ai.integrations.kit.writes.values import Mappings, MatchPolicy

Json = Any


@dataclass(frozen=True, kw_only=True)
class CrmFields:
    """How a CRM words its forms, and which of its autocompletes offer what.

    service: its name. word: what it calls a property. objects: its types of records, in a sentence. record_id: the property that is a
    record's id. values: what can be written. advice: which property to match by. read: which properties are read by default.
    """

    service: str
    word: str
    objects: str
    record_id: str
    values: str
    advice: str
    read: str
    most_characters: int = 200
    most_properties: int = 500
    unique_properties: str = "listObjectProperties"

    def object_type(self, title: str = "Object") -> Any:
        """The type of records."""
        extra = widget("listObjects")
        return Field(title=title, description=self.objects, min_length=1, max_length=self.most_characters, json_schema_extra=extra)

    def property(self, title: str, default: str | None = None, description: str | None = None, slug: str = "listObjectProperties") -> Any:
        """A property of the type of records that stands beside it."""
        extra, most = widget(slug, objectType="objectType"), self.most_characters
        if default is None:
            return Field(title=title, description=description, min_length=1, max_length=most, json_schema_extra=extra)
        return Field(default=default, title=title, description=description, min_length=1, max_length=most, json_schema_extra=extra)

    def match_by(self) -> Any:
        """The property that names a record; its id, where nothing else is said."""
        return self.property("Match by", self.record_id, f"The {self.word} that names the record; by default its id. {self.advice}")

    def matching_value(self) -> Any:
        """The value of that property."""
        return Field(title="Value to match", description=f"The value of that {self.word}.")

    def mappings(self) -> Any:
        """The values to write."""
        items = widget("listObjectProperties", objectType="objectType")["ui"]["options"]
        extra = account_fields("recordProperties", items=items, objectType="objectType")
        description = f"[{{propertyName, value}}] or {{{self.word}: value}}. Values are {self.values}"
        return Field(title="Values", description=description, json_schema_extra=extra)

    def properties(self) -> Any:
        """Which properties are given."""
        return Field(default=[], title="Properties", description=self.read, max_length=self.most_properties)

    def columns_of(self) -> Any:
        """Whether a model gets all properties as columns."""
        description = f"all: every {self.word} of the object that the account may see; selected: those that `properties` names."
        return Field(default="all", title="Columns", description=description)

    def selected_columns(self, most: int = 500) -> Any:
        """The properties that become columns of a model, where they are selected."""
        extra = widget("listObjectProperties", objectType="objectType")
        words = f"{self.word.removesuffix('y')}ies" if self.word.endswith("y") else f"{self.word}s"
        description = f"Names of the {words} that become columns, where they are selected."
        return Field(default=[], title=words.capitalize(), description=description, max_length=most, json_schema_extra=extra)

    def write_nulls(self) -> Any:
        """Whether nothing overwrites something."""
        return Field(default=False, title="Clear", description=f"Whether null and empty texts clear the {self.word} in {self.service}.")


class UpdateRecords(Form):
    """Which records, and what they shall hold."""

    object_type: str
    matching_property_name: str
    matching_value: Json
    mappings: Mappings
    write_nulls: bool = False


class UpsertRecords(UpdateRecords):
    """Which record, what it shall hold, and what is done when it exists or does not."""

    match_policy: MatchPolicy = Field(
        default="upsert", title="What to do", description="upsert: create or change; updateOnly: never create; createOnly: never change."
    )


class ComparedUpsert(UpsertRecords):
    """The same where the CRM takes it in one call, without a look at what there is."""

    compare_first: bool = Field(
        default=False,
        title="Compare first",
        description="Read the records and write only what differs: one more call for each batch, and results that say unchanged.",
    )


class InsertRecord(Form):
    """What the record holds."""

    object_type: str
    mappings: Mappings


WriteT = TypeVar("WriteT", bound=InsertRecord | UpdateRecords)


def worded(form: type[WriteT], fields: CrmFields) -> type[WriteT]:
    """A form of write-backs in the words of a CRM."""
    own: dict[str, tuple[Any, Any]] = {"object_type": (str, fields.object_type()), "mappings": (Mappings, fields.mappings())}
    if issubclass(form, UpdateRecords):
        by = fields.match_by()
        if issubclass(form, UpsertRecords):
            # A record is not created with an id of ours: there is no default that fits.
            by = fields.property("Match by", None, f"The {fields.word} that names the record. {fields.advice}", fields.unique_properties)
        own |= {
            "matching_property_name": (str, by),
            "matching_value": (Json, fields.matching_value()),
            "write_nulls": (bool, fields.write_nulls()),
        }
    model: Any = create_model(form.__name__, __base__=form, __doc__=form.__doc__, **cast("Mapping[str, Any]", own))
    return cast("type[WriteT]", model)
