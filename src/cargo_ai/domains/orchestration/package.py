"""What the orchestration domain adds to the server: native actions, sources of batches, jobs, schedules and chores."""

from __future__ import annotations

from functools import partial

from cargo_ai.context.package import Package
from cargo_ai.context.process import Hooks, Services
from cargo_ai.domains.orchestration.batches import batch_source, webhook
from cargo_ai.domains.orchestration.batches.webhook import WebhookSender
from cargo_ai.domains.orchestration.diagrams import diagram_run
from cargo_ai.domains.orchestration.dry_run import node_costs
from cargo_ai.domains.orchestration.hooks import delivery
from cargo_ai.domains.orchestration.insight import run_tail, search_kinds
from cargo_ai.domains.orchestration.nodes import node_outcomes
from cargo_ai.domains.orchestration.plays import play_policy, play_schedule, play_source, play_trigger, segment_changes
from cargo_ai.domains.orchestration.plays.play_completion import CompletionJob
from cargo_ai.domains.orchestration.plays.play_trigger import TriggerJob
from cargo_ai.domains.orchestration.removed import play_bin, tool_bin
from cargo_ai.domains.orchestration.replay import rerun_source
from cargo_ai.domains.orchestration.retention import archive_files, archive_forget, archive_removal, archived_spans, remove
from cargo_ai.domains.orchestration.retention.archive_forget import ForgetJob
from cargo_ai.domains.orchestration.retention.archive_removal import RemoveJob
from cargo_ai.domains.orchestration.retention.archived_spans import LoadJob
from cargo_ai.domains.orchestration.reviews import review_decide, review_notify
from cargo_ai.domains.orchestration.reviews.review_decide import ResumeJob
from cargo_ai.domains.orchestration.reviews.review_notify import ReviewNotifier
from cargo_ai.domains.orchestration.runs import record_export, run_cancel, run_export
from cargo_ai.domains.orchestration.runs.run_cancel import CancelJob
from cargo_ai.domains.orchestration.workflows import tool_node, trigger
from cargo_ai.domains.segmentation.public import SegmentChanged
from cargo_ai.email.smtp import Mailer
from cargo_ai.engine.dispatch.queue import Task
from cargo_ai.engine.graph.action_registry import find_actions


def _notify(services: Services) -> Task:
    mailer = services.once(Mailer, lambda: Mailer(services.settings))
    return ReviewNotifier(services.database, services.secrets, services.settings, mailer).tell


PACKAGE = Package(
    module=__package__ or "",
    actions=find_actions("cargo_ai.domains.orchestration.actions"),
    sources={
        "file": batch_source.file_source,
        "records": batch_source.file_source,
        "filter": batch_source.filter_source,
        "segment": batch_source.segment_source,
        "recordIds": batch_source.record_source,
        "change": batch_source.change_source,
        "schedule": play_source.change_source,
        "runs": lambda services: partial(rerun_source.chunks, services.database),
    },
    jobs={
        webhook.TASK: lambda services: WebhookSender(services.database, services.secrets, services.client).deliver,
        play_trigger.DUE: lambda services: TriggerJob(services.database).due,
        play_policy.END_TASK: lambda services: CompletionJob(services).ended,
        review_decide.TASK: lambda services: ResumeJob(services.database).look,
        review_notify.TASK: _notify,
        run_cancel.TASK: lambda services: CancelJob(services.database).run,
        archived_spans.TASK: lambda services: LoadJob(services).run,
        archive_removal.TASK: lambda services: RemoveJob(services).run,
        archive_forget.TASK: lambda services: ForgetJob(services).run,
    },
    schedules={
        trigger.KIND: trigger.fire_with,
        play_schedule.KIND: lambda _services: play_trigger.on_clock,
        play_trigger.CHANGE: lambda _services: play_trigger.on_segment_change,
    },
    chores={
        "prune node outcomes": lambda services: node_outcomes.prune(services.database),
        "forget events of hooks": delivery.prune,
        "remove old runs": remove.remove_old_runs,
        "expire reviews": lambda services: review_decide.sweep(services.database),
    },
    downloads={
        "runs": run_export.produce_runs,
        "runOutputs": run_export.produce_outputs,
        "latestRuns": record_export.produce_records,
        "latestOutputs": record_export.produce_outputs,
        "tail": run_tail.produce,
        "diagram": diagram_run.produce,
        "archive": archive_files.produce,
    },
    subscribers=[(SegmentChanged, segment_changes.schedule_plays)],
    hooks=Hooks(bin_kinds=(tool_bin.KIND, play_bin.KIND), search_kinds=search_kinds.KINDS, files_in_use=(batch_source.files_in_use,)),
    tools=lambda services: partial(tool_node.find, services.database),
    run_costs=node_costs.estimate_with,
)
