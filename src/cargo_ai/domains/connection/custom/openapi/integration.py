"""Integrations from OpenAPI documents: chosen operations as an integration like those of this server."""

from __future__ import annotations

from cargo_ai.domains.connection.custom import foreign_schema
from cargo_ai.domains.connection.custom.openapi.calling import OperationCall
from cargo_ai.domains.connection.custom.openapi.chosen import ChosenOperation, ChosenOperations
from cargo_ai.domains.connection.custom.openapi.sign_ins import sign_in_of
from cargo_ai.domains.connection.custom.protocol.integration import COLOR, ICON
from cargo_ai.engine.graph.action import Action, Hint, Idempotency
from cargo_ai.integrations.kit import AccountSpec, Anonymous, ConnectorAction, Integration, ServiceSpec, SignIn

SECONDS = 60.0
# A PUT replaces and a DELETE removes, whatever was done before; what a POST or a PATCH does twice, no document says.
_IDEMPOTENCY: dict[str, Idempotency] = {"GET": "reads", "HEAD": "reads", "OPTIONS": "reads", "PUT": "upsert", "DELETE": "upsert"}


def of_operations(slug: str, chosen: ChosenOperations, base_url: str) -> Integration:
    """The integration."""
    sign_ins: tuple[SignIn, ...] = tuple(map(sign_in_of, chosen.sign_ins))
    if chosen.is_open:
        sign_ins = (*sign_ins, Anonymous())
    return Integration(
        slug=slug,
        name=chosen.name,
        description=chosen.description,
        icon=ICON,
        color=COLOR,
        url=base_url,
        category="custom",
        account=AccountSpec(sign_ins=sign_ins, required=not chosen.is_open),
        service=ServiceSpec(base_url, timeout=SECONDS),
        actions=tuple(_action(action, operation) for action, operation in chosen.actions.items()),
        documentation=_documentation(chosen, base_url),
    )


def _action(slug: str, operation: ChosenOperation) -> ConnectorAction:
    idempotency = _IDEMPOTENCY.get(operation.method, "none")
    hint: Hint = "reads" if idempotency == "reads" else "deletes" if operation.method == "DELETE" else "writes"
    return Action(
        slug=slug,
        kind="connector",
        name=operation.name,
        description=operation.description,
        does="acts",
        config_schema=operation.config,
        ui_schema={},
        output_schema=operation.output,
        perform=OperationCall(operation, foreign_schema.validator(operation.config, slug)).perform,
        hint=hint,
        idempotency=idempotency,
    )


def _documentation(chosen: ChosenOperations, base_url: str) -> str:
    lines = [f"# {chosen.name}", "", chosen.description, "", f"Operations of an OpenAPI document, called at {base_url}.", ""]
    lines += [f"- **{slug}** (`{one.method} {one.path}`): {one.name}" for slug, one in chosen.actions.items()]
    return "\n".join(lines) + "\n"
