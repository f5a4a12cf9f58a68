"""What the segmentation domain adds to the server: what filters may name, change detection, and a chore."""

from __future__ import annotations

from cargo_ai.context.package import Package
from cargo_ai.context.process import Hooks
from cargo_ai.domains.segmentation import comparison
from cargo_ai.domains.segmentation.filter_scope import build_scope
from cargo_ai.domains.segmentation.watched_segments import ChangeDetector

PACKAGE = Package(
    module=__package__ or "",
    background=[lambda services: ChangeDetector(services.database).run()],
    chores={"sweep changes of segments": lambda services: comparison.prune_removed(services.database)},
    hooks=Hooks(filter_scope=build_scope),
)
