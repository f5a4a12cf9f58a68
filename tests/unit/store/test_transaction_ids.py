"""Stored transaction ids of another server are numbered through, in their order, below every later one."""

from __future__ import annotations

import psycopg

from cargo_ai.store import transaction_ids
from cargo_ai.store.transaction_ids import StoredSnapshots

FAR = 10**12
SNAPSHOTS = StoredSnapshots(
    "select x from looks cross join lateral pg_temp.xids_of(seen::pg_snapshot) as x",
    "update looks set seen = pg_temp.renumbered(seen::pg_snapshot)",
)


def test_ids_from_far_ahead_come_before_every_later_one_and_keep_their_order(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "create table looks (seen text); create table touched (xid xid8, n int); create table once (xid xid8 primary key)"
        )
        connection.execute(
            "create schema ws; create table ws.part (xid xid8) partition by range (xid); create table ws.one partition of ws.part default"
        )
        for n in (1, 7, 2_000, 9_000):
            connection.execute("insert into touched values (%s::text::xid8, %s)", [FAR + n, n])
        connection.execute("insert into touched values (null, 0), ('3', -1)")
        connection.execute("insert into once select (n * 2)::text::xid8 from generate_series(2, 100) as n")
        connection.execute("insert into ws.part values (%s::text::xid8)", [FAR + 7])
        connection.execute("insert into looks values (%s)", [f"{FAR + 5}:{FAR + 2_001}:{FAR + 7}"])
    now = transaction_ids.renumber(database_url, [SNAPSHOTS])
    assert now < FAR
    with psycopg.connect(database_url, autocommit=True) as connection:
        order = connection.execute("select n from touched where xid is not null order by xid").fetchall()
        assert order == [(-1,), (1,), (7,), (2_000,), (9_000,)]
        later = connection.execute("select max(xid) < pg_current_xact_id() from touched").fetchone()
        assert later == (True,)
        seen = connection.execute("select n, pg_visible_in_snapshot(xid, seen::pg_snapshot) from touched, looks where n > 0 order by n")
        assert seen.fetchall() == [(1, True), (7, False), (2_000, True), (9_000, False)]
        assert connection.execute("select pg_visible_in_snapshot(pg_current_xact_id(), seen::pg_snapshot) from looks").fetchone() == (
            False,
        )
        assert connection.execute("select count(distinct xid) from once").fetchone() == (99,)
        assert connection.execute("select p.xid = t.xid from ws.part p, touched t where t.n = 7").fetchone() == (True,)


def test_a_server_whose_ids_are_beyond_the_stored_ones_is_left_alone(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create table touched (xid xid8)")
        connection.execute("insert into touched values ('3'), ('5')")
    transaction_ids.renumber(database_url, [])
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert connection.execute("select xid::text from touched order by xid").fetchall() == [("3",), ("5",)]
