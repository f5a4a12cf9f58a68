"""What the redirect route may use of OAuth."""

from __future__ import annotations

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.connection.oauth import consents
from cargo_ai.domains.connection.oauth.consents import Consent, take
from cargo_ai.domains.connection.oauth.exchange import CALLBACK, ConsentFailed, connect, tokens_of
from cargo_ai.integrations.kit import integrations
from cargo_ai.kernel.secrets import SecretKey

__all__ = ["CALLBACK", "NO_TOKEN", "Consent", "ConsentFailed", "connect", "look", "take", "tokens_of"]

NO_TOKEN = uuid.UUID(int=0)
"""The token in the audit log of what a browser did that is not signed in."""


async def look(db: AsyncSession, secrets: SecretKey, state: str) -> tuple[str, Consent] | None:
    """The name of the service and the consent of a state; None for one that is not valid."""
    consent = await consents.look(db, secrets, state)
    integration = None if consent is None else integrations().get(consent.asked.integration)
    return None if consent is None or integration is None else (integration.name, consent)
