"""Configs of connectors: validate, seal, open for a call, and mask when shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from cargo_ai.domains.connection.tables import Connector
from cargo_ai.integrations.kit import HIDDEN, Integration, integrations
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.secrets import SecretKey

LARGEST_CONFIG = 64 * 1024


def seal(secrets: SecretKey, config: Mapping[str, Any]) -> bytes:
    """The config as it is stored."""
    return secrets.seal(json.dumps(config, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def opened(secrets: SecretKey, row: Connector) -> dict[str, Any]:
    """The config with its secrets; WrongKey when the server's key is another one."""
    return {} if row.sealed_config is None else json.loads(secrets.open(row.sealed_config))


def shown(secrets: SecretKey, row: Connector) -> dict[str, Any]:
    """The config as people see it. Of an integration that is not installed any more nothing is known to be harmless: all is hidden."""
    config = opened(secrets, row)
    integration = integrations().get(row.integration_slug)
    return dict.fromkeys(config, HIDDEN) if integration is None else integration.account.hidden(config)


@cache
def _validator(integration_slug: str) -> jsonschema_rs.Validator:
    # `mask`: a message must not repeat the value that it is about.
    return jsonschema_rs.validator_for(dict(integrations()[integration_slug].account.schema), mask="the value", validate_formats=True)


def checked(integration: Integration, given: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The config to store: `***` gives way to the secret that is stored there. 400 `invalidInput` names what does not fit."""
    config, missing = integration.account.merged(given, stored)
    errors = [{"path": f"config.{path}", "message": _again(integration)} for path in missing]
    if not errors:
        for error in _validator(integration.slug).iter_errors(config):
            path = ".".join(["config", *(str(part) for part in error.instance_path)])
            errors.append({"path": path, "message": error.message})
    if not errors and len(json.dumps(config)) > LARGEST_CONFIG:
        errors.append({"path": "config", "message": f"is larger than {LARGEST_CONFIG // 1024} KB"})
    if errors:
        raise invalid_input(errors[:50])
    return config


def _again(integration: Integration) -> str:
    bound = " and ".join(integration.account.bound_to)
    return f"give the secret itself: {HIDDEN} keeps a stored one" + (f", and only while {bound} stays the same" if bound else "")
