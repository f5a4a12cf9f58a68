"""Mermaid: a picture as a flowchart that browsers and documents can show."""

from __future__ import annotations

from collections.abc import Iterator

from cargo_ai.domains.orchestration.diagrams.diagram_graph import Drawing, Drawn, Picture, Way

_SHAPES = {"end": ("([", "])"), "choice": ("{", "}"), "service": ("[[", "]]"), "step": ("[", "]"), "group": ("[", "]")}
_CLASSES = {
    "paid": "stroke:#b45309,stroke-width:2px",
    "highlight": "fill:#fef08a,stroke:#a16207,stroke-width:3px",
    "success": "fill:#dcfce7,stroke:#15803d",
    "error": "fill:#fee2e2,stroke:#b91c1c",
    "current": "fill:#dbeafe,stroke:#1d4ed8,stroke-width:3px",
}


def render(drawing: Drawing) -> str:
    """The flowchart. Every text of the graph's is escaped: none of it is read as Mermaid."""
    lines: list[str] = []
    if drawing.title:
        lines += ["---", f"title: {_quoted(drawing.title)}", "---"]
    lines.append(f"flowchart {drawing.direction}")
    lines += _level(drawing, drawing.picture, 1)
    used: dict[str, list[str]] = {name: [] for name in _CLASSES}
    for node in drawing.picture.every():
        for name in _classes(drawing, node):
            used[name].append(node.key)
    for name, keys in used.items():
        if keys:
            lines += [f"  classDef {name} {_CLASSES[name]}", f"  class {','.join(keys)} {name}"]
    return "\n".join(lines) + "\n"


def _level(drawing: Drawing, picture: Picture, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for node in picture.nodes.values():
        if node.inner is None:
            before, after = _SHAPES[node.form]
            yield f"{indent}{node.key}{before}{_quoted(_label(drawing, node))}{after}"
        else:
            yield f"{indent}subgraph {node.key}[{_quoted(_label(drawing, node))}]"
            yield f"{indent}  direction {drawing.direction}"
            yield from _level(drawing, node.inner, depth + 1)
            yield f"{indent}end"
    for node in picture.nodes.values():
        for way in node.ways:
            yield f"{indent}{node.key} {_arrow(drawing, picture, node, way)} {picture.nodes[way.to].key}"


def _arrow(drawing: Drawing, picture: Picture, node: Drawn, way: Way) -> str:
    target = picture.nodes[way.to]
    walked = bool(drawing.went(node)) and bool(drawing.went(target) or drawing.is_current(target))
    arrow = "-.->" if way.on_failure else "==>" if walked else "-->"
    return f"{arrow}|{_quoted(way.name)}|" if way.name else arrow


def _label(drawing: Drawing, node: Drawn) -> str:
    price = "💰 " if drawing.is_paid(node) else ""
    second = node.what if node.label == node.slug else f"{node.slug}: {node.what}"
    lines = [f"{price}{node.label}", second if second != node.label else "", drawing.note if drawing.is_current(node) else ""]
    return "\n".join(filter(None, lines))


def _classes(drawing: Drawing, node: Drawn) -> Iterator[str]:
    if drawing.is_current(node):
        yield "current"
    elif (went := drawing.went(node)) in {"success", "error"}:
        yield went
    if drawing.is_paid(node):
        yield "paid"
    if drawing.is_highlighted(node):
        yield "highlight"


def _quoted(text: str) -> str:
    """The text between quotes; what Mermaid or HTML would read as its own is written as entities."""
    escaped = "".join(
        f"#{ord(letter)};" if letter in '"#<>&`\\;' else letter if letter.isprintable() or letter == "\n" else " " for letter in text
    )
    return '"' + escaped.replace("\n", "<br/>") + '"'
