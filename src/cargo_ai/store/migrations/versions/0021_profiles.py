"""A person's name and profile belong to the membership of a workspace: no workspace learns from another whom it knows."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# Only who has had a token of a workspace has been there: others were merely added, and what they gave another workspace stays there.
MOVE = """
alter table workspace_users
    add column first_name text,
    add column last_name text,
    add column web_extension_sealed bytea,
    add column updated_at timestamptz;
update workspace_users as member set
    first_name = person.first_name,
    last_name = person.last_name,
    web_extension_sealed = person.web_extension_sealed
from users as person
where person.uuid = member.user_uuid
    and exists (select from tokens where tokens.user_uuid = member.user_uuid and tokens.workspace_uuid = member.workspace_uuid);
update workspace_users set updated_at = created_at;
alter table workspace_users alter column updated_at set not null;
alter table users drop column first_name, drop column last_name, drop column web_extension_sealed;
"""


def upgrade() -> None:
    """Move the columns."""
    op.execute(MOVE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
