"""Diagrams: a graph drawn as text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Listed, RunStatus, Word
from cargo_ai.contract.orchestration.nodes.node import Nodes
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Uuid, Wire

DiagramFormat = Literal["mermaid", "ascii", "layout"]
NodeForm = Literal["end", "choice", "group", "service", "step"]
_UNWATCHED = ("diagram", "format", "warnings", "layout")
SOURCES = ("nodes", "workflow_uuid", "release_uuid", "run_uuid")


class DrawDiagram(Wire):
    """A graph from exactly one source, and how to draw it."""

    nodes: Nodes | None = Field(default=None, description="Draw this graph: a list of nodes.")
    workflow_uuid: Uuid | None = Field(default=None, description="Draw the deployed release of this workflow.")
    draft: bool = Field(default=False, description="With a workflow: draw its draft instead.")
    release_uuid: Uuid | None = Field(default=None, description="Draw this release.")
    run_uuid: Uuid | None = Field(default=None, description="Draw the graph of this run, with the route that it took.")
    title: Annotated[str, Field(max_length=200)] | None = Field(default=None, description="A title above the diagram.")
    direction: Literal["TD", "LR"] = Field(default="TD", description="TD: top to bottom; LR: left to right (mermaid only).")
    paid: Annotated[list[Word], Listed] | None = Field(
        default=None, description="Mark these nodes as costing credits: slugs or uuids, comma-separated."
    )
    highlight: Annotated[list[Word], Listed] | None = Field(
        default=None, description="Highlight these nodes: slugs or uuids, comma-separated."
    )
    format: DiagramFormat = Field(
        default="mermaid",
        description="mermaid: for web pages and documents; ascii: plain text; layout: also the positions of boxes and lines.",
    )
    watch: bool = Field(default=False, description="With a run: redraw it at every step, until it ends.")

    @model_validator(mode="after")
    def _one_source(self) -> DrawDiagram:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of `nodes`, `workflowUuid`, `releaseUuid` and `runUuid`")
        if self.draft and self.workflow_uuid is None:
            raise ValueError("`draft` goes with `workflowUuid`")
        if self.watch and self.run_uuid is None:
            raise ValueError("`watch` goes with `runUuid`: only a run changes")
        return self


class DiagramNode(Wire):
    """A box. `key` is unique in the diagram, which `uuid` need not be in groups; `group`: the key of the group that it is in. `x`, `y`: its
    corner. `went`: how it went in the run, null where the run never came. `note`: what the run waits for there."""

    key: str
    group: str | None
    uuid: str
    slug: str
    label: str
    what: str
    form: NodeForm
    x: float
    y: float
    width: float
    height: float
    went: str | None
    is_current: bool
    note: str
    is_paid: bool
    is_highlighted: bool


class DiagramWay(Wire):
    """A line between boxes, by their keys, through these points. `name`: when it is taken; `walked`: the run took it."""

    source: str
    target: str
    name: str
    on_failure: bool
    walked: bool
    points: list[list[float]]


class DiagramLayout(Wire):
    """Where everything is, from the top left corner on, in pixels."""

    width: float
    height: float
    nodes: list[DiagramNode]
    ways: list[DiagramWay]


class Diagram(Wire):
    """The diagram, and warnings about the graph. With the format `layout` it is plain text, and `layout` has the positions. For a watched
    run also its status and current node.

    `url`: a stream of JSON lines, one such diagram per change, until the run ends or four minutes have passed; then ask again.
    """

    diagram: str
    format: DiagramFormat
    warnings: list[str]
    layout: DiagramLayout | None = None
    run_status: RunStatus | None = None
    node_slug: str | None = None
    url: str | None = None

    @model_serializer(mode="wrap")
    def _as_watched(self, handler: SerializerFunctionWrapHandler):  # a return type would hide the fields from the JSON Schema
        fields = handler(self)
        if self.layout is None:
            del fields["layout"]
        return fields if self.run_status is not None else {name: fields[name] for name in _UNWATCHED if name in fields}


DrawReason = Literal["workflowNotFound", "releaseNotFound", "runNotFound"]

draw: Operation[DrawDiagram, Diagram, DrawReason] = operations.add(
    Operation(
        "orchestration.node.diagram",
        "POST",
        "/orchestration/nodes/diagram",
        request=DrawDiagram,
        response=Diagram,
        summary="Draw a graph as a Mermaid or plain-text diagram.",
        permission="orchestration:workflow:read",
        refusals={
            "workflowNotFound": refusal(404, "There is no workflow with uuid {uuid}."),
            "releaseNotFound": refusal(404, "There is no release to draw: {cause}"),
            "runNotFound": refusal(404, "There is no run with uuid {uuid}."),
        },
        reads=True,
        cli=Cli(
            flags={"nodes": ("--nodes", "--file")},
            files=frozenset({"nodes"}),
            text=("--raw", "diagram"),
            live="diagram",
            examples=(
                "cargo-ai orchestration node diagram --workflow-uuid UUID --draft --format ascii --raw",
                "cargo-ai orchestration node diagram --file nodes.json --title Enrichment --direction LR --raw",
                "cargo-ai orchestration node diagram --run-uuid UUID --highlight end",
                "cargo-ai orchestration node diagram --run-uuid UUID --watch",
            ),
        ),
    )
)
