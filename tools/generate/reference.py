"""The reference pages: one per domain, every command with its flags, its reply, its refusals and its path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generate import index

from cargo_ai.contract.workspace.members.permission import ACTIONS
from cargo_ai.kernel.operation import AnyOperation

Row = dict[str, Any]

HEADER = "<!-- Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead. -->\n"


def pages(files: Mapping[str, Row], operations: Mapping[str, AnyOperation]) -> dict[str, str]:
    """The pages by file name; `README.md` lists the domains."""
    texts: dict[str, str] = {}
    listed = ["# Command reference", "", "| Domain | Commands |", "| --- | --- |"]
    for name, file in files.items():
        if name.startswith("_"):
            continue
        texts[f"{file['domain']}.md"] = _page(file, operations)
        listed.append(f"| [{file['domain']}]({file['domain']}.md) | {_cell(file['summary'])} |")
    listed.append("| [permissions](permissions.md) | Every permission, and the commands that need it. |")
    texts["permissions.md"] = _permissions(files, operations)
    return {"README.md": HEADER + "\n".join(listed) + "\n", **texts}


def _permissions(files: Mapping[str, Row], operations: Mapping[str, AnyOperation]) -> str:
    """Every permission that a rule can name, with the commands that need exactly it."""
    listed = [command for name, file in files.items() if not name.startswith("_") for command in file["commands"]]
    commands = {command["operation"]: " ".join(command["words"]) for command in listed}
    intro = "What the rules of roles and tokens name. `write` includes `read`; `*` is both, and so are a domain and what is in it."
    parts = ["# Permissions", "", intro, "", "| Permission | Commands that need it |", "| --- | --- |"]
    for action in ACTIONS:
        needing = sorted(words for name, words in commands.items() if operations[name].permission == action)
        parts.append(f"| `{action}` | {', '.join(f'`{words}`' for words in needing)} |")
    return HEADER + "\n".join(parts) + "\n"


def _page(file: Row, operations: Mapping[str, AnyOperation]) -> str:
    parts = [f"# {file['domain']}", file["summary"]]
    for command in file["commands"]:
        parts.append(_command(command, operations[command["operation"]]))
    return HEADER + "\n\n".join(part for part in parts if part) + "\n"


def _command(command: Row, operation: AnyOperation) -> str:
    parts = [f"## {' '.join(command['words'])}", command["summary"]]
    if command["examples"]:
        parts.append("```console\n" + "\n".join(f"$ {example}" for example in command["examples"]) + "\n```")
    facts = [f"- REST: `{command['verb']} /v1{command['path']}`"]
    facts.append(f"- Permission: `{operation.permission}`" if operation.permission else "- Permission: any token")
    if command["aliases"]:
        facts.append("- Also: " + ", ".join(f"`{' '.join(alias)}`" for alias in command["aliases"]))
    if command["until"]:
        final = ", ".join(f"`{value}`" for value in command["until"]["final"])
        facts.append(f"- `--wait-until-finished` waits until `{command['until']['field']}` is one of {final}")
    parts.append("\n".join(facts))
    if command["args"]:
        rows = [_flag(arg) for arg in command["args"]]
        parts.append("\n".join(["| Flag | Takes | |", "| --- | --- | --- |", *rows]))
    parts.append(_reply(operation))
    if command["reasons"]:
        rows = [f"| `{reason}` | {spec.status} | {_cell(index.sentence(spec))} |" for reason, spec in operation.refusals.items()]
        parts.append("\n".join(["| Reason | Status | Says |", "| --- | --- | --- |", *rows]))
    return "\n\n".join(parts)


def _flag(arg: Row) -> str:
    name = ", ".join(f"`{flag}`" for flag in arg["flags"])
    if arg.get("positional"):
        name += " or in its place"
    takes = " \\| ".join(f"`{value}`" for value in arg["values"]) if arg.get("values") else arg["type"]
    if arg.get("values") and arg["type"] == "csv":
        takes += ", with commas"
    if arg.get("noun"):
        takes = "uuid or name" if arg["type"] == "string" else "uuids or names, with commas"
    notes = [f"**required**, or `--{arg['or']}`." if "or" in arg else "**required**"] if arg.get("required") else []
    if arg["help"]:
        notes.append(_cell(arg["help"]))
    if "default" in arg:
        notes.append(f"Default: `{arg['default']}`.")
    return f"| {name} | {takes} | {' '.join(notes)} |"


def _reply(operation: AnyOperation) -> str:
    if operation.output == "text":
        return "Replies with plain text."
    schema: Row = operation.response.model_json_schema(by_alias=True, mode="serialization")
    keys = list(schema.get("properties", {}))
    return "Replies with " + ", ".join(f"`{key}`" for key in keys) + "." if keys else "Replies with one of several documents."


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
