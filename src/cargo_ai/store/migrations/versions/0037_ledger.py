"""The ledger: credits in double entry, charges by execution, and what usage is grouped by."""

from __future__ import annotations

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

TABLES = """
create table ledger_accounts (
    uuid uuid constraint pk_ledger_accounts primary key, workspace_uuid uuid not null, kind text not null, expires_at timestamptz,
    balance numeric(20, 6) not null default 0,
    constraint ck_ledger_accounts_kind
        check (kind in ('issued', 'granted', 'purchased', 'promotional', 'usage', 'overage', 'expired')),
    constraint ck_ledger_accounts_balance check (balance >= 0 or kind in ('issued', 'overage'))
) with (fillfactor = 50);
create unique index uq_ledger_accounts_workspace_uuid on ledger_accounts (workspace_uuid, kind, expires_at) nulls not distinct;
create table ledger_transfers (
    key text constraint pk_ledger_transfers primary key, workspace_uuid uuid not null, from_uuid uuid not null, to_uuid uuid not null,
    amount numeric(20, 6) not null, cause text not null, label_uuid uuid, at timestamptz not null,
    constraint ck_ledger_transfers_amount check (amount > 0), constraint ck_ledger_transfers_accounts check (from_uuid <> to_uuid)
);
create index ix_ledger_transfers_workspace_uuid on ledger_transfers (workspace_uuid, at);
create table ledger_charges (
    run_uuid uuid not null, node_uuid text not null, visit integer not null, workspace_uuid uuid not null, label_uuid uuid not null,
    amount numeric(20, 6) not null, at_ms bigint not null,
    constraint pk_ledger_charges primary key (run_uuid, node_uuid, visit), constraint ck_ledger_charges_amount check (amount > 0)
);
create table ledger_labels (
    uuid uuid constraint pk_ledger_labels primary key, workspace_uuid uuid not null, unit text not null, slug text not null,
    workflow_uuid uuid, batch_uuid uuid, user_uuid uuid, connector_uuid uuid, integration_slug text, model_uuid uuid, agent_uuid uuid
);
create index ix_ledger_labels_workspace_uuid on ledger_labels (workspace_uuid);
create table ledger_usage (
    workspace_uuid uuid not null, day date not null, label_uuid uuid not null, slot integer not null, amount numeric(20, 6) not null,
    count bigint not null, constraint pk_ledger_usage primary key (workspace_uuid, day, label_uuid, slot)
) with (fillfactor = 50);
create table ledger_budgets (
    workspace_uuid uuid constraint pk_ledger_budgets primary key, overage text not null, updated_at timestamptz not null,
    constraint ck_ledger_budgets_overage check (overage in ('allow', 'deny'))
);
create table ledger_reservations (
    trace_uuid uuid constraint pk_ledger_reservations primary key, workspace_uuid uuid not null, amount numeric(20, 6) not null,
    at timestamptz not null, constraint ck_ledger_reservations_amount check (amount >= 0)
) with (fillfactor = 50);
create index ix_ledger_reservations_workspace_uuid on ledger_reservations (workspace_uuid);
"""
# Each transfer is two entries, which sum to zero.
ENTRIES = """
create view ledger_entries as
with transfers as (
    select key, workspace_uuid, from_uuid, to_uuid, amount, cause, label_uuid, at from ledger_transfers
    union all
    select format('charge:%s:%s:%s', c.run_uuid, c.node_uuid, c.visit), c.workspace_uuid, o.uuid, u.uuid, c.amount, 'charge', c.label_uuid,
        to_timestamp(c.at_ms / 1000.0)
    from ledger_charges c
        join ledger_accounts o on o.workspace_uuid = c.workspace_uuid and o.kind = 'overage'
        join ledger_accounts u on u.workspace_uuid = c.workspace_uuid and u.kind = 'usage'
)
select key, workspace_uuid, from_uuid as account_uuid, -amount as amount, cause, label_uuid, at from transfers
union all
select key, workspace_uuid, to_uuid, amount, cause, label_uuid, at from transfers;
"""


def upgrade() -> None:
    """Add the tables and the view."""
    bind = op.get_bind()
    bind.exec_driver_sql(TABLES)
    bind.exec_driver_sql(ENTRIES.replace("%", "%%"))


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
