"""Accounts of HubSpot: a service key, or a person's consent, proven by the account's details."""

from __future__ import annotations

from dataclasses import replace

from cargo_ai.integrations.hubspot.versions import ACCOUNT_INFO
from cargo_ai.integrations.kit import AccountSpec, Bearer, Verification
from cargo_ai.integrations.kit.signing.vendors import hubspot_oauth

SERVICE_KEY = Bearer(
    kind="privateApp",
    title="Service key or private app",
    field="accessToken",
    description="In HubSpot: Development > Keys > Service keys. The access token of a private app works as well.",
)
_KINDS = ("contacts", "companies", "deals")
_SCOPES = (
    "oauth",
    *(f"crm.{what}.{kind}.{verb}" for kind in _KINDS for what, verb in (("objects", "read"), ("objects", "write"), ("schemas", "read"))),
    "crm.objects.owners.read",
    "crm.lists.read",
    "crm.lists.write",
)
# Not every subscription has these: asked for as required ones, they would keep the others from connecting.
_OPTIONAL = ("tickets", "crm.objects.custom.read", "crm.objects.custom.write", "crm.schemas.custom.read")
OAUTH = replace(hubspot_oauth(*_SCOPES), authorize_params={"optional_scope": " ".join(_OPTIONAL)})

ACCOUNT = AccountSpec(sign_ins=(SERVICE_KEY, OAUTH), verification=Verification(f"{ACCOUNT_INFO}/details"))
