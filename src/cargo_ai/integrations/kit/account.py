"""Accounts: what a connector of a service is made of: ways to sign in, fields, and the one endpoint that proves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast

from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.integrations.kit import secret_texts
from cargo_ai.integrations.kit.calls.service_call import Answer, Service
from cargo_ai.integrations.kit.errors import ServiceError
from cargo_ai.integrations.kit.forms import Form, schema_of, ui_schema_of
from cargo_ai.integrations.kit.signing.sign_in import Anonymous, Credentials, SignIn

Json = Any
JsonObject = dict[str, Json]
Config = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Verification:
    """The one endpoint that proves an account.

    path: or how it follows from the account's config; "": nothing proves this one. check: what is wrong with its answer, although the call
    went well; None: nothing. expect: how its body is read.
    """

    path: str | Callable[[Config], str]
    method: str = "GET"
    check: Callable[[Answer], str | None] | None = None
    expect: Literal["json", "text"] = "json"

    async def verify(self, service: Service) -> Answer | None:
        """The answer of the endpoint, None where it has no path. ServiceError, in the vendor's words, where the account cannot be used."""
        path = self.path if isinstance(self.path, str) else self.path({} if service.account is None else service.account.config)
        if not path:
            return None
        answer = await service.call(self.method, path, headers=self.headers_of(service), reads=True, expect=self.expect)
        problem = None if self.check is None else self.check(answer)
        if problem is not None:
            raise ServiceError(problem, status=answer.status, body=answer.body, reason="accountUnusable")
        return answer

    def headers_of(self, service: Service) -> Mapping[str, str]:
        """Headers of the call besides those of all calls."""
        return {}


