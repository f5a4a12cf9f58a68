"""${message}."""

from __future__ import annotations

${imports if imports else "import sqlalchemy as sa\nfrom alembic import op"}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Add what is new."""
    ${upgrades if upgrades else "raise NotImplementedError"}


def downgrade() -> None:
    """Never."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
