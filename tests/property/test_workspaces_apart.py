"""Workspaces stay apart in every table that belongs to one: whatever a session of A does, the rows of B are not seen and not touched."""

from __future__ import annotations

import importlib
import pkgutil
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
from sqlalchemy import Column, Table, delete, exists, func, insert, literal, select, tuple_, types, update
from sqlalchemy.dialects.postgresql import BIT, TSVECTOR
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper, aliased
from sqlalchemy.sql import Executable

from cargo_ai import domains
from cargo_ai.kernel import clock, ids
from cargo_ai.server.api.state import State
from cargo_ai.store import tables
from cargo_ai.store.rows import Owned, Row, Xid8
from cargo_ai.store.session import ALL_WORKSPACES, NoWorkspace
from tests.kit.data.databases import Databases


def owned_mappers() -> list[Mapper[Any]]:
    """Every mapped table that belongs to a workspace, in every room."""
    assert tables.Reference
    for room in pkgutil.iter_modules(domains.__path__, f"{domains.__name__}."):
        for module in pkgutil.iter_modules(importlib.import_module(room.name).__path__, f"{room.name}."):
            if module.name.endswith("tables"):
                importlib.import_module(module.name)
    return sorted((one for one in Row.registry.mappers if issubclass(one.class_, Owned)), key=lambda one: one.class_.__name__)


MAPPERS = owned_mappers()


def some_value(column: Column[Any]) -> object:
    """A value that fits a column; every call gives another one where the type allows."""
    kind = column.type
    if isinstance(kind, types.Uuid):
        return ids.new()
    if isinstance(kind, types.Enum):
        return kind.enums[0]
    if isinstance(kind, types.JSON):
        return {}
    if isinstance(kind, types.DateTime):
        return clock.now()
    if isinstance(kind, types.Date):
        return clock.now().date()
    if isinstance(kind, types.Boolean):
        return False
    if isinstance(kind, types.Numeric | types.Integer | types.Float):
        return ids.new().int % 1_000_000
    if isinstance(kind, Xid8):
        return str(ids.new().int % 1_000_000)
    if isinstance(kind, types.LargeBinary):
        return ids.new().bytes
    if isinstance(kind, types.ARRAY):
        return []
    if isinstance(kind, TSVECTOR):
        return "word"
    if isinstance(kind, BIT):
        return "1"
    assert isinstance(kind, types.String), f"teach this test the type of {column}"
    return ids.new().hex


async def put_row(db: AsyncSession, table: Table, workspace: uuid.UUID) -> dict[str, Any]:
    """A new row of a workspace, after the rows that it points to; its primary key by column."""
    values: dict[str, Any] = {}
    for column in table.columns:
        if column.name == "workspace_uuid":
            values[column.name] = workspace
        elif column.foreign_keys and not column.nullable:
            target = next(iter(column.foreign_keys)).column
            parent = await put_row(db, target.table, workspace)
            values[column.name] = parent[target.name]
        elif not (column.nullable or column.default or column.server_default or column.identity):
            values[column.name] = some_value(column)
    made = await db.execute(insert(table).values(values).returning(*table.primary_key))
    return dict(made.mappings().one())


