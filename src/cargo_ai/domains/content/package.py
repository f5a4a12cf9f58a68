"""What the content domain adds to the server: the handlers of its operations, and the reading, embedding and fetching of files."""

from __future__ import annotations

from cargo_ai.context.package import Package
from cargo_ai.domains.content.embedding import embedders
from cargo_ai.domains.content.embedding.job import EmbeddingJob, go_on
from cargo_ai.domains.content.files import file_rows
from cargo_ai.domains.content.files.indexing import IndexingJob
from cargo_ai.domains.content.libraries import libraries
from cargo_ai.domains.content.libraries.sync import LibrarySync, fill_due
from cargo_ai.engine.graph.action_registry import find_actions

PACKAGE = Package(
    module=__package__ or "",
    actions=find_actions("cargo_ai.domains.content.actions"),
    jobs={
        file_rows.TASK: lambda services: IndexingJob(services).run,
        embedders.TASK: lambda services: EmbeddingJob(services).run,
        libraries.TASK: lambda services: LibrarySync(services).run,
    },
    chores={"embed passages that lack vectors": go_on, "fill libraries of connectors": fill_due},
)
