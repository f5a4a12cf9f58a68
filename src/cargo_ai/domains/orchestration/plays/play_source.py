"""Play sources: read the records of a change for batches of kind `schedule`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from cargo_ai.context.process import Services
from cargo_ai.domains.segmentation import public as segmentation
from cargo_ai.engine.dispatch.enumerate import Chunks, Source


def change_source(services: Services) -> Source:
    """Reads batches of kind `schedule`: the records of the change that was found when the play was due."""

    def read(workspace: uuid.UUID, data: Mapping[str, Any], skip: int, batch: uuid.UUID) -> Chunks:
        change = uuid.UUID(str(data["changeUuid"]))
        return segmentation.change_chunks(services.database, workspace, change, data["changeKinds"], batch, skip, own=False)

    return read
