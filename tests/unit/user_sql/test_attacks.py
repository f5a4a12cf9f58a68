"""The attacks on user SQL: the guard alone refuses each, and the login alone does; neither needs the other."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from cargo_ai.store.session import Database
from cargo_ai.user_sql import guard
from cargo_ai.user_sql.errors import SqlRefused
from cargo_ai.user_sql.guard import CheckedQuery
from cargo_ai.user_sql.run.executor import QueryExecutor
from tests.unit.user_sql import sql_workspaces
from tests.unit.user_sql.attacks import ATTACKS, Attack
from tests.unit.user_sql.sql_workspaces import SqlWorkspaces


@pytest.mark.parametrize("attack", ATTACKS, ids=[one.sql for one in ATTACKS])
def test_the_guard_refuses(workspaces: SqlWorkspaces, attack: Attack) -> None:
    with pytest.raises(SqlRefused) as refused:
        guard.check(attack.written(workspaces), workspaces.mine)
    assert refused.value.sentence.endswith((".", "?"))
    assert workspaces.theirs.relations[2].schema not in refused.value.sentence or workspaces.theirs.relations[2].schema in attack.written(
        workspaces
    )


async def test_the_login_refuses_what_no_guard_has_seen(executor: QueryExecutor, workspaces: SqlWorkspaces) -> None:
    # Each query has a connection of its own: none sees what another has left.
    wrong: list[str] = []
    for attack in ATTACKS:
        columns = ("a",) if attack.harmless else ("a", "b")
        unchecked = CheckedQuery(attack.written(workspaces), columns, workspaces.mine.relations, "postgres", collects=False)
        try:
            await executor.fetch(unchecked, workspaces.mine, limit=10)
        except SqlRefused as refused:
            if attack.harmless:
                wrong.append(f"{attack.sql} does no harm, and is refused: {refused.sentence}")
        except Exception as error:
            wrong.append(f"{attack.sql} ends with {error!r}")
        else:
            if not attack.harmless:
                wrong.append(f"{attack.sql} is not refused")
    assert not wrong, "\n".join(wrong)


class SuperuserDesk(QueryExecutor):
    """Asks as the superuser: nothing but the guard stands before the database."""

    def __init__(self, database: Database, workspaces: SqlWorkspaces) -> None:
        super().__init__(database, sql_workspaces.SECRETS)
        self.workspaces, self.logins = workspaces, 0

    async def _login(self, role: str) -> psycopg.AsyncConnection[Any]:
        self.logins += 1
        return await psycopg.AsyncConnection.connect(self.workspaces.admin_url)


async def test_with_a_superuser_behind_it_the_guard_lets_no_attack_reach_the_database(workspaces: SqlWorkspaces) -> None:
    database = Database(workspaces.url, pool_size=2, overflow=0)
    executor = SuperuserDesk(database, workspaces)

    async def ask(sql: str) -> list[dict[str, Any]]:
        return (await executor.fetch(guard.check(sql, workspaces.mine), workspaces.mine, limit=10)).rows

    assert len(await ask("SELECT _id FROM default.companies")) == 4
    assert executor.logins == 1
    for attack in ATTACKS:
        with pytest.raises(SqlRefused):
            await ask(attack.written(workspaces))
    assert executor.logins == 1
    await database.close()
