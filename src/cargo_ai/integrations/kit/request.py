"""Requests to actions: what one attempt of a connector node receives, and what becomes of its errors and of secrets in its outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cargo_ai.engine.graph.action import Action, Call, Done, Failed, Hint, Idempotency, Later, Outcome, RowBatch
from cargo_ai.integrations.kit.calls.service_call import Service
from cargo_ai.integrations.kit.errors import AccountHalted, ServiceError, Throttled
from cargo_ai.integrations.kit.forms import Form, FormT, read, schema_of, ui_schema_of
from cargo_ai.integrations.kit.other_connectors import NoOtherConnectors, OtherConnectors
from cargo_ai.integrations.kit.secret_texts import scrub, scrub_json
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound.exchange import ExchangeFailed
from cargo_ai.outbound.guard import OutboundRefused
from cargo_ai.outbound.http_client import HttpClient
from cargo_ai.store.files import FileStore

Json = Any


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """One attempt of an action.

    config: with its expressions resolved; connector_config: with its secrets opened, {} without a connector. service: to call it with.
    sensitive: the texts that must not come back. files: those of all workspaces; keys that a config names go through `require_owner`.
    others: the workspace's connectors, for those who act by them.
    """

    config: Mapping[str, Json]
    connector_config: Mapping[str, Json]
    call: Call
    client: HttpClient
    settings: Settings
    service: Service
    sensitive: tuple[str, ...] = ()
    files: FileStore | None = None
    others: OtherConnectors = field(default_factory=NoOtherConnectors)

    def form(self, form: type[FormT]) -> FormT:
        """The config as an instance of its form; InvalidConfig names what is wrong."""
        return read(form, self.config)

    def scrub(self, text: str) -> str:
        """The text without the connector's secrets. Scrub before cutting: half a secret is no longer recognised."""
        return scrub(text, self.sensitive)


ConnectorAction = Action[ActionRequest]
"""What nodes of a connector can do: `perform` acts once with the account. It may raise what `request.service` raises."""


def connector_action(
    form: type[Form],
    *,
    slug: str,
    name: str,
    description: str,
    hint: Hint,
    idempotency: Idempotency,
    output_schema: Mapping[str, Json],
    perform: Callable[[ActionRequest], Awaitable[Outcome]] | None = None,
    rows: RowBatch[ActionRequest] | None = None,
    awaits: bool = False,
    cacheable: Callable[[Done], bool] | None = None,
    alias_of: str = "",
) -> ConnectorAction:
    """An action whose config is this form; see `Action` for the rest."""
    return Action(
        slug=slug,
        kind="connector",
        name=name,
        description=description,
        does="acts",
        hint=hint,
        idempotency=idempotency,
        config_schema=schema_of(form),
        ui_schema=ui_schema_of(form),
        output_schema=output_schema,
        perform=perform,
        rows=rows,
        awaits=awaits,
        cacheable=cacheable,
        alias_of=alias_of,
    )


async def attempt(action: ConnectorAction, request: ActionRequest) -> Outcome:
    """Act once; what the service and the network do wrong is an outcome. Raises only for bugs."""
    try:
        return await action.execute(request)
    except (ServiceError, Throttled, AccountHalted, OutboundRefused, ExchangeFailed) as error:
        return outcome_of(error, request)


def outcome_of(error: ServiceError | Throttled | AccountHalted | OutboundRefused | ExchangeFailed, request: ActionRequest) -> Outcome:
    """What an error of the service means for the node."""
    match error:
        case ServiceError():
            return error.to_outcome()
        case Throttled():
            return error.to_outcome(request.call.meta)
        case AccountHalted():
            return error.to_outcome(request.call.meta, changed=request.service.changed)
        case OutboundRefused():
            return Failed(request.scrub(str(error)), reason="addressRefused")
        case ExchangeFailed():
            return Failed(request.scrub(str(error)), transient=error.transient, reason="unreachable", sent=error.sent)


def without_secrets(outcome: Outcome, sensitive: tuple[str, ...]) -> Outcome:
    """The outcome without the connector's secrets, should the service have sent them back."""
    if not sensitive:
        return outcome
    match outcome:
        case Done():
            warnings = tuple(scrub(warning, sensitive) for warning in outcome.warnings)
            return replace(outcome, output=scrub_json(outcome.output, sensitive), title=scrub(outcome.title, sensitive), warnings=warnings)
        case Failed():
            return replace(outcome, message=scrub(outcome.message, sensitive))
        case Later():
            return replace(outcome, reason=scrub(outcome.reason, sensitive))
