"""Paths into JSON documents: the fields that `--fields` names, and the expressions of `--jq`."""

from __future__ import annotations

import re

from cargo_ai.cli import output
from cargo_ai.cli.failure import usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FIELD = re.compile(r"[^.,\s]+(\.[^.,\s]+)*")
SIMPLE = re.compile(r"""(\.[A-Za-z_][A-Za-z0-9_]*|\.?\["[^"\\]+"\]|\.?\[-?\d{0,9}\])+|\.""")
STEP = re.compile(r"""\.?(?:([A-Za-z_][A-Za-z0-9_]*)|\["([^"\\]+)"\]|\[(-?\d*)\])""")
HOW_TO_JQ = "It needs the program jq (https://jqlang.org), which is not on the PATH; paths such as .tools[].uuid work without it."


def fields(texts: list[str]) -> list[list[str]]:
    """The paths of `--fields a,b.c`; Failure (2) for what is not one."""
    for text in texts:
        if not FIELD.fullmatch(text):
            raise usage("invalidValue", f'--fields takes names with dots between them, such as uuid,run.status, not "{text}".')
    return [text.split(".") for text in texts]


def pick(value: Any, paths: list[list[str]]) -> Any:
    """An object with the values at the paths alone; null where there is no such value. Lists on the way are picked from one by one."""
    chosen: dict[str, Any] = {}
    for path in paths:
        _put(chosen, path, value)
    return chosen


def _put(into: dict[str, Any], path: list[str], value: Any) -> None:
    first, *rest = path
    inner = output.as_object(value).get(first)
    if not rest:
        into[first] = inner
    elif output.is_list(inner):
        before = into.get(first)
        held: list[Any] = before if output.is_list(before) and len(before) == len(inner) else [{} for _ in inner]
        into[first] = held
        for entry, item in zip(held, inner, strict=True):
            _put(entry, rest, item)
    else:
        before = into.get(first)
        into[first] = output.as_object(before)
        _put(into[first], rest, inner)


def at(value: Any, path: list[str]) -> Any:
    """The value at a path, None where a key is missing; of a list the values of its items."""
    for at_, key in enumerate(path):
        if output.is_list(value):
            return [at(item, path[at_:]) for item in value]
        value = output.as_object(value).get(key)
    return value


class Query:
    """An expression of `--jq`. Plain paths are followed here; anything else is given to the program jq."""

    def __init__(self, expression: str) -> None:
        self.expression = expression.strip()
        self.is_simple = bool(SIMPLE.fullmatch(self.expression))
        self._program = "" if self.is_simple else _program()

    def texts(self, document: Any) -> bytes:
        """What the expression gives, a line for each result: texts as they are, anything else as JSON. Failure (2) when it is wrong."""
        import json

        if self.is_simple:
            results = _follow([document], self.expression)
            lines = [
                result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, separators=(",", ":")) for result in results
            ]
            return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
        import subprocess

        command = [self._program, "-r", "-c", "--", self.expression]
        done = subprocess.run(command, input=json.dumps(document).encode(), capture_output=True, check=False)
        if done.returncode:
            why = output.clean(done.stderr.decode("utf-8", "replace").strip().splitlines()[0] if done.stderr.strip() else "no reason given")
            raise usage("invalidExpression", f"--jq: {why}.")
        return done.stdout


def _program() -> str:
    import shutil

    found = shutil.which("jq")
    if found is None:
        raise usage("jqMissing", f"--jq cannot evaluate this expression. {HOW_TO_JQ}")
    return found


def _follow(values: list[Any], expression: str) -> list[Any]:
    for match in STEP.finditer(expression):
        name, quoted, number = match.groups()
        after: list[Any] = []
        for value in values:
            after += _step(value, name or quoted, number)
        values = after
    return values


def _step(value: Any, name: str | None, number: str | None) -> list[Any]:
    if name is not None:
        if value is not None and not output.is_object(value):
            raise usage("invalidExpression", f'--jq: there is no "{name}" in something that is not an object.')
        return [output.as_object(value).get(name)]
    if number:
        if value is not None and not output.is_list(value):
            raise usage("invalidExpression", f"--jq: there is no [{number}] in something that is not a list.")
        items: list[Any] = value or []
        return [items[int(number)] if -len(items) <= int(number) < len(items) else None]
    if output.is_list(value):
        return value
    if output.is_object(value):
        return list(value.values())
    raise usage("invalidExpression", "--jq: [] needs a list or an object.")
