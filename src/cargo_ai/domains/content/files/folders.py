"""The folder that a file or library is put into."""

from __future__ import annotations

import uuid
from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.domains.workspace import public as workspace
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation


async def folder_or_refuse(ctx: Context, operation: Operation[Any, Any, Any], folder: str | None) -> uuid.UUID | None:
    """The folder of kind file with this id, which then cannot be removed before the commit; None for none."""
    if folder is None:
        return None
    uid = ids.parse(folder)
    if uid is None or not await workspace.folder_exists(ctx.db, uid, "file"):
        operation.refuse("folderNotFound", folder=folder, fix="cargo-ai workspace folder list")
    return uid
