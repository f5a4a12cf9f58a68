"""Charges: one for all that a label has used on a day within one flush, not one for each execution; former ones are summed by day."""

from __future__ import annotations

from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

CHARGES = """
create temporary table charges_by_day on commit drop as
select label_uuid, workspace_uuid, day, sum(amount) as amount, count(*) as executions
from (select *, (to_timestamp(at_ms / 1000.0) at time zone 'UTC')::date as day from ledger_charges) as c
group by workspace_uuid, label_uuid, day;
drop view ledger_entries;
drop table ledger_charges;
create table ledger_charges (
    source_uuid uuid not null, number integer not null, workspace_uuid uuid not null, label_uuid uuid not null, day date not null,
    amount numeric(20, 6) not null, executions bigint not null,
    constraint pk_ledger_charges primary key (source_uuid, number), constraint ck_ledger_charges_amount check (amount > 0)
);
insert into ledger_charges (source_uuid, number, workspace_uuid, label_uuid, day, amount, executions)
select label_uuid, day - date '1970-01-01', workspace_uuid, label_uuid, day, amount, executions from charges_by_day;
"""
# Each transfer is two entries, which sum to zero.
ENTRIES = """
create view ledger_entries as
with transfers as (
    select key, workspace_uuid, from_uuid, to_uuid, amount, cause, label_uuid, at from ledger_transfers
    union all
    select format('charge:%s:%s', c.source_uuid, c.number), c.workspace_uuid, o.uuid, u.uuid, c.amount, 'charge', c.label_uuid,
        c.day::timestamp at time zone 'UTC'
    from ledger_charges c
        join ledger_accounts o on o.workspace_uuid = c.workspace_uuid and o.kind = 'overage'
        join ledger_accounts u on u.workspace_uuid = c.workspace_uuid and u.kind = 'usage'
)
select key, workspace_uuid, from_uuid as account_uuid, -amount as amount, cause, label_uuid, at from transfers
union all
select key, workspace_uuid, to_uuid, amount, cause, label_uuid, at from transfers;
"""


def upgrade() -> None:
    """Replace the table, and the view that reads it."""
    bind = op.get_bind()
    bind.exec_driver_sql(CHARGES)
    bind.exec_driver_sql(ENTRIES.replace("%", "%%"))


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
