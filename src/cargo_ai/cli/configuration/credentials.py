"""The file with the user's tokens, one entry per server and one per profile, mode 0600."""

from __future__ import annotations

import os

from cargo_ai.cli.failure import FAILED, failure
from cargo_ai.cli.output import as_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Saved:
    """The content of the file; `problem` says why it could not be read. With a profile, its entry is the only one that counts."""

    def __init__(self, document: dict[str, Any], problem: str | None = None, profile: str | None = None) -> None:
        self.document = document
        self.problem = problem
        self.profile = profile

    @property
    def profiles(self) -> dict[str, Any]:
        """The entries of all profiles by name: `baseUrl`, `accessToken`, `workspaceUuid`."""
        return as_object(self.document.get("profiles"))

    @property
    def base_url(self) -> str | None:
        """The server of the profile, else the one that was signed in to last."""
        url = as_object(self.profiles.get(self.profile)).get("baseUrl") if self.profile else self.document.get("baseUrl")
        return url if isinstance(url, str) else None

    def entry(self, base_url: str) -> dict[str, Any]:
        """The entry of one server. The top level, and a profile, count only for the server that they name."""
        if self.profile:
            entry = as_object(self.profiles.get(self.profile))
            return entry if entry.get("baseUrl") == base_url else {}
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


def workspaces(entry: dict[str, Any]) -> dict[str, Any]:
    """The workspaces of a server's entry that were signed in to: uuid → `{accessToken, name}`."""
    known = as_object(entry.get("workspaces"))
    uuid = entry.get("workspaceUuid")
    if uuid and entry.get("accessToken") and uuid not in known:
        return {**known, uuid: {"accessToken": entry["accessToken"], "name": None}}
    return known


def save(saved: Saved, base_url: str, token: str, workspace_uuid: str | None, name: str | None = None) -> None:
    """Add or replace the entry of a server and make it the current one; with a profile, that entry alone.

    The tokens of its other workspaces are kept beside it.
    """
    known = workspaces(saved.entry(base_url))
    if workspace_uuid:
        known = {**known, workspace_uuid: {"accessToken": token, "name": name}}
    entry = {"accessToken": token, "workspaceUuid": workspace_uuid, "workspaces": known}
    if saved.profile:
        _write({**saved.document, "profiles": {**saved.profiles, saved.profile: {"baseUrl": base_url, **entry}}})
        return
    servers = {**as_object(saved.document.get("servers")), base_url: entry}
    _write({**saved.document, "accessToken": token, "baseUrl": base_url, "workspaceUuid": workspace_uuid, "servers": servers})


def forget(saved: Saved, base_url: str) -> bool:
    """Remove the entry of a server, and the file with the last one. False when there was no entry."""
    if not saved.entry(base_url):
        return False
    if saved.profile:
        profiles = {name: entry for name, entry in saved.profiles.items() if name != saved.profile}
        _write({**saved.document, "profiles": profiles})
        return True
    servers = {url: entry for url, entry in as_object(saved.document.get("servers")).items() if url != base_url}
    document = {**saved.document, "servers": servers}
    if document.get("baseUrl") == base_url:
        for key in ("accessToken", "baseUrl", "workspaceUuid"):
            document.pop(key, None)
    if servers or document.get("accessToken") or saved.profiles:
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
