"""Workspaces: those to which a person may go."""

from __future__ import annotations

from starlette.responses import Response

from cargo_ai.console.page import PageRequest, page


async def workspaces(request: PageRequest) -> Response:
    """The person's workspaces, and how to come to others."""
    places = await request.port.workspaces(request.http, request.session)
    command = [f"cargo-ai login --workspace-uuid {place.uuid} --email {request.user.email}" for place in places]
    return request.render("workspace/workspaces.html", command=command, places=places, can_switch=request.session.can_switch)


PAGES = [page("/workspaces", workspaces, title="Workspaces")]
