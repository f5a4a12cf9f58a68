"""The attacks on user SQL: the guard alone refuses each, and the login alone does; neither needs the other."""

from __future__ import annotations

import pytest

from cargo_ai.warehouse.sql import guard
from cargo_ai.warehouse.sql.desk import Desk
from cargo_ai.warehouse.sql.guard import Checked
from cargo_ai.warehouse.sql.refused import SqlRefused
from tests.unit.warehouse_sql.attacks import ATTACKS, Attack
from tests.unit.warehouse_sql.yard import Yard

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
