"""Remote forms: the choices and the parts of forms that a server gives, and whether it accepts an account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from cargo_ai.domains.connection.custom import foreign_schema
from cargo_ai.domains.connection.custom.foreign_schema import Unusable
from cargo_ai.domains.connection.custom.protocol.remote import Remote, connector
from cargo_ai.integrations.kit import Answer, Choice, FormRequest, Service, ServiceError, Verification

Json = Any
JsonObject = dict[str, Json]
Params = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class RemoteForm:
    """A part of a form, by its slug."""

    slug: str
    remote: Remote

    async def choices(self, request: FormRequest, params: Params, value: str | None) -> Sequence[Choice]:
        """The choices of a field. ServiceError where the server gives none."""
        body = {"connector": connector(request.service), "slug": self.slug, "params": dict(params)}
        answer = await self.remote.ask(request.service, "autocomplete", body | ({"value": value} if value else {}), reads=True)
        results = cast("JsonObject", answer).get("results") if isinstance(answer, dict) else None
        if not isinstance(results, list):
            raise _unexpected(request.service, "`results`")
        return [_choice(request.service, item) for item in cast("list[Json]", results)]

    async def schema(self, request: FormRequest, params: Params) -> tuple[JsonObject, JsonObject]:
        """A schema and its uiSchema. ServiceError where the server gives none."""
        body = {"connector": connector(request.service), "slug": self.slug, "params": dict(params)}
        answer = await self.remote.ask(request.service, "getDynamicSchema", body, reads=True)
        reply = cast("JsonObject", answer) if isinstance(answer, dict) else {}
        schema, ui_schema = reply.get("jsonSchema"), reply.get("uiSchema")
        if not isinstance(schema, dict):
            raise _unexpected(request.service, "`jsonSchema`")
        try:
            plain = foreign_schema.plain(schema, {**cast("JsonObject", schema), "definitions": {"expression": {}}}, "/jsonSchema")
        except Unusable as error:
            raise ServiceError(f"The schema that {request.service.name} gave cannot be used: {error}.", reason="unexpectedAnswer") from None
        return plain, cast("JsonObject", ui_schema) if isinstance(ui_schema, dict) else {}


def _choice(service: Service, item: Json) -> Choice:
    entry = cast("JsonObject", item) if isinstance(item, dict) else {}
    if "value" not in entry:
        raise _unexpected(service, "`value` in each result")
    description, parent = entry.get("description"), entry.get("parent")
    return Choice(
        str(entry.get("label") or entry["value"]),
        entry["value"],
        None if description is None else str(description),
        None if parent is None else str(parent),
    )


def _unexpected(service: Service, missing: str) -> ServiceError:
    return ServiceError(f"{service.name} answered without {missing}.", reason="unexpectedAnswer")


@dataclass(frozen=True, slots=True)
class RemoteVerification(Verification):
    """Asks the server whether it accepts an account."""

    path: str = "authenticate"
    remote: Remote = field(default_factory=Remote)

    async def verify(self, service: Service) -> Answer | None:
        """ServiceError, in the server's words, where it does not."""
        answer = await self.remote.ask(service, "authenticate", {"connector": connector(service)}, reads=True)
        reply = cast("JsonObject", answer) if isinstance(answer, dict) else {}
        if reply.get("outcome") == "success":
            return None
        if reply.get("outcome") != "error":
            raise _unexpected(service, "an `outcome` that the protocol has")
        said = reply.get("errorMessage") or reply.get("reason") or "it does not say why"
        raise ServiceError(str(said)[:1_000], status=401, reason="unauthorized")
