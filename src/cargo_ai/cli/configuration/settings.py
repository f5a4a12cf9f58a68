"""Settings of a command: server, token, workspace and switches, from flags > environment > project file > user file."""

from __future__ import annotations

import os

from cargo_ai.cli.configuration import credentials
from cargo_ai.cli.configuration.environment import variable
from cargo_ai.cli.configuration.local_server import running_url
from cargo_ai.cli.failure import DENIED, failure, shell_line, usage
from cargo_ai.cli.output import as_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.value import Stdin

DEFAULT_SERVER = "http://127.0.0.1:8420"
PROJECT_FILE = ".cargo-ai.json"
LOCAL = "the data folder"


class Settings:
    """The settings of one command. `base_url` has no trailing slash and no /v1."""

    def __init__(self, options: dict[str, Any], stdin: Stdin) -> None:
        self.quiet = bool(options.get("quiet"))
        self.debug = bool(options.get("debug"))
        self.no_color = bool(options.get("no-color"))
        self.no_input = bool(options.get("no-input"))
        self.yes = bool(options.get("yes"))
        self.timeout: float | None = options.get("timeout")
        self.saved = credentials.read()
        self.saved.profile = _profile(options.get("profile") or variable("CARGO_AI_PROFILE"))
        # A profile that a flag names wins over the environment and the folder, as any flag does.
        self._by_flag = bool(options.get("profile"))
        project = self._project = {} if self._by_flag else read_project()
        self.base_url, self.base_from = self._server(options.get("base-url"), project)
        self.token, self.signed_by = self._token(options, stdin)
        self.workspace_flag: str | None = options.get("workspace-uuid")
        self.workspace_uuid = self._workspace(project)
        # Flags to repeat in a later command, so that it uses the same server and workspace.
        repeated = ("profile", "base-url", "workspace-uuid")
        self.again = [word for name in repeated if options.get(name) for word in ("--" + name, str(options[name]))]

    def _server(self, flag: str | None, project: dict[str, Any]) -> tuple[str, str]:
        for source, value in (
            ("--base-url", flag),
            ("CARGO_API_URL", "" if self._by_flag else variable("CARGO_API_URL")),
            (PROJECT_FILE, project.get("baseUrl")),
            (credentials.path(), self.saved.base_url),
        ):
            if value:
                return normal_url(str(value), source), source
        local = running_url()
        return (normal_url(local, "server.json"), LOCAL) if local else (DEFAULT_SERVER, "default")

    def _token(self, options: dict[str, Any], stdin: Stdin) -> tuple[str | None, str]:
        from cargo_ai.cli.arguments.value import read_text

        flag, file, token = options.get("token"), options.get("token-file"), "" if self._by_flag else variable("CARGO_API_TOKEN")
        if flag == "-":
            return checked_token(stdin.read("--token"), "--token -"), "--token"
        if flag is not None:
            return checked_token(flag, "--token"), "--token"
        if file is not None:
            return checked_token(read_text(file, "--token-file"), "--token-file"), "--token-file"
        if token:
            return checked_token(token, "CARGO_API_TOKEN"), "CARGO_API_TOKEN"
        named = "" if self._by_flag else variable("CARGO_WORKSPACE_UUID")
        chosen = options.get("workspace-uuid") or named or self._project.get("workspaceUuid")
        known = as_object(credentials.workspaces(self.entry()).get(str(chosen))) if chosen else {}
        saved = known.get("accessToken") or self.entry().get("accessToken")
        return (str(saved), credentials.path()) if saved else (None, "nowhere")

    def entry(self) -> dict[str, Any]:
        """The entry of the user file for this server: `accessToken`, `workspaceUuid`, or empty."""
        return self.saved.entry(self.base_url)

    def _workspace(self, project: dict[str, Any]) -> str | None:
        # The saved workspace belongs to the saved token and does not apply to another one.
        saved = self.entry().get("workspaceUuid") if self.signed_by == credentials.path() else None
        for value in (self.workspace_flag, "" if self._by_flag else variable("CARGO_WORKSPACE_UUID"), project.get("workspaceUuid"), saved):
            if value:
                if not _is_header_text(str(value)):
                    raise usage("invalidValue", f'"{value!r}" is not a workspace uuid.')
                return str(value)
        return None

    def need_trusted_server(self) -> None:
        """A folder's file may not choose where a token goes: Failure (4) unless you signed in to that server yourself."""
        if self.base_from != PROJECT_FILE or self.base_url == DEFAULT_SERVER or self.entry():
            return
        sentence = f"{PROJECT_FILE} in this folder names {self.base_url}, where you never signed in. Sign in there once, if you trust it."
        raise failure(DENIED, "unknownServer", sentence, shell_line(["login", "--base-url", self.base_url]))

    def need_token(self) -> str:
        """The token; Failure (4) without one for this server."""
        self.need_trusted_server()
        if self.token:
            return self.token
        trouble = f" ({self.saved.problem})" if self.saved.problem else ""
        if self.saved.profile and self.saved.profile not in self.saved.profiles:
            known = f" Known: {', '.join(sorted(self.saved.profiles))}." if self.saved.profiles else ""
            fix = shell_line(["login", "--profile", self.saved.profile, "--base-url", self.base_url])
            raise failure(DENIED, "unknownProfile", f'There is no profile "{self.saved.profile}"{trouble}.{known}', fix)
        words = ["login"] if self.base_from in ("default", LOCAL, credentials.path()) else ["login", "--base-url", self.base_url]
        raise failure(DENIED, "notSignedIn", f"You are not signed in to {self.base_url}{trouble}.", shell_line(words))


