"""Changes of tokens, memberships and roles are announced, so that processes may remember who has sent a token."""

from __future__ import annotations

from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

CREATE = """
create function public.cargo_access_changed() returns trigger language plpgsql as $$
begin
    perform pg_notify('cargo_access', '');
    return null;
end $$;
create trigger access_changed after update of user_uuid, workspace_uuid, hash, permissions, expires_at, deleted_at or delete on tokens
    for each statement execute function public.cargo_access_changed();
create trigger access_changed after insert or update of role_uuid, permissions or delete on workspace_users
    for each statement execute function public.cargo_access_changed();
create trigger access_changed after update of slug, permissions or delete on roles
    for each statement execute function public.cargo_access_changed();
"""


def upgrade() -> None:
    """Add the function and the triggers."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
