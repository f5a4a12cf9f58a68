"""Validate a graph before it runs, node by node, with the documented reasons: errors keep it from being deployed, doubts are warnings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from cargo_ai.engine.graph.action import ONE_ROUTE, Action, Call, Json, Models, Schema
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.graph.check.context import Visible
from cargo_ai.engine.graph.check.finding import Finding, show, suggest
from cargo_ai.engine.graph.check.reads import Read, reads
from cargo_ai.engine.graph.check.retry import check_fallback, check_retry
from cargo_ai.engine.graph.check.settings import check_settings
from cargo_ai.engine.graph.check.settled import expressions, settle, template_of
from cargo_ai.engine.graph.check.shape import circular_nodes, shape_fault
from cargo_ai.engine.graph.graph import MAXIMUM_NODES, SCOPE, compile_resolver, is_group, is_start
from cargo_ai.engine.graph.group import MAXIMUM_DEPTH
from cargo_ai.expression import EngineExpression, ExpressionError, compile_config
from cargo_ai.expression.code_syntax import CodeReport
from cargo_ai.expression.sandbox.host import Language
from cargo_ai.expression.template import find_unclosed, parse

_SLUG = re.compile(r"[a-zA-Z0-9_]+\Z")
_REASONS: Final = {"native": "nativeInvalid", "connector": "connectorInvalid", "tool": "toolInvalid", "agent": "agentInvalid"}
MAX_FINDINGS: Final = 10
"""Errors of one node that are listed, and doubts."""


@dataclass(frozen=True, slots=True)
class ToolSchemas:
    """What a tool takes and gives, as JSON Schemas; None where that is not known."""

    inputs: Schema | None
    outputs: Schema | None


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the workspace has: connectors (with the integration of each) and tools by uuid, releases of tools by (tool, release), models by
    uuid. `agents`: those that are used and there, None where no one knows. `tool_schemas`: of the used tools, by (tool, release or "").
    `template_fault` says why a template cannot stand for a tool. `start`: the JSON Schema of the record that `start` gives, None where it
    is not known."""

    actions: Actions
    connectors: Mapping[str, str] = field(default_factory=dict[str, str])
    tools: frozenset[str] = frozenset()
    tool_releases: frozenset[tuple[str, str]] = frozenset()
    tool_schemas: Mapping[tuple[str, str], ToolSchemas] = field(default_factory=dict[tuple[str, str], ToolSchemas])
    template_fault: Callable[[str], str | None] = lambda slug: f"There is no tool template {slug!r}."
    agents: frozenset[str] | None = None
    models: Models = field(default_factory=dict[str, Any])
    start: Schema | None = None
    wrong: Mapping[EngineExpression, ExpressionError] = field(default_factory=dict[EngineExpression, ExpressionError])
    """What the JavaScript engine says of expressions that only it can read (see `questions`)."""
    code: Mapping[tuple[Language, str], CodeReport] = field(default_factory=dict[tuple[Language, str], CodeReport])
    """What the sandbox says of the code in nodes (see `sources`)."""


@dataclass(frozen=True, slots=True)
class InvalidNode:
    """One node and why it cannot be. `path`: where in the node, "" for all of it. `nodes` are the faults inside a group. `fatal`: no run
    should begin with it; others keep a graph from being deployed, while a run that is only tried shows what comes of them."""

    uuid: str
    slug: str
    reason: str
    message: str
    nodes: tuple[InvalidNode, ...] = field(default=())
    path: str = ""
    fatal: bool = True

    def to_wire(self) -> dict[str, Any]:
        """The wire's shape, with a sentence of ours."""
        body: dict[str, Any] = {"node": {"uuid": self.uuid, "slug": self.slug}, "reason": self.reason, "message": self.message}
        body |= {"path": self.path} if self.path else {}
        return body | ({"invalidNodes": [node.to_wire() for node in self.nodes]} if self.nodes else {})


@dataclass(frozen=True, slots=True)
class DoubtfulNode:
    """One node and what about it may not be meant."""

    uuid: str
    slug: str
    path: str
    message: str

    def to_wire(self) -> dict[str, Any]:
        """The wire's shape."""
        return {"node": {"uuid": self.uuid, "slug": self.slug}, "path": self.path, "message": self.message}


@dataclass(slots=True)
class Report:
    """What was found in a graph, in the order of its nodes; without faults it can be deployed. Doubts are those inside of groups, too."""

    faults: list[InvalidNode] = field(default_factory=list[InvalidNode])
    doubts: list[DoubtfulNode] = field(default_factory=list[DoubtfulNode])

    def fatal(self) -> list[InvalidNode]:
        """The faults with which no run should begin: of the graph's shape, of syntax, and what an action refuses by itself."""
        return _fatal(self.faults)


