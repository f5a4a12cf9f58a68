"""Circles: no two modules import each other, not even through others or inside functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tools.lint.tree import Fault, imports, modules


def faults(root: Path) -> Iterator[Fault]:
    """Circles of imports, one each time: the first module in it that is found, with the way back to itself."""
    paths = {module: path for path, module in modules(root)}
    graph = {module: _imported(root / path, module, paths) for module, path in paths.items()}
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            # graphlib gives the way against the direction of the imports.
            circle: list[str] = error.args[1][::-1]
            yield Fault(paths[circle[0]], 0, f"imports itself in a circle: {' → '.join(circle)}")
            graph[circle[0]].remove(circle[1])
        else:
            return


def _imported(path: Path, module: str, paths: Mapping[str, Path]) -> set[str]:
    """The package's own modules that a module imports. A name in a module counts as the module."""
    names: set[str] = set()
    for imported in imports(path, module):
        name = imported.name
        while name and name not in paths:
            name = name.rpartition(".")[0]
        if name and name != module:
            names.add(name)
    return names
