"""What uploads and downloads are tried with: the people of two workspaces, and a look into the folder of files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from cargo_ai.domains.workspace import door, rights
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.state import State
from cargo_ai.store.session import EVERYWHERE


def _client(app: Starlette, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://test", headers={"Authorization": f"Bearer {token}"}, timeout=60
    )


@pytest.fixture
async def stranger(app: Starlette, state: State, born: door.Bootstrap) -> AsyncIterator[httpx.AsyncClient]:
    """The admin of another workspace."""
    async with state.database.session(EVERYWHERE) as db:
        other = await door.add_workspace(db, name="Other", email="other@localhost")
        await db.commit()
    async with _client(app, other.token) as made:
        yield made


@pytest.fixture
async def viewer(app: Starlette, state: State, born: door.Bootstrap) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody of the first workspace who may look only."""
    async with state.database.session(born.workspace_uuid) as db:
        token = await door.create_token(
            db, workspace_uuid=born.workspace_uuid, user_uuid=born.user_uuid, permissions=rights.preset_rules("viewer")
        )
        await db.commit()
    async with _client(app, token.value) as made:
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
