"""What the segmentation domain adds to the server: what filters may name, change detection, and a chore."""

from __future__ import annotations

from cargo_ai.context.package import Package
from cargo_ai.context.process import Hooks
from cargo_ai.domains.segmentation import export, search_kinds, segment_bin
from cargo_ai.domains.segmentation.changes import change, comparison, comparison_job, watched_segments
from cargo_ai.domains.segmentation.changes.watched_segments import ChangeDetector
from cargo_ai.domains.segmentation.filter_scope import build_scope
from cargo_ai.domains.storage.public import ModelChanged, RecordsChanged
from cargo_ai.engine.dispatch.timers.lookout import Lookout

PACKAGE = Package(
    module=__package__ or "",
    jobs={comparison_job.TASK: lambda services: comparison_job.ComparisonJob(services.database).run},
    background=[lambda services: ChangeDetector(services.database, services.once(Lookout, Lookout)).run()],
    chores={"sweep changes of segments": lambda services: comparison.prune_removed(services.database)},
    downloads={"segment": export.produce, "change": change.produce},
    subscribers=[(RecordsChanged, watched_segments.mark_touched), (ModelChanged, watched_segments.mark_touched)],
    hooks=Hooks(filter_scope=build_scope, bin_kinds=(segment_bin.KIND,), search_kinds=search_kinds.KINDS),
)
