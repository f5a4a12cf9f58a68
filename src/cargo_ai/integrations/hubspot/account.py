"""Accounts of HubSpot: a service key, or the access token of a private app, proven by the account's details."""

from __future__ import annotations

from cargo_ai.integrations.hubspot.versions import ACCOUNT_INFO
from cargo_ai.integrations.kit import AccountSpec, Bearer, Verification

SERVICE_KEY = Bearer(
    kind="privateApp",
    title="Service key or private app",
    field="accessToken",
    description="In HubSpot: Development > Keys > Service keys. The access token of a private app works as well.",
)

ACCOUNT = AccountSpec(sign_ins=(SERVICE_KEY,), verification=Verification(f"{ACCOUNT_INFO}/details"))