@dataclass
class Two:
    """Two workspaces with one row each in the table of `mapper`."""

    state: State
    mapper: Mapper[Any]
    ours: uuid.UUID
    theirs: uuid.UUID
    our_key: dict[str, Any]
    their_key: dict[str, Any]

    @property
    def row(self) -> Any:
        return self.mapper.class_

    def keys(self, entity: Any) -> list[Any]:
        """The primary key's attributes of the class or of an alias of it."""
        return [getattr(entity, self.mapper.get_property_by_column(column).key) for column in self.mapper.primary_key]

    def key(self, values: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(values[column.name] for column in self.mapper.primary_key)

    def is_theirs(self) -> Any:
        return tuple_(*self.keys(self.row)) == self.key(self.their_key)

    async def left(self) -> set[tuple[Any, ...]]:
        """The keys of both rows that are still there, seen from outside of any session of the application."""
        async with self.state.database.engine.connect() as connection:
            table = self.mapper.local_table
            found = await connection.execute(select(*self.mapper.primary_key).select_from(table))
            return {tuple(one) for one in found} & {self.key(self.our_key), self.key(self.their_key)}


@pytest.fixture(scope="module")
def database_url(databases: Databases) -> Iterator[str]:
    """One database for all: every test makes workspaces of its own."""
    with databases.lent() as url:
        yield url


async def put_two(state: State, mapper: Mapper[Any]) -> Two:
    """Two new workspaces with a row each."""
    ours, theirs = ids.new(), ids.new()
    table = cast(Table, mapper.local_table)
    async with state.database.session(ALL_WORKSPACES) as db:
        our_key, their_key = await put_row(db, table, ours), await put_row(db, table, theirs)
        await db.commit()
    return Two(state, mapper, ours, theirs, our_key, their_key)


def every_table(check: Callable[[Two], Awaitable[None]]) -> Callable[[State], Awaitable[None]]:
    """A test that checks one table after the other; a failure names the table."""

    async def test(state: State) -> None:
        for mapper in MAPPERS:
            try:
                await check(await put_two(state, mapper))
            except BaseException as error:
                error.add_note(f"The table is that of {mapper.class_.__name__}.")
                raise

    return test


def looks(two: Two) -> dict[str, Executable]:
    """Selects of several shapes; each yields the keys of what it sees."""
    keys, other = two.keys(two.row), aliased(two.row)
    inner = select(*keys).subquery()
    marker = select(literal(1).label("one")).subquery()
    return {
        "columns": select(*keys),
        "every key, theirs too": select(*keys).where(two.is_theirs() | two.row.workspace_uuid.is_not(None)),
        "alias": select(*two.keys(other)),
        "subquery": select(*inner.c),
        "join": select(*keys).select_from(marker).join(two.row, marker.c.one == 1),
    }


@every_table
async def test_a_select_of_any_shape_sees_its_own_workspace_only(two: Two) -> None:
    async with two.state.database.session(two.ours) as db:
        for shape, statement in looks(two).items():
            assert {tuple(one) for one in await db.execute(statement)} == {two.key(two.our_key)}, shape
        entities = (await db.scalars(select(two.row))).all()
        assert [one.workspace_uuid for one in entities] == [two.ours]


@every_table
async def test_a_count_or_an_exists_sees_its_own_workspace_only(two: Two) -> None:
    async with two.state.database.session(two.ours) as db:
        assert await db.scalar(select(func.count()).select_from(two.row)) == 1
        assert await db.scalar(select(exists().where(two.is_theirs()))) is False


@every_table
async def test_their_row_is_not_found_by_its_key(two: Two) -> None:
    async with two.state.database.session(two.ours) as db:
        assert await db.get(two.row, two.key(two.their_key)) is None
        assert await db.get(two.row, two.key(two.our_key)) is not None


@every_table
async def test_an_update_touches_its_own_workspace_only(two: Two) -> None:
    async with two.state.database.session(two.ours) as db:
        same = {two.row.workspace_uuid: two.row.workspace_uuid}
        plain = {"synchronize_session": False}
        change = update(two.row).values(same).returning(two.row.workspace_uuid)
        assert list(await db.scalars(change, execution_options=plain)) == [two.ours]
        assert list(await db.scalars(change.where(two.is_theirs()), execution_options=plain)) == []


@every_table
async def test_a_delete_touches_its_own_workspace_only(two: Two) -> None:
    async with two.state.database.session(two.ours) as db:
        await db.execute(delete(two.row).where(two.is_theirs()), execution_options={"synchronize_session": False})
        await db.commit()
        assert await two.left() == {two.key(two.our_key), two.key(two.their_key)}
        await db.execute(delete(two.row), execution_options={"synchronize_session": False})
        await db.commit()
        assert await two.left() == {two.key(two.their_key)}


@every_table
async def test_their_row_cannot_be_written_even_when_it_is_in_hand(two: Two) -> None:
    async with two.state.database.session(ALL_WORKSPACES) as db:
        row = (await db.scalars(select(two.row).where(two.is_theirs()))).one()
    async with two.state.database.session(two.ours) as db:
        await db.merge(row, load=False)
        await db.delete(await db.merge(row, load=False))
        with pytest.raises(NoWorkspace):
            await db.flush()
    assert await two.left() == {two.key(two.our_key), two.key(two.their_key)}


@every_table
async def test_a_session_without_a_workspace_is_stopped(two: Two) -> None:
    statements = {
        **looks(two),
        "count": select(func.count()).select_from(two.row),
        "exists": select(exists().where(two.is_theirs())),
        "update": update(two.row).values(workspace_uuid=two.ours),
        "delete": delete(two.row),
    }
    for shape, statement in statements.items():
        async with two.state.database.session(None) as db:
            try:
                await db.execute(statement)
            except NoWorkspace:
                continue
            pytest.fail(f"{shape}: ran without a workspace")
    assert await two.left() == {two.key(two.our_key), two.key(two.their_key)}


def test_there_are_tables_to_walk() -> None:
    assert {"Reference", "Token", "Folder", "Role", "Membership"} <= {one.class_.__name__ for one in MAPPERS}
