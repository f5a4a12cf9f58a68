"""The door of the system of record room: who knows what a workspace has, and how its queries are run."""

from __future__ import annotations

from cargo_ai.domains.system_of_record.run_query import MAX_ROWS, catalogs, fetch, fetch_over, sign_download

__all__ = ["MAX_ROWS", "catalogs", "fetch", "fetch_over", "sign_download"]