def _fatal(faults: Sequence[InvalidNode]) -> list[InvalidNode]:
    listed: list[InvalidNode] = []
    for fault in faults:
        inside = tuple(_fatal(fault.nodes))
        if inside or (fault.fatal and not fault.nodes):
            listed.append(replace(fault, nodes=inside))
    return listed


def questions(nodes: Sequence[Mapping[str, Json]], actions: Actions) -> list[EngineExpression]:
    """The expressions of the nodes that only the JavaScript engine can read, each once."""
    return list(dict.fromkeys(question for node in nodes for question in compile_resolver(node, actions.find(node)).engine))


def sources(nodes: Sequence[Mapping[str, Json]], actions: Actions) -> dict[Language, list[str]]:
    """The code in the nodes by its language, each source once."""
    by_language: dict[Language, dict[str, None]] = {}
    for node in nodes:
        for _, language, source in _code_of(node, actions.find(node)):
            by_language.setdefault(language, {})[source] = None
    return {language: list(listed) for language, listed in by_language.items()}


def _code_of(node: Mapping[str, Json], action: Action[Call] | None) -> Iterator[tuple[str, Language, str]]:
    """The code of a node that its action takes: key, language and source."""
    config: object = node.get("config")
    if action is None or not action.code or not isinstance(config, Mapping):
        return
    settings = cast("Mapping[str, Json]", config)
    for key, language in action.code.items():
        source = settings.get(key)
        if isinstance(source, str) and action.check(settings) is None:
            yield key, language, source


def validate(nodes: Sequence[Mapping[str, Json]], known: Inventory) -> Report:
    """Every fault and doubt of a graph. O(size of the graph) where there is no circle."""
    return _validate(nodes, known, 0, None)


def _validate(nodes: Sequence[Mapping[str, Json]], known: Inventory, depth: int, outer: tuple[Visible, str] | None) -> Report:
    """`depth`: how many groups the graph is nested in; `outer`: the graph around the innermost of them, and its uuid."""
    report = Report()
    if len(nodes) > MAXIMUM_NODES:
        report.faults.append(InvalidNode("", "", "nodesNotFound", f"A graph has at most {MAXIMUM_NODES} nodes; this one has {len(nodes)}."))
        return report
    if not any(is_start(node) for node in nodes):
        report.faults.append(InvalidNode("", "start", "startNodeNotFound", "Add a native node with slug and actionSlug `start`."))
    present = {str(node.get("uuid")) for node in nodes}
    circular = circular_nodes(nodes)
    # What comes before what says nothing in a graph that has circles, no start, or a uuid twice.
    is_walkable = not (report.faults or circular or len(present) < len(nodes))
    visible = Visible(nodes, lambda node: _output_of(node, known, depth), outer) if is_walkable else None
    seen: set[str] = set()
    for node in nodes:
        uuid, slug = str(node.get("uuid")), str(node.get("slug"))
        fault = _structural_fault(node, known, present, circular, twice=uuid in seen)
        seen.add(uuid)
        if fault:
            report.faults.append(InvalidNode(uuid, slug, *fault))
        if not fault or fault[0] in ("nodesNotFound", "childrenUuidsInvalid"):
            _add(report, node, _findings(node, known, visible))
        if is_group(node) and not fault:
            _add_group(report, node, known, depth, visible)
    return report


def _add(report: Report, node: Mapping[str, Json], findings: Iterator[Finding]) -> None:
    """The findings of a node up to a limit. Errors behind many doubts are found."""
    uuid, slug = str(node.get("uuid")), str(node.get("slug"))
    errors = doubts = 0
    for finding in findings:
        if finding.doubt:
            doubts += 1
            if doubts <= MAX_FINDINGS:
                report.doubts.append(DoubtfulNode(uuid, slug, finding.path, finding.message))
            continue
        reason = finding.reason or _REASONS.get(str(node.get("kind")), "nativeInvalid")
        report.faults.append(InvalidNode(uuid, slug, reason, finding.message, path=finding.path, fatal=finding.fatal))
        errors += 1
        if errors == MAX_FINDINGS:
            return


