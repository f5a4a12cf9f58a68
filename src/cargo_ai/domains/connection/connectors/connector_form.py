"""Forms of a connector: ask its service for the choices of a field or for a part of a form, and remember the answer for half an hour."""

from __future__ import annotations

import asyncio
import traceback
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Never, Protocol, TypeVar, cast

import jsonschema_rs

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import Preparation, handles
from cargo_ai.context.process import Services
from cargo_ai.contract.connection import connector_form as contract
from cargo_ai.domains.connection.accounts.account_service import open_service
from cargo_ai.domains.connection.accounts.accounts import Account, Accounts
from cargo_ai.domains.connection.custom.known import known_integrations
from cargo_ai.domains.connection.external_secrets.reference import SecretUnavailable
from cargo_ai.domains.connection.response_cache import ResponseCache
from cargo_ai.engine.graph.action import Done, InvalidConfig
from cargo_ai.integrations.kit import (
    AccountHalted,
    Autocomplete,
    Choice,
    DynamicSchema,
    FormRequest,
    Integration,
    ServiceError,
    Throttled,
    scrub,
    scrub_json,
)
from cargo_ai.kernel import log
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.secrets import WrongKey

FRESH = timedelta(minutes=30)
SECONDS = 30.0
MAX_CHOICES = 10_000
LIST = "cargo-ai connection connector list"

Json = Any
Params = Mapping[str, Json]
Answer = TypeVar("Answer")
Part = TypeVar("Part", Autocomplete, DynamicSchema)

_log = log.get(__name__)


class Unanswered(Exception):
    """The service did not answer; the message is for people."""


class Asked(Protocol):
    """What both requests have in common."""

    @property
    def connector_uuid(self) -> str:
        """The connector."""
        ...

    @property
    def slug(self) -> str:
        """Which part."""
        ...

    @property
    def params(self) -> dict[str, Json]:
        """Values of other fields."""
        ...

    @property
    def refresh(self) -> bool:
        """Whether what is remembered does not count."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectorForm:
    """A connector whose service is asked."""

    services: Services
    workspace: uuid.UUID
    integration: Integration
    account: Account

    def request(self) -> FormRequest:
        """What the service is asked with: signed in, within the account's limits."""
        service = open_service(self.services, self.workspace, self.integration, self.account)
        return FormRequest(self.account.config, service, self.account.sensitive)

    async def remembered(self, kind: str, asked: Asked, typed: str, perform: Callable[[FormRequest], Awaitable[Json]]) -> Json:
        """The answer of the last half hour, else a new one. Unanswered where the service gives neither."""
        cache = self.services.once(ResponseCache, lambda: ResponseCache(self.services.database))
        slug, key = f"{kind}:{asked.slug}", ResponseCache.hash_of({"params": asked.params, "typed": typed})
        place = (self.workspace, self.account.uuid, slug, key, FRESH)
        known = None if asked.refresh else await cache.find(*place)
        if known is not None:
            return known.output
        answer = scrub_json(await self.ask(perform), self.account.sensitive)
        await cache.store(*place, Done(answer))
        return answer

    async def ask(self, perform: Callable[[FormRequest], Awaitable[Answer]]) -> Answer:
        """What the service answers now. Unanswered where it does not."""
        name, sensitive = self.integration.name, self.account.sensitive
        try:
            async with asyncio.timeout(SECONDS):
                return await perform(self.request())
        except (ServiceError, InvalidConfig, AccountHalted) as error:
            raise Unanswered(scrub(str(error), sensitive)) from None
        except Throttled as error:
            raise Unanswered(f"{name} takes no more calls now: the next one may go in {error.seconds:.0f} seconds.") from None
        except TimeoutError:
            raise Unanswered(f"{name} did not answer within {SECONDS:.0f} seconds.") from None
        except Exception as error:
            # A bug of one integration is not one of the request.
            _log.error("integration failed", integration=self.integration.slug, trace=scrub(traceback.format_exc(), sensitive))
            raise Unanswered(f"The integration {name} failed unexpectedly ({type(error).__name__}).") from None


