"""Identity resolution: turn records of several models into the accounts and contacts of the workspace, by the values they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast, get_args

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.contract.segmentation.filter import EVERYTHING
from cargo_ai.contract.storage import unification as wire
from cargo_ai.domains.storage.filter_scopes import build_scope
from cargo_ai.domains.storage.history.recorder import ChangeRecorder, origin_of
from cargo_ai.domains.storage.identity import identities
from cargo_ai.domains.storage.identity.identities import Identities, IdentityValue
from cargo_ai.domains.storage.models import extractors, model_catalog
from cargo_ai.domains.storage.records.write import Row, Writer, to_columns, validate_changes, validate_new
from cargo_ai.domains.storage.tables import Model
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.records import rows
from cargo_ai.records.catalog import Catalog, Relation
from cargo_ai.records.filter import terms
from cargo_ai.records.filter.terms import FilterContext, InvalidFilter
from cargo_ai.store.driver import driver_connection, fetch
from cargo_ai.user_sql.run import conditions

CHUNK = 1_000
TARGETS: Mapping[str, str] = {"account": extractors.DEFINE_ACCOUNT, "contact": extractors.DEFINE_CONTACT}
FILLS: Mapping[str, str] = {"domain": "domain", "email": "email", "workEmail": "email", "personalEmail": "email"}
"""The column of an account or a contact that a reference is the value of."""
ACCOUNT_OF_CONTACT = "account_id"
_WIRE: TypeAdapter[wire.Unification] = TypeAdapter(wire.Unification)


class UnificationFailed(ValueError):
    """The unification cannot be applied; the message says why."""


def is_enabled(row: Model) -> bool:
    """Whether the model's records are resolved to accounts or contacts."""
    return row.unification is not None


async def validate(ctx: Context, row: Model, unification: wire.Unification | None) -> dict[str, Any] | None:
    """The unification as it is stored; 400 when it cannot be applied."""
    stored = _to_stored(row, unification)
    if not isinstance(unification, wire.CustomUnification):
        return stored
    catalog = await model_catalog.catalog(ctx.db, ctx.workspace)
    parent = unification.parent
    parent_uuid = ids.parse(parent.parent_model_uuid) if isinstance(parent, wire.ModelParent) else None
    if isinstance(parent, wire.ModelParent) and (parent_uuid is None or catalog.by_model(parent_uuid) is None):
        message = f"names {parent.parent_model_uuid}, which is not a model of this workspace"
        raise invalid_input([{"path": "unification.parent.parentModelUuid", "message": message}])
    relation = catalog.by_model(row.uuid)
    if unification.filter is not None and relation is not None:
        try:
            scope = await build_scope(ctx.services, ctx.db, catalog, unification.filter)
            await conditions.compile_filter(unification.filter, relation, "r", scope)
        except InvalidFilter as fault:
            raise invalid_input([{"path": "unification.filter", "message": str(fault)}]) from None
    return stored


def _to_stored(row: Model, unification: wire.Unification | None) -> dict[str, Any] | None:
    if unification is None:
        return None
    if isinstance(unification, wire.IntegrationUnification):
        message = "is what the model's integration says, and none says anything; name the columns yourself with source custom"
        raise invalid_input([{"path": "unification.source", "message": message}])
    known = {str(raw["slug"]) for raw in model_catalog.ordered_columns(row)} | {extractors.ID}
    used = [(f"uniqueColumns.{number}.slug", column.slug) for number, column in enumerate(unification.unique_columns)]
    used += [(f"selectedColumnSlugs.{number}", slug) for number, slug in enumerate(unification.selected_column_slugs or [])]
    used += [("parent.columnSlug", unification.parent.column_slug)] if unification.parent else []
    wrong = [(path, f"names {slug}, which the model does not have") for path, slug in used if slug not in known]
    wrong += _find_problems(row, unification)
    if wrong:
        raise invalid_input([{"path": f"unification.{path}", "message": message} for path, message in wrong])
    return unification.to_wire()


