"""Secrets in Azure Key Vault: `secret://azure/VAULT/NAME`, with the token that azure-identity finds."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from urllib.parse import quote

from cargo_ai.domains.connection.external_secrets.asking import SECONDS
from cargo_ai.domains.connection.external_secrets.cloud import Cloud, written_headers
from cargo_ai.domains.connection.external_secrets.reference import Reference
from cargo_ai.outbound.exchange import OutboundRequest

_SCOPE = "https://vault.azure.net/.default"
_API_VERSION = "7.4"


class Azure(Cloud):
    """Key Vault, as the managed identity of the machine, its workload identity, or the app of AZURE_CLIENT_ID in the variables."""

    place, keeper, needs = "azure", "Azure Key Vault", ("azure.identity",)
    _credential: Any = None

    def request(self, reference: Reference) -> OutboundRequest:
        """`Get Secret` (https://learn.microsoft.com/rest/api/keyvault/secrets, read November 2026). The library keeps tokens."""
        if self._credential is None:
            identity, given = import_module("azure.identity"), self._settings.environment
            ways = (
                [identity.EnvironmentCredential()] if given.get("AZURE_CLIENT_SECRET") or given.get("AZURE_CLIENT_CERTIFICATE_PATH") else []
            )
            if given.get("AZURE_FEDERATED_TOKEN_FILE"):
                ways.append(identity.WorkloadIdentityCredential())
            self._credential = identity.ChainedTokenCredential(
                *ways, identity.ManagedIdentityCredential(client_id=given.get("AZURE_CLIENT_ID") or None)
            )
        vault, _, name = reference.path.partition("/")
        url = self.address(f"https://{vault}.vault.azure.net/secrets/{quote(name, safe='')}?api-version={_API_VERSION}")
        token = self._credential.get_token(_SCOPE).token
        return OutboundRequest("GET", url, written_headers({"authorization": f"Bearer {token}"}), None, SECONDS)

    def value(self, received: dict[str, Any]) -> str | None:
        """The value of the current version."""
        text: Any = received.get("value")
        return text if isinstance(text, str) else None
