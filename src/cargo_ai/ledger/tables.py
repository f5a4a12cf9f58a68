"""Tables of the ledger: accounts, transfers between them, charges, what usage is grouped by, budgets and reservations."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, DateTime, Index, Integer, Numeric, Table, Text, Uuid, text

from cargo_ai.store.rows import Row

AccountKind = Literal["issued", "granted", "purchased", "promotional", "usage", "overage", "expired"]
CreditKind = Literal["granted", "purchased", "promotional"]
OverageAction = Literal["allow", "deny"]
Unit = Literal["billing.credits", "storage.records", "orchestration.executions"]
CREDIT_KINDS: tuple[CreditKind, ...] = ("promotional", "granted", "purchased")
"""What can be spent, in the order in which it is where nothing expires earlier."""

_KINDS = "('issued', 'granted', 'purchased', 'promotional', 'usage', 'overage', 'expired')"
Amount = Numeric(20, 6)

ledger_accounts = Table(
    "ledger_accounts",
    Row.metadata,
    Column("uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("balance", Amount, nullable=False, server_default=text("0")),
    Index("uq_ledger_accounts_workspace_uuid", "workspace_uuid", "kind", "expires_at", unique=True, postgresql_nulls_not_distinct=True),
    CheckConstraint(f"kind in {_KINDS}", name="kind"),
    CheckConstraint("balance >= 0 or kind in ('issued', 'overage')", name="balance"),
)
"""The accounts of a workspace. Credits come from `issued` (whose balance is minus what was ever given) into `granted`, `purchased` and
`promotional`, one account for each time at which they expire; they end in `usage` or `expired`. A charge is taken from `overage`, and the
same flush pays it there from the credits that are left: below 0, it is what was used without credits. `balance` is a projection: the sum of
the entries. The balances of a workspace sum to 0."""

ledger_transfers = Table(
    "ledger_transfers",
    Row.metadata,
    Column("key", Text, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("from_uuid", Uuid, nullable=False),
    Column("to_uuid", Uuid, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("cause", Text, nullable=False),
    Column("label_uuid", Uuid),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("ix_ledger_transfers_workspace_uuid", "workspace_uuid", "at"),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("from_uuid <> to_uuid", name="accounts"),
)
"""Transfers of credits, which are never changed; corrections are further ones. Charges of executions have a table of their own."""

ledger_charges = Table(
    "ledger_charges",
    Row.metadata,
    Column("source_uuid", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("label_uuid", Uuid, nullable=False),
    Column("day", Date, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("executions", BigInteger, nullable=False),
    CheckConstraint("amount > 0", name="amount"),
)
"""Transfers from the workspace's `overage` to its `usage` for what one label has used on one day (UTC) within one transaction of the
journal, which also writes those executions; what each cost is in its row. `source_uuid` is that flush, of answers to nodes one for those
that end together, or the answer of an agent, whose steps are the numbers. Old ones are summed by day and label into `ledger_transfers`.
`ledger_entries` (a view) has both, these with the key `charge:<source>:<number>`."""

ledger_labels = Table(
    "ledger_labels",
    Row.metadata,
    Column("uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("unit", Text, nullable=False),
    Column("slug", Text, nullable=False),
    Column("workflow_uuid", Uuid),
    Column("batch_uuid", Uuid),
    Column("user_uuid", Uuid),
    Column("connector_uuid", Uuid),
    Column("integration_slug", Text),
    Column("model_uuid", Uuid),
    Column("agent_uuid", Uuid),
    Index("ix_ledger_labels_workspace_uuid", "workspace_uuid"),
)
"""What usage is for. `slug`: `integration.<slug>.action.<action>`, `native.<action>`; of executions `success` or `error`. `batch_uuid`:
that of the run at the top. `uuid` is the hash of the others."""

ledger_usage = Table(
    "ledger_usage",
    Row.metadata,
    Column("workspace_uuid", Uuid, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("label_uuid", Uuid, primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("amount", Amount, nullable=False),
    Column("count", BigInteger, nullable=False),
)
"""Credits by day (UTC) and label, a projection of all transfers that have a label: into `usage` they count, out of it they count less.
`count`: executions. `slot` spreads the rows over writers."""

ledger_budgets = Table(
    "ledger_budgets",
    Row.metadata,
    Column("workspace_uuid", Uuid, primary_key=True),
    Column("overage", Text, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("overage in ('allow', 'deny')", name="overage"),
)
"""Workspaces that are limited to their credits. `overage`: what happens where none are left. The others are unlimited."""

ledger_reservations = Table(
    "ledger_reservations",
    Row.metadata,
    Column("trace_uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("ix_ledger_reservations_workspace_uuid", "workspace_uuid"),
    CheckConstraint("amount >= 0", name="amount"),
)
"""What work that has begun may still cost: of a batch or single run with all that it has started. Each charge of it lessens it."""
