"""Secrets on the server's machine: variables of its environment, and files in one folder, as far as the operator allows."""

from __future__ import annotations

import asyncio
import os
import stat
import uuid
from pathlib import Path

from cargo_ai.domains.connection.external_secrets.reference import Reference, SecretUnavailable, permits
from cargo_ai.kernel.settings import PREFIX, Settings

MAX_BYTES = 64 * 1024


class Variables:
    """Variables of the server's environment."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def check(self, workspace: uuid.UUID, reference: Reference) -> None:
        """Only names in CARGO_AI_SECRETS_ENV, and never the server's own settings, whatever that says."""
        name = reference.path
        if name.upper().startswith(PREFIX) or not permits(self._settings.secrets_env, workspace, name):
            way = "" if name.upper().startswith(PREFIX) else " The operator allows names by CARGO_AI_SECRETS_ENV on the server."
            raise SecretUnavailable(f"Connectors may not read the variable {name} of the server.{way}")

    async def read(self, workspace: uuid.UUID, reference: Reference) -> str:
        """The variable's value in this process."""
        value = self._settings.environment.get(reference.path)
        if not value:
            raise SecretUnavailable(f"The server has no variable {reference.path}: set it and start the server again.")
        return value


class Files:
    """Files in one folder, such as mounted secrets; a line break at the end is dropped."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def check(self, workspace: uuid.UUID, reference: Reference) -> None:
        """Only where the operator has set CARGO_AI_SECRETS_DIR."""
        if self._folder(workspace) is None:
            raise SecretUnavailable("Connectors may not read files of the server. The operator allows a folder by CARGO_AI_SECRETS_DIR.")

    async def read(self, workspace: uuid.UUID, reference: Reference) -> str:
        """The file's text as it is now."""
        folder = self._folder(workspace)
        assert folder is not None
        return await asyncio.to_thread(_read, folder, reference.path)

    def _folder(self, workspace: uuid.UUID) -> Path | None:
        folder = self._settings.secrets_dir.replace("{workspace}", str(workspace))
        return Path(folder).expanduser().absolute() if folder else None


def _read(folder: Path, path: str) -> str:
    missing = SecretUnavailable(f"There is no file {path} in the server's folder of secrets.")
    try:
        # Links are followed, since mounted secrets are links, but they may not lead out of the folder.
        target = (folder / path).resolve(strict=True)
        if not target.is_relative_to(folder.resolve(strict=True)):
            raise missing
        # Not blocking: a pipe in the folder would otherwise hold this thread.
        handle = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise SecretUnavailable(f"The server may not read the file {path} of its folder of secrets.") from None
    except (OSError, ValueError):
        raise missing from None
    with open(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise missing
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise SecretUnavailable(f"The file {path} is larger than {MAX_BYTES // 1024} KB: it is not a secret.")
    try:
        text = data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SecretUnavailable(f"The file {path} is not UTF-8 text.") from None
    if not text:
        raise SecretUnavailable(f"The file {path} of the server's folder of secrets is empty.")
    return text
