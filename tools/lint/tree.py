"""The repository for lints: its files, and the imports of its modules."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path("src")


@dataclass(frozen=True, slots=True)
class Fault:
    """A violation. `line` 0: the whole file."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else str(self.path)
        return f"{place}: {self.text}"


@dataclass(frozen=True, slots=True)
class Import:
    """A module, or a name of a module, that is imported. `deferred`: inside a function, so that it costs nothing until then."""

    name: str
    line: int
    deferred: bool


def files(root: Path) -> list[Path]:
    """What belongs to the repository, relative to it: tracked or about to be. Everything where there is no git (a source archive)."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root, capture_output=True, check=False
    )
    if listed.returncode == 0:
        names = [Path(name) for name in listed.stdout.decode().split("\0") if name]
    else:
        names = [
            path.relative_to(root) for path in root.rglob("*") if not any(part.startswith(".") for part in path.relative_to(root).parts)
        ]
    return sorted({name for name in names if (root / name).is_file() and name.suffix != ".pyc"})


def imports(path: Path, module: str) -> Iterator[Import]:
    """The imports of a file, relative ones resolved, without those for type checkers alone. `from a import b` counts as `a.b`."""
    tree = ast.parse(path.read_text("utf-8"), str(path))
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    yield from _walk(tree, package, deferred=False)


def _walk(node: ast.AST, package: str, *, deferred: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, deferred) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            source = ".".join([*(_above(package, child.level) if child.level else []), *([child.module] if child.module else [])])
            yield from (Import(f"{source}.{alias.name}", child.lineno, deferred) for alias in child.names)
        elif isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            for other in child.orelse:
                yield from _walk(other, package, deferred=deferred)
        else:
            inner = deferred or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _walk(child, package, deferred=inner)


def _above(package: str, level: int) -> list[str]:
    parts = package.split(".")
    return parts[: len(parts) - level + 1]


def module_of(path: Path) -> str:
    """`src/cargo_ai/engine/graph/graph.py` → `cargo_ai.engine.graph.graph`."""
    parts = list(path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules(root: Path) -> Iterator[tuple[Path, str]]:
    """The package's modules: path relative to the repository, and name."""
    for path in files(root):
        if path.suffix == ".py" and path.is_relative_to(SOURCE):
            yield path, module_of(path)