def _structural_fault(
    node: Mapping[str, Json], known: Inventory, present: set[str], circular: set[str], *, twice: bool
) -> tuple[str, str] | None:
    uuid = str(node.get("uuid"))
    if twice:
        return "childrenUuidsInvalid", f"The uuid {uuid} stands on two nodes; give each node its own."
    if not _SLUG.match(str(node.get("slug"))):
        return "slugInvalid", "A slug has letters, digits and underscores only."
    unknown = _unknown(node, known)
    if unknown:
        return unknown
    children = cast("Sequence[str | None]", node.get("childrenUuids") or ())
    for child in [*children, cast("str | None", node.get("fallbackChildUuid"))]:
        if child is not None and child not in present:
            return "nodesNotFound", f"It leads to {child}, which is not among the nodes."
    allowed = _children_allowed(node, known)
    if len(children) not in allowed:
        counts = " or ".join(str(count) for count in allowed)
        return "childrenUuidsInvalid", f"It needs {counts} {'child' if counts == '1' else 'children'} and has {len(children)}."
    if uuid in circular:
        return "childrenUuidsInvalid", "It leads back to itself; a graph has no circles."
    return None


def _add_group(report: Report, node: Mapping[str, Json], known: Inventory, depth: int, visible: Visible | None) -> None:
    """What is wrong inside a group, at any depth: its nodes obey every rule that those around it obey."""
    uuid, slug = str(node.get("uuid")), str(node.get("slug"))

    def no(message: str, inside: Sequence[InvalidNode] = ()) -> None:
        report.faults.append(InvalidNode(uuid, slug, "subNodesInvalid", message, tuple(inside)))

    if depth >= MAXIMUM_DEPTH:
        return no(f"Groups can be nested {MAXIMUM_DEPTH} deep, and this one is deeper.")
    config = node.get("config")
    held: object = cast("Mapping[str, Json]", config).get("_nodes") if isinstance(config, Mapping) else None
    if not isinstance(held, list) or not held:
        return no("A group needs `_nodes`: a graph of its own with `start` and `end`.")
    listed = cast("list[Any]", held)
    misshapen = next((f"`_nodes[{at}]` {fault}" for at, node in enumerate(listed) if (fault := shape_fault(node))), None)
    if misshapen:
        return no(misshapen)
    inside = _validate(listed, known, depth + 1, None if visible is None else (visible, uuid))
    report.doubts += inside.doubts
    if inside.faults:
        problems = " ".join(f"{fault.slug or 'The graph'}: {fault.message}" for fault in inside.faults[:3])
        no(f"Its `_nodes` are not right. {problems}", inside.faults)
    return None


def _findings(node: Mapping[str, Json], known: Inventory, visible: Visible | None) -> Iterator[Finding]:
    """What is wrong with a node whose place in the graph is right."""
    uuid = str(node.get("uuid"))
    if visible is not None and not visible.ways.reaches(uuid):
        yield Finding("", "No way leads to this node: it is never executed.", doubt=True)
        visible = None
    yield from check_retry(cast("Mapping[str, Json]", node.get("retry") or {}))
    yield from check_fallback(node)
    action = known.actions.find(node)
    if action is None:
        return
    config = cast("Mapping[str, Json]", node.get("config") or {})
    for path, value in expressions(config, "config", action.verbatim):
        yield from _expression_findings(uuid, path, value, known, visible)
    for key, language, source in _code_of(node, action):
        yield from _code_findings(uuid, f"config.{key}", language, source, known, visible)
    yield from _settings_findings(node, action, config, known)


def _code_findings(uuid: str, path: str, language: Language, source: str, known: Inventory, visible: Visible | None) -> Iterator[Finding]:
    """Code may say what a name means by itself, so that what it seems to read is a doubt."""
    report = known.code.get((language, source))
    if report is None:
        return
    if report.error is not None:
        yield Finding(path, f"Its code cannot be run: {report.error}.", fatal=True)
    elif visible is not None and visible.may_read(source):
        named = [Read("nodes", (slug,), guarded=True, optional=None) for slug in report.reads]
        for read in named if language == "python" else reads(source, body=True):
            finding = visible.check(uuid, replace(read, guarded=True), path)
            if finding is not None:
                yield replace(finding, doubt=True)


def _expression_findings(uuid: str, path: str, value: Json, known: Inventory, visible: Visible | None) -> Iterator[Finding]:
    text = template_of(value)
    may_be_open = "{{" in text and any("{{" in piece for piece in parse(text) if isinstance(piece, str))
    at = find_unclosed(text) if may_be_open else None
    if at is not None:
        written = text[at : at + 40]
        is_meant = re.match(r"\{\{\s*(?:nodes|parentNodes|now)\b", written) is not None
        yield Finding(path, f"{written!r} is never closed by `}}}}`, so that it is text.", not is_meant, "expressionInvalid")
    resolver = compile_config(value, names=SCOPE, schema={})
    for problem in (*resolver.problems, *(known.wrong[question] for question in resolver.engine if question in known.wrong)):
        yield Finding(path, str(problem), reason="expressionInvalid", fatal=True)
    if visible is None or resolver.problems:
        return
    is_body = not isinstance(value, str) and value["kind"] == "jsExpression"
    for source in resolver.sources:
        if not visible.may_read(source):
            return
        for read in reads(source, body=is_body):
            finding = visible.check(uuid, read, path)
            if finding is not None:
                yield finding


