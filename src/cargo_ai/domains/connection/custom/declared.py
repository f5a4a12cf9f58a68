"""Custom integrations from storage: a stored manifest or document, as an integration like the built-in ones."""

from __future__ import annotations

from cargo_ai.domains.connection.custom.openapi.chosen import ChosenOperations
from cargo_ai.domains.connection.custom.openapi.integration import of_operations
from cargo_ai.domains.connection.custom.protocol.integration import of_manifest
from cargo_ai.domains.connection.custom.protocol.manifest import Manifest
from cargo_ai.domains.connection.custom.protocol.remote import Remote
from cargo_ai.domains.connection.tables import CustomIntegration
from cargo_ai.integrations.kit import Integration
from cargo_ai.kernel.secrets import SecretKey


def integration_of(row: CustomIntegration, secrets: SecretKey) -> Integration:
    """The integration. WrongKey where the server's key is another one than that which sealed its secret."""
    if row.source == "openapi":
        return of_operations(row.slug, ChosenOperations.model_validate(row.manifest), row.base_url)
    secret = "" if row.sealed_secret is None else secrets.open(row.sealed_secret).decode()
    return of_manifest(row.slug, Manifest.model_validate(row.manifest), row.base_url, Remote(secret))
