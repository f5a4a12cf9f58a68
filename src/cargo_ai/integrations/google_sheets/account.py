"""Accounts of Google Sheets: a service account's key file, or a person's consent; proven by asking for a spreadsheet that is not there."""

from __future__ import annotations

from dataclasses import dataclass

from cargo_ai.integrations.kit import AccountSpec, Answer, Service, ServiceError, Verification
from cargo_ai.integrations.kit.signing.vendors import google_oauth, google_service_account

# The second is for choosing spreadsheets from a list: names and ids, no contents.
SCOPES = ("https://www.googleapis.com/auth/spreadsheets", "https://www.googleapis.com/auth/drive.metadata.readonly")
_NOWHERE = "/v4/spreadsheets/none"


@dataclass(frozen=True, slots=True)
class _Probe(Verification):
    """Sheets has no endpoint about the account itself: one that may call it learns that there is no such spreadsheet."""

    async def verify(self, service: Service) -> Answer | None:
        """None where the account may call Sheets. ServiceError, in Google's words, where it may not."""
        try:
            return await Verification.verify(self, service)
        except ServiceError as error:
            if error.status != 404:
                raise
            return None


ACCOUNT = AccountSpec(sign_ins=(google_service_account(*SCOPES), google_oauth(*SCOPES)), verification=_Probe(_NOWHERE))
