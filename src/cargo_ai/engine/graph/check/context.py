"""Check what a node's expressions read: that the nodes come before it, and that their outputs have the fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cargo_ai.engine.graph.action import Schema
from cargo_ai.engine.graph.check.fields import MissingField, find_missing
from cargo_ai.engine.graph.check.finding import Finding, suggest
from cargo_ai.engine.graph.check.reads import Read
from cargo_ai.engine.graph.check.ways import Ways

Json = Any
MAX_CHARACTERS: Final = 500_000
"""Characters of expressions whose paths are checked in one graph, groups included; what is behind them is taken as it is."""
OutputOf = Callable[[Mapping[str, Json]], Schema | None]


class Visible:
    """What the nodes of one graph see of each other, and of the graph around it.

    `output_of`: the JSON Schema of what a node gives, None where it is not known. `outer`: inside a group, the graph around it and the
    uuid of the group.
    """

    def __init__(self, nodes: Sequence[Mapping[str, Json]], output_of: OutputOf, outer: tuple[Visible, str] | None = None) -> None:
        self.ways = Ways(nodes)
        self._nodes = nodes
        self._output_of = output_of
        self._outputs: dict[int, Schema | None] = {}
        self._outer = outer
        self._characters = MAX_CHARACTERS

    def may_read(self, source: str) -> bool:
        """Whether this expression is still looked at: reading those of one graph takes half a second at most."""
        if self._outer is not None:
            return self._outer[0].may_read(source)
        self._characters -= len(source)
        return self._characters >= 0

    def check(self, uuid: str, read: Read, path: str) -> Finding | None:
        """What is wrong with one path that the node reads; None where nothing is, or where that is not known."""
        if not read.keys:
            return None
        if read.root == "parentNodes":
            if self._outer is None:
                return None
            outer, group = self._outer
            return outer._read(group, read, path, inside=True)
        return self._read(uuid, read, path)

    def _read(self, uuid: str, read: Read, path: str, *, inside: bool = False) -> Finding | None:
        slug = str(read.keys[0])
        careful = read.guarded or read.optional == 1
        earlier = self.ways.before(uuid, slug)
        if not earlier:
            return Finding(path, f"{read} is never there: {self._why_absent(uuid, slug, inside=inside)}", careful, "expressionInvalid")
        missing = [self._missing(at, read.keys) for at in earlier]
        if None not in missing:
            first = next(field for field in missing if field is not None)
            doubt = read.guarded or read.optional == first.position + 1 or not all(field is None or field.certain for field in missing)
            return Finding(path, _say_missing(read, first), doubt, "expressionInvalid")
        if not careful and len(earlier) == 1 and not self.ways.is_always_before(uuid, earlier[0]):
            why = f"not every path to this node goes through {slug}. Write {_optional(read)} if that is meant."
            return Finding(path, f"{read} can be undefined: {why}", doubt=True)
        return None

    def _why_absent(self, uuid: str, slug: str, *, inside: bool) -> str:
        slugs = self.ways.slugs()
        if slug not in slugs:
            if not inside and self._outer is not None and slug in self._outer[0].ways.slugs():
                return f"the node {slug} is outside of this group; read it as parentNodes.{slug}."
            return f"there is no node {slug}.{suggest(slug, slugs, 'There are')}"
        node = next(str(node.get("slug")) for node in self._nodes if str(node.get("uuid")) == uuid)
        if slug == node:
            return "that is the node itself." if not inside else "that is the group itself."
        if self.ways.comes_later(uuid, slug):
            return f"the node {slug} comes after this one."
        return f"no path to this node goes through {slug}."

    def _missing(self, at: int, keys: Sequence[str | int]) -> MissingField | None:
        node = self._nodes[at]
        may_fail = node.get("fallbackOnFailure") or node.get("fallbackChildUuid") is not None
        if may_fail and len(keys) > 1 and keys[1] == "errorMessage":
            return None
        if at not in self._outputs:
            self._outputs[at] = self._output_of(node)
        schema = self._outputs[at]
        return None if schema is None else find_missing(schema, keys, 1)


def _say_missing(read: Read, missing: MissingField) -> str:
    key, owner = read.keys[missing.position], str(Read(read.root, read.keys[: missing.position], False, None))
    if missing.of_list:
        return f"{read} is not there: {owner} is a list, which has no {key}; read an item as {owner}[0]."
    why = "not there" if missing.certain else "not among the declared fields"
    return f"{read} is {why}: {owner} has no {key}.{suggest(str(key), missing.names)}"


def _optional(read: Read) -> str:
    """The path with `?.` after the node."""
    whole, node = str(read), f"{read.root}.{read.keys[0]}"
    rest = whole[len(node) :]
    return f"{node}?.{rest.removeprefix('.')}" if rest else f"{node} ?? null"
