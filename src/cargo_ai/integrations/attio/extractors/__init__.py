"""Lists of Attio that fill models."""

from __future__ import annotations

from cargo_ai.integrations.attio.extractors.fetch_records import FETCH_RECORDS
from cargo_ai.integrations.kit import Extractor

EXTRACTORS: tuple[Extractor, ...] = (FETCH_RECORDS,)