def read_project() -> dict[str, Any]:
    """`.cargo-ai.json` of this folder or the nearest parent that has one; Failure (2) when it is not a JSON object."""
    import json

    try:
        folder = os.getcwd()
    except OSError:  # the folder was removed under us
        return {}
    while True:
        path = os.path.join(folder, PROJECT_FILE)
        if os.path.isfile(path):
            try:
                with open(path, encoding="utf-8-sig") as file:
                    document = json.load(file)
            except (OSError, ValueError) as error:
                raise usage("invalidProjectFile", f"{path} cannot be read: {error}.") from None
            if not isinstance(document, dict):
                raise usage("invalidProjectFile", f"{path} must hold a JSON object.")
            return as_object(document)
        parent = os.path.dirname(folder)
        if parent == folder:
            return {}
        folder = parent


def normal_url(text: str, source: str) -> str:
    """The normalised URL of a server; Failure (2) when it is not one."""
    from urllib.parse import urlsplit

    text = text.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise usage("invalidBaseUrl", f'{source}: "{text}" is not a URL.') from None
    host = (parts.hostname or "").lower()
    extra = parts.username or parts.query or parts.fragment or not text.isprintable() or " " in text
    if parts.scheme not in ("http", "https") or not host or extra:
        raise usage("invalidBaseUrl", f'{source}: "{text}" is not the URL of a server. It looks like {DEFAULT_SERVER}.')
    if ":" in host:
        host = f"[{host}]"
    if port and port != {"http": 80, "https": 443}[parts.scheme]:
        host += f":{port}"
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{host}{path.removesuffix('/v1')}"


def _profile(name: str) -> str | None:
    """The name of a profile, None without one; Failure (2) when it cannot be one."""
    if name and not (len(name) <= 64 and name.replace("-", "").replace("_", "").replace(".", "").isalnum()):
        raise usage("invalidValue", "--profile takes letters, digits, dots, dashes and underscores, at most 64.")
    return name or None


def _is_header_text(text: str) -> bool:
    return text.isascii() and text.isprintable()


def checked_token(text: str, source: str) -> str:
    """A token without the white space around it; Failure (2) when it cannot be one."""
    token = text.strip()
    if not token or not _is_header_text(token) or " " in token:
        raise usage("invalidToken", f"{source} holds no token: a token is one word of plain letters, digits and signs.")
    return token
