"""Shared accounts: those of the installation, which connectors without credentials of their own use, for credits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from cargo_ai.integrations.kit import Integration, integrations
from cargo_ai.kernel import log
from cargo_ai.kernel.settings import Settings

_log = log.get(__name__)


def config_of(settings: Settings, integration: Integration) -> dict[str, Any] | None:
    """The config of the shared account of an integration; None where the installation has none. Integrations that people have made
    never get any: their calls go where their makers say."""
    if not settings.shared_accounts_file or integrations().get(integration.slug) is not integration:
        return None
    try:
        accounts: Any = json.loads(Path(settings.shared_accounts_file).expanduser().read_text("utf-8"))
    except (OSError, ValueError) as error:
        _log.error("the shared accounts cannot be read", file=settings.shared_accounts_file, cause=str(error)[:200])
        return None
    config: Any = cast("Mapping[str, Any]", accounts).get(integration.slug) if isinstance(accounts, dict) else None
    return dict(cast("Mapping[str, Any]", config)) if isinstance(config, dict) else None
