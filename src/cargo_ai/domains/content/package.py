"""What the content domain adds to the server: the handlers of its operations, and the reading of files."""

from __future__ import annotations

from cargo_ai.context.package import Package
from cargo_ai.domains.content.files import file_rows
from cargo_ai.domains.content.files.indexing import IndexingJob
from cargo_ai.engine.graph.action_registry import find_actions

PACKAGE = Package(
    module=__package__ or "",
    actions=find_actions("cargo_ai.domains.content.actions"),
    jobs={file_rows.TASK: lambda services: IndexingJob(services).run},
)
