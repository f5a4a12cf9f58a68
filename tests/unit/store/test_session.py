"""Sessions keep workspaces apart: they fail closed, for every shape of statement."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Generator

import pytest
from sqlalchemy import delete, exists, func, select, union_all, update
from sqlalchemy.orm import aliased

from cargo_ai.kernel import ids
from cargo_ai.store import migrate
from cargo_ai.store.embedded import postgres
from cargo_ai.store.session import ALL_WORKSPACES, Database, NoWorkspace, across_workspaces, driver_url, with_options
from cargo_ai.store.tables import IdempotencyKey, Reference

OURS, THEIRS = ids.new(), ids.new()
OUR_THING, THEIR_THING = ids.new(), ids.new()


def reference(workspace: uuid.UUID, thing: uuid.UUID) -> Reference:
    return Reference(workspace_uuid=workspace, from_kind="play", from_uuid=thing, to_kind="tool", to_uuid=thing)


@pytest.fixture(scope="module")
def url(cluster: postgres.Cluster) -> Generator[str]:
    name = f"t_{ids.new().hex}"
    address = postgres.create_database(cluster, name)
    migrate.upgrade(address)
    yield address
    postgres.drop_database(cluster, name)


@pytest.fixture
async def database(url: str) -> AsyncGenerator[Database]:
    """Two workspaces with one reference each, freshly written."""
    made = Database(url)
    async with made.session(ALL_WORKSPACES) as db:
        await db.execute(delete(Reference))
        db.add_all(
            [
                reference(OURS, OUR_THING),
                reference(THEIRS, THEIR_THING),
                await db.merge(IdempotencyKey(token_uuid=OURS, key="s", request_hash="h")),
            ]
        )
        await db.commit()
    yield made
    await made.close()


async def test_a_select_sees_its_own_workspace(database: Database) -> None:
    async with database.session(OURS) as db:
        assert [row.from_uuid for row in await db.scalars(select(Reference))] == [OUR_THING]


async def test_the_filter_follows_the_session_and_not_the_first_one_that_asked(database: Database) -> None:
    for workspace, thing in ((OURS, OUR_THING), (THEIRS, THEIR_THING), (OURS, OUR_THING)):
        async with database.session(workspace) as db:
            assert list(await db.scalars(select(Reference.from_uuid))) == [thing]


async def test_a_select_of_columns_or_counts_sees_its_own_workspace(database: Database) -> None:
    async with database.session(OURS) as db:
        assert list(await db.scalars(select(Reference.to_uuid))) == [OUR_THING]
        assert await db.scalar(select(func.count(Reference.to_uuid))) == 1


async def test_a_count_that_names_the_table_in_its_from_clause_only_sees_its_own_workspace(database: Database) -> None:
    async with database.session(OURS) as db:
        assert await db.scalar(select(func.count()).select_from(Reference)) == 1


async def test_a_join_to_an_owned_row_sees_its_own_workspace(database: Database) -> None:
    async with database.session(OURS) as db:
        joined = select(IdempotencyKey.key, func.count()).join(Reference, Reference.from_kind == "play")
        joined = joined.group_by(IdempotencyKey.key)
        assert [tuple(row) for row in await db.execute(joined)] == [("s", 1)]


async def test_an_exists_about_an_owned_row_sees_its_own_workspace(database: Database) -> None:
    async with database.session(OURS) as db:
        theirs = select(IdempotencyKey.key).where(exists().where(Reference.to_uuid == THEIR_THING))
        assert list(await db.scalars(theirs)) == []


async def test_aliases_subqueries_and_unions_see_their_own_workspace(database: Database) -> None:
    other = aliased(Reference)
    inner = select(Reference.from_uuid).subquery()
    async with database.session(OURS) as db:
        assert list(await db.scalars(select(other.from_uuid))) == [OUR_THING]
        assert list(await db.scalars(select(inner.c.from_uuid))) == [OUR_THING]
        both = union_all(select(Reference.from_uuid), select(Reference.to_uuid))
        assert set(await db.scalars(both)) == {OUR_THING}


async def test_getting_by_key_does_not_find_another_workspaces_row(database: Database) -> None:
    key = ("play", THEIR_THING, "tool", THEIR_THING)
    async with database.session(OURS) as db:
        assert await db.get(Reference, key) is None
    async with database.session(THEIRS) as db:
        assert await db.get(Reference, key) is not None


async def test_updates_and_deletes_touch_their_own_workspace_only(database: Database) -> None:
    async with database.session(OURS) as db:
        await db.execute(update(Reference).values(to_kind="agent"))
        await db.execute(delete(Reference).where(Reference.from_uuid == THEIR_THING))
        await db.commit()
    async with database.session(ALL_WORKSPACES) as db:
        found = {row.from_uuid: row.to_kind for row in await db.scalars(select(Reference))}
        assert found == {OUR_THING: "agent", THEIR_THING: "tool"}


async def test_a_row_of_another_workspace_cannot_be_written(database: Database) -> None:
    async with database.session(OURS) as db:
        db.add(reference(THEIRS, ids.new()))
        with pytest.raises(NoWorkspace, match="of another workspace"):
            await db.flush()


@pytest.mark.parametrize(
    "statement",
    [
        select(Reference),
        select(Reference.to_uuid),
        select(func.count()).select_from(Reference),
        select(IdempotencyKey.key).join(Reference, Reference.from_kind == "play"),
        select(IdempotencyKey.key).where(exists().where(Reference.to_uuid == OUR_THING)),
        select(select(Reference.from_uuid).subquery().c.from_uuid),
        update(Reference).values(to_kind="agent"),
        delete(Reference),
    ],
    ids=["row", "column", "count", "join", "exists", "subquery", "update", "delete"],
)
async def test_a_session_without_a_workspace_reaches_no_owned_row(database: Database, statement: object) -> None:
    async with database.session(None) as db:
        with pytest.raises(NoWorkspace):
            await db.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]


async def test_a_session_without_a_workspace_reads_what_belongs_to_no_one(database: Database) -> None:
    async with database.session(None) as db:
        assert await db.scalar(select(IdempotencyKey.request_hash)) == "h"


async def test_the_scope_comes_back_after_a_look_everywhere(database: Database) -> None:
    async with database.session(OURS) as db:
        with across_workspaces(db):
            assert len((await db.scalars(select(Reference.from_uuid))).all()) == 2
        assert len((await db.scalars(select(Reference.from_uuid))).all()) == 1


async def test_leaving_without_a_commit_writes_nothing(database: Database) -> None:
    async with database.session(OURS) as db:
        db.add(reference(OURS, ids.new()))
        await db.flush()
    async with database.session(OURS) as db:
        assert list(await db.scalars(select(Reference.from_uuid))) == [OUR_THING]


async def test_a_session_that_outlives_the_database_closes_its_connection_when_it_ends(url: str) -> None:
    database = Database(url, name="outlives")
    async with database.session(None) as db:
        await db.execute(select(1))
        opened = (await (await db.connection()).get_raw_connection()).driver_connection
        await database.close()
        assert opened is not None and not opened.closed
    assert opened.closed


def test_a_url_gets_the_driver_and_options_without_losing_its_own() -> None:
    assert driver_url("postgres://a:b@h/d?host=/s") == "postgresql+psycopg://a:b@h/d?host=/s"
    assert (
        with_options("postgresql://h/d?sslmode=require", application_name="x y")
        == "postgresql://h/d?sslmode=require&application_name=x%20y"
    )
