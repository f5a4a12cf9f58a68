"""Remembered callers: what was revoked does not work any more, at once where it was revoked and soon in every other process."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, text

from cargo_ai.domains.workspace import public
from cargo_ai.domains.workspace.tables import Membership, Role, Token
from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api import app as api_app
from cargo_ai.server.api import callers as callers_module
from cargo_ai.server.api.callers import Callers
from cargo_ai.server.api.state import State
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit import application


class Clock:
    """The clock of the callers: it stands still until a test moves it."""

    def __init__(self) -> None:
        self._seconds, self._now, self.passed = clock.seconds(), clock.now(), 0.0

    def seconds(self) -> float:
        return self._seconds + self.passed

    def now(self) -> datetime:
        return self._now + timedelta(seconds=self.passed)


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock of theirs that stands still."""
    made = Clock()
    monkeypatch.setattr(callers_module, "clock", made)
    return made


@pytest.fixture(name="state")
async def _state(database_url: str, settings: Settings) -> AsyncGenerator[State]:
    state = application.make_state(database_url, settings)
    await state.signals.open()
    try:
        yield state
    finally:
        await state.signals.close()
        await state.database.close()


@asynccontextmanager
async def _heard(state: State) -> AsyncGenerator[public.Bootstrap]:
    """A first workspace whose token is remembered."""
    first_workspace = await application.bootstrap(state)
    await _until(lambda: _is(state.signals.connected))
    assert await state.callers.of(first_workspace.token) is not None
    yield first_workspace


async def _is(value: bool) -> bool:
    return value


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await holds():  # noqa: ASYNC110 - no one tells
            await asyncio.sleep(0.01)


async def _change(state: State, statement: str, **values: object) -> None:
    async with state.database.session(ALL_WORKSPACES) as db:
        await db.execute(text(statement), values)
        await db.commit()


def _count_looks(state: State) -> list[str]:
    asked: list[str] = []

    @event.listens_for(state.database.engine.sync_engine, "before_cursor_execute")
    def _note(_connection: object, _cursor: object, statement: str, *_: object) -> None:  # pyright: ignore[reportUnusedFunction]
        if statement.startswith("SELECT") and "FROM tokens" in statement:
            asked.append(statement)

    return asked


async def test_many_requests_of_a_token_look_it_up_once(state: State) -> None:
    first_workspace = await application.bootstrap(state)
    await _until(lambda: _is(state.signals.connected))
    asked = _count_looks(state)
    callers = await asyncio.gather(*(state.callers.of(first_workspace.token) for _ in range(50)))
    assert {caller.token_uuid for caller in callers if caller is not None} == {callers[0].token_uuid if callers[0] else None}
    assert len(asked) == 1


async def test_an_unknown_token_is_looked_up_each_time(state: State) -> None:
    async with _heard(state) as first_workspace:
        asked = _count_looks(state)
        assert [await state.callers.of(first_workspace.token + "x") for _ in range(3)] == [None] * 3
        assert len(asked) == 3


@pytest.mark.parametrize(
    "statement",
    [
        f"update {Token.__tablename__} set deleted_at = now() where workspace_uuid = :workspace",
        f"delete from {Token.__tablename__} where workspace_uuid = :workspace",
        f"delete from {Membership.__tablename__} where workspace_uuid = :workspace",
    ],
)
async def test_what_another_process_revokes_is_heard_of(state: State, monkeypatch: pytest.MonkeyPatch, statement: str) -> None:
    monkeypatch.setattr(callers_module, "SECONDS", 3_600.0)  # by the notification alone
    async with _heard(state) as first_workspace:
        await _change(state, statement, workspace=first_workspace.workspace_uuid)

        async def is_out() -> bool:
            return await state.callers.of(first_workspace.token) is None

        await _until(is_out)


async def test_a_role_that_another_process_narrows_is_heard_of(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers_module, "SECONDS", 3_600.0)
    async with _heard(state) as first_workspace:
        rules = '[{"effect": "allow", "actions": ["storage:read"]}]'
        await _change(state, f"update {Role.__tablename__} set permissions = cast(:rules as jsonb)", rules=rules)

        async def is_narrow() -> bool:
            caller = await state.callers.of(first_workspace.token)
            return caller is not None and not caller.may("storage:write") and caller.may("storage:read")

        await _until(is_narrow)


async def test_without_a_notification_a_caller_is_remembered_for_a_second(state: State, standing: Clock) -> None:
    async with _heard(state) as first_workspace:
        callers = Callers(state.database, lambda: True)
        assert await callers.of(first_workspace.token) is not None
        await _change(state, "update tokens set deleted_at = now()")
        standing.passed = 0.999
        assert await callers.of(first_workspace.token) is not None
        standing.passed = 1.0
        assert await callers.of(first_workspace.token) is None


async def test_a_process_that_hears_nothing_remembers_no_one(state: State) -> None:
    async with _heard(state) as first_workspace:
        callers = Callers(state.database, lambda: False)
        assert await callers.of(first_workspace.token) is not None
        await _change(state, "update tokens set deleted_at = now()")
        assert await callers.of(first_workspace.token) is None


async def test_a_token_that_expires_does_not_work_a_moment_longer(state: State, standing: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers_module, "SECONDS", 36_000.0)  # so long that only its end counts
    async with _heard(state) as first_workspace:
        await _change(state, "update tokens set expires_at = :ends", ends=standing.now() + timedelta(hours=1))
        callers = Callers(state.database, lambda: True)
        assert await callers.of(first_workspace.token) is not None
        # For the database, whose time goes on, it has ended.
        await _change(state, "update tokens set expires_at = now() - interval '1 second'")
        standing.passed = 3_599.0
        assert await callers.of(first_workspace.token) is not None
        standing.passed = 3_600.0
        assert await callers.of(first_workspace.token) is None


async def test_a_look_that_began_before_a_change_is_not_remembered(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _heard(state) as first_workspace:
        callers, goes_on, began = Callers(state.database, lambda: True), asyncio.Event(), asyncio.Event()
        authenticate = public.authenticate

        async def slow(db: object, token: str) -> object:
            caller = await authenticate(db, token)  # pyright: ignore[reportArgumentType]
            began.set()
            await goes_on.wait()
            return caller

        monkeypatch.setattr(public, "authenticate", slow)
        look = asyncio.create_task(callers.of(first_workspace.token))
        await began.wait()
        await _change(state, "update tokens set deleted_at = now()")
        callers.forget()
        goes_on.set()
        assert await look is not None
        assert await callers.of(first_workspace.token) is None


async def test_a_token_that_was_removed_here_fails_at_the_very_next_request(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers_module, "SECONDS", 3_600.0)
    async with _heard(state) as first_workspace:
        monkeypatch.setattr(state.signals, "_access_changed", lambda: None)
        async with application.signed_in(api_app.build(state), first_workspace.token) as client:
            made = (await client.post("/v1/workspaceManagement/tokens", json={"name": "Second"})).json()
            value, uid = str(made["token"]["token"]), uuid.UUID(made["token"]["uuid"])
            second = {"Authorization": f"Bearer {value}"}
            assert (await client.get("/v1/workspaceManagement/tokens/list", headers=second)).status_code != 401
            assert (await client.delete(f"/v1/workspaceManagement/tokens/{uid}")).status_code == 200
            assert (await client.get("/v1/workspaceManagement/tokens/list", headers=second)).status_code == 401