def _settings_findings(node: Mapping[str, Json], action: Action[Call], config: Mapping[str, Json], known: Inventory) -> Iterator[Finding]:
    schema = action.config_schema
    if action.kind == "tool":
        schemas = _tool_schemas(node, known)
        if schemas is None and node.get("toolUuid") is not None:
            yield Finding("toolUuid", f"The tool {node['toolUuid']} has nothing deployed yet: this node fails until it has.", doubt=True)
        schema = schemas.inputs if schemas is not None else None
    if not schema or not isinstance(settle(config), Mapping):
        return
    refused = action.check(config)
    is_valid = True
    for finding in check_settings(config, schema, coerces=action.kind != "connector", verbatim=action.verbatim):
        if is_group(node) and finding.path.startswith("config._nodes"):
            continue
        is_valid = is_valid and finding.doubt
        yield replace(finding, fatal=refused is not None)
    if refused and is_valid:
        yield Finding("config", refused, fatal=True)
    elif is_valid:
        yield from action.inspect(config, known.models)


def _tool_schemas(node: Mapping[str, Json], known: Inventory) -> ToolSchemas | None:
    return known.tool_schemas.get((str(node.get("toolUuid")), str(node.get("releaseUuid") or "")))


def _output_of(node: Mapping[str, Json], known: Inventory, depth: int) -> Schema | None:
    """The JSON Schema of what a node gives, None where it is not known."""
    if is_start(node):
        return known.start if depth == 0 else None
    action = known.actions.find(node)
    if action is None:
        return None
    if action.kind == "tool":
        schemas = _tool_schemas(node, known)
        return None if schemas is None or node.get("waitUntilFinished") is False else schemas.outputs
    config = cast("Mapping[str, Json]", node.get("config") or {})
    return action.output_of(config, known.models) if isinstance(settle(config), Mapping) else None


def _unknown(node: Mapping[str, Json], known: Inventory) -> tuple[str, str] | None:
    kind = node.get("kind")
    if kind == "native":
        slug = str(node.get("actionSlug"))
        if known.actions.native(slug) is None:
            meant = suggest(slug, [action.slug for action in known.actions.natives()])
            return "nativeInvalid", f"There is no native action {show(slug)} on this server.{meant}"
        return None
    if kind == "connector":
        connector, integration = node.get("connectorUuid"), str(node.get("integrationSlug"))
        if connector is not None and connector not in known.connectors:
            return "connectorNotFound", f"There is no connector {connector}: see `cargo-ai connection connector list`."
        if connector is not None and known.connectors[str(connector)] != integration:
            return "connectorNotFound", f"The connector {connector} is one of {known.connectors[str(connector)]}, not of {integration}."
        if known.actions.find(node) is None:
            return "actionNotFound", f"Integration {integration!r} has no action {node.get('actionSlug')!r} on this server."
        return None
    if kind == "tool":
        fault = _tool_fault(node, known)
        return ("toolInvalid", fault) if fault else None
    if known.actions.find(node) is None:
        return "agentInvalid", "This server cannot run agent nodes."
    if node.get("agentUuid") is None:
        return "agentInvalid", "An agent node needs agentUuid: see `cargo-ai ai agent list`."
    if known.agents is not None and str(node["agentUuid"]) not in known.agents:
        return "agentInvalid", f"There is no agent {node['agentUuid']}: see `cargo-ai ai agent list`."
    return None


def _tool_fault(node: Mapping[str, Json], known: Inventory) -> str | None:
    tool, release = node.get("toolUuid"), node.get("releaseUuid")
    if tool is None:
        if node.get("templateSlug") is None:
            return "It names no tool: set toolUuid (see `cargo-ai orchestration tool list`)."
        return "A releaseUuid needs the toolUuid that it belongs to." if release else known.template_fault(str(node["templateSlug"]))
    if tool not in known.tools:
        return f"There is no tool {tool}: see `cargo-ai orchestration tool list`."
    if release is not None and (str(tool), str(release)) not in known.tool_releases:
        return f"The tool {tool} has no release {release}."
    return None


def _children_allowed(node: Mapping[str, Json], known: Inventory) -> tuple[int, ...]:
    action = known.actions.find(node)
    routes = action.routes_of(cast("Mapping[str, Json]", node.get("config") or {})) if action else ONE_ROUTE
    return routes.counts
