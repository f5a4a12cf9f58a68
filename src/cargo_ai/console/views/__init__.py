"""Views: the pages of the console, by the domain that they are about, each with its template beside it."""

from __future__ import annotations

from cargo_ai.console.page import Page
from cargo_ai.console.views import home
from cargo_ai.console.views.orchestration import runs
from cargo_ai.console.views.workspace import workspaces

PAGES: tuple[Page, ...] = (
    *home.PAGES,
    *runs.PAGES,
    *workspaces.PAGES,
)
"""Every page of the console."""
