"""Serving: an integration of this server, as it answers over the protocol of custom integrations."""

from __future__ import annotations

import traceback
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import jsonschema_rs

from cargo_ai.domains.connection.custom import foreign_schema
from cargo_ai.domains.connection.custom.serving.manifest import manifest_of, servable
from cargo_ai.domains.connection.oauth import apps
from cargo_ai.domains.connection.oauth.service_tokens import ServiceTokens
from cargo_ai.domains.connection.oauth.signing import AccountSigner, token_in, with_token
from cargo_ai.engine.graph.action import Call, Done, Failed, InvalidConfig, Later, Outcome
from cargo_ai.integrations.kit import (
    AccountHalted,
    AccountSpec,
    ActionRequest,
    FormRequest,
    Integration,
    Service,
    ServiceError,
    Throttled,
    attempt,
    scrub,
    scrub_json,
    without_secrets,
)
from cargo_ai.integrations.kit.secret_texts import hidden_texts, texts_of
from cargo_ai.integrations.kit.signing.oauth import FetchedSignIn
from cargo_ai.kernel import clock, ids, log
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound.http_client import HttpClient

Json = Any
JsonObject = dict[str, Json]

_log = log.get(__name__)


class ServedError(Exception):
    """A request that cannot be answered: its status, and a sentence."""

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


@dataclass(frozen=True, slots=True)
class Opened:
    """The account of a request, signed in, and the service with it."""

    config: Mapping[str, Json]
    service: Service
    sensitive: tuple[str, ...]


class Served:
    """An integration that others call. Nothing is kept between requests but access tokens."""

    def __init__(self, integration: Integration, settings: Settings, client: HttpClient) -> None:
        self.integration, self.settings, self.client = integration, settings, client
        self._account: AccountSpec = servable(integration)
        self._tokens = ServiceTokens(client)

    def manifest(self) -> JsonObject:
        """What it can do."""
        return manifest_of(self.integration, self._account)

    async def authenticate(self, body: JsonObject) -> JsonObject:
        """Whether the service accepts an account."""
        opened: Opened | None = None
        try:
            opened = await self._open(body)
            verification = self.integration.account.verification
            if verification is not None:
                await verification.verify(opened.service)
        except (ServiceError, InvalidConfig, AccountHalted, Throttled) as error:
            said = scrub(str(error), _sensitive(body, opened))
            return {"outcome": "error", "reason": "unauthenticated", "errorMessage": said}
        return {"outcome": "success"}

    async def execute(self, slug: str, body: JsonObject) -> JsonObject:
        """One attempt of an action."""
        action = self.integration.action(slug)
        if action is None:
            known = ", ".join(action.slug for action in self.integration.actions)
            raise ServedError(404, f"{self.integration.name} has no action {slug[:100]}; it has: {known}.")
        execution = object_in(body, "execution")
        run = ids.parse(str(execution.get("runUuid"))) or uuid.UUID(int=0)
        key = str(execution.get("idempotencyKey") or "")
        meta = body.get("meta")
        call = Call(
            workspace=ids.parse(str(object_in(body, "connector").get("workspaceUuid"))) or uuid.UUID(int=0),
            workflow=None,
            run=run,
            batch=None,
            trace=run,
            node={"uuid": str(execution.get("nodeUuid") or ""), "actionSlug": slug},
            config=object_in(body, "config"),
            context={},
            key=key,
            attempt=1,
            meta=cast("JsonObject", meta).get("meta") if isinstance(meta, dict) else None,
            repeated=execution.get("isRepeated") is True,
        )
        opened: Opened | None = None
        try:
            opened = await self._open(body, action=slug, key=key)
            request = ActionRequest(call.config, opened.config, call, self.client, self.settings, opened.service, opened.sensitive)
            outcome = await attempt(action, request)
        except (ServiceError, InvalidConfig, AccountHalted) as error:
            outcome = error.to_outcome() if isinstance(error, ServiceError) else Failed(str(error))
        except Exception as error:
            _log.error(
                "integration failed", integration=self.integration.slug, trace=scrub(traceback.format_exc(), _sensitive(body, opened))
            )
            text = f"The integration {self.integration.name} failed unexpectedly ({type(error).__name__})."
            outcome = Failed(text, sent=action.is_unrepeatable(call.meta))
        return to_wire(without_secrets(outcome, _sensitive(body, opened)))

    async def autocomplete(self, body: JsonObject) -> JsonObject:
        """The choices of a field."""
        part = self.integration.autocompletes.get(str(body.get("slug")))
        if part is None:
            raise ServedError(404, f"{self.integration.name} has no autocomplete {str(body.get('slug'))[:100]}.")
        opened = await self.opened(body)
        value = body.get("value")
        typed = value if isinstance(value, str) and value else None
        with self.said(opened):
            request = FormRequest(opened.config, opened.service, opened.sensitive)
            choices = await part.perform(request, object_in(body, "params"), typed)
        results = [
            {"label": choice.label, "value": choice.value, "description": choice.description, "parent": choice.parent} for choice in choices
        ]
        return {"results": scrub_json(results, opened.sensitive)}

    async def dynamic_schema(self, body: JsonObject) -> JsonObject:
        """A part of a form."""
        part = self.integration.schemas.get(str(body.get("slug")))
        if part is None:
            raise ServedError(404, f"{self.integration.name} has no dynamic schema {str(body.get('slug'))[:100]}.")
        opened = await self.opened(body)
        with self.said(opened):
            schema, ui_schema = await part.perform(FormRequest(opened.config, opened.service, opened.sensitive), object_in(body, "params"))
        return scrub_json({"jsonSchema": dict(schema), "uiSchema": dict(ui_schema)}, opened.sensitive)

    @contextmanager
    def said(self, opened: Opened) -> Generator[None]:
        """What goes wrong within it becomes the answer."""
        try:
            yield
        except Throttled as error:
            raise ServedError(429, f"{self.integration.name} takes no more calls now.", error.seconds) from None
        except ServiceError as error:
            status = 503 if error.transient else 422
            status = 429 if error.reason == "rateLimited" else status
            raise ServedError(status, scrub(str(error), opened.sensitive), error.retry_after) from None
        except (InvalidConfig, AccountHalted) as error:
            raise ServedError(422, scrub(str(error), opened.sensitive)) from None

    async def opened(self, body: JsonObject) -> Opened:
        """The account of a request. ServedError where it cannot be used."""
        try:
            return await self._open(body)
        except (ServiceError, InvalidConfig, AccountHalted) as error:
            raise ServedError(422, scrub(str(error), _sensitive(body, None))) from None

    async def _open(self, body: JsonObject, *, action: str = "", key: str = "") -> Opened:
        """The account, with a token where it needs one. InvalidConfig, ServiceError where it cannot be used."""
        given, spec = _config_of(body), self._account
        problem = spec.problem_of_choice(given)
        if problem is not None:
            raise InvalidConfig(f"`connector.config.{problem[0]}` {problem[1]}.")
        # The schemas are ours; `mask`, since a message must not repeat a secret.
        validator = jsonschema_rs.validator_for(spec.schema_of_choice(spec.choice_of(given)), mask="the value")
        if wrong := foreign_schema.faults(validator, given):
            raise InvalidConfig(f"`connector.config` does not fit: {'; '.join(wrong)}.")
        config = await self._with_token(given, None)

        async def renew(refused: Mapping[str, Json]) -> Mapping[str, Json]:
            return await self._with_token(given, token_in(spec, refused))

        renewable = isinstance(spec.sign_in_of(given), FetchedSignIn)
        sensitive = spec.sensitive_texts(config)
        service = Service(
            self.integration.service_spec(self.settings),
            self.integration.name,
            self.client,
            account=AccountSigner(spec, config, renew if renewable else None),
            action=action,
            key=key,
            sensitive=sensitive,
        )
        return Opened(config, service, sensitive)

    async def _with_token(self, config: Mapping[str, Json], refused: str | None) -> Mapping[str, Json]:
        sign_in = self._account.sign_in_of(config)
        if not isinstance(sign_in, FetchedSignIn):
            return config
        signed_in = self._account.signed_in(config)
        call = sign_in.token_call(signed_in, int(clock.unix_seconds()))
        call = replace(call, url=apps.moved(call.url, self.integration, self.settings))
        tokens = await self._tokens.current(sign_in, signed_in, call, refused=refused)
        return with_token(self._account, config, tokens.access, tokens.instance)