def _find_problems(row: Model, unification: wire.CustomUnification) -> list[tuple[str, str]]:
    """(path, problem) of what is not supported, or makes no sense."""
    problems: list[tuple[str, str]] = []
    if unification.type not in TARGETS:
        problems.append(("type", "is account or contact; events of accounts and contacts are not unified yet"))
    if row.extractor_slug in TARGETS.values():
        problems.append(("type", "is for models whose records lead to accounts and contacts; this one holds them"))
    if unification.time_column_slug is not None:
        problems.append(("timeColumnSlug", "is for events; leave it out"))
    if not unification.unique_columns:
        problems.append(("uniqueColumns", "is empty: name a column that tells who a record is about"))
    references = get_args(wire.Reference)
    for number, column in enumerate(unification.unique_columns):
        if column.reference not in references:
            problems.append((f"uniqueColumns.{number}.reference", f"is not one of {', '.join(references)}"))
    if unification.parent is not None and unification.type == "account":
        problems.append(("parent", "is for contacts: an account has no parent"))
    if isinstance(unification.parent, wire.ReferenceParent) and unification.parent.reference not in references:
        problems.append(("parent.reference", f"is not one of {', '.join(references)}"))
    return problems


async def find_obstacle(db: AsyncSession, row: Model) -> str | None:
    """Why the model's unification cannot be applied now; None when it can, or the model has no unification."""
    if row.unification is None:
        return None
    unification = _WIRE.validate_python(row.unification)
    if isinstance(unification, wire.IntegrationUnification) or unification.type not in TARGETS:
        return "The model's unification is of a kind that is not put into effect here: source custom, type account or contact."
    if await _find_target(db, unification.type) is None:
        command = f"cargo-ai storage model create --extractor-slug {TARGETS[unification.type]}"
        return f"There is no model for {unification.type}s yet. Make one with `{command}`."
    return None


async def _find_target(db: AsyncSession, type: str) -> Model | None:
    """The workspace's oldest model of accounts or of contacts."""
    query = select(Model).where(Model.extractor_slug == TARGETS[type], Model.deleted_at.is_(None)).order_by(Model.uuid).limit(1)
    return await db.scalar(query)


async def resolve(ctx: Context, row: Model, source: Relation) -> int:
    """Resolve every record of the model to an account or contact, created where it is missing; returns the number of records resolved.

    Only empty columns of an account or contact are filled. In the caller's transaction. UnificationFailed.
    """
    sentence = await find_obstacle(ctx.db, row)
    if sentence:
        raise UnificationFailed(sentence)
    unification = cast("wire.CustomUnification", _WIRE.validate_python(row.unification))
    catalog = await model_catalog.catalog(ctx.db, ctx.workspace)
    target_row = await _find_target(ctx.db, unification.type)
    target = None if target_row is None else catalog.by_model(target_row.uuid)
    if target is None:
        raise UnificationFailed(f"The model of {unification.type}s was removed.")
    changes = ChangeRecorder(ctx.workspace, target.model, origin_of(ctx, "refresh", source=source.slug))
    resolution = _Resolution(ctx, catalog, unification, source, target, changes)
    await resolution.begin()
    count, last = 0, ""
    while records := await resolution.chunk(last):
        count += await resolution.resolve(records)
        last = str(records[-1]["_id"])
    return count


