"""Remembered callers: what was revoked does not work any more, at once where it was revoked and soon in every other process."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

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

WITHIN = 1.0


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


async def _until(holds: Callable[[], Awaitable[bool]], seconds: float = 10) -> float:
    began = clock.seconds()
    while not await holds():
        assert clock.seconds() - began < seconds
        await asyncio.sleep(0.01)
    return clock.seconds() - began


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
async def test_what_another_process_revokes_stops_within_a_second(state: State, monkeypatch: pytest.MonkeyPatch, statement: str) -> None:
    monkeypatch.setattr(callers_module, "SECONDS", 3_600.0)  # by the notification alone
    async with _heard(state) as first_workspace:
        await _change(state, statement, workspace=first_workspace.workspace_uuid)

        async def is_out() -> bool:
            return await state.callers.of(first_workspace.token) is None

        assert await _until(is_out) < WITHIN


async def test_a_role_that_another_process_narrows_counts_within_a_second(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers_module, "SECONDS", 3_600.0)
    async with _heard(state) as first_workspace:
        rules = '[{"effect": "allow", "actions": ["storage:read"]}]'
        await _change(state, f"update {Role.__tablename__} set permissions = cast(:rules as jsonb)", rules=rules)

        async def is_narrow() -> bool:
            caller = await state.callers.of(first_workspace.token)
            return caller is not None and not caller.may("storage:write") and caller.may("storage:read")

        assert await _until(is_narrow) < WITHIN


async def test_without_a_notification_a_caller_is_remembered_for_a_second_at_most(state: State) -> None:
    async with _heard(state) as first_workspace:
        callers = Callers(state.database, lambda: True)
        assert await callers.of(first_workspace.token) is not None
        await _change(state, "update tokens set deleted_at = now()")

        async def is_out() -> bool:
            return await callers.of(first_workspace.token) is None

        assert await _until(is_out) < WITHIN + 0.5


async def test_a_process_that_hears_nothing_remembers_no_one(state: State) -> None:
    async with _heard(state) as first_workspace:
        callers = Callers(state.database, lambda: False)
        assert await callers.of(first_workspace.token) is not None
        await _change(state, "update tokens set deleted_at = now()")
        assert await callers.of(first_workspace.token) is None


async def test_a_token_that_expires_does_not_work_a_moment_longer(state: State) -> None:
    async with _heard(state) as first_workspace:
        ends = clock.now() + timedelta(milliseconds=300)
        await _change(state, "update tokens set expires_at = :ends", ends=ends)
        callers = Callers(state.database, lambda: True)
        assert await callers.of(first_workspace.token) is not None

        async def is_out() -> bool:
            return await callers.of(first_workspace.token) is None

        await _until(is_out)
        assert clock.now() - ends < timedelta(milliseconds=500)


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
