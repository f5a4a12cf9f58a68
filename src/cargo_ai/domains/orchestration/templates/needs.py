"""What a template is filled in with: connectors, a model and values, found by the names that a request gives, or refused in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.contract.orchestration.workflows import template as contract
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.orchestration.templates import catalog, fixes
from cargo_ai.domains.storage import public as storage
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.records.catalog import Relation

Json = Any
MAX_VALUE_CHARACTERS = 10_000


async def filled(ctx: Context, template: JsonObject, request: contract.ApplyTemplate) -> tuple[list[JsonObject], Relation | None]:
    """The nodes with everything filled in, and the model of a play. Refuses what is missing and what is not needed."""
    values = dict(_values(template, request))
    model = await _model(ctx, template, request)
    if model is not None:
        values[catalog.MODEL] = str(model.model)
    values |= await _connectors(ctx, template, request)
    for name, value in [*values.items()]:
        if name != catalog.MODEL and name.endswith("_MODEL_UUID__"):
            values[name] = str((await _other_model(ctx, template, name, str(value))).model)
    return catalog.replaced(template["nodes"], values), model


def _values(template: JsonObject, request: contract.ApplyTemplate) -> Mapping[str, Json]:
    known: Mapping[str, str] = template.get("values", {})
    given = request.values or {}
    example = ", ".join(f'"{name}":"…"' for name in known)
    how = f"--values '{{{example}}}'"
    if unknown := sorted(given.keys() - known.keys()):
        has = f"it takes {', '.join(known)}." if known else "it takes none."
        contract.apply.refuse("invalidValues", cause=f"The template {request.slug} has no value {unknown[0][:100]}: {has}")
    missing = [name for name in known if given.get(name) in (None, "")]
    if missing:
        said = "; ".join(f"{name}: {known[name]}" for name in missing)
        contract.apply.refuse("invalidValues", cause=f"Say with {how} what the template is to use: {said}", details={"missing": missing})
    for name, value in given.items():
        if not isinstance(value, (str, int, float, bool)) or len(str(value)) > MAX_VALUE_CHARACTERS or "{{" in str(value):
            cause = f"{name}: a text (of at most {MAX_VALUE_CHARACTERS:,} characters, without {{{{), a number, or true or false."
            contract.apply.refuse("invalidValues", cause=cause)
    return {catalog.placeholder_of(name): value for name, value in given.items()}


async def _connectors(ctx: Context, template: JsonObject, request: contract.ApplyTemplate) -> Mapping[str, str]:
    """The connector for each placeholder: the one that is named, else the integration's default."""
    wanted = catalog.connectors(template["nodes"])
    accounts = await connection.accounts(ctx.db)
    chosen: dict[str, str] = {}
    for named in request.connectors or []:
        account = next((account for account in accounts if named in (account.slug, str(account.uuid))), None)
        if account is None:
            fix = "cargo-ai connection connector list"
            contract.apply.refuse("connectorNotFound", cause=f"There is no connector {named} in this workspace.", fix=fix)
        if account.integration_slug not in wanted.values():
            integration = account.integration_slug
            contract.apply.refuse("connectorNotUsed", connector=named, integration=integration, slug=request.slug)
        if account.integration_slug in chosen:
            cause = f"Two connectors of {account.integration_slug} are named: the template {request.slug} uses one."
            contract.apply.refuse("connectorNotFound", cause=cause)
        chosen[account.integration_slug] = str(account.uuid)
    for account in accounts:
        chosen.setdefault(account.integration_slug, str(account.uuid))
    missing = sorted({slug for slug in wanted.values() if slug not in chosen})
    if missing:
        known = await connection.integrations(ctx.services, ctx.workspace)
        names = {slug: integration.name for slug in missing if (integration := known.get(slug)) is not None}
        listed = ", ".join(f"{name} ({slug})" for slug, name in names.items())
        cause = f"The template {request.slug} needs connectors that this workspace lacks: {listed}. Create them, then repeat this."
        first = known.get(missing[0])
        fix = "cargo-ai connection integration list" if first is None else fixes.connector_creation(first)
        contract.apply.refuse("connectorNotFound", cause=cause, fix=fix, details={"missing": missing})
    return {placeholder: chosen[slug] for placeholder, slug in wanted.items()}


async def _model(ctx: Context, template: JsonObject, request: contract.ApplyTemplate) -> Relation | None:
    if template["kind"] != "play":
        if request.model is not None:
            contract.apply.refuse(
                "modelNotCompatible", model=request.model, cause=f"the template {request.slug} makes a tool, which has none."
            )
        return None
    columns: Mapping[str, str] = template.get("columns", {})
    if request.model is None:
        needed = f" with the columns {_listed(columns)}" if columns else ""
        cause = f"Say with --model on the records of which model the play runs: one{needed}."
        fix = await fixes.model_creation(ctx, template, "records", columns, is_target=False)
        contract.apply.refuse("modelNotFound", cause=cause, fix=fix)
    return await _fitting(ctx, template, request.model, columns)


async def _other_model(ctx: Context, template: JsonObject, placeholder: str, name: str) -> Relation:
    wanted: Mapping[str, Mapping[str, str]] = template.get("otherColumns", {})
    by_placeholder = {catalog.placeholder_of(value): columns for value, columns in wanted.items()}
    return await _fitting(ctx, template, name, by_placeholder.get(placeholder, dict[str, str]()), is_target=True)


async def _fitting(ctx: Context, template: JsonObject, name: str, columns: Mapping[str, str], *, is_target: bool = False) -> Relation:
    """The model of that slug or uuid, with these columns. `is_target`: the play does not run on it, but writes to it."""
    relations = (await storage.catalog(ctx.db, ctx.workspace)).relations
    named = [relation for relation in relations if name in (relation.slug, str(relation.model), f"{relation.dataset}.{relation.slug}")]
    if not named:
        fix = await fixes.model_creation(ctx, template, name, columns, is_target=is_target)
        contract.apply.refuse("modelNotFound", cause=f"There is no model {name} in this workspace.", fix=fix)
    if len(named) > 1:
        several = " or ".join(f"{relation.dataset}.{relation.slug}" for relation in named)
        contract.apply.refuse("modelNotFound", cause=f"Several models are called {name}: name {several}.")
    model = named[0]
    lacking = {slug: kind for slug, kind in columns.items() if model.column(slug) is None}
    if lacking:
        slug, kind = next(iter(lacking.items()))
        column = f'{{"kind":"custom","slug":"{slug}","type":"{kind}","label":"{slug}"}}'
        fix = f"cargo-ai storage column create --model-uuid {model.model} --column '{column}'"
        contract.apply.refuse("modelNotCompatible", model=name, cause=f"it lacks the columns {_listed(lacking)}.", fix=fix)
    return model


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{slug} ({kind})" for slug, kind in columns.items())
