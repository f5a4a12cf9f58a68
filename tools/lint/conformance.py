"""Conformance: every integration has a test that inherits the conformance suite, and takes nothing of it away."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tools.lint.tree import SOURCE, Fault, files

INTEGRATIONS = SOURCE / "cargo_ai/integrations"
TESTS = Path("tests/integrations")
SUITE = Path("tests/kit/conformance")
BASE = "IntegrationConformance"
KIT = "kit"


def faults(root: Path) -> Iterator[Fault]:
    """Integrations without such a test, and tests that replace inherited ones."""
    known = files(root)
    suite = [root / path for path in known if path.parent == SUITE and path.suffix == ".py"]
    inherited = {name for path in suite for name in _tests(path)}
    # The suite of a family of services inherits it for them.
    bases = {BASE, *(node.name for path in suite for node in _classes(path) if BASE in _bases(node))}
    for path in known:
        if path.name != "__init__.py" or path.parent.parent != INTEGRATIONS or path.parent.name == KIT:
            continue
        name = f"test_{path.parent.name}.py"
        test = next((path for path in known if path.name == name and path.is_relative_to(TESTS)), TESTS / name)
        classes = [] if test not in known else [node for node in _classes(root / test) if bases & _bases(node)]
        if not classes:
            yield Fault(path, 0, f"this integration has no conformance test: a class in {test} that inherits {BASE}")
        for node in classes:
            for method in node.body:
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.name in inherited:
                    yield Fault(test, method.lineno, f"{method.name} replaces a test of the conformance suite: give it a name of its own")


def _classes(path: Path) -> list[ast.ClassDef]:
    return [node for node in ast.parse(path.read_text("utf-8"), str(path)).body if isinstance(node, ast.ClassDef)]


def _bases(node: ast.ClassDef) -> set[str]:
    return {base.attr if isinstance(base, ast.Attribute) else base.id for base in node.bases if isinstance(base, ast.Attribute | ast.Name)}


def _tests(path: Path) -> Iterator[str]:
    for node in _classes(path):
        for method in node.body:
            if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.name.startswith("test_"):
                yield method.name