def _sensitive(body: JsonObject, opened: Opened | None) -> tuple[str, ...]:
    """The texts that must not come back; of an account that could not be opened, all of it."""
    return hidden_texts(texts_of(_config_of(body))) if opened is None else opened.sensitive


def _config_of(body: JsonObject) -> JsonObject:
    return object_in(object_in(body, "connector"), "config")


def object_in(body: JsonObject, key: str) -> JsonObject:
    value = body.get(key)
    if value is not None and not isinstance(value, dict):
        raise ServedError(400, f"`{key}` must be an object.")
    return cast("JsonObject", value or {})


def to_wire(outcome: Outcome) -> JsonObject:
    """An outcome as the protocol has it. `warnings` and what says more of an error are ours; other hosts ignore them."""
    match outcome:
        case Done():
            said: JsonObject = {"outcome": "executed", "data": outcome.output, "title": outcome.title, "childIndex": outcome.child}
            return {**said, "warnings": list(outcome.warnings)} if outcome.warnings else said
        case Failed():
            milliseconds = None if outcome.retry_after is None else outcome.retry_after * 1000
            return {
                "outcome": "error",
                "errorMessage": outcome.message,
                "reason": outcome.reason,
                "isTransient": outcome.transient,
                "retryAfterMilliseconds": milliseconds,
                "mayHaveHappened": outcome.sent,
            }
        case Later():
            # Without any, nothing was begun: what comes next is the first attempt still.
            meta = None if outcome.meta is None else {"meta": outcome.meta}
            return {"outcome": "moreToExecute", "meta": meta, "sleepMilliseconds": outcome.seconds * 1000, "reason": outcome.reason}
