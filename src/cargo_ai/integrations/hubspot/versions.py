"""The version of HubSpot's interface that is called, in one place: each is supported for 18 months."""

from __future__ import annotations

VERSION = "2026-03"
OBJECTS = f"/crm/objects/{VERSION}"
ASSOCIATIONS = f"/crm/associations/{VERSION}"
PROPERTIES = f"/crm/properties/{VERSION}"
PIPELINES = f"/crm/pipelines/{VERSION}"
OWNERS = f"/crm/owners/{VERSION}"
LISTS = f"/crm/lists/{VERSION}"
SCHEMAS = f"/crm-object-schemas/{VERSION}/schemas"
ACCOUNT_INFO = f"/account-info/{VERSION}"
