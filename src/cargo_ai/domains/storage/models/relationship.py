"""Relationships: set them for a whole dataset or one by one, and show them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn, cast

from sqlalchemy import or_, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.removal import usages
from cargo_ai.context.removal.named_users import NamedUsers
from cargo_ai.contract.storage import relationship as contract
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.storage.columns import definition
from cargo_ai.domains.storage.models import model, model_catalog, model_usages
from cargo_ai.domains.storage.tables import Model, Relationship
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import ByUuid
from cargo_ai.records import ddl
from cargo_ai.records.catalog import Catalog, Relation

_LIST = "cargo-ai storage relationship list"
SAME_NAMED = ("domain", "email", "linkedin_url", "website")
"""Columns that identify what a record is about: two models that share one are related by it."""


def to_response(row: Relationship) -> contract.Relationship:
    """The relationship on the wire."""
    return contract.Relationship(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        from_dataset_uuid=str(row.from_dataset_uuid),
        from_model_uuid=str(row.from_model_uuid),
        from_column_slug=row.from_column_slug,
        from_property_slug=row.from_property_slug,
        to_dataset_uuid=str(row.to_dataset_uuid),
        to_model_uuid=str(row.to_model_uuid),
        to_column_slug=row.to_column_slug,
        to_property_slug=row.to_property_slug,
        from_selected_column_slugs=row.from_selected_column_slugs,
        to_selected_column_slugs=row.to_selected_column_slugs,
        relation=cast("contract.RelationKind", row.relation),
    )


@handles(contract.all)
async def all_(ctx: Context, request: contract.ListRelationships) -> contract.RelationshipsReply:
    """Every relationship, or those that a model takes part in."""
    wanted = select(Relationship).order_by(Relationship.uuid)
    if request.model_uuid is not None:
        row = await model.find(ctx.db, request.model_uuid)
        row = found_or_refuse(contract.all, row, "modelNotFound", uuid=request.model_uuid, fix="cargo-ai storage model list")
        wanted = wanted.where(or_(Relationship.from_model_uuid == row.uuid, Relationship.to_model_uuid == row.uuid))
    return contract.RelationshipsReply(relationships=[to_response(row) for row in await ctx.db.scalars(wanted)])


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.RelationshipReply:
    """One relationship."""
    row = await ctx.db.scalar(select(Relationship).where(Relationship.uuid == ids.parse(request.uuid)))
    row = found_or_refuse(contract.get, row, "relationshipNotFound", uuid=request.uuid, fix=_LIST)
    return contract.RelationshipReply(relationship=to_response(row))


@handles(contract.set)
async def set_(ctx: Context, request: contract.SetRelationships) -> contract.RelationshipsReply:
    """Add one between two models, or replace all of a dataset."""
    # Requests that set relationships of the workspace at the same time run one after the other, so that each sees what the other has set.
    await ctx.db.scalars(select(Model.uuid).where(Model.deleted_at.is_(None)).order_by(Model.uuid).with_for_update())
    if request.from_model_uuid is not None or request.to_model_uuid is not None:
        return await _add(ctx, request)
    if request.dataset_uuid is None or request.relationships is None:
        _invalid("Name two models (`fromModelUuid`, `toModelUuid`), or a dataset and all its relationships.")
    return await _replace(ctx, request.dataset_uuid, request.relationships)


async def _add(ctx: Context, request: contract.SetRelationships) -> contract.RelationshipsReply:
    catalog = await model_catalog.catalog(ctx.db, ctx.workspace)
    one, other = _model(catalog, request.from_model_uuid), _model(catalog, request.to_model_uuid)
    if request.from_column_slug is not None and request.to_column_slug is not None:
        pair = (request.from_column_slug, request.to_column_slug)
    elif request.from_column_slug is None and request.to_column_slug is None:
        pair = _guessed(one, other)
    else:
        _invalid("Name both columns, or none: then those that fit are taken.")
    same = select(Relationship).where(
        Relationship.from_model_uuid == one.model,
        Relationship.to_model_uuid == other.model,
        Relationship.from_column_slug == _plain(one, pair[0]),
        Relationship.to_column_slug == _plain(other, pair[1]),
        Relationship.from_property_slug.is_(None),
        Relationship.to_property_slug.is_(None),
    )
    row = await ctx.db.scalar(same.limit(1))
    if row is None:
        wanted = contract.Wanted(
            from_model_uuid=str(one.model),
            from_column_slug=pair[0],
            to_model_uuid=str(other.model),
            to_column_slug=pair[1],
            relation=request.relation or _relation_of(one, pair[0], other, pair[1]),
        )
        await _put(ctx, catalog, wanted, None)
    elif request.relation is not None:
        row.relation = request.relation
        await ctx.db.flush()
    mine = select(Relationship).where(Relationship.from_model_uuid == one.model, Relationship.to_model_uuid == other.model)
    return contract.RelationshipsReply(
        relationships=[to_response(found) for found in await ctx.db.scalars(mine.order_by(Relationship.uuid))]
    )


async def _replace(ctx: Context, dataset_text: str, wanted: Sequence[contract.Wanted]) -> contract.RelationshipsReply:
    named = ids.parse(dataset_text)
    dataset = await connection.dataset(ctx.db, named) if named else None
    if named is None or dataset is None:
        contract.set.refuse("datasetNotFound", uuid=dataset_text, fix="cargo-ai storage dataset list")
    catalog = await model_catalog.catalog(ctx.db, ctx.workspace)
    of_dataset = select(Relationship).where(Relationship.from_dataset_uuid == named)
    present = {row.uuid: row for row in await ctx.db.scalars(of_dataset)}
    related = {(row.from_model_uuid, row.to_model_uuid) for row in present.values()}
    kept: set[uuid.UUID] = set()
    for one in wanted:
        row = present.get(ids.parse(one.uuid) or uuid.UUID(int=0)) if one.uuid else None
        if one.uuid and row is None:
            _invalid(f"The dataset has no relationship {one.uuid}: leave the uuid out for a new one.")
        if _model(catalog, one.from_model_uuid).dataset != dataset.slug:
            contract.set.refuse("modelNotCompatible", problem=f"The model {one.from_model_uuid} is not in the dataset {dataset.slug}.")
        kept.add((await _put(ctx, catalog, one, row)).uuid)
    for uid in present.keys() - kept:
        await _remove(ctx, catalog, present[uid])
    await ctx.db.flush()
    after = await model_catalog.catalog(ctx.db, ctx.workspace)
    await _refuse_parted(ctx, after, related)
    changed = _using(after, {uid for uid in kept if uid in present})
    if changed:
        await definition.replace_views(ctx.db, after, changed)
    relationships = await ctx.db.scalars(of_dataset.order_by(Relationship.uuid))
    return contract.RelationshipsReply(relationships=[to_response(row) for row in relationships])


async def _put(ctx: Context, catalog: Catalog, wanted: contract.Wanted, row: Relationship | None) -> Relationship:
    one, other = _model(catalog, wanted.from_model_uuid), _model(catalog, wanted.to_model_uuid)
    for relation, slug, inner in (
        (one, wanted.from_column_slug, wanted.from_property_slug),
        (other, wanted.to_column_slug, wanted.to_property_slug),
    ):
        _joinable(relation, slug, inner)
    datasets = {found.slug: found.uuid for found in await connection.datasets(ctx.db)}
    values: dict[str, Any] = {
        "from_dataset_uuid": uuid.UUID(datasets[one.dataset]),
        "from_model_uuid": one.model,
        "from_column_slug": _plain(one, wanted.from_column_slug),
        "from_property_slug": wanted.from_property_slug,
        "to_dataset_uuid": uuid.UUID(datasets[other.dataset]),
        "to_model_uuid": other.model,
        "to_column_slug": _plain(other, wanted.to_column_slug),
        "to_property_slug": wanted.to_property_slug,
        "from_selected_column_slugs": wanted.from_selected_column_slugs,
        "to_selected_column_slugs": wanted.to_selected_column_slugs,
        "relation": wanted.relation,
    }
    if row is None:
        row = Relationship(uuid=ids.new(), workspace_uuid=ctx.workspace, **values)
        ctx.db.add(row)
    elif (row.from_model_uuid, row.to_model_uuid) != (one.model, other.model) and _metrics(catalog, row.uuid):
        _invalid(f"The relationship {row.uuid} is used by {', '.join(_metrics(catalog, row.uuid))}, so its models stay.")
    else:
        for name, value in values.items():
            setattr(row, name, value)
    await ctx.db.flush()
    await model_usages.record_relationship(ctx.db, row)
    indexes = [*ddl.add_index(one, row.from_column_slug), *ddl.add_index(other, row.to_column_slug)]
    await definition.alter_tables(ctx.db, indexes)
    return row


async def _remove(ctx: Context, catalog: Catalog, row: Relationship) -> None:
    used = _metrics(catalog, row.uuid)
    if used:
        _invalid(f"The relationship {row.uuid} is used by {', '.join(used)}: remove these columns first, or keep it in the list.")
    await model_usages.record_relationship(ctx.db, row, gone=True)
    await ctx.db.delete(row)


async def _refuse_parted(ctx: Context, after: Catalog, before: Iterable[tuple[uuid.UUID, uuid.UUID]]) -> None:
    """Say no where two models are no longer related, and a segment of one has conditions on the other."""
    for one, other in sorted(before):
        if one == other or after.between(one, other):
            continue
        users = set(await usages.used_by(ctx.db, model_usages.MODEL, one)) & set(await usages.used_by(ctx.db, model_usages.MODEL, other))
        segments = await NamedUsers.of(ctx, sorted(user for user in users if user[0] == "segment"))
        if segments.who:
            names = " and ".join(found.slug for found in map(after.by_model, (one, other)) if found is not None)
            _invalid(f"The relationship of {names} is used by {segments.sentence}: change that first, or keep it in the list.")


def _metrics(catalog: Catalog, relationship: uuid.UUID) -> list[str]:
    """The metrics over a relationship, as `model.column`."""
    return [
        f"{relation.slug}.{column.slug}"
        for relation in catalog.relations
        for column in relation.columns
        if column.kind == "metric" and column.definition.get("relationshipUuid") == str(relationship)
    ]


def _using(catalog: Catalog, relationships: set[uuid.UUID]) -> list[Relation]:
    named = {name.partition(".")[0] for uid in relationships for name in _metrics(catalog, uid)}
    return [relation for relation in catalog.relations if relation.slug in named]


def _model(catalog: Catalog, text: str | None) -> Relation:
    named = ids.parse(text or "")
    target = catalog.by_model(named) if named else None
    if target is None:
        _invalid(f"There is no model {text} in this workspace.")
    return target


def _joinable(relation: Relation, slug: str, inner: str | None) -> None:
    column = relation.column(slug)
    if column is None or (not column.stored and column.slug != "_id"):
        known = ", ".join(one.slug for one in relation.stored_columns)
        _invalid(f"The model {relation.slug} has no stored column {slug} to relate by; it has {known or 'only _id'}.")
    if inner is not None and column.type not in {"object", "any"}:
        _invalid(f"{relation.slug}.{slug} is {column.type} and has no property {inner}.")
    if inner is None and column.type in {"object", "array", "vector"}:
        _invalid(f"{relation.slug}.{slug} is {column.type}: name a property of it, or another column.")


def _plain(relation: Relation, slug: str) -> str:
    column = relation.column(slug)
    return slug if column is None else column.slug


def _guessed(one: Relation, other: Relation) -> tuple[str, str]:
    """The columns by which two models most probably belong together."""
    mine = {column.slug: column for column in one.stored_columns}
    theirs = {column.slug: column for column in other.stored_columns}
    for names, target, flipped in ((mine, other, False), (theirs, one, True)):
        singular = target.slug[:-3] + "y" if target.slug.endswith("ies") else target.slug.removesuffix("s")
        key = next((slug for slug in (f"{singular}_id", f"{target.slug}_id", singular) if slug in names), None)
        if key is not None:
            return (target.id_column, key) if flipped else (key, target.id_column)
    shared = next((slug for slug in SAME_NAMED if slug in mine and slug in theirs), None)
    if shared is not None:
        return shared, shared
    if one.id_column == other.id_column and one.id_column != "_id":
        return one.id_column, other.id_column
    for names, target in ((mine, other), (theirs, one)):
        if target.id_column != "_id" and target.id_column in names:
            return target.id_column, target.id_column
    return "_id", "_id"


def _relation_of(one: Relation, mine: str, other: Relation, theirs: str) -> contract.RelationKind:
    unique = (mine in {one.id_column, "_id"}, theirs in {other.id_column, "_id"})
    return "oneToOne" if all(unique) else "oneToMany" if unique[0] else "manyToOne"


def _invalid(problem: str) -> NoReturn:
    contract.set.refuse("invalidRelationships", problem=problem)
