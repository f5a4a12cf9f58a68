"""The attacks on user SQL: the guard alone refuses each, and the login alone does; neither needs the other."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from cargo_ai.store.session import Database
from cargo_ai.user_sql import guard
from cargo_ai.user_sql.errors import SqlRefused
from cargo_ai.user_sql.guard import Checked
from cargo_ai.user_sql.run.executor import Desk
from tests.unit.user_sql import yard as yards
from tests.unit.user_sql.attacks import ATTACKS, Attack
from tests.unit.user_sql.yard import Yard

each = pytest.mark.parametrize("attack", ATTACKS, ids=[one.sql for one in ATTACKS])


@each
def test_the_guard_refuses(yard: Yard, attack: Attack) -> None:
    with pytest.raises(SqlRefused) as refused:
        guard.check(attack.written(yard), yard.mine)
    assert refused.value.sentence.endswith((".", "?"))
    assert yard.theirs.relations[2].schema not in refused.value.sentence or yard.theirs.relations[2].schema in attack.written(yard)


@each
async def test_the_login_refuses_what_no_guard_has_seen(desk: Desk, yard: Yard, attack: Attack) -> None:
    unchecked = Checked(attack.written(yard), ("a", "b"), yard.mine.relations, "postgres", collects=False)
    if attack.harmless:
        await desk.fetch(Checked(unchecked.sql, ("a",), unchecked.relations, "postgres", collects=False), yard.mine, limit=10)
        return
    with pytest.raises(SqlRefused):
        await desk.fetch(unchecked, yard.mine, limit=10)


class SuperuserDesk(Desk):
    """Asks as the superuser: nothing but the guard stands before the database."""

    def __init__(self, database: Database, yard: Yard) -> None:
        super().__init__(database, yards.SECRETS)
        self.yard, self.logins = yard, 0

    async def _login(self, role: str) -> psycopg.AsyncConnection[Any]:
        self.logins += 1
        return await psycopg.AsyncConnection.connect(self.yard.admin_url)


async def test_with_a_superuser_behind_it_the_guard_lets_no_attack_reach_the_database(yard: Yard) -> None:
    database = Database(yard.url, pool_size=2, overflow=0)
    desk = SuperuserDesk(database, yard)

    async def ask(sql: str) -> list[dict[str, Any]]:
        return (await desk.fetch(guard.check(sql, yard.mine), yard.mine, limit=10)).rows

    assert len(await ask("SELECT _id FROM default.companies")) == 4
    assert desk.logins == 1
    for attack in ATTACKS:
        with pytest.raises(SqlRefused):
            await ask(attack.written(yard))
    assert desk.logins == 1
    await database.close()
