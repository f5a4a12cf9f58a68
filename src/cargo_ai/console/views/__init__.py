"""Views: the pages of the console, by the domain that they are about, each with its template beside it."""

from __future__ import annotations

from cargo_ai.console.page import Page
from cargo_ai.console.views import home
from cargo_ai.console.views.ai import agents, attachments, chats
from cargo_ai.console.views.billing import usage
from cargo_ai.console.views.connection import connector_forms, connectors, integrations
from cargo_ai.console.views.orchestration import batches, compare, node_form, reviews, run, run_log, runs, workflows
from cargo_ai.console.views.segmentation import segments
from cargo_ai.console.views.server import queue, search
from cargo_ai.console.views.storage import change_sets, models, queries, record, records
from cargo_ai.console.views.workspace import audit, roles, tokens, users, workspaces

PAGES: tuple[Page, ...] = (
    *home.PAGES,
    *runs.PAGES,
    *run.PAGES,
    *run_log.PAGES,
    *compare.PAGES,
    *batches.PAGES,
    *workflows.PAGES,
    *node_form.PAGES,
    *workspaces.PAGES,
    *models.PAGES,
    *records.PAGES,
    *record.PAGES,
    *change_sets.PAGES,
    *queries.PAGES,
    *segments.PAGES,
    *agents.PAGES,
    *chats.PAGES,
    *attachments.PAGES,
    *reviews.PAGES,
    *connectors.PAGES,
    *connector_forms.PAGES,
    *integrations.PAGES,
    *usage.PAGES,
    *users.PAGES,
    *roles.PAGES,
    *tokens.PAGES,
    *audit.PAGES,
    *queue.PAGES,
    *search.PAGES,
)
"""Every page of the console."""
