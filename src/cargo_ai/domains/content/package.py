"""What the content domain adds to the server: the handlers of its operations, and the reading of files."""

from __future__ import annotations

from cargo_ai.context.package import Package
from cargo_ai.domains.content.files import file_rows
from cargo_ai.domains.content.files.indexing import IndexingJob

PACKAGE = Package(module=__package__ or "", jobs={file_rows.TASK: lambda services: IndexingJob(services).run})
