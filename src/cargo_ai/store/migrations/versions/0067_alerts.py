"""Alerts, and the events of their evaluations."""

from __future__ import annotations

from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

ALERTS = """
create table alerts (
    uuid uuid not null, created_at timestamptz not null, updated_at timestamptz not null, workspace_uuid uuid not null,
    user_uuid uuid not null, name text not null, description text, is_enabled boolean not null, schedule json not null,
    scope json not null, threshold json not null, actions json not null, folder_uuid uuid, watched_from timestamptz not null,
    last_evaluated_at timestamptz, constraint pk_alerts primary key (uuid)
);
create index ix_alerts_workspace_uuid on alerts (workspace_uuid);
create table alert_events (
    uuid uuid not null, created_at timestamptz not null, updated_at timestamptz not null, workspace_uuid uuid not null,
    alert_uuid uuid not null constraint fk_alert_events_alert_uuid_alerts references alerts (uuid) on delete cascade,
    status text not null, value double precision, error_message text, scope json not null, threshold json not null,
    actions json not null, run_uuids json not null, window_started_at timestamptz not null, window_ended_at timestamptz not null,
    constraint pk_alert_events primary key (uuid)
);
create index ix_alert_events_workspace_uuid on alert_events (workspace_uuid);
create index ix_alert_events_alert on alert_events (alert_uuid, uuid);
"""


def upgrade() -> None:
    """Add the tables."""
    op.get_bind().exec_driver_sql(ALERTS)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
