"""Configs of connectors: validate, seal, open for a call, and mask when shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

import jsonschema_rs

from cargo_ai.domains.connection.custom import foreign_schema
from cargo_ai.domains.connection.tables import Connector
from cargo_ai.integrations.kit import HIDDEN, Integration, integrations
from cargo_ai.integrations.kit.secret_texts import texts_of
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.secrets import SecretKey, is_reference

LARGEST_CONFIG = 64 * 1024


def seal(secrets: SecretKey, config: Mapping[str, Any]) -> bytes:
    """The config as it is stored."""
    return secrets.seal(json.dumps(config, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def opened(secrets: SecretKey, row: Connector) -> dict[str, Any]:
    """The config with its secrets; WrongKey when the server's key is another one."""
    return {} if row.sealed_config is None else json.loads(secrets.open(row.sealed_config))


def shown(secrets: SecretKey, row: Connector, integration: Integration | None) -> dict[str, Any]:
    """The config as people see it. Of an integration that is not installed any more nothing is known to be harmless: all is hidden."""
    config = opened(secrets, row)
    return dict.fromkeys(config, HIDDEN) if integration is None else integration.account.hidden(config)


def references(integration: Integration | None, config: Mapping[str, Any]) -> set[str]:
    """The secrets in a config that are kept elsewhere."""
    texts: set[str] = set()
    if integration is not None:
        integration.account.replace_secrets(config, lambda _path, value: texts.update(filter(is_reference, texts_of(value))))
    return texts


def with_secrets(integration: Integration | None, config: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """The config in which these secrets stand in place of their references."""
    if integration is None or not secrets:
        return dict(config)
    return integration.account.replace_secrets(config, lambda _path, value: _replaced(value, secrets))


def _replaced(value: Any, secrets: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return secrets.get(value, value)
    if isinstance(value, Mapping):
        return {key: _replaced(inner, secrets) for key, inner in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_replaced(inner, secrets) for inner in cast("list[Any]", value)]
    return value


def _validator(integration: Integration, kind: str | None) -> jsonschema_rs.Validator:
    if integrations().get(integration.slug) is integration:
        return _kept_validator(integration.slug, kind)
    return foreign_schema.validator(integration.account.schema_of_choice(kind), "config")


@cache
def _kept_validator(integration_slug: str, kind: str | None) -> jsonschema_rs.Validator:
    schema = integrations()[integration_slug].account.schema_of_choice(kind)
    # `mask`: a message must not repeat the value that it is about.
    return jsonschema_rs.validator_for(schema, mask="the value", validate_formats=True)


def merged(integration: Integration, given: Mapping[str, Any], secrets: Mapping[str, str], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The config to store: `***` gives way to the secret that is stored there, and `secrets` go to their paths.

    400 `invalidInput` where there is nothing to go back to, and for a path that holds no secret.
    """
    spec = integration.account
    errors: list[dict[str, str]] = []
    config = dict(given)
    for path, value in secrets.items():
        if not spec.holds_secret(path.split(".")):
            message = f"is not a secret of {integration.name}; it has: {', '.join(spec.secret_paths()) or 'none'}"
            errors.append({"path": f"secrets.{path}", "message": message})
        elif not _put(config, path.split("."), value):
            errors.append({"path": f"secrets.{path}", "message": "lies in a part of the config that is not an object"})
    if not errors:
        config, missing = spec.merged(spec.completed(config), stored)
        errors = [{"path": f"config.{path}", "message": _again(integration)} for path in missing]
    if not errors and len(json.dumps(config)) > LARGEST_CONFIG:
        errors.append({"path": "config", "message": f"is larger than {LARGEST_CONFIG // 1024} KB"})
    if errors:
        raise invalid_input(errors[:50])
    return config


def _put(config: dict[str, Any], path: list[str], value: str) -> bool:
    """Put a value at a path, copying on the way; False where something else than an object is in between."""
    for part in path[:-1]:
        inner = config.get(part, {})
        if not isinstance(inner, dict):
            return False
        config[part] = config = dict(cast("dict[str, Any]", inner))
    config[path[-1]] = value
    return True


def validate(integration: Integration, config: Mapping[str, Any]) -> None:
    """400 `invalidInput` names what does not fit the integration's schema, without repeating it."""
    spec = integration.account
    problem = spec.problem_of_choice(config)
    if problem is not None:
        raise invalid_input([{"path": f"config.{problem[0]}", "message": problem[1]}])
    errors: list[dict[str, str]] = []
    for error in _validator(integration, spec.choice_of(config)).iter_errors(config):
        path = ".".join(["config", *(str(part) for part in error.instance_path)])
        errors.append({"path": path, "message": error.message})
    if errors:
        raise invalid_input(errors[:50])


def _again(integration: Integration) -> str:
    bound = " and ".join(integration.account.bound_to)
    return f"give the secret itself: {HIDDEN} keeps a stored one" + (f", and only while {bound} stays the same" if bound else "")
