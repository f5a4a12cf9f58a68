"""The commands that create what a template lacks: a connector, or a model with its columns."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.domains.connection import public as connection
from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.kit.secret_texts import secret_paths
from cargo_ai.kernel.wire import JsonObject


def connector_creation(integration: Integration) -> str:
    """Creates a connector by the first way to sign in; its secrets are asked for."""
    account = integration.account
    kind = account.sign_ins[0].kind if len(account.sign_ins) > 1 else None
    schema = account.schema_of_choice(kind)
    choice: JsonObject = {} if kind is None else {account.choice: kind}
    config = {account.under: choice} if account.under and choice else choice
    needed: list[str] = schema.get("required", [])
    secrets = [path for path in secret_paths(schema) if path in needed]
    words = ["--integration-slug", integration.slug, "--slug", integration.slug.lower(), "--name", integration.name]
    words += ["--config", json.dumps(config, separators=(",", ":"))] if config else []
    words += [word for path in secrets for word in ("--secret", path)]
    return f"cargo-ai connection connector create {shlex.join(words)}"


async def model_creation(ctx: Context, template: JsonObject, name: str, columns: Mapping[str, str], *, is_target: bool) -> str:
    """Creates such a model: filled by a connector where the template runs on one of those, else by hand and by plays."""
    source: Mapping[str, Any] = template.get("model", {})
    slug = name if name.replace("_", "").isalnum() else "records"
    datasets = await connection.datasets(ctx.db)
    if source.get("kind") == "connector" and not is_target:
        accounts = [
            str(account.uuid) for account in await connection.accounts(ctx.db) if account.integration_slug == source["integrationSlug"]
        ]
        dataset = next((dataset.uuid for dataset in datasets if dataset.connector_uuid in accounts), "DATASET")
        extractor, config = str(source["extractorSlug"]), dict[str, Any](source["config"])
    else:
        dataset = next((dataset.uuid for dataset in datasets if dataset.kind == "native"), "DATASET")
        listed = [{"slug": column, "type": kind, "label": column} for column, kind in columns.items()]
        extractor, config = "defineObject", dict[str, Any](columns=listed)
        if columns:
            config["idColumnSlug"] = next(iter(columns))
    words = ["--slug", slug, "--name", slug, "--dataset-uuid", dataset, "--extractor-slug", extractor]
    return f"cargo-ai storage model create {shlex.join([*words, '--config', json.dumps(config, separators=(',', ':'))])}"
