"""Lists of Salesforce that fill models."""

from __future__ import annotations

from cargo_ai.integrations.kit import Extractor
from cargo_ai.integrations.salesforce.extractors.fetch_records import FETCH_RECORDS

EXTRACTORS: tuple[Extractor, ...] = (FETCH_RECORDS,)