async def open_form(prepared: Preparation, connector: str, refuse: Callable[[str], Never]) -> ConnectorForm | None:
    """The connector, opened; None when it is unknown."""
    services = prepared.services
    accounts = services.once(Accounts, lambda: Accounts(services))
    try:
        account = await accounts.of_connector(prepared.who.workspace_uuid, connector)
    except (WrongKey, SecretUnavailable) as error:
        refuse(f"The connector's secrets cannot be read: {error}")
    except InvalidConfig as error:
        refuse(f"The connector cannot be used as it is: {error}")
    if account is None:
        return None
    integration = await known_integrations(services).find(prepared.who.workspace_uuid, account.integration_slug)
    if integration is None:
        refuse(f"There is no integration {account.integration_slug} on this server.")
    if account.halt is not None:
        refuse(f"The connector does not work now ({account.halt}): see `cargo-ai connection connector get {connector}`.")
    return ConnectorForm(services, prepared.who.workspace_uuid, integration, account)


def _part(parts: Mapping[str, Part], asked: Asked, what: str, form: ConnectorForm, refuse: Callable[[str], Never]) -> Part:
    """The part of the integration that is asked for; its params have passed their schema."""
    part = parts.get(asked.slug)
    if part is None:
        known = ", ".join(sorted(parts)) or "no such"
        refuse(f"{form.integration.name} has no {what} {asked.slug[:100]}; it has: {known}.")
    schema = dict(part.params_schema or {"type": "object", "maxProperties": 0})
    faults = list(jsonschema_rs.validator_for(schema).iter_errors(asked.params))
    if faults:
        paths = [".".join(["params", *map(str, fault.instance_path)]) for fault in faults]
        messages = [f"Invalid {what} params: {fault.message}" for fault in faults]
        raise invalid_input([{"path": path, "message": text} for path, text in zip(paths, messages, strict=True)][:50])
    return part


async def prepare_autocomplete(prepared: Preparation, request: contract.AutocompleteConnector) -> list[Json]:
    """The choices, before any transaction."""

    def missing(said: str) -> Never:
        contract.autocomplete.refuse("failedToGetIntegration", said=said)

    form = await open_form(prepared, request.connector_uuid, missing)
    if form is None:
        contract.autocomplete.refuse("connectorNotFound", connector=request.connector_uuid, fix=LIST)
    part = _part(form.integration.autocompletes, request, "autocomplete", form, missing)
    typed = (request.value or "").strip()

    async def perform(asked: FormRequest) -> list[dict[str, Json]]:
        return [_choice(choice) for choice in [*await part.perform(asked, request.params, typed or None)][:MAX_CHOICES]]

    try:
        return cast("list[Json]", await form.remembered("autocomplete", request, typed, perform))
    except Unanswered as error:
        contract.autocomplete.refuse("failedToGetIntegrationAutocomplete", said=str(error))


def _choice(choice: Choice) -> dict[str, Json]:
    return {"label": choice.label, "value": str(choice.value), "description": choice.description, "parent": choice.parent}


@handles(contract.autocomplete, before=prepare_autocomplete)
async def autocomplete(ctx: Context, request: contract.AutocompleteConnector) -> contract.FormChoices:
    """What was prepared."""
    choices = cast("list[dict[str, Json]]", ctx.prepared)
    return contract.FormChoices(results=[contract.FormChoice.model_validate(choice) for choice in choices])


async def prepare_dynamic_schema(prepared: Preparation, request: contract.GetDynamicSchema) -> Json:
    """The schema, before any transaction."""

    def missing(said: str) -> Never:
        contract.get_dynamic_schema.refuse("failedToGetIntegration", said=said)

    form = await open_form(prepared, request.connector_uuid, missing)
    if form is None:
        contract.get_dynamic_schema.refuse("connectorNotFound", connector=request.connector_uuid, fix=LIST)
    part = _part(form.integration.schemas, request, "dynamic schema", form, missing)

    async def perform(asked: FormRequest) -> list[Json]:
        return list(await part.perform(asked, request.params))

    try:
        return await form.remembered("dynamicSchema", request, "", perform)
    except Unanswered as error:
        missing(str(error))


@handles(contract.get_dynamic_schema, before=prepare_dynamic_schema)
async def get_dynamic_schema(ctx: Context, request: contract.GetDynamicSchema) -> contract.DynamicSchemaReply:
    """What was prepared."""
    schema, ui_schema = cast("list[dict[str, Json]]", ctx.prepared)
    return contract.DynamicSchemaReply.model_validate({"schema": schema, "uiSchema": ui_schema})
