"""Public forms of tools: show them, validate what is sent, and start its run."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import jsonschema_rs
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.contract.orchestration.workflows.tool import ToolPublicForm
from cargo_ai.domains.orchestration.dry_run import node_costs
from cargo_ai.domains.orchestration.nodes.action_catalog import form_schema
from cargo_ai.domains.orchestration.tables import Release, Tool
from cargo_ai.engine.dispatch import submit
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.refusal import Refusal, invalid_input
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.ledger.reservations import REASON
from cargo_ai.store import quotas
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.tables import IdempotencyKey

TRAP_FIELD = "_website"
"""A field that people do not see and robots fill in."""
TOKEN_LIFETIME_MS = 24 * 3600 * 1000
"""How long a form that was opened may be sent."""
MAX_ERRORS = 20


@dataclass(frozen=True, slots=True)
class Form:
    """A form that anybody may send, and what sending it runs."""

    tool: uuid.UUID
    name: str
    description: str | None
    form: ToolPublicForm
    sealed_captcha_secret: bytes | None
    fields: list[JsonObject]
    spec: submit.RunSpec


async def find(db: AsyncSession, text: str) -> Form:
    """The open form of a tool. Raises Refusal (404): no such tool, no form, switched off, or nothing deployed."""
    row = (
        await db.execute(
            select(Tool, Release)
            .join(Release, (Release.workflow_uuid == Tool.workflow_uuid) & (Release.status == "deployed"))
            .where(Tool.uuid == ids.parse(text), Tool.deleted_at.is_(None))
        )
    ).one_or_none()
    tool, release = (row[0], row[1]) if row else (None, None)
    form = ToolPublicForm.model_validate(tool.public_form) if tool and tool.public_form else None
    if tool is None or release is None or form is None or not form.is_enabled or release.form_fields is None:
        raise Refusal(404, "formNotFound", "There is no open form here.")
    fields = cast("list[JsonObject]", release.form_fields)
    spec = submit.RunSpec(tool.workspace_uuid, tool.workflow_uuid, tool.user_uuid, release.uuid, release.nodes)
    return Form(tool.uuid, tool.name, tool.description, form, tool.sealed_captcha_secret, fields, spec)


def permit(form: Form, origin: str | None) -> None:
    """Refusal (403) for a page that the form is not allowed on. Without a list, every page may show it; without an origin it is no page."""
    allowed = [allowed_origin.rstrip("/").lower() for allowed_origin in form.form.allowed_origins]
    if origin is not None and allowed and origin.lower() not in allowed and "*" not in allowed:
        raise Refusal(403, "originNotAllowed", f"This form may not be used on {origin}.")


def to_response(form: Form, secrets: SecretKey) -> JsonObject:
    """What a page needs to show the form. `formToken` has to be sent back, and is good for one sending."""
    now, nonce = clock.now_ms(), ids.new().hex
    spam = form.form.spam
    return {
        "uuid": str(form.tool),
        "name": form.name,
        "description": form.description,
        "fields": form.fields,
        "jsonSchema": form_schema(form.fields),
        "spam": {
            "captchaProvider": spam.captcha_provider,
            "captchaSiteKey": spam.captcha_site_key,
            "minFillMillis": spam.min_fill_millis,
            "trapField": TRAP_FIELD,
        },
        "presentation": form.form.presentation.to_wire() if form.form.presentation else None,
        "formToken": f"{now}.{nonce}.{secrets.sign('form', str(form.tool), str(now), nonce)}",
    }


def guard(form: Form, secrets: SecretKey, token: object, data: Mapping[str, Any]) -> str:
    """The token's nonce; Refusal (400) for what no person sends: without the token, too soon, too late, into the trap."""
    parts = str(token or "").split(".")
    if len(parts) != 3 or not parts[0].isdigit() or not secrets.verify(parts[2], "form", str(form.tool), parts[0], parts[1]):
        raise Refusal(400, "formTokenInvalid", "formToken is missing or wrong: open the form again (GET) and send what it gives.")
    age = clock.unix_seconds() * 1000 - int(parts[0])
    if age > TOKEN_LIFETIME_MS:
        raise Refusal(400, "formTokenExpired", "The form was opened more than a day ago: open it again.")
    if age < form.form.spam.min_fill_millis or data.get(TRAP_FIELD):
        raise Refusal(400, "spamSuspected", "This looks like a robot. Wait a moment and send the form again.")
    return parts[1]


def validate(form: Form, data: Mapping[str, Any]) -> JsonObject:
    """The fields of the form, and no others; 400 names each that is missing or not what it should be."""
    slugs = [str(field["slug"]) for field in form.fields]
    record = {slug: data[slug] for slug in slugs if data.get(slug) is not None}
    record |= {str(field["slug"]): False for field in form.fields if field.get("kind") == "boolean" and field["slug"] not in record}
    validator = jsonschema_rs.validator_for(_allow_dates(form_schema(form.fields)), mask="the value", validate_formats=True)
    errors = [
        {"path": ".".join(["data", *(str(step) for step in error.instance_path)]), "message": error.message}
        for error in validator.iter_errors(record)
    ]
    required = {str(field["slug"]) for field in form.fields if field.get("isRequired") and field.get("kind") == "string"}
    errors += [{"path": f"data.{slug}", "message": "is required"} for slug in slugs if slug in required and record.get(slug) == ""]
    if errors:
        raise invalid_input(errors[:MAX_ERRORS])
    return record


def _allow_dates(schema: Any) -> Any:
    """The schema, with days (2026-01-31) allowed where timestamps are."""
    if isinstance(schema, list):
        return [_allow_dates(item) for item in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    result = {key: _allow_dates(value) for key, value in cast("dict[str, Any]", schema).items()}
    if result.get("format") == "date-time":
        del result["format"]
        result["anyOf"] = [{"format": "date"}, {"format": "date-time"}]
    return result


async def send(db: AsyncSession, form: Form, nonce: str, record: JsonObject, services: Services) -> uuid.UUID:
    """Start the run, in the session's transaction; it waits where as many go as may. Refusal: 409 when this form has been sent already,
    413 when the workspace keeps all that it may, 402 when it has no credits for it."""
    key = {"token_uuid": form.tool, "key": f"form:{nonce}", "request_hash": "", "at": clock.now()}
    fresh = await db.execute(insert(IdempotencyKey).values(key).on_conflict_do_nothing().returning(IdempotencyKey.key))
    if fresh.one_or_none() is None:
        raise Refusal(409, "formAlreadySent", "This form has been sent already: open it again to send another.")
    connection, spec = await driver_connection(db), form.spec
    costs, settings = await node_costs.run_costs(services, db, spec.workspace, spec.nodes), services.settings
    try:
        run = await submit.submit_run(connection, producer(settings.max_concurrent_runs), spec, record, costs)
        await quotas.require(connection, spec.workspace, "outputBytes", settings, 1)
    except Refusal as refusal:
        # How much the workspace keeps or spends is nothing to people who fill in its forms.
        lacks = "credits" if refusal.reason == REASON else "place"
        raise Refusal(
            refusal.status, refusal.reason, f"This form cannot be accepted at present: its owner has no {lacks} left for it."
        ) from None
    return run["uuid"]
