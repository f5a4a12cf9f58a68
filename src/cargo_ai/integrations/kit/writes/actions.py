"""The write-back actions that every CRM has: insert a record, upsert records, update records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from cargo_ai.engine.graph.action import InvalidConfig, Outcome, RowBatch
from cargo_ai.integrations.kit.forms import Form
from cargo_ai.integrations.kit.request import ActionRequest, ConnectorAction, connector_action
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes.batches import MAX_MATCHES, Row, Target
from cargo_ai.integrations.kit.writes.fields import ComparedUpsert, CrmFields, InsertRecord, UpdateRecords, UpsertRecords, worded
from cargo_ai.integrations.kit.writes.values import WRITTEN_RECORDS, assigned, key_of

Json = Any
ValuesOf = Callable[[dict[str, Json]], Mapping[str, Json]]
"""The values as the service takes them. InvalidConfig names a property whose value it cannot hold."""
Name = Literal["upsertRecords", "updateRecords", "insertRecord"]

UPDATES = f"Changes the records (up to {MAX_MATCHES}) that have a value of a property. Those that are as wanted are left alone."
_TITLES = {"upsertRecords": "Upsert records", "updateRecords": "Update records", "insertRecord": "Insert record"}


def action_of(
    slug: Name,
    form: type[Form],
    description: str,
    *,
    rows: RowBatch[ActionRequest] | None = None,
    perform: Callable[[ActionRequest], Awaitable[Outcome]] | None = None,
) -> ConnectorAction:
    """A write-back. What is created without a property to match by is never sent again without an answer."""
    return connector_action(
        form,
        slug=slug,
        name=_TITLES[slug],
        description=description,
        output_schema=WRITTEN_RECORDS,
        rows=rows,
        perform=perform,
        idempotency="none" if slug == "insertRecord" else "upsert",
        hint="writes",
    )


def row_of(form: UpdateRecords, values_of: ValuesOf) -> Row:
    """What a form wants. InvalidConfig where nothing is left to write, or the record is not named."""
    values = values_of(assigned(form.mappings, write_nulls=form.write_nulls))
    if not values and not isinstance(form, UpsertRecords):
        raise InvalidConfig("`mappings` has no value to write: all are null or empty, and `writeNulls` is off.")
    return Row(key_of(form.matching_value), values)


def target_of(form: UpdateRecords) -> Target:
    """Where a form writes."""
    if isinstance(form, UpsertRecords):
        compares = isinstance(form, ComparedUpsert) and form.compare_first
        return Target(form.object_type, form.matching_property_name, form.match_policy, compares=compares)
    return Target(form.object_type, form.matching_property_name, "updateOnly", several=True)


def inserted_values(form: InsertRecord, values_of: ValuesOf) -> Mapping[str, Json]:
    """What a new record holds. InvalidConfig where that is nothing."""
    values = values_of(assigned(form.mappings, write_nulls=False))
    if not values:
        raise InvalidConfig("`mappings` has no value: all are null or empty.")
    return values


@dataclass(frozen=True, kw_only=True)
class BatchWrites:
    """The write-backs of a CRM that takes batches. write: settles the rows; what fails before anything was written is raised."""

    fields: CrmFields
    values_of: ValuesOf
    write: Callable[[Rows[Any], Mapping[int, Row], Target], Awaitable[None]]
    insert: Callable[[Rows[Any], str, Mapping[int, Mapping[str, Json]]], Awaitable[None]]
    most_inputs: int
    most_bytes: int

    def upsert_records(self, description: str) -> ConnectorAction:
        """Create or change, as the policy says."""
        return self._matched("upsertRecords", worded(ComparedUpsert, self.fields), description, "matchPolicy", "compareFirst")

    def update_records(self, description: str = UPDATES) -> ConnectorAction:
        """Change every record that matches."""
        return self._matched("updateRecords", worded(UpdateRecords, self.fields), description)

    def insert_record(self, description: str) -> ConnectorAction:
        """Create one, whatever there is."""

        async def act(rows: Rows[InsertRecord]) -> None:
            wanted = rows.read(lambda form: inserted_values(form, self.values_of))
            if wanted:
                await self.insert(rows, rows.first.object_type, wanted)

        form = worded(InsertRecord, self.fields)
        return action_of("insertRecord", form, description, rows=self._batch(form, act, "objectType"))

    def _matched(self, slug: Name, form: type[UpdateRecords], description: str, *group_by: str) -> ConnectorAction:
        async def act(rows: Rows[UpdateRecords]) -> None:
            wanted = rows.read(lambda form: row_of(form, self.values_of))
            if wanted:
                await self.write(rows, wanted, target_of(rows.first))

        rows = self._batch(form, act, "objectType", "matchingPropertyName", *group_by, "writeNulls")
        return action_of(slug, form, description, rows=rows)

    def _batch(self, form: type[Any], act: Callable[[Rows[Any]], Awaitable[None]], *group_by: str) -> RowBatch[ActionRequest]:
        return RowBatch(batched(form, act), max=self.most_inputs, most_bytes=self.most_bytes, group_by=group_by)


UpsertT = TypeVar("UpsertT", bound=UpsertRecords)
UpdateT = TypeVar("UpdateT", bound=UpdateRecords)


@dataclass(frozen=True, kw_only=True)
class SingleWrites(Generic[UpsertT, UpdateT]):
    """The write-backs of a CRM that takes one record in a call. The forms may have fields of its own, which `upsert` and `update` read."""

    fields: CrmFields
    values_of: ValuesOf
    upsert_form: type[UpsertT]
    update_form: type[UpdateT]
    upsert: Callable[[ActionRequest, UpsertT, Row, Target], Awaitable[Outcome]]
    update: Callable[[ActionRequest, UpdateT, Row, Target], Awaitable[Outcome]]
    insert: Callable[[ActionRequest, str, Mapping[str, Json]], Awaitable[Outcome]]

    def upsert_records(self, description: str) -> ConnectorAction:
        """Create or change, as the policy says."""
        form_type = worded(self.upsert_form, self.fields)

        async def perform(request: ActionRequest) -> Outcome:
            form = request.form(form_type)
            return await self.upsert(request, form, row_of(form, self.values_of), target_of(form))

        return action_of("upsertRecords", form_type, description, perform=perform)

    def update_records(self, description: str = UPDATES) -> ConnectorAction:
        """Change every record that matches."""
        form_type = worded(self.update_form, self.fields)

        async def perform(request: ActionRequest) -> Outcome:
            form = request.form(form_type)
            return await self.update(request, form, row_of(form, self.values_of), target_of(form))

        return action_of("updateRecords", form_type, description, perform=perform)

    def insert_record(self, description: str) -> ConnectorAction:
        """Create one, whatever there is."""
        form_type = worded(InsertRecord, self.fields)

        async def perform(request: ActionRequest) -> Outcome:
            form = request.form(form_type)
            return await self.insert(request, form.object_type, inserted_values(form, self.values_of))

        return action_of("insertRecord", form_type, description, perform=perform)
