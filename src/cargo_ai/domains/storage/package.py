"""What the storage domain adds to the server: actions on models, native extractors, jobs and chores."""

from __future__ import annotations

from cargo_ai.context.package import Package
from cargo_ai.context.process import Hooks
from cargo_ai.domains.connection.public import ConnectorAwake
from cargo_ai.domains.storage import public
from cargo_ai.domains.storage.columns import recompute, stale_lookups
from cargo_ai.domains.storage.columns.fill_job import FillJob
from cargo_ai.domains.storage.columns.stale_lookups import LookupJob
from cargo_ai.domains.storage.events import RecordsChanged
from cargo_ai.domains.storage.history import undo
from cargo_ai.domains.storage.identity import merge
from cargo_ai.domains.storage.models import index, model_bin, model_usages, search_kinds
from cargo_ai.domains.storage.models.extractors import EXTRACTORS
from cargo_ai.domains.storage.models.index import IndexJob
from cargo_ai.domains.storage.models.refreshes import refresh_run
from cargo_ai.domains.storage.models.refreshes.refresh_job import RefreshJob
from cargo_ai.domains.storage.records import export, prune, row_results, write_backs
from cargo_ai.domains.storage.sync import due_sync, model_schedule, sync_state
from cargo_ai.domains.storage.sync.sync_job import SyncJob
from cargo_ai.engine.graph.action_registry import find_actions

PACKAGE = Package(
    module=__package__ or "",
    actions=find_actions("cargo_ai.domains.storage.actions"),
    extractors=tuple(EXTRACTORS.values()),
    jobs={
        sync_state.TASK: lambda services: SyncJob(services).run,
        refresh_run.TASK: lambda services: RefreshJob(services).run,
        index.TASK: lambda services: IndexJob(services.database).run,
        stale_lookups.TASK: lambda services: LookupJob(services.database).run,
        recompute.TASK: lambda services: FillJob(services.database).run,
        undo.TASK: lambda services: undo.UndoJob(services).run,
    },
    chores={
        "prune inserts and logs of models": lambda services: prune.prune(
            services.database, services.settings.history_days, services.settings.history_records
        ),
        "prune storage runs": lambda services: prune.prune_runs(services.database, services.settings.keep_runs_days),
        "prune reports of ingested rows": lambda services: row_results.prune(services.database, services.files),
        "compute columns again whose lookups are stale": lambda services: stale_lookups.resume(services.database),
        "prune merges": lambda services: merge.prune(services.database),
    },
    schedules={model_schedule.KIND: lambda _services: due_sync.fire},
    downloads={export.KIND: export.produce, row_results.KIND: row_results.produce},
    subscribers=[(RecordsChanged, stale_lookups.wake_readers), (ConnectorAwake, due_sync.go_on)],
    hooks=Hooks(
        catalog=public.catalog,
        bin_kinds=(model_bin.KIND,),
        search_kinds=search_kinds.KINDS,
        files_in_use=(model_usages.files_in_use,),
        written_back=(write_backs.note,),
    ),
)
