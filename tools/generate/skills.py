"""The command tables of the skills: one per skill, every command of its domains in a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]

HEADER = "<!-- Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead. -->\n"
DOMAINS = {
    "orchestration": "cargo-cli-orchestration",
    "expression": "cargo-cli-orchestration",
    "analytics": "cargo-cli-analytics",
    "observability": "cargo-cli-analytics",
    "storage": "cargo-cli-storage",
    "segmentation": "cargo-cli-storage",
    "system-of-record": "cargo-cli-storage",
    "connection": "cargo-cli-connection",
    "ai": "cargo-cli-ai",
    "content": "cargo-cli-ai",
    "billing": "cargo-cli-billing",
}
REST = "cargo-cli-workspace"
"""Where domains stand that no other skill has."""
MEASURING = ("run", "record", "span", "trace", "query", "queue", "batch")
"""Groups of orchestration that the skill on metrics shows, too, as far as they only read."""


def tables(files: Mapping[str, Row]) -> dict[str, str]:
    """The pages by path below the folder of skills."""
    parts: dict[str, list[str]] = {}
    for name, file in files.items():
        if name.startswith("_"):
            continue
        domain = file["domain"]
        parts.setdefault(DOMAINS.get(domain, REST), []).append(_table(domain, file["summary"], file["commands"]))
        if domain == "orchestration":
            reading = [command for command in file["commands"] if command["words"][1] in MEASURING and not command["writes"]]
            parts.setdefault("cargo-cli-analytics", []).append(_table(domain, "What these read.", reading))
    intro = f"{HEADER}# Commands\n\n`cargo-ai COMMAND --help` shows the flags of each with an example. `!` marks what changes something.\n"
    return {f"{skill}/references/commands.md": intro + "".join(tables) for skill, tables in sorted(parts.items())}


def _table(domain: str, summary: str, commands: list[Row]) -> str:
    lines = [f"\n## {domain}\n\n{summary}\n", "| Command | Needs | Does |", "| --- | --- | --- |"]
    for command in commands:
        needs = [_shown(arg) for arg in command["args"] if arg.get("required")]
        mark = " !" if command["writes"] else ""
        about = command["summary"].replace("|", "\\|")
        lines.append(f"| `{' '.join(command['words'])}`{mark} | {' '.join(f'`{need}`' for need in needs)} | {about} |")
    return "\n".join(lines) + "\n"


def _shown(arg: Row) -> str:
    return f"<{arg['wire']}>" if arg.get("positional") else arg["flags"][0]
