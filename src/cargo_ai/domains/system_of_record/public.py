"""What other domains may use of system_of_record: running queries over the catalog of a workspace."""

from __future__ import annotations

from cargo_ai.domains.system_of_record.run_query import MAX_ROWS, fetch, fetch_over, fetch_tables, sign_download

__all__ = ["MAX_ROWS", "fetch", "fetch_over", "fetch_tables", "sign_download"]
