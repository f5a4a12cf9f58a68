"""MCP servers of connectors: an HTTP connector gives the address of the server and signs its calls in."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from cargo_ai.context.process import Services
from cargo_ai.domains.connection.accounts.accounts import Accounts
from cargo_ai.domains.connection.accounts.asking import NotConnected

if TYPE_CHECKING:
    from cargo_ai.integrations.http.account import Target

INTEGRATION = "http"


async def mcp_target(services: Services, workspace: uuid.UUID, connector: str, integration_slug: str) -> tuple[Target, tuple[str, ...]]:
    """The address with its headers, and the secret texts in them. NotConnected, InvalidConfig, WrongKey where it cannot be called."""
    if integration_slug != INTEGRATION:
        sentence = (
            f"{integration_slug} has no MCP server here: make a connector of {INTEGRATION} with its address as baseUrl, and name that."
        )
        raise NotConnected(sentence)
    account = await services.once(Accounts, lambda: Accounts(services)).of_integration(workspace, connector, integration_slug)
    if account is None or account.integration_slug != INTEGRATION:
        raise NotConnected(f"There is no connector {connector} of {INTEGRATION} in this workspace.")
    if account.halt is not None:
        raise NotConnected(f"The connector does not work now ({account.halt}).")
    if not account.config.get("baseUrl"):
        raise NotConnected("The connector has no baseUrl, which is the address of the MCP server.")
    # An integration is loaded where its workspace uses it.
    from cargo_ai.integrations.http.account import target

    return await target("", account.config), account.sensitive
