"""Changes: create, assert, update and delete records and entries, with unique and required attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

from tests.simulators.attio.values import stored
from tests.simulators.attio.workspace import Attribute, Collection, Item, Values, Workspace, refused

Json = Any
How = Literal["append", "overwrite"]


def read_values(workspace: Workspace, collection: Collection, given: Json) -> Values:
    """The values of a request, by slug, as they are kept."""
    if not isinstance(given, dict):
        raise refused(400, "validation_type", "Body payload validation error: values must be an object.")
    values: Values = {}
    for name, value in cast("dict[str, Json]", given).items():
        attribute = collection.attribute(name)
        if attribute is None:
            raise refused(400, "value_not_found", f'Cannot find attribute with slug/ID "{name}".')
        if not attribute.writable:
            raise refused(400, "system_edit_unauthorized", f'Cannot write to attribute "{name}".')
        values[attribute.slug] = stored(workspace, attribute, value)
    return values


def create(workspace: Workspace, collection: Collection, values: Values, parent: str = "") -> Item:
    """A new record or entry."""
    for attribute in collection.attributes.values():
        if attribute.required and not values.get(attribute.slug):
            raise refused(400, "missing_value", f'Required value for attribute with ID "{attribute.id}" was not provided.')
    _check_unique(collection, values, None)
    item = workspace.new_item(parent)
    item.values = {slug: given for slug, given in values.items() if given}
    collection.items[item.id] = item
    return item


def update(collection: Collection, item: Item, values: Values, how: Mapping[str, How]) -> Item:
    """Other values of a record or entry. how: by attribute with several values, what becomes of those there."""
    _check_unique(collection, values, item)
    for slug, given in values.items():
        attribute = collection.attributes[slug]
        if attribute.required and not given:
            raise refused(400, "missing_value", f'Required value for attribute with ID "{attribute.id}" was not provided.')
        kept = item.values.get(slug, []) if attribute.multi and how.get(slug) == "append" else []
        item.values[slug] = [*given, *(value for value in kept if value not in given)]
        if not item.values[slug]:
            del item.values[slug]
    return item


def assert_record(workspace: Workspace, collection: Collection, name: str | None, values: Values) -> Item:
    """The record that has one of the values of a unique attribute, changed; or a new one."""
    if not name:
        raise refused(400, "validation_type", "Query parameter matching_attribute is required.")
    attribute = collection.attribute(name)
    if attribute is None:
        raise refused(400, "value_not_found", f'No attribute was found for matching_attribute slug/ID "{name}".')
    if not attribute.unique:
        raise refused(400, "validation_type", "The matching attribute specified is not a unique attribute.")
    given = values.get(attribute.slug)
    if not given:
        raise refused(400, "missing_value", f'A value of the matching attribute "{name}" was not provided.')
    matches = list(_holders(collection, attribute, given))
    if len(matches) > 1:
        raise refused(400, "multiple_match_results", "Multiple records were found for the given values.")
    if not matches:
        return create(workspace, collection, values)
    return update(collection, matches[0], values, {attribute.slug: "append"})


def assert_entry(workspace: Workspace, collection: Collection, parent: str, values: Values) -> Item:
    """The entry of a record, changed; or a new one."""
    matches = [entry for entry in collection.items.values() if entry.parent == parent]
    if len(matches) > 1:
        message = "Multiple entries were found for the given parent record. Please remove duplicates or use the update endpoint instead."
        raise refused(400, "multiple_match_results", message)
    return update(collection, matches[0], values, {}) if matches else create(workspace, collection, values, parent)


def delete_record(workspace: Workspace, collection: Collection, record_id: str) -> None:
    """A record with its entries and the references to it."""
    del collection.items[record_id]
    for each in workspace.lists.values():
        each.items = {key: entry for key, entry in each.items.items() if entry.parent != record_id}
    for each in workspace.objects.values():
        for item in each.items.values():
            item.values = {slug: [v for v in given if v.get("target_record_id") != record_id] for slug, given in item.values.items()}


def _holders(collection: Collection, attribute: Attribute, given: list[dict[str, Json]]) -> Iterator[Item]:
    wanted = [_key(value) for value in given]
    for item in collection.items.values():
        if any(_key(value) in wanted for value in item.values.get(attribute.slug, [])):
            yield item


def _key(value: Mapping[str, Json]) -> Json:
    return value.get("email_address") or value.get("domain") or value.get("value")


def _check_unique(collection: Collection, values: Values, item: Item | None) -> None:
    for slug, given in values.items():
        attribute = collection.attributes[slug]
        if attribute.unique and any(holder is not item for holder in _holders(collection, attribute, given)):
            text = f'The value "{_key(given[0])}" provided for attribute with ID "{attribute.id}" conflicts with one already in the system.'
            raise refused(400, "uniqueness_conflict", text)
