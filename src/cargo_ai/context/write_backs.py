"""Write-backs: the values that a run has written to a record of a service, to be recognised when it is read again."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class WriteBack:
    """Values by property, written on a record of a connector's service by a run. `batch`: that of its root run."""

    connector: uuid.UUID
    batch: uuid.UUID
    object_type: str
    record_id: str
    values: Mapping[str, Any]