@dataclass(frozen=True)
class AccountSpec:
    """What an account of the service is made of.

    sign_ins: the ways to sign in, the one to recommend first. The field `choice` of a config says which it is; where there is only one, it
        may be left out.
    fields: what else is entered: a region, an address. under: the field that holds the sign-in; "": it stands beside `fields`.
    verification: proves an account when it is made. required: whether the service can be called at all without a connector.
    bound_to: fields that say where secrets are sent; when one of them changes, the secrets have to be entered again.
    sensitive: the texts to keep out of answers and errors, by default every secret in each form in which it is sent.
    """

    sign_ins: tuple[SignIn, ...] = (Anonymous(),)
    fields: type[Form] = Form
    choice: str = "method"
    under: str = ""
    verification: Verification | None = None
    required: bool = True
    bound_to: tuple[str, ...] = ()
    sensitive: Callable[[Config], Iterator[str]] | None = None

    @cached_property
    def schema(self) -> JsonObject:
        """JSON Schema of a connector's config; what is secret in it says `writeOnly`."""
        return self._schema([self._way(sign_in) for sign_in in self.sign_ins])

    def problem_of_choice(self, config: Config) -> tuple[str, str] | None:
        """The path and a sentence where a config chooses no way to sign in that there is; None where it does, or has nothing to choose."""
        if len(self.sign_ins) == 1 or (self.under and self.under not in config):
            return None
        part: Json = config.get(self.under) if self.under else config
        if not isinstance(part, Mapping):
            return self.under, "must be an object"
        kinds = [sign_in.kind for sign_in in self.sign_ins]
        if cast("Config", part).get(self.choice) in kinds:
            return None
        return f"{self.under}.{self.choice}".lstrip("."), f"must be one of {', '.join(kinds)}"

    def completed(self, config: Config) -> JsonObject:
        """The config with the way to sign in where it leaves that out and fits one of them only."""
        given: Json = config.get(self.under) if self.under else config
        if len(self.sign_ins) == 1 or not isinstance(given, Mapping) or self.choice in given:
            return dict(config)
        part = cast("Config", given)
        fields: set[str] = set() if self.under else set(schema_of(self.fields)["properties"])
        entered = set(part) - fields
        fitting = [sign_in.kind for sign_in in self.sign_ins if _fits(schema_of(sign_in.form), entered)]
        if len(fitting) != 1:
            return dict(config)
        chosen: JsonObject = {**part, self.choice: fitting[0]}
        return {**config, self.under: chosen} if self.under else chosen

    def choice_of(self, config: Config) -> str | None:
        """The way to sign in that a config chooses, of which `problem_of_choice` says nothing; None where there is nothing to choose."""
        if len(self.sign_ins) == 1 or (self.under and self.under not in config):
            return None
        return str(self.signed_in(config)[self.choice])

    def schema_of_choice(self, kind: str | None) -> JsonObject:
        """What a config has to fit that chooses this way to sign in (None: that has no choice): without alternatives, so that what is wrong
        can be named."""
        return self._schema([self._way(sign_in) for sign_in in self.sign_ins if kind is None or sign_in.kind == kind])

    def _schema(self, ways: list[JsonObject]) -> JsonObject:
        fields = schema_of(self.fields)
        if self.under:
            fields = _joined(fields, {"properties": {self.under: _choice_of(ways, "Credentials")}, "required": self._needed})
            return {**fields, "title": "Account"}
        return {**_choice_of([_joined(way, fields) for way in ways], "Account")}

    @property
    def _needed(self) -> list[str]:
        return [] if any(isinstance(sign_in, Anonymous) for sign_in in self.sign_ins) else [self.under]

    def _way(self, sign_in: SignIn) -> JsonObject:
        """The schema of one way to sign in, with the field that chooses it."""
        form = schema_of(sign_in.form)
        chosen = {"title": "Sign-in", "const": sign_in.kind}
        if len(self.sign_ins) == 1:
            return _joined({"title": sign_in.title, "properties": {self.choice: {**chosen, "default": sign_in.kind}}}, form)
        return _joined({"title": sign_in.title, "properties": {self.choice: chosen}, "required": [self.choice]}, form)

    @cached_property
    def ui_schema(self) -> JsonObject:
        """Hints for the form of a config."""
        ways: JsonObject = {"ui:order": [self.choice, "*"]} if len(self.sign_ins) > 1 else {}
        for sign_in in self.sign_ins:
            ways |= ui_schema_of(sign_in.form)
        return {**ui_schema_of(self.fields), **({self.under: ways} if self.under else ways)}

    def sign_in_of(self, config: Config) -> SignIn:
        """The way to sign in that a config chooses. InvalidConfig for one that was stored and is no longer there."""
        kind = self.signed_in(config).get(self.choice)
        if kind is None:
            return next((sign_in for sign_in in self.sign_ins if isinstance(sign_in, Anonymous)), self.sign_ins[0])
        for sign_in in self.sign_ins:
            if sign_in.kind == kind:
                return sign_in
        raise InvalidConfig(f"The connector signs in by {kind}, which is not possible any more: change its config.")

    def signed_in(self, config: Config) -> Config:
        """The part of a config in which the sign-in stands."""
        return cast("Config", config.get(self.under) or {}) if self.under else config

    def hidden(self, config: Config) -> JsonObject:
        """The config as it may be shown: each secret is `***`, and a reference to one is itself."""
        return secret_texts.hide(self.schema, config)

    def replace_secrets(self, config: Config, change: Callable[[tuple[str, ...], Json], Json]) -> JsonObject:
        """The config with each secret replaced by what `change` makes of its path and its value."""
        return secret_texts.replace(self.schema, config, change)

    def holds_secret(self, path: Sequence[str]) -> bool:
        """Whether what is at this path of a config is a secret."""
        return secret_texts.holds_secret(self.schema, path)

    def secret_paths(self) -> list[str]:
        """The paths of all secrets of a config, as people write them; NAME stands for any name."""
        return sorted(secret_texts.secret_paths(self.schema))

    def merged(self, config: Config, stored: Config) -> tuple[JsonObject, list[str]]:
        """The config with each `***` replaced by the stored secret, and the paths of those that have none to go back to."""
        moved = any(config.get(key) != stored.get(key) for key in self.bound_to)
        return secret_texts.merge(self.schema, config, {} if moved else stored)

    def sensitive_texts(self, config: Config) -> tuple[str, ...]:
        """The texts of this config that must not be seen in answers and errors, longest first."""
        return secret_texts.hidden_texts(self._sensitive(config) if self.sensitive is None else self.sensitive(config))

    def _sensitive(self, config: Config) -> Iterator[str]:
        yield from secret_texts.secrets_of(self.schema, config)
        try:
            yield from self.sign_in_of(config).derived_secrets(self.signed_in(config))
        except InvalidConfig:
            return  # no call will be signed in


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """The account of a connector, its secrets opened: what signs its calls in."""

    spec: AccountSpec
    config: Config

    @property
    def refreshable(self) -> bool:
        """Whether a call that was refused for its credentials is worth another attempt with fresh ones."""
        return self.spec.sign_in_of(self.config).refreshable

    async def credentials(self, *, refresh: bool = False) -> Credentials:
        """What signs a call in. `refresh`: the former credentials were refused."""
        return await self.spec.sign_in_of(self.config).credentials(self.spec.signed_in(self.config), refresh=refresh)


def _fits(form: JsonObject, entered: set[str]) -> bool:
    """Whether what was entered is what a form has, with all that it requires."""
    return set(form.get("required", ())) <= entered <= set(form.get("properties", ()))


def _joined(first: JsonObject, second: JsonObject) -> JsonObject:
    """One closed object with the properties of both."""
    properties = {**first.get("properties", {}), **second.get("properties", {})}
    required = [*first.get("required", []), *second.get("required", [])]
    joined: JsonObject = {"title": first.get("title", ""), "type": "object", "properties": properties, "additionalProperties": False}
    return {**joined, "required": required} if required else joined


def _choice_of(ways: list[JsonObject], title: str) -> JsonObject:
    return ways[0] if len(ways) == 1 else {"title": title, "oneOf": ways}
