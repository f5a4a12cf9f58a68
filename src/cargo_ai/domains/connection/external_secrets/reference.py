"""References to secrets that are kept elsewhere, such as `secret://env/NAME`, `secret://vault/MOUNT/PATH#FIELD` or `secret://aws/NAME`."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, Protocol, cast, get_args

from cargo_ai.kernel.secrets import REFERENCE_PREFIX

Place = Literal["env", "file", "vault", "aws", "google", "azure"]
LONGEST = 500

_FORMS = ", ".join(
    f"{REFERENCE_PREFIX}{form}"
    for form in ("env/NAME", "file/PATH", "vault/MOUNT/PATH#FIELD", "aws/NAME", "google/PROJECT/NAME", "azure/VAULT/NAME")
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@ =+-]*\Z")
# Projects of Google Cloud and vaults of Azure: the latter becomes part of a host's name.
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*\Z")
_FIELD = re.compile(r"[^\s#/\x00-\x1f\x7f][^#\x00-\x1f\x7f]*\Z")


class SecretUnavailable(Exception):
    """The secret cannot be had; the message is for people. `transient`: asking again later may help."""

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret is. `path` is the variable's name, the path of a file, mount and path in Vault, a name in AWS, project and name in
    Google Cloud, or vault and name in Azure. `field`: of an entry in Vault, or of a JSON object that a cloud keeps ("": all of it)."""

    place: Place
    path: str
    field: str = ""

    def __str__(self) -> str:
        return f"{REFERENCE_PREFIX}{self.place}/{self.path}" + (f"#{self.field}" if self.field else "")


class Source(Protocol):
    """A place that secrets are read from."""

    def check(self, workspace: uuid.UUID, reference: Reference) -> None:
        """SecretUnavailable where the operator does not let connectors of this workspace read it."""
        ...

    async def read(self, workspace: uuid.UUID, reference: Reference) -> str:
        """The secret as it is now. SecretUnavailable where it cannot be had."""
        ...


def parse(text: str) -> Reference:
    """The reference in a text that begins like one. SecretUnavailable says how references are written."""
    place, _, rest = text.removeprefix(REFERENCE_PREFIX).partition("/")
    path, _, field = rest.partition("#")
    if place in get_args(Place) and len(text) <= LONGEST and _fits(cast("Place", place), path, field):
        return Reference(cast("Place", place), path, field)
    shown = text if len(text) <= LONGEST and text.isprintable() else "This"
    raise SecretUnavailable(f"{shown} is not a reference to a secret. Write {_FORMS}.")


def _fits(place: Place, path: str, field: str) -> bool:
    if place == "env":
        return bool(_NAME.match(path)) and not field
    segments = path.split("/")
    if not all(_SEGMENT.match(segment) for segment in segments):
        return False
    match place:
        case "file":
            return not field
        case "vault":
            return len(segments) > 1 and bool(_FIELD.match(field))
        case "aws":
            return not field or bool(_FIELD.match(field))
        case "google" | "azure":
            return len(segments) == 2 and bool(_LABEL.match(segments[0])) and (not field or bool(_FIELD.match(field)))


def permits(patterns: str, workspace: uuid.UUID, path: str) -> bool:
    """Whether one of the patterns, which are separated by commas, fits the path; `{workspace}` in it stands for the workspace's uuid."""
    return any(
        fnmatchcase(path, pattern.strip().replace("{workspace}", str(workspace))) for pattern in patterns.split(",") if pattern.strip()
    )
