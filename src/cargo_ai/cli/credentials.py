"""The file with the user's tokens, one entry per server, mode 0600."""

from __future__ import annotations

import os

from cargo_ai.cli.failure import FAILED, failure
from cargo_ai.cli.output import as_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Saved:
    """The content of the file; `problem` says why it could not be read."""

    def __init__(self, document: dict[str, Any], problem: str | None = None) -> None:
        self.document = document
        self.problem = problem

    def entry(self, base_url: str) -> dict[str, Any]:
        """The entry of one server. The top level counts only for the server that it names."""
        entry = as_object(as_object(self.document.get("servers")).get(base_url))
        if not entry and self.document.get("baseUrl") == base_url and self.document.get("accessToken"):
            return {key: self.document[key] for key in ("accessToken", "workspaceUuid") if self.document.get(key)}
        return entry


def path() -> str:
    """The path of the file."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(home, "cargo-ai", "credentials.json")


def read() -> Saved:
    """The file; empty without one. The rights of others to read it are removed first."""
    import json

    file_path = path()
    try:
        with open(file_path, encoding="utf-8-sig") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                os.chmod(file_path, 0o600)
            document = json.load(file)
    except FileNotFoundError:
        return Saved({})
    except OSError as error:
        return Saved({}, f"{file_path} cannot be read: {error.strerror}")
    except ValueError:
        return Saved({}, f"{file_path} is not valid JSON")
    return Saved(as_object(document))


def save(saved: Saved, base_url: str, token: str, workspace_uuid: str | None) -> None:
    """Add or replace the entry of a server and make it the current one."""
    entry = {"accessToken": token, "workspaceUuid": workspace_uuid}
    servers = {**as_object(saved.document.get("servers")), base_url: entry}
    _write({**saved.document, "accessToken": token, "baseUrl": base_url, "workspaceUuid": workspace_uuid, "servers": servers})


def forget(saved: Saved, base_url: str) -> bool:
    """Remove the entry of a server, and the file with the last one. False when there was no entry."""
    if not saved.entry(base_url):
        return False
    servers = {url: entry for url, entry in as_object(saved.document.get("servers")).items() if url != base_url}
    document = {**saved.document, "servers": servers}
    if document.get("baseUrl") == base_url:
        for key in ("accessToken", "baseUrl", "workspaceUuid"):
            document.pop(key, None)
    if servers or document.get("accessToken"):
        _write(document)
    else:
        try:
            os.unlink(path())
        except OSError as error:
            raise _cannot_write(path(), error) from None
    return True


def _write(document: dict[str, Any]) -> None:
    """Replace the file atomically."""
    import json

    file_path = os.path.realpath(path())
    draft = f"{file_path}.{os.getpid()}.new"
    try:
        os.makedirs(os.path.dirname(file_path), mode=0o700, exist_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(document, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.chmod(draft, 0o600)
            os.replace(draft, file_path)
        except BaseException:
            os.unlink(draft)
            raise
    except OSError as error:
        raise _cannot_write(file_path, error) from None


def _cannot_write(file_path: str, error: OSError) -> Exception:
    return failure(FAILED, "credentialsNotSaved", f"{file_path} cannot be written: {error.strerror}.")