@dataclass(slots=True)
class _Resolution:
    """The resolution of one model's records."""

    ctx: Context
    catalog: Catalog
    wanted: wire.CustomUnification
    source: Relation
    target: Relation
    changes: ChangeRecorder
    _carried: list[str] = field(default_factory=list[str])
    _accounts: Relation | None = None

    async def begin(self) -> None:
        """Bring the identities of existing accounts or contacts up to date."""
        every = self.wanted.selected_column_slugs or [column.slug for column in self.source.columns]
        held = {column.slug for column in self.target.columns if column.writable} - {self.target.id_column}
        self._carried = [slug for slug in every if slug in held]
        await self._identities(self.target).begin(FILLS)
        if self.wanted.parent is not None:
            row = await _find_target(self.ctx.db, "account")
            self._accounts = self.catalog.by_model(row.uuid) if row else None
            if self._accounts is None:
                self.ctx.warn("There is no model of accounts: contacts were not linked to any.")
            else:
                await self._identities(self._accounts).begin(FILLS)

    def _identities(self, of: Relation) -> Identities:
        return Identities(self.ctx.db, self.ctx.workspace, of)

    async def chunk(self, last: str) -> list[dict[str, Any]]:
        """The next records that match; `_references` holds their identity values, in order, `_parent` those of their account."""
        connection = await driver_connection(self.ctx.db)
        keys = [identities.key_expression(one.reference, self.source, one.slug) for one in self.wanted.unique_columns]
        parent = self.wanted.parent
        tied = (
            identities.key_expression(parent.reference, self.source, parent.column_slug)
            if isinstance(parent, wire.ReferenceParent)
            else "null"
        )
        where, scope = await self._where()
        query = (
            f"select array[{', '.join(keys)}]::text[], {tied}, {rows.select_list(self.source, 'r')} "  # noqa: S608 - quoted names
            f"from {rows.view_name(self.source)} as r "
            f"where r._id > %(last)s and {where} order by r._id limit {CHUNK}"
        )
        try:
            async with conditions.limit(self.ctx.database.turns, connection, scope):
                found = await fetch(connection, query, scope.params | {"last": last})
        except InvalidFilter as fault:
            raise UnificationFailed(f"The filter of the unification cannot be used: {fault}") from None
        records = rows.to_records(self.source, [row[2:] for row in found])
        for record, row in zip(records, found, strict=True):
            record["_references"] = self._to_identity_values(self.wanted, row[0])
            record["_parent"] = (
                [identities.to_identity_value(parent.reference, row[1])] if isinstance(parent, wire.ReferenceParent) and row[1] else []
            )
        return records

    async def _where(self) -> tuple[str, FilterContext]:
        wanted = self.wanted.filter or EVERYTHING
        scope = await build_scope(self.ctx.services, self.ctx.db, self.catalog, wanted)
        try:
            where = await conditions.compile_filter(wanted, self.source, "r", scope)
        except (InvalidFilter, ValidationError) as fault:
            raise UnificationFailed(f"The filter of the unification cannot be used: {fault}") from None
        return terms.to_sql(where), scope

    async def resolve(self, records: Sequence[dict[str, Any]]) -> int:
        """Resolve some records to their accounts or contacts."""
        identity = self._identities(self.target)
        record_of = await identity.find({one for record in records for one in record["_references"]})
        existing = set(record_of.values())
        values: dict[str, dict[str, Any]] = {}
        count = 0
        accounts = await self._accounts_of(records)
        for record in records:
            references: list[IdentityValue] = record["_references"]
            if not references:
                continue
            count += 1
            uid = next((record_of[one] for one in references if one in record_of), None) or str(ids.new())
            for one in references:
                record_of.setdefault(one, uid)
            target_values = values.setdefault(uid, {})
            for slug, value in self._values_for_target(record, accounts).items():
                target_values.setdefault(slug, value)
        await self._write(values, existing)
        await identity.save(record_of)
        return count

    def _values_for_target(self, record: Mapping[str, Any], accounts: Mapping[str, str]) -> dict[str, Any]:
        brought = {slug: record[slug] for slug in self._carried if record.get(slug) not in (None, "")}
        for one in record["_references"]:
            slug = FILLS.get(one.reference)
            if slug is not None and self.target.column(slug) is not None:
                brought.setdefault(slug, one.value)
        if str(record["_id"]) in accounts:
            brought.setdefault(ACCOUNT_OF_CONTACT, accounts[str(record["_id"])])
        return brought

    async def _write(self, values: Mapping[str, Mapping[str, Any]], existing: set[str]) -> None:
        """Create new accounts or contacts, and fill empty columns of existing ones."""
        connection = await driver_connection(self.ctx.db)
        writer = Writer(self.ctx.db, self.ctx.workspace, self.target, self.ctx.settings, self.changes)
        own = self.target.id_column
        new = [{**self._without_invalid(target_values), own: uid} for uid, target_values in values.items() if uid not in existing]
        if new:
            await writer.create(validate_new(self.target, new, makes_ids=True))
        present = {
            str(record["_id"]): record for record in await rows.get(connection, self.target, [uid for uid in values if uid in existing])
        }
        changes = [
            (uid, {slug: value for slug, value in self._without_invalid(values[uid]).items() if record.get(slug) in (None, "")})
            for uid, record in present.items()
        ]
        changes = [(uid, change) for uid, change in changes if change]
        if changes:
            await writer.update(validate_changes(self.target, changes))
        for sentence in writer.warnings:
            self.ctx.warn(sentence)

    def _without_invalid(self, brought: Mapping[str, Any]) -> dict[str, Any]:
        """The values without those that the column of the account or contact cannot hold."""
        row: Row
        row, faults = to_columns(self.target, brought)
        for fault in faults:
            self.ctx.warn(f"Some values of {fault.column} do not fit the {self.wanted.type}s' column and were left out.")
        return {slug: value for slug, value in brought.items() if slug in row}

    async def _accounts_of(self, records: Sequence[dict[str, Any]]) -> dict[str, str]:
        """The account that each contact belongs to, by the contact's record."""
        parent = self.wanted.parent
        if parent is None or self._accounts is None:
            return {}
        ties: dict[str, list[IdentityValue]] = {str(record["_id"]): record["_parent"] for record in records}
        if isinstance(parent, wire.ModelParent):
            parent_of = {str(record["_id"]): str(record.get(parent.column_slug) or "") for record in records}
            by_parent = await self._identity_values_of(parent, sorted(set(parent_of.values()) - {""}))
            ties = {uid: by_parent.get(of, []) for uid, of in parent_of.items()}
        record_of = await self._identities(self._accounts).find({value for ones in ties.values() for value in ones})
        firsts = {uid: next((record_of[value] for value in ones if value in record_of), None) for uid, ones in ties.items()}
        return {uid: account for uid, account in firsts.items() if account is not None}

    async def _identity_values_of(self, parent: wire.ModelParent, uids: list[str]) -> dict[str, list[IdentityValue]]:
        """The identity values of records of the parent model, by its own unification."""
        uid = ids.parse(parent.parent_model_uuid)
        row = await self.ctx.db.scalar(select(Model).where(Model.uuid == uid, Model.deleted_at.is_(None)))
        relation = None if row is None else self.catalog.by_model(row.uuid)
        if row is None or relation is None:
            raise UnificationFailed("The parent model of the unification was removed.")
        if row.extractor_slug == extractors.DEFINE_ACCOUNT:
            return {one: [IdentityValue(identities.OWN, one)] for one in uids}
        unification = None if row.unification is None else _WIRE.validate_python(row.unification)
        if not isinstance(unification, wire.CustomUnification) or unification.type != "account":
            raise UnificationFailed(f"The records of the parent model {row.slug} are not accounts: set its unification first.")
        keys = [identities.key_expression(one.reference, relation, one.slug) for one in unification.unique_columns]
        query = f"select r._id, array[{', '.join(keys)}]::text[] from {rows.view_name(relation)} as r where r._id = any(%s)"  # noqa: S608
        found = await fetch(await driver_connection(self.ctx.db), query, [uids])
        return {str(of): self._to_identity_values(unification, values) for of, values in found}

    @staticmethod
    def _to_identity_values(wanted: wire.CustomUnification, values: Sequence[str | None]) -> list[IdentityValue]:
        """The identity values in the unique columns."""
        pairs = zip(wanted.unique_columns, values, strict=True)
        return [identities.to_identity_value(one.reference, value) for one, value in pairs if value]
