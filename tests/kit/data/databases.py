"""Migrated databases that tests take turns at: what a test leaves behind is removed, which costs a fiftieth of a new database.

A database is some 650 files: where as many were deleted a moment ago, some file systems take half a second to make them.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from cargo_ai.store.embedded import roles
from cargo_ai.store.embedded.postgres import Cluster
from cargo_ai.store.embedded.roles import Connection

NEWEST = "select greatest((select max(oid) from pg_class), (select max(oid) from pg_namespace), (select max(oid) from pg_authid))"
# Schemas, tables and logins of later than {newest}.
LATER = """
do $$
declare
    one record;
begin
    perform pg_terminate_backend(pid, 5000) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend';
    for one in select nspname as name from pg_namespace where oid > {newest} and nspname !~ '^pg_' loop
        execute format('drop schema %I cascade', one.name);
    end loop;
    for one in select oid::regclass as name from pg_class
            where oid > {newest} and relkind = 'r' and relnamespace not in (select oid from pg_namespace where nspname ~ '^pg_') loop
        execute format('drop table %s cascade', one.name);
    end loop;
    for one in select distinct r.rolname as name from pg_shdepend d join pg_roles r on r.oid = d.refobjid
            join pg_database b on b.datname = current_database() and (d.dbid = b.oid or (d.dbid = 0 and d.objid = b.oid))
            where d.refclassid = 'pg_authid'::regclass and r.oid > {newest} loop
        execute format('drop owned by %I', one.name);
        execute format('drop role %I', one.name);
    end loop;
    perform setval(seqrelid, seqstart, false) from pg_sequence where pg_sequence_last_value(seqrelid) is not null;
end $$
"""
# Which tables have rows, and how many bytes those take: one statement, which PostgreSQL plans once for all the tests of a database.
FILLED = "select name, pg_relation_size(name::regclass) from unnest(array[{cases}]) name where name is not null"
CASE = "case when exists (select from {table}) then '{table}' end"
DELETED_BYTES = 1_000_000
"""What is more is cut off rather than deleted row by row."""
TABLES = """
select oid::regclass::text from pg_class
where relkind = 'r' and relnamespace in (select oid from pg_namespace where oid >= 16384 or nspname = 'public')
"""
# What differs here is not one of the above: someone has changed what the migrations made. (Rights on a schema that were given and taken
# back leave behind in words what held without.)
SHAPE = """
select array[
    (select md5(string_agg((oid, relname, relkind, relowner, relacl, reloptions, relchecks, relrowsecurity)::text, ' ' order by oid))
        from pg_class where oid >= 16384),
    (select md5(string_agg((oid, nspname, nspowner, coalesce(nspacl, acldefault('n', nspowner)))::text, ' ' order by oid))
        from pg_namespace where nspname !~ '^pg_(toast_)?temp'),
    (select (datacl, datconnlimit, datallowconn)::text from pg_database where datname = current_database()),
    (select (count(*), sum(attnum), sum(xmin::text::bigint))::text from pg_attribute where attrelid >= 16384),
    (select (count(*), sum(xmin::text::bigint))::text from pg_constraint),
    (select (count(*), sum(xmin::text::bigint))::text from pg_attrdef),
    (select (count(*), sum(xmin::text::bigint))::text from pg_trigger),
    (select (count(*), sum(xmin::text::bigint))::text from pg_proc where oid >= 16384),
    (select (count(*), sum(xmin::text::bigint))::text from pg_type where oid >= 16384),
    (select (count(*), sum(xmin::text::bigint))::text from pg_policy),
    (select count(*)::text from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database())),
    {filled}
]
"""


def sign_in_quickly(cluster: Cluster) -> None:
    """Let the owner and the superuser sign in with one round of hashing: 4,096 take longer than the rest of a connection."""
    with roles.connect(cluster.admin_url) as admin:
        admin.execute("set scram_iterations = 1")
        for address in (cluster.owner_url, cluster.admin_url):
            parts = urlsplit(address)
            assert parts.username and parts.password
            admin.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(parts.username), sql.Literal(parts.password)))


@dataclass(frozen=True)
class Snapshot:
    """What a database that was just migrated is like."""

    later: str
    filled: str
    asking: str
    shape: list[str]

    @staticmethod
    def of(admin: Connection) -> Snapshot:
        """Of the database that the superuser is connected to."""
        (newest,) = _row(admin, NEWEST)
        tables = [table for (table,) in admin.execute(TABLES)]
        full = [table for table in tables if admin.execute(f"select from {table} limit 1".encode()).rowcount]
        filled = FILLED.format(cases=", ".join(CASE.format(table=table) for table in tables if table not in full))
        asking = SHAPE.format(filled=", ".join(f"(select string_agg(one::text, ' ') from {table} one)" for table in full) or "null")
        return Snapshot(LATER.format(newest=newest), filled, asking, _row(admin, asking)[0])

    def restore(self, admin: Connection) -> bool:
        """End all other connections and remove what came later; whether the database is again as it was."""
        try:
            # Rows go in any order, and no trigger looks on.
            admin.execute("set session_replication_role = replica; set lock_timeout = '10s'")
            admin.execute(self.later.encode())
            for table, size in admin.execute(self.filled.encode(), prepare=True).fetchall():
                admin.execute((f"truncate {table} cascade" if size > DELETED_BYTES else f"delete from {table}").encode())
            found: list[str] = _row(admin, self.asking)[0]
            return found == self.shape
        except psycopg.Error:
            return False


@dataclass(frozen=True)
class _Database:
    name: str
    admin: Connection
    snapshot: Snapshot


class Databases:
    """Copies of the database `template` on one server: `lent` gives one. They go with the server, which is erased after `close`."""

    def __init__(self, cluster: Cluster, template: str) -> None:
        self._cluster = cluster
        self._template = template
        # The first database that a connection makes takes it a third of a second.
        self._admin = roles.connect(cluster.admin_url)
        self._free: list[_Database] = []
        self._made = 0

    @contextmanager
    def lent(self) -> Generator[str]:
        """The URL of a database that is as if just migrated, and no one else's meanwhile."""
        one = self._free.pop() if self._free else self._make()
        try:
            yield roles.with_database(self._cluster.owner_url, one.name)
        finally:
            if one.snapshot.restore(one.admin):
                self._free.append(one)
            else:
                self._drop(one)

    def close(self) -> None:
        """Close all connections."""
        while self._free:
            self._free.pop().admin.close()
        self._admin.close()

    def _make(self) -> _Database:
        self._made += 1
        name = f"lent_{self._made}"
        roles.create_on(self._admin, name, self._template)
        admin = roles.connect(roles.with_database(self._cluster.admin_url, name))
        return _Database(name, admin, Snapshot.of(admin))

    def _drop(self, one: _Database) -> None:
        one.admin.close()
        self._admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(one.name)))


def _row(admin: Connection, statement: str) -> tuple[Any, ...]:
    found = admin.execute(statement.encode(), prepare=True).fetchone()
    assert found is not None
    return found
