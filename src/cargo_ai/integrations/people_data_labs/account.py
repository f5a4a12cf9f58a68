"""Accounts of People Data Labs: an API key, proven by an endpoint that costs no credits."""

from __future__ import annotations

from cargo_ai.integrations.kit import AccountSpec, ApiKey, Verification

API_KEY = ApiKey(header="X-Api-Key", description="In People Data Labs: API Keys (https://dashboard.peopledatalabs.com/api-keys).")

# Suggestions for a field cost nothing, and no endpoint is about the account itself.
ACCOUNT = AccountSpec(sign_ins=(API_KEY,), verification=Verification("/autocomplete?field=country&text=united&size=1"))
