"""HubSpot without its rate policies: how fast rows go when nothing holds calls back."""

from __future__ import annotations

from dataclasses import replace

from cargo_ai.integrations import hubspot

assert hubspot.INTEGRATION.service is not None
INTEGRATION = replace(
    hubspot.INTEGRATION, slug="unlimited", name="HubSpot without limits", service=replace(hubspot.INTEGRATION.service, policies=())
)
