"""Accounts of Pipedrive: a personal API token, proven by asking for one pipeline, which every user may see."""

from __future__ import annotations

from cargo_ai.integrations.kit import AccountSpec, ApiKey, Verification

API_TOKEN = ApiKey(
    kind="apiToken",
    title="API token",
    header="x-api-token",
    field="apiToken",
    description="In Pipedrive: Personal preferences > API (https://app.pipedrive.com/settings/api).",
)

ACCOUNT = AccountSpec(sign_ins=(API_TOKEN,), verification=Verification("/pipelines?limit=1"))
