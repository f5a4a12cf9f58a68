"""Views: the pages of the console, by the domain that they are about, each with its template beside it."""

from __future__ import annotations

from cargo_ai.console.page import Page
from cargo_ai.console.views import home
from cargo_ai.console.views.orchestration import batches, compare, run, runs, workflows
from cargo_ai.console.views.segmentation import segments
from cargo_ai.console.views.storage import change_sets, models, queries, record, records
from cargo_ai.console.views.workspace import workspaces

PAGES: tuple[Page, ...] = (
    *home.PAGES,
    *runs.PAGES,
    *run.PAGES,
    *compare.PAGES,
    *batches.PAGES,
    *workflows.PAGES,
    *workspaces.PAGES,
    *models.PAGES,
    *records.PAGES,
    *record.PAGES,
    *change_sets.PAGES,
    *queries.PAGES,
    *segments.PAGES,
)
"""Every page of the console."""
