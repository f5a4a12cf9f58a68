"""Identities: values such as a domain that each identify one account or contact of a workspace."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.records.catalog import Relation
from cargo_ai.records.ddl import table_name
from cargo_ai.records.merge.matching import Matching, match_key
from cargo_ai.records.names import quote
from cargo_ai.store.driver import driver_connection, execute, fetch

OWN = "id"
"""The kind of value that is the record's own id."""

_FORMS: Mapping[str, Matching] = {
    "domain": "domain",
    "email": "email",
    "personalEmail": "email",
    "workEmail": "email",
    "linkedinHandle": "handle",
    "crunchbasePermalink": "handle",
    "twitterHandle": "handle",
}
_ALIASES: Mapping[str, str] = {"personalEmail": "email", "workEmail": "email"}
"""Kinds whose values are looked up together: one list's work address of a person may be another list's only one."""


class IdentityValue(NamedTuple):
    """A value that identifies an account or contact, and its kind."""

    reference: str
    value: str


def to_identity_value(reference: str, value: str) -> IdentityValue:
    """The value with the kind under which it is stored."""
    return IdentityValue(_ALIASES.get(reference, reference), value)


def key_expression(reference: str, relation: Relation, slug: str, alias: str = "r") -> str:
    """The SQL expression for a column's value in the form in which identities are stored."""
    column = relation.column(slug)
    name = f"{alias}.{quote(column.slug if column else slug)}"
    return match_key(_FORMS.get(reference, "text"), f"{name}::text")


@dataclass(frozen=True, slots=True)
class Identities:
    """The identities of one model of accounts or contacts, in the session's transaction."""

    db: AsyncSession
    workspace: uuid.UUID
    relation: Relation

    async def begin(self, fills: Mapping[str, str]) -> None:
        """Remove identities of records that are gone, and add those in the columns of records that were written otherwise.

        Locks the model's identities until the caller's commit: two resolutions at once would create the same account twice.
        """
        connection, table = await driver_connection(self.db), table_name(self.relation)
        model = self.relation.model
        await execute(connection, "select pg_advisory_xact_lock(hashtextextended(%s, 12))", [str(model)])
        exists = f"select 1 from {table} as t where t._id = u.record_id"  # noqa: S608 - names, quoted
        await execute(connection, f"delete from unified_references as u where u.model_uuid = %s and not exists ({exists})", [model])  # noqa: S608
        for reference, slug in fills.items():
            if self.relation.column(slug) is None or reference in _ALIASES:
                continue
            value = key_expression(reference, self.relation, slug, "t")
            await execute(
                connection,
                "insert into unified_references (workspace_uuid, model_uuid, reference, value, record_id) "  # noqa: S608 - names, quoted
                f"select distinct on (k) %(workspace)s, %(model)s, %(reference)s, k, _id from "
                f"(select {value} as k, t._id, t._created_at from {table} as t) as s where k is not null order by k, _created_at, _id "
                "on conflict do nothing",
                {"workspace": self.workspace, "model": model, "reference": reference},
            )

    async def find(self, values: Collection[IdentityValue]) -> dict[IdentityValue, str]:
        """The records that these values identify."""
        by_id = {one: one.value for one in values if one.reference == OWN}
        others = [one for one in values if one.reference != OWN]
        rows = await fetch(
            await driver_connection(self.db),
            "select u.reference, u.value, u.record_id from unified_references as u "
            "join unnest(%s::text[], %s::text[]) as w (reference, value) on w.reference = u.reference and w.value = u.value "
            "where u.model_uuid = %s and u.workspace_uuid = %s",
            [[one.reference for one in others], [one.value for one in others], self.relation.model, self.workspace],
        )
        return by_id | {IdentityValue(reference, value): str(record) for reference, value, record in rows}

    async def save(self, known: Mapping[IdentityValue, str]) -> None:
        """Store which records these values identify; a value that identifies one already stays."""
        await execute(
            await driver_connection(self.db),
            "insert into unified_references (workspace_uuid, model_uuid, reference, value, record_id) "
            "select %s, %s, k.reference, k.value, k.record_id from "
            "unnest(%s::text[], %s::text[], %s::text[]) as k (reference, value, record_id) on conflict do nothing",
            [
                self.workspace,
                self.relation.model,
                [one.reference for one in known],
                [one.value for one in known],
                list(known.values()),
            ],
        )
