"""Diagrams: a graph drawn as text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Listed, RunStatus, Word
from cargo_ai.contract.orchestration.node import Nodes
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Uuid, Wire

DiagramFormat = Literal["mermaid", "ascii"]
SOURCES = ("nodes", "workflow_uuid", "release_uuid", "run_uuid")


class DrawDiagram(Wire):
    """A graph, from exactly one source, and how it is to look."""

    nodes: Nodes | None = Field(default=None, description="The graph itself.")
    workflow_uuid: Uuid | None = Field(default=None, description="The deployed release of this workflow.")
    draft: bool = Field(default=False, description="With a workflow: its draft instead.")
    release_uuid: Uuid | None = Field(default=None, description="This release.")
    run_uuid: Uuid | None = Field(default=None, description="The graph of this run, with the way that it took.")
    title: Annotated[str, Field(max_length=200)] | None = Field(default=None, description="A title above it.")
    direction: Literal["TD", "LR"] = Field(default="TD", description="From top to bottom, or from left to right (mermaid).")
    paid: Annotated[list[Word], Listed] | None = Field(default=None, description="Mark these nodes as costing credits: slugs or uuids.")
    highlight: Annotated[list[Word], Listed] | None = Field(default=None, description="Highlight these nodes: slugs or uuids.")
    format: DiagramFormat = Field(default="mermaid", description="Mermaid, for web pages and documents, or plain text.")
    watch: bool = Field(default=False, description="With a run: show it walking, until it ends.")

    @model_validator(mode="after")
    def _one_source(self) -> DrawDiagram:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of nodes, workflowUuid, releaseUuid and runUuid")
        if self.draft and self.workflow_uuid is None:
            raise ValueError("draft goes with workflowUuid")
        if self.watch and self.run_uuid is None:
            raise ValueError("watch goes with runUuid: only runs walk")
        return self


class Diagram(Wire):
    """The picture, and what is odd about the graph. Of a run that is watched also its status, and the node that it is at.

    `url`: where it goes on as long as it has not ended: one line of JSON, again such a picture, for every change until its end,
    for four minutes at most; then ask again.
    """

    diagram: str
    format: DiagramFormat
    warnings: list[str]
    run_status: RunStatus | None = None
    node_slug: str | None = None
    url: str | None = None

    @model_serializer(mode="wrap")
    def _as_watched(self, handler: SerializerFunctionWrapHandler):  # a return type would hide the fields from the JSON Schema
        fields = handler(self)
        return fields if self.run_status is not None else {name: fields[name] for name in ("diagram", "format", "warnings")}


DrawReason = Literal["workflowNotFound", "releaseNotFound", "runNotFound"]

draw: Operation[DrawDiagram, Diagram, DrawReason] = operations.add(
    Operation(
        "orchestration.node.diagram",
        "POST",
        "/orchestration/nodes/diagram",
        request=DrawDiagram,
        response=Diagram,
        summary="Draw a graph as a diagram in text.",
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
