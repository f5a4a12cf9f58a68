"""Lists of HubSpot that fill models."""

from __future__ import annotations

from cargo_ai.integrations.hubspot.extractors.fetch_records import FETCH_RECORDS
from cargo_ai.integrations.kit import Extractor

EXTRACTORS: tuple[Extractor, ...] = (FETCH_RECORDS,)
