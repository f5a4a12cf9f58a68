"""Check the code of `script` and `python` nodes without running it: its syntax, and which nodes it reads, found in the sandbox."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from cargo_ai.expression.evaluator import Evaluator
from cargo_ai.expression.sandbox.host import Language

LONGEST_MESSAGE: Final = 300

# Scripts of ours over the list of sources, which stand in the place of `nodes`. They compile, and run nothing of what they are given.
_JAVASCRIPT: Final = """
const AsyncFunction = (async () => {}).constructor;
const check = (source) => {
  // A program, or with `return` and `await` the body of a function.
  try { Function(source); return null; } catch {}
  try { AsyncFunction('nodes', 'parentNodes', source); return null; } catch (error) {
    if (!(error instanceof SyntaxError)) return null;
    const place = /<input>:(\\d+)/.exec(String(error.stack));
    return { name: error.name, message: error.message, line: place ? Number(place[1]) - 2 : null };
  }
};
return nodes.map((source) => ({ error: check(source), reads: [] }));
"""
_PYTHON: Final = """
import ast, warnings
def read_by(tree):
    own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return [] if "nodes" in own else list(dict.fromkeys(
        node.slice.value for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name) and node.value.id == "nodes"
        and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
    ))[:100]
def check(source):
    try:
        tree = ast.parse(source)
        compile(tree, "script.py", "exec")
        return {"error": None, "reads": read_by(tree)}
    except SyntaxError as error:
        return {"error": {"name": type(error).__name__, "message": error.msg, "line": error.lineno}, "reads": []}
    except (ValueError, RecursionError, MemoryError) as error:
        return {"error": {"name": type(error).__name__, "message": str(error), "line": None}, "reads": []}
warnings.simplefilter("ignore")
result = [check(source) for source in nodes]
"""
_CHECKS: Final[Mapping[Language, str]] = {"javascript": _JAVASCRIPT, "python": _PYTHON}


@dataclass(frozen=True, slots=True)
class CodeReport:
    """What is known of a source without running it. `error`: the end of a sentence with the line, None for correct syntax. `reads`: the
    nodes that it surely looks up by name."""

    error: str | None = None
    reads: tuple[str, ...] = ()


async def check_code(evaluator: Evaluator, workspace: uuid.UUID | str, language: Language, sources: Sequence[str]) -> dict[str, CodeReport]:
    """A report on each source; on none of them where the sandbox cannot run, or takes too long."""
    check = evaluator.script if language == "javascript" else evaluator.python
    outcome = await check(workspace, _CHECKS[language], {"nodes": list(sources), "parentNodes": {}})
    reports: object = outcome.value
    if outcome.error is not None or not isinstance(reports, list) or len(cast("list[object]", reports)) != len(sources):
        return {}
    return {source: _report(entry) for source, entry in zip(sources, cast("list[Any]", reports), strict=True)}


def _report(entry: Mapping[str, Any]) -> CodeReport:
    error: Mapping[str, Any] | None = entry["error"]
    reads = tuple(str(slug) for slug in entry["reads"])
    if error is None:
        return CodeReport(reads=reads)
    place = f" in line {error['line']}" if isinstance(error["line"], int) and error["line"] > 0 else ""
    return CodeReport(f"{error['name']}{place}: {str(error['message'])[:LONGEST_MESSAGE]}", reads)
