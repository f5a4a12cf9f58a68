"""Rows of a database that fill models."""

from __future__ import annotations

from cargo_ai.integrations.kit import Extractor
from cargo_ai.integrations.sql.extractors.fetch_changed_rows import FETCH_CHANGED_ROWS
from cargo_ai.integrations.sql.extractors.fetch_rows import FETCH_ROWS

EXTRACTORS: tuple[Extractor, ...] = (FETCH_ROWS, FETCH_CHANGED_ROWS)
