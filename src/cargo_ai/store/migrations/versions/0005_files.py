"""Files: uploads and the parts of those that are still coming in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ID = sa.Uuid(as_uuid=True)
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "uploads",
        sa.Column("uuid", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("workspace_uuid", ID, nullable=False),
        sa.Column("user_uuid", ID, nullable=False),
        sa.Column("s3_filename", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger()),
        sa.Column("expires_at", TIME),
        sa.PrimaryKeyConstraint("uuid", name="pk_uploads"),
        sa.UniqueConstraint("s3_filename", name="uq_uploads_s3_filename"),
    )
    op.create_index("ix_uploads_workspace_uuid", "uploads", ["workspace_uuid"])
    op.create_index("ix_uploads_expires_at", "uploads", ["expires_at"])
    op.create_table(
        "upload_parts",
        sa.Column("workspace_uuid", ID, nullable=False),
        sa.Column("upload_uuid", ID, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("upload_uuid", "number", name="pk_upload_parts"),
        sa.ForeignKeyConstraint(["upload_uuid"], ["uploads.uuid"], name="fk_upload_parts_upload_uuid_uploads", ondelete="CASCADE"),
    )
    op.create_index("ix_upload_parts_workspace_uuid", "upload_parts", ["workspace_uuid"])


def downgrade() -> None:
    """Never."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
