"""`cargo-ai skills list|install|hook`: instructions for coding agents, and a hook that asks before they write."""

from __future__ import annotations

import os
import sys

from cargo_ai.cli import output
from cargo_ai.cli.failure import FAILED, failure, usage
from cargo_ai.cli.formats.reply import Form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Row

TARGETS = ("claude", "cursor", "codex", "gemini")
MINE = "name: cargo-cli"
"""How the page of each skill begins: only such folders are replaced."""
HOOK = "cargo-ai skills hook"
ROW: Row = {
    "words": ["skills"],
    "summary": "Instructions for coding agents: list them, install them, or decide as their hook what runs without asking.",
    "examples": [
        "cargo-ai skills list",
        "cargo-ai skills install --target claude --hook",
        "cargo-ai skills install --target cursor --project",
        "cargo-ai skills install --target dir --dir ./agent-skills",
        'echo \'{"tool_input":{"command":"cargo-ai whoami"}}\' | cargo-ai skills hook',
    ],
    "rows": "skills",
    "args": [
        {
            "wire": "verb",
            "in": "cli",
            "type": "string",
            "flags": [],
            "positional": True,
            "required": True,
            "values": ["list", "install", "hook"],
            "help": "list; install; or hook, which reads what an agent is about to run and answers allow, ask or deny.",
        },
        {
            "wire": "target",
            "in": "cli",
            "type": "string",
            "flags": ["--target"],
            "values": [*TARGETS, "dir"],
            "help": "The agent, or dir with --dir.",
        },
        {"wire": "dir", "in": "cli", "type": "string", "flags": ["--dir"], "help": "The folder to install into."},
        {
            "wire": "project",
            "in": "cli",
            "type": "boolean",
            "flags": ["--project"],
            "help": "Install into this folder's project instead of for you everywhere.",
        },
        {
            "wire": "hook",
            "in": "cli",
            "type": "boolean",
            "flags": ["--hook"],
            "help": "With claude: also let the hook decide, in the agent's settings.json.",
        },
    ],
}


def run(parsed: Parsed) -> int:
    """Print `{skills}`, `{installed}`, or what a hook answers."""
    verb = parsed.options["verb"]
    if verb == "hook":
        from cargo_ai.cli import approval

        approval.answer(sys.stdin.read() if not output.is_terminal(sys.stdin) else "")
        return 0
    if verb == "list":
        listed = [{"name": name, "description": _description(path)} for name, path in sorted(_skills().items())]
        Form(parsed.options).print(ROW, {"skills": listed})
        return 0
    Form(parsed.options).print(ROW, _install(parsed.options))
    return 0


def _skills() -> dict[str, str]:
    """The folders of the skills by name: those of the installed package, or of the repository."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    for folder in (os.path.join(package, "skills"), os.path.join(os.path.dirname(os.path.dirname(package)), "skills")):
        if os.path.isfile(os.path.join(folder, "cargo-cli", "SKILL.md")):
            return {name: os.path.join(folder, name) for name in os.listdir(folder) if name.startswith("cargo-cli")}
    raise failure(FAILED, "skillsMissing", "This installation has no skills: install it again from the wheel.")


def _description(path: str) -> str:
    with open(os.path.join(path, "SKILL.md"), encoding="utf-8") as file:
        line = next((line for line in file if line.startswith("description: ")), "")
    return line.removeprefix("description: ").strip()


def _install(options: dict[str, Any]) -> dict[str, Any]:
    target, folder = options.get("target"), options.get("dir")
    if (target == "dir") != (folder is not None) or target is None:
        raise usage(
            "missingFlag", f"skills install needs --target {'|'.join(TARGETS)}, or --target dir with --dir.", "cargo-ai skills --help"
        )
    if options.get("hook") and target != "claude":
        raise usage("conflictingFlags", f'--hook writes the settings of claude. Elsewhere set "{HOOK}" as the hook before shell commands.')
    home = os.getcwd() if options.get("project") else os.path.expanduser("~")
    into = os.path.abspath(os.path.expanduser(folder)) if folder is not None else os.path.join(home, f".{target}", "skills")
    try:
        installed = [_copy(path, os.path.join(into, name)) for name, path in sorted(_skills().items())]
        settings = _add_hook(os.path.join(home, ".claude", "settings.json")) if options.get("hook") else None
    except OSError as error:
        raise failure(FAILED, "notInstalled", f"{error.filename or into} cannot be written: {error.strerror}.") from None
    return {"installed": installed, "hook": settings}


def install_for(agent: str, folder: str | None) -> list[str]:
    """Install the skills for a coding agent, in a folder or for this person everywhere; where they are. Raises Failure."""
    options = {"target": "dir", "dir": folder} if folder is not None else {"target": agent}
    installed: list[str] = _install(options)["installed"]
    return installed


def _copy(source: str, to: str) -> str:
    """Copy a skill over an older version of itself; Failure (1) when something else is there."""
    import shutil

    if os.path.lexists(to):
        try:
            with open(os.path.join(to, "SKILL.md"), encoding="utf-8") as file:
                is_mine = MINE in file.read(200)
        except (OSError, ValueError):
            is_mine = False
        if not is_mine or os.path.islink(to):
            raise failure(FAILED, "notOurs", f"{to} is there and is not a skill of cargo-ai: it is left as it is.")
        shutil.rmtree(to)
    shutil.copytree(source, to)
    return to


def _add_hook(path: str) -> str:
    """Let the hook decide about shell commands in the settings of the agent; what else is in them stays."""
    import json

    document: Any = {}
    if os.path.exists(path):
        try:
            with open(path, encoding="utf-8") as file:
                document = json.load(file)
        except ValueError as error:
            raise failure(FAILED, "invalidSettings", f"{path} is not valid JSON ({error}): nothing was changed in it.") from None
    settings = output.as_object(document)
    hooks = output.as_object(settings.get("hooks"))
    before: Any = hooks.get("PreToolUse", [])
    entries: list[Any] = before if output.is_list(before) else []
    if HOOK not in json.dumps(entries):
        entries = [*entries, {"matcher": "Bash", "hooks": [{"type": "command", "command": HOOK}]}]
        changed = {**settings, "hooks": {**hooks, "PreToolUse": entries}}
        os.makedirs(os.path.dirname(path), exist_ok=True)
        draft = f"{path}.{os.getpid()}.new"
        with open(draft, "w", encoding="utf-8") as file:
            json.dump(changed, file, indent=2)
            file.write("\n")
        os.replace(draft, path)
    return path
