"""Accounts of Instantly: a key of the API's second version, proven by reading one campaign."""

from __future__ import annotations

from cargo_ai.integrations.kit import AccountSpec, Bearer, Verification

API_KEY = Bearer(
    kind="apiKey", title="API key", field="apiKey", description="In Instantly: Settings > Integrations > API Keys, one of version 2."
)

ACCOUNT = AccountSpec(sign_ins=(API_KEY,), verification=Verification("/campaigns?limit=1"))
