"""ASCII: a picture as indented lines that any terminal can show."""

from __future__ import annotations

from collections.abc import Iterator

from cargo_ai.domains.orchestration.diagrams.diagram_graph import Drawing, Drawn, Picture

_FORMS = {"end": ("(", ")"), "choice": ("<", ">"), "service": ("[[", "]]"), "step": ("[", "]"), "group": ("{", "}")}
_MARKS = {"success": " ok", "error": " FAILED"}


def render(drawing: Drawing) -> str:
    """The lines. A node that several ways lead to is drawn once and named where the others come in."""
    lines: list[str] = []
    if drawing.title:
        title = " ".join(drawing.title.split())
        lines += [title, "=" * len(title)]
    lines += _level(drawing, drawing.picture, "")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _level(drawing: Drawing, picture: Picture, indent: str) -> Iterator[str]:
    seen: set[str] = set()
    for at, node in enumerate(picture.first()):
        if at:
            yield ""
        yield from _from(drawing, picture, node, indent, seen)
    for node in picture.nodes.values():
        if node.uuid not in seen:  # only on a circle
            yield from _from(drawing, picture, node, indent, seen)


def _from(drawing: Drawing, picture: Picture, node: Drawn, indent: str, seen: set[str]) -> Iterator[str]:
    while True:
        if node.uuid in seen:
            yield f"{indent}^ {_short(node)}"
            return
        seen.add(node.uuid)
        yield indent + _label(drawing, node)
        if node.inner is not None:
            yield f"{indent}:  for each item"
            yield from _level(drawing, node.inner, f"{indent}:  ")
        if len(node.ways) == 1 and not node.ways[0].name:
            yield f"{indent}|"
            node = picture.nodes[node.ways[0].to]
            continue
        for at, way in enumerate(node.ways):
            last = at == len(node.ways) - 1
            yield f"{indent}+- {_plain(way.name) or 'then'}"
            yield from _from(drawing, picture, picture.nodes[way.to], indent + ("   " if last else "|  "), seen)
        return


def _short(node: Drawn) -> str:
    before, after = _FORMS[node.form]
    return f"{before}{node.slug}{after}"


def _label(drawing: Drawing, node: Drawn) -> str:
    name = f" {_plain(node.label)}" if node.label != node.slug else ""
    what = f" ({node.what})" if node.what != node.slug else ""
    price = " $" if drawing.is_paid(node) else ""
    light = " <==" if drawing.is_highlighted(node) else ""
    now = f" <- now{', ' if drawing.note else ''}{drawing.note}" if drawing.is_current(node) else _MARKS.get(drawing.went(node), "")
    return f"{_short(node)}{name}{what}{price}{now}{light}"


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
