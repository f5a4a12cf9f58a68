"""What uploads and downloads are tried with: the people of two workspaces, and a look into the folder of files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from cargo_ai.domains.workspace import public
from cargo_ai.domains.workspace.members import access_rules
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.state import State
from tests.kit.application import signed_in


@pytest.fixture
def other_client(other_client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The admin of another workspace."""
    return other_client


@pytest.fixture
async def viewer(app: Starlette, state: State, first_workspace: public.Bootstrap) -> AsyncIterator[httpx.AsyncClient]:
    """Someone of the first workspace who may look only."""
    async with state.database.session(first_workspace.workspace_uuid) as db:
        token = await public.create_token(
            db,
            workspace_uuid=first_workspace.workspace_uuid,
            user_uuid=first_workspace.user_uuid,
            permissions=access_rules.preset_rules("viewer"),
        )
        await db.commit()
    async with signed_in(app, token.value) as made:
        yield made


Files = Callable[[], list[Path]]


@pytest.fixture
def kept(settings: Settings) -> Files:
    """Every file that the server keeps, also those that are not yet whole."""
    return lambda: [path for path in (settings.data_dir / "files").rglob("*") if path.is_file()]


Refused = Callable[[httpx.Response, int, str], str]


@pytest.fixture
def refused() -> Refused:
    """Checks that a reply is a refusal of this status and reason; returns its sentence."""

    def check(reply: httpx.Response, status: int, reason: str) -> str:
        assert (reply.status_code, reply.json().get("reason")) == (status, reason), reply.text
        return str(reply.json()["errorMessage"])

    return check
