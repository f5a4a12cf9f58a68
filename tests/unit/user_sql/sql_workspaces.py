"""A yard with two workspaces whose models are real tables: what queries of the tests run on."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import psycopg

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.kernel import ids
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.records import names
from cargo_ai.records.catalog import Catalog, Column, KindName, Relation
from cargo_ai.records.names import qualify, quote

SECRETS = SecretKey(b"only for tests: 32 bytes or more")
SYSTEM = (
    '"_id" text primary key, "_title" text, "_time" timestamptz, "_emitted_at" timestamptz, '
    '"_created_at" timestamptz, "_updated_at" timestamptz'
)
TYPES: dict[str, str] = {
    "string": "text",
    "number": "double precision",
    "boolean": "boolean",
    "date": "timestamptz",
    "vector": "public.vector",
}

COMPANIES: dict[str, tuple[ColumnType, KindName]] = {
    "name": ("string", "original"),
    "domain": ("string", "original"),
    "country": ("string", "original"),
    "employees": ("number", "original"),
    "is_customer": ("boolean", "original"),
    "founded_at": ("date", "original"),
    "tags": ("array", "original"),
    "address": ("object", "original"),
    "tier": ("string", "custom"),
    "embedding": ("vector", "original"),
}
CONTACTS: dict[str, tuple[ColumnType, KindName]] = {
    "company_id": ("string", "original"),
    "email": ("string", "original"),
    "score": ("number", "original"),
    "created_at": ("date", "original"),
}
COMPANY_ROWS = (
    "('c1','Acme','2026-01-01','acme.com','US',120,true,'2010-05-17 10:30:00Z','[\"vip\",\"b2b\"]',"
    '\'{"city":"Paris","geo":{"lat":48.5}}\',\'gold\',\'[1,0,0]\')',
    "('c2','Beta','2026-01-02','beta.io','FR',45,false,'2015-12-31 23:59:59Z','[\"b2b\"]','{\"city\":\"Lyon\"}','silver','[0,1,0]')",
    "('c3','Café 100%','2026-01-03',null,'US',7,null,'2024-02-29 00:00:00Z','[]','{}',null,'[0.6,0.8,0]')",
    "('c4','Delta','2026-01-04','delta.org',null,null,true,null,null,null,'gold',null)",
)
CONTACT_ROWS = (
    "('k1','c1','ann@acme.com',90.5,'2026-03-01 08:00:00Z')",
    "('k2','c1','bob@acme.com',10,'2026-03-15 09:30:00Z')",
    "('k3','c2','cleo@beta.io',null,'2026-02-20 12:00:00Z')",
)


@dataclass(frozen=True)
class SqlWorkspaces:
    """The database, and what each workspace has in it."""

    url: str
    admin_url: str
    mine: Catalog
    theirs: Catalog

    def admin(self, statement: str) -> list[tuple[Any, ...]]:
        """What the superuser gets."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


def _model(
    connection: psycopg.Connection[Any], workspace: uuid.UUID, slug: str, columns: dict[str, tuple[ColumnType, KindName]]
) -> Relation:
    physical = names.new_physical_names(workspace, "default", slug)
    relation = Relation(
        ids.new(),
        slug,
        "default",
        physical.schema,
        physical.table,
        physical.view,
        tuple(Column(one, kind[0], kind[1]) for one, kind in columns.items()),
    )
    made = ", ".join(f"{quote(one)} {TYPES.get(kind[0], 'jsonb')}" for one, kind in columns.items())
    for statement in (
        f"CREATE SCHEMA IF NOT EXISTS {quote(relation.schema)}",
        f"CREATE TABLE {qualify(relation.schema, relation.table)} ({SYSTEM}, {made})",
        f"CREATE VIEW {qualify(relation.schema, relation.view)} AS SELECT * FROM {qualify(relation.schema, relation.table)}",
    ):
        connection.execute(statement.encode())
    return relation


def build(url: str, admin_url: str) -> SqlWorkspaces:
    """Two workspaces with companies and contacts; theirs also have a table `vault`."""
    installation = ids.new()
    with psycopg.connect(url, autocommit=True) as connection:
        catalogs: list[Catalog] = []
        for which in ("mine", "theirs"):
            workspace = ids.new()
            relations = [_model(connection, workspace, "companies", COMPANIES), _model(connection, workspace, "contacts", CONTACTS)]
            if which == "theirs":
                relations.append(_model(connection, workspace, "vault", {"secret": ("string", "original")}))
                connection.execute(
                    f"INSERT INTO {qualify(relations[2].schema, relations[2].table)} (_id, secret) VALUES ('s', 'hunter2')".encode()
                )
            companies, contacts = relations[0], relations[1]
            connection.execute(
                f"INSERT INTO {qualify(companies.schema, companies.table)} (_id, name, _created_at, domain, country, employees,"
                f" is_customer, founded_at, tags, address, tier, embedding) VALUES {', '.join(COMPANY_ROWS)}".encode()
            )
            connection.execute(
                f"INSERT INTO {qualify(contacts.schema, contacts.table)} (_id, company_id, email, score, created_at)"
                f" VALUES {', '.join(CONTACT_ROWS)}".encode()
            )
            catalogs.append(Catalog(workspace, names.role_name(installation, workspace), tuple(relations)))
    return SqlWorkspaces(url, admin_url, catalogs[0], catalogs[1])
