# Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead.
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import cargo_ai.contract.orchestration.archive
import cargo_ai.contract.orchestration.batches.batch
import cargo_ai.contract.orchestration.batches.batch_data
import cargo_ai.contract.orchestration.batches.batch_preview
import cargo_ai.contract.orchestration.diagram
import cargo_ai.contract.orchestration.insight.explain
import cargo_ai.contract.orchestration.insight.query
import cargo_ai.contract.orchestration.insight.queue
import cargo_ai.contract.orchestration.insight.run_diff
import cargo_ai.contract.orchestration.insight.run_errors
import cargo_ai.contract.orchestration.insight.span
import cargo_ai.contract.orchestration.insight.trace
import cargo_ai.contract.orchestration.nodes.action
import cargo_ai.contract.orchestration.nodes.memory
import cargo_ai.contract.orchestration.nodes.node
import cargo_ai.contract.orchestration.nodes.node_trial
import cargo_ai.contract.orchestration.record
import cargo_ai.contract.orchestration.retention
import cargo_ai.contract.orchestration.review
import cargo_ai.contract.orchestration.runs.execution
import cargo_ai.contract.orchestration.runs.run
import cargo_ai.contract.orchestration.runs.run_log
import cargo_ai.contract.orchestration.workflows.play
import cargo_ai.contract.orchestration.workflows.release
import cargo_ai.contract.orchestration.workflows.release_change
import cargo_ai.contract.orchestration.workflows.template
import cargo_ai.contract.orchestration.workflows.tool
import cargo_ai.contract.orchestration.workflows.workflow
import cargo_ai.contract.segmentation.filter
import cargo_ai.contract.workspace.bin
import cargo_ai.kernel.wire
import cargo_ai.sdk.downloads

class ActionMethods:
    def execute(
        self,
        *,
        action: cargo_ai.contract.orchestration.nodes.action.NativeAction | cargo_ai.contract.orchestration.nodes.action.ConnectorAction | cargo_ai.contract.orchestration.nodes.action.ToolAction | cargo_ai.contract.orchestration.nodes.action.AgentAction | Mapping[str, Any],
        data: Any = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.runs.run.RunReply:
        """Execute one action on one record.

        action: The action, as orchestration action list shows it: {"kind":"connector","integrationSlug":"http","actionSlug":"request"},
          {"kind":"tool","toolUuid":"..."} or {"kind":"native","actionSlug":"..."}.
        data: The action's inputs, a JSON object: {"url":"https://example.com"}.

        Wait for its end: client.orchestration.run.wait(reply.run.uuid)

        Refused for: workflowNotFound, invalidReleaseOrCustomNodes, playNotCompatible, nodesNotFound, invalidData, rootNodeNotFound,
          failedToStart, notEnoughCredits, concurrencyLimitReached
        """
        ...

    def execute_batch(
        self,
        *,
        action: cargo_ai.contract.orchestration.nodes.action.NativeAction | cargo_ai.contract.orchestration.nodes.action.ConnectorAction | cargo_ai.contract.orchestration.nodes.action.ToolAction | cargo_ai.contract.orchestration.nodes.action.AgentAction | Mapping[str, Any],
        records: Sequence[Mapping[str, Any]] | None = ...,
        data: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = ...,
        webhook_url: str | None = ...,
        webhook_secret: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.batches.batch.BatchReply:
        """Execute one action on many records.

        action: The action, as orchestration action list shows it: {"kind":"connector","integrationSlug":"http","actionSlug":"request"},
          {"kind":"tool","toolUuid":"..."} or {"kind":"native","actionSlug":"..."}.
        records: The records, a list of JSON objects with the action's inputs.
        data: One record, or a list of them, instead of --records.
        webhook_url: The URL to which the finished batch is sent by POST.
        webhook_secret: Signs the webhook: its header x-cargo-signature is the HMAC-SHA256 of the body with this secret.

        Wait for its end: client.orchestration.batch.wait(reply.batch.uuid)

        Refused for: workflowNotFound, invalidReleaseOrCustomNodes, invalidDataKind, nodesNotFound, rootNodeNotFound, dataError,
          failedToStart, notEnoughCredits
        """
        ...

    def get_output_schema(
        self,
        *,
        action: cargo_ai.contract.orchestration.nodes.action.NativeAction | cargo_ai.contract.orchestration.nodes.action.ConnectorAction | cargo_ai.contract.orchestration.nodes.action.ToolAction | cargo_ai.contract.orchestration.nodes.action.AgentAction | Mapping[str, Any],
        data: Any = ...,
    ) -> cargo_ai.contract.orchestration.nodes.action.OutputSchema:
        """Show the JSON Schema of an action's output, without executing it.

        action: The action, as orchestration action list shows it: {"kind":"connector","integrationSlug":"http","actionSlug":"request"},
          {"kind":"tool","toolUuid":"..."} or {"kind":"native","actionSlug":"..."}.
        data: A record; optional.

        Refused for: integrationNotFound, connectorNotFound, actionNotFound, actionHasNoOutput, releaseNotFound, failedToGetSchema
        """
        ...

    def list(
        self,
        query: str | None = ...,
        *,
        kind: Literal['native', 'connector', 'tool', 'agent'] | None = ...,
        integration_slug: str | None = ...,
        category: str | None = ...,
        credits_only: bool = ...,
        limit: int = ...,
    ) -> cargo_ai.contract.orchestration.nodes.action.FoundActions:
        """Search the actions of connectors, the native actions, the tools and the agents.

        query: Words that must all occur; all actions by default.
        kind: Only actions of this kind.
        integration_slug: Only actions of this integration.
        category: Only actions of integrations of this category, such as enrichment.
        credits_only: Only actions that cost credits.
        limit: How many at most, 1 to 50.
        """
        ...

class ArchiveMethods:
    def download(
        self,
        *,
        month: str,
    ) -> cargo_ai.sdk.downloads.Download:
        """Download the executions of an archived month, with the outputs of their nodes.

        month: The month in which the runs were created, as 2026-01.

        Refused for: monthNotFound
        """
        ...

    def forget(
        self,
        *,
        record_ids: Sequence[str],
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.archive.ForgettingReply:
        """Erase records from the archive: the outputs of nodes in their runs, and in those that these started.

        record_ids: The ids of records, of whichever model, at most 10,000, comma-separated.
        """
        ...

    def list(
        self,
    ) -> cargo_ai.contract.orchestration.archive.ArchiveReply:
        """List the months of which executions are archived.
        """
        ...

    def load(
        self,
        *,
        month: str,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.archive.MonthReply:
        """Let SQL over spans find the executions of an archived month again, for a week.

        month: The month in which the runs were created, as 2026-01.

        Refused for: monthNotFound
        """
        ...

    def remove(
        self,
        *,
        month: str,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.archive.MonthReply:
        """Remove a month from the archive, with the large outputs that only it names.

        month: The month in which the runs were created, as 2026-01.

        Refused for: monthNotFound
        """
        ...

class BatchMethods:
    def cancel(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Cancel a batch: each of its runs stops before its next node.

        uuid: Its uuid.

        Refused for: batchNotFound, batchAlreadyFinished, failedToStart
        """
        ...

    def create(
        self,
        *,
        data: cargo_ai.contract.orchestration.batches.batch_data.SegmentData | cargo_ai.contract.orchestration.batches.batch_data.ChangeData | cargo_ai.contract.orchestration.batches.batch_data.FileData | cargo_ai.contract.orchestration.batches.batch_data.FilterData | cargo_ai.contract.orchestration.batches.batch_data.RunsData | cargo_ai.contract.orchestration.batches.batch_data.RecordIdsData | cargo_ai.contract.orchestration.batches.batch_data.RecordsData | cargo_ai.contract.orchestration.batches.batch_data.ScheduleData | cargo_ai.contract.orchestration.batches.batch_data.FormData | cargo_ai.contract.orchestration.batches.batch_data.OtherData | Mapping[str, Any],
        ramp: Sequence[int] | None = ...,
        stop_on_error_rate: str | None = ...,
        max_credits: int | float | None = ...,
        workflow_uuid: str | None = ...,
        release_uuid: str | None = ...,
        nodes: Sequence[cargo_ai.contract.orchestration.nodes.node.Node | Mapping[str, Any]] | None = ...,
        dry_run: bool = ...,
        sample: int | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.batches.batch.CreateBatchReply:
        """Run a workflow, or an inline graph, on many records.

        ramp: Enrol the records in stages of these sizes, such as 1,50,500. A stage starts when all runs of the previous one have ended;
          each stage after the last size is ten times as large as the one before. All at once by default.
        stop_on_error_rate: Stop enrolling when more than this share of a stage's runs failed, such as 5% or 0.05: looked at while a stage
          runs, so that at most 100 more are enrolled. Without --ramp the stages are 10,100,1000. orchestration batch resume continues.
        max_credits: Stop enrolling when the batch has used this many credits, runs in flight included; enrolled runs still finish. The
          limit is exceeded by at most the cost of one stage, and never where all costs are fixed.
        workflow_uuid: The workflow of the tool or play (its workflowUuid); omit it to run --nodes.
        release_uuid: The release to run; the deployed one by default.
        nodes: The graph to run instead of a release: a list of at most 500 nodes, such as
          {"uuid":"a","slug":"start","kind":"native","actionSlug":"start","config":{},"childrenUuids":["b"]}.
        data: The records: {"kind":"records","records":[{"domain":"acme.com"}]}, {"kind":"file","s3Filename":"..."},
          {"kind":"segment","segmentUuid":"..."}, {"kind":"change","changeUuid":"..."},
          {"kind":"filter","modelUuid":"...","filter":{...}}, {"kind":"recordIds","modelUuid":"...","ids":["..."]}, or {"kind":"runs",...}
          to rerun earlier runs. A tool takes records, file and runs; a play segment, change, filter, recordIds and runs; an inline graph
          all but change.
        dry_run: Do not run anything; forecast the records, node executions, credits and duration.
        sample: How many records a dry run simulates, spread over all of them: 1 to 10,000; 100 by default.

        Wait for its end: client.orchestration.batch.wait(reply.batch.uuid)

        Refused for: workflowNotFound, invalidReleaseOrCustomNodes, invalidDataKind, nodesNotFound, rootNodeNotFound, dataError,
          failedToStart, notEnoughCredits
        """
        ...

    def download(
        self,
        uuid: str,
        *,
        output_node_slug: str | None = ...,
    ) -> cargo_ai.sdk.downloads.Download:
        """Download the results of a batch, one row per record.

        uuid: The batch.
        output_node_slug: The node whose output each row has, usually end; by default the rows have status and times, but no output.

        Refused for: batchNotFound, batchNotFinished, batchNotSupported, nodeNotFound
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.orchestration.batches.batch.BatchReply:
        """Show a batch and its progress.

        uuid: Its uuid.

        Refused for: batchNotFound
        """
        ...

    def wait(
        self,
        uuid: str,
        *,
        timeout: float | None = None,
    ) -> cargo_ai.contract.orchestration.batches.batch.BatchReply:
        """Wait until it has ended, and return it as `get` does; Unfinished after `timeout` seconds.

        uuid: Its uuid.

        Refused for: batchNotFound
        """
        ...

    def list(
        self,
        *,
        workflow_uuids: Sequence[str] | None = ...,
        release_uuid: str | None = ...,
        parent_batch_uuid: str | None = ...,
        parent_run_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        statuses: Sequence[Literal['pending', 'syncing', 'skipped', 'querying', 'running', 'success', 'cancelling', 'error', 'cancelled', 'finished']] | None = ...,
        has_runs: bool | None = ...,
        is_skipped: bool | None = ...,
        is_finished: bool | None = ...,
        included_data_kinds: Sequence[Literal['schedule', 'segment', 'change', 'filter', 'recordIds', 'watchedRecords', 'records', 'file', 'runs', 'group', 'form']] | None = ...,
        excluded_data_kinds: Sequence[Literal['schedule', 'segment', 'change', 'filter', 'recordIds', 'watchedRecords', 'records', 'file', 'runs', 'group', 'form']] | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.orchestration.batches.batch.BatchesReply:
        """List the batches, newest first.

        workflow_uuids: Only batches of these workflows, comma-separated.
        release_uuid: Only batches of this release.
        parent_batch_uuid: Only batches started by this batch's runs.
        parent_run_uuid: Only batches started by this run.
        parent_node_uuid: Only batches started by the node with this uuid.
        statuses: Only batches with one of these statuses; finished: ended with any outcome.
        has_runs: true: only batches with runs; false: only batches without.
        is_skipped: true: only skipped batches; false: only others.
        is_finished: true: only batches that have ended; false: only others.
        included_data_kinds: Only batches on these kinds of data.
        excluded_data_kinds: No batches on these kinds of data.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.
        """
        ...

    def iterate(
        self,
        *,
        workflow_uuids: Sequence[str] | None = ...,
        release_uuid: str | None = ...,
        parent_batch_uuid: str | None = ...,
        parent_run_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        statuses: Sequence[Literal['pending', 'syncing', 'skipped', 'querying', 'running', 'success', 'cancelling', 'error', 'cancelled', 'finished']] | None = ...,
        has_runs: bool | None = ...,
        is_skipped: bool | None = ...,
        is_finished: bool | None = ...,
        included_data_kinds: Sequence[Literal['schedule', 'segment', 'change', 'filter', 'recordIds', 'watchedRecords', 'records', 'file', 'runs', 'group', 'form']] | None = ...,
        excluded_data_kinds: Sequence[Literal['schedule', 'segment', 'change', 'filter', 'recordIds', 'watchedRecords', 'records', 'file', 'runs', 'group', 'form']] | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.orchestration.batches.batch.Batch]:
        """List the batches, newest first. All of them, page after page, or `max_rows`.

        workflow_uuids: Only batches of these workflows, comma-separated.
        release_uuid: Only batches of this release.
        parent_batch_uuid: Only batches started by this batch's runs.
        parent_run_uuid: Only batches started by this run.
        parent_node_uuid: Only batches started by the node with this uuid.
        statuses: Only batches with one of these statuses; finished: ended with any outcome.
        has_runs: true: only batches with runs; false: only batches without.
        is_skipped: true: only skipped batches; false: only others.
        is_finished: true: only batches that have ended; false: only others.
        included_data_kinds: Only batches on these kinds of data.
        excluded_data_kinds: No batches on these kinds of data.
        """
        ...

    def preview(
        self,
        *,
        workflow_uuid: str,
        data: cargo_ai.contract.orchestration.batches.batch_data.SegmentData | cargo_ai.contract.orchestration.batches.batch_data.ChangeData | cargo_ai.contract.orchestration.batches.batch_preview.FileToPreview | cargo_ai.contract.orchestration.batches.batch_data.FilterData | cargo_ai.contract.orchestration.batches.batch_preview.RunsToPreview | cargo_ai.contract.orchestration.batches.batch_data.RecordIdsData | cargo_ai.contract.orchestration.batches.batch_preview.GroupToPreview | cargo_ai.contract.orchestration.batches.batch_data.RecordsData | cargo_ai.contract.orchestration.batches.batch_data.ScheduleData | Mapping[str, Any],
    ) -> cargo_ai.contract.orchestration.batches.batch_preview.PreviewReply:
        """Show the records that a batch would enrol, and how many there are.

        workflow_uuid: The workflow that would run.
        data: The records, as in orchestration batch create: {"kind":"segment","segmentUuid":"..."}.

        Refused for: workflowNotFound, segmentNotFound, modelLinkedToWorkflow, noModelLinkedToWorkflow, failedToFetchFromClient
        """
        ...

    def replay(
        self,
        uuid: str,
        *,
        from_node: str,
        ramp: Sequence[int] | None = ...,
        stop_on_error_rate: str | None = ...,
        max_credits: int | float | None = ...,
        statuses: Sequence[Literal['idle', 'pending', 'running', 'success', 'error', 'cancelling', 'cancelled', 'skipped', 'finished']] | None = ...,
        repeat_unknown: bool = ...,
        release_uuid: str | None = ...,
        nodes: Sequence[cargo_ai.contract.orchestration.nodes.node.Node | Mapping[str, Any]] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.batches.batch.BatchReply:
        """Replay the runs of a batch from one node; runs that never reached it are skipped.

        ramp: Enrol the records in stages of these sizes, such as 1,50,500. A stage starts when all runs of the previous one have ended;
          each stage after the last size is ten times as large as the one before. All at once by default.
        stop_on_error_rate: Stop enrolling when more than this share of a stage's runs failed, such as 5% or 0.05: looked at while a stage
          runs, so that at most 100 more are enrolled. Without --ramp the stages are 10,100,1000. orchestration batch resume continues.
        max_credits: Stop enrolling when the batch has used this many credits, runs in flight included; enrolled runs still finish. The
          limit is exceeded by at most the cost of one stage, and never where all costs are fixed.
        uuid: The batch.
        from_node: The slug of the node to replay from. Inside a group GROUP.NODE: each item of the group is replayed from there.
        statuses: Only runs with one of these statuses; all that have ended by default.
        repeat_unknown: Also repeat nodes that failed with reason outcomeUnknown, which may take effect twice; by default they are
          skipped.
        release_uuid: Continue with this release; the batch's own graph by default.
        nodes: Continue with this graph, a list of nodes; the batch's own by default.

        Wait for its end: client.orchestration.batch.wait(reply.batch.uuid)

        Refused for: batchNotFound, workflowNotFound, invalidReleaseOrCustomNodes, nodesNotFound, rootNodeNotFound, nodeNotFound,
          notEnoughCredits
        """
        ...

    def resume(
        self,
        uuid: str,
        *,
        max_credits: int | float | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.batches.batch.BatchReply:
        """Resume a batch that a limit stopped: it enrols its next records, none twice.

        uuid: The batch.
        max_credits: The new credit limit of the whole batch, including what it has used so far.

        Wait for its end: client.orchestration.batch.wait(reply.batch.uuid)

        Refused for: batchNotFound, batchNotStopped, maxCreditsTooLow, notEnoughCredits
        """
        ...

class DraftReleaseMethods:
    def deploy(
        self,
        *,
        workflow_uuid: str,
        nodes: Sequence[cargo_ai.contract.orchestration.nodes.node.Node | Mapping[str, Any]] | None = ...,
        form_fields: Sequence[cargo_ai.contract.orchestration.workflows.release.ReleaseFormField | Mapping[str, Any]] | None = ...,
        version: str | None = ...,
        description: str | None = ...,
        options: cargo_ai.contract.orchestration.workflows.release.ReconcileOptions | Mapping[str, Any] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.workflows.release_change.DeployedReply:
        """Validate the draft and deploy it: new runs use it from now on.

        workflow_uuid: The workflow: the workflowUuid of a tool or play.
        nodes: The whole graph: a list of at most 500 nodes, such as
          {"uuid":"a","slug":"start","kind":"native","actionSlug":"start","config":{},"childrenUuids":["b"]}. The draft's by default.
        form_fields: The input form: [{"kind":"string","name":"Domain","slug":"domain","isRequired":true}]. null: no form; the draft's by
          default.
        version: The version, such as 1.2.0, above the last one; the next patch version by default.
        description: Release notes.
        options: The connectors of nodes that name none, by integration: {"connectorUuidsByIntegrationSlug":{"http":"..."}}.

        Refused for: workflowNotFound, draftReleaseNotFound, draftReleaseNodesAreInvalid, invalidReleaseVersion,
          failedToReconciliateNodes, toolReleaseRequiresFormFields
        """
        ...

    def get(
        self,
        *,
        workflow_uuid: str,
    ) -> cargo_ai.contract.orchestration.workflows.release.ReleaseReply:
        """Show the draft of a workflow's graph.

        workflow_uuid: The workflow: the workflowUuid of a tool or play.

        Refused for: workflowNotFound
        """
        ...

    def update(
        self,
        *,
        workflow_uuid: str,
        parent_uuid: str | None = ...,
        nodes: Sequence[cargo_ai.contract.orchestration.nodes.node.Node | Mapping[str, Any]] | None = ...,
        test_records: Sequence[cargo_ai.contract.orchestration.workflows.release.ReleaseTestRecord | Mapping[str, Any]] | None = ...,
        form_fields: Sequence[cargo_ai.contract.orchestration.workflows.release.ReleaseFormField | Mapping[str, Any]] | None = ...,
        options: cargo_ai.contract.orchestration.workflows.release.ReconcileOptions | Mapping[str, Any] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.workflows.release.ReleaseReply:
        """Save a workflow's graph without deploying it.

        workflow_uuid: The workflow: the workflowUuid of a tool or play.
        parent_uuid: The release that the draft is based on. It is recorded; the graph changes only by --nodes.
        nodes: The whole graph: a list of at most 500 nodes, such as
          {"uuid":"a","slug":"start","kind":"native","actionSlug":"start","config":{},"childrenUuids":["b"]}.
        test_records: Test inputs, at most 100: [{"kind":"data","data":{"domain":"acme.com"}}] or [{"kind":"id","id":"acme.com"}].
        form_fields: The input form: [{"kind":"string","name":"Domain","slug":"domain","isRequired":true}]. null removes the form.
        options: The connectors of nodes that name none, by integration: {"connectorUuidsByIntegrationSlug":{"http":"..."}}.

        Refused for: workflowNotFound, draftReleaseNotFound, invalidParent, failedToReconciliateNodes
        """
        ...

class MemoryMethods:
    def clear(
        self,
        *,
        scope: Literal['workflow', 'workspace', 'record'],
        workflow_uuid: str | None = ...,
        record_id: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Counted:
        """Remove all values that memory nodes stored for a workflow, a record or the workspace.

        scope: workspace: shared by all workflows; workflow: by one workflow; record: by one workflow's runs of one record.
        workflow_uuid: The workflow; required for the scopes workflow and record.
        record_id: The record's id; required for the scope record.
        """
        ...

    def list(
        self,
        *,
        scope: Literal['workflow', 'workspace', 'record'] | None = ...,
        workflow_uuid: str | None = ...,
        record_id: str | None = ...,
        key: str | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.orchestration.nodes.memory.MemoriesReply:
        """List the values that memory nodes stored.

        scope: Only values of this scope.
        workflow_uuid: Only values of this workflow, those of its records included.
        record_id: Only values of the record with this id.
        key: Only values with this key.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.
        """
        ...

    def iterate(
        self,
        *,
        scope: Literal['workflow', 'workspace', 'record'] | None = ...,
        workflow_uuid: str | None = ...,
        record_id: str | None = ...,
        key: str | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.orchestration.nodes.memory.Memory]:
        """List the values that memory nodes stored. All of them, page after page, or `max_rows`.

        scope: Only values of this scope.
        workflow_uuid: Only values of this workflow, those of its records included.
        record_id: Only values of the record with this id.
        key: Only values with this key.
        """
        ...

    def remove(
        self,
        *,
        scope: Literal['workflow', 'workspace', 'record'],
        key: str,
        workflow_uuid: str | None = ...,
        record_id: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Counted:
        """Remove one value that memory nodes stored.

        scope: workspace: shared by all workflows; workflow: by one workflow; record: by one workflow's runs of one record.
        workflow_uuid: The workflow; required for the scopes workflow and record.
        record_id: The record's id; required for the scope record.
        key: The key of the value.

        Refused for: memoryNotFound
        """
        ...

class NodeMethods:
    def compute(
        self,
        *,
        node: cargo_ai.contract.orchestration.nodes.node.Node | Mapping[str, Any],
        context: Mapping[str, Any] = ...,
        group_context: Mapping[str, Any] | None = ...,
    ) -> cargo_ai.contract.orchestration.nodes.node_trial.ComputedReply:
        """Evaluate the expressions in a node's config, without executing it.

        node: The node: {"uuid":"a","slug":"a","kind":"native","actionSlug":"filter","config":{...},"childrenUuids":[]}.
        context: The outputs of earlier nodes: {"nodes":{"start":{"domain":"acme.com"}}}, or without nodes: {"start":{...}}.
        group_context: Inside a group: the value of parentNodes, that is the outputs of the graph around the group.
        """
        ...

    def diagram(
        self,
        *,
        nodes: Sequence[cargo_ai.contract.orchestration.nodes.node.Node | Mapping[str, Any]] | None = ...,
        workflow_uuid: str | None = ...,
        draft: bool = ...,
        release_uuid: str | None = ...,
        run_uuid: str | None = ...,
        title: str | None = ...,
        direction: Literal['TD', 'LR'] = ...,
        paid: Sequence[str] | None = ...,
        highlight: Sequence[str] | None = ...,
        format: Literal['mermaid', 'ascii', 'layout'] = ...,
        watch: bool = ...,
    ) -> cargo_ai.contract.orchestration.diagram.Diagram:
        """Draw a graph as a Mermaid or plain-text diagram.

        nodes: Draw this graph: a list of nodes.
        workflow_uuid: Draw the deployed release of this workflow.
        draft: With a workflow: draw its draft instead.
        release_uuid: Draw this release.
        run_uuid: Draw the graph of this run, with the route that it took.
        title: A title above the diagram.
        direction: TD: top to bottom; LR: left to right (mermaid only).
        paid: Mark these nodes as costing credits: slugs or uuids, comma-separated.
        highlight: Highlight these nodes: slugs or uuids, comma-separated.
        format: mermaid: for web pages and documents; ascii: plain text; layout: also the positions of boxes and lines.
        watch: With a run: redraw it at every step, until it ends.

        Refused for: workflowNotFound, releaseNotFound, runNotFound
        """
        ...

    def execute(
        self,
        *,
        node: cargo_ai.contract.orchestration.nodes.node.Node | Mapping[str, Any],
        workflow_uuid: str,
        context: Mapping[str, Any] = ...,
        group_context: Mapping[str, Any] | None = ...,
        release_uuid: str | None = ...,
        computed_config: Mapping[str, Any] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.nodes.node_trial.NodeOutcome:
        """Execute one node outside of a run. Its effects happen.

        node: The node: {"uuid":"a","slug":"a","kind":"native","actionSlug":"filter","config":{...},"childrenUuids":[]}.
        context: The outputs of earlier nodes: {"nodes":{"start":{"domain":"acme.com"}}}, or without nodes: {"start":{...}}.
        group_context: Inside a group: the value of parentNodes, that is the outputs of the graph around the group.
        workflow_uuid: The workflow that the node belongs to.
        release_uuid: A release of the workflow; optional.
        computed_config: The evaluated config to execute with; by default the node's config is evaluated with the context.

        Refused for: workflowNotFound, releaseNotFound, notEnoughCredits
        """
        ...

    def validate(
        self,
        *,
        nodes: Sequence[cargo_ai.contract.orchestration.nodes.node.Node | Mapping[str, Any]],
        workflow_uuid: str | None = ...,
    ) -> cargo_ai.contract.orchestration.nodes.node.Validation:
        """Validate a graph without saving it: shape, settings of each action, models and columns, what expressions read, retries.

        nodes: The whole graph: a list of nodes, as orchestration release get shows them.
        workflow_uuid: The workflow that it is for: then the fields of its model or its form are known, too.

        Refused for: workflowNotFound
        """
        ...

class PlayMethods:
    def create(
        self,
        *,
        name: str,
        model_uuid: str,
        description: str | None = ...,
        filter: cargo_ai.contract.segmentation.filter.Filter | Mapping[str, Any] = ...,
        sort: Sequence[cargo_ai.contract.segmentation.filter.Order | Mapping[str, Any]] | None = ...,
        limit: int | None = ...,
        tracking_column_slugs: Sequence[str] | None = ...,
        change_kinds: Sequence[Literal['added', 'updated', 'removed', 'unchanged', 'created']] = ...,
        run_creation_rule: Literal['always', 'once', 'noConcurrency'] = ...,
        schedule: cargo_ai.contract.orchestration.workflows.play.CronSchedule | cargo_ai.contract.orchestration.workflows.play.DbtSchedule | cargo_ai.contract.orchestration.workflows.play.RealtimeSchedule | cargo_ai.contract.orchestration.workflows.play.DependencySchedule | cargo_ai.contract.orchestration.workflows.play.WatchSchedule | Mapping[str, Any] | None = ...,
        folder_uuid: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.workflows.play.PlayReply:
        """Create a play with an empty graph, disabled.

        name: The name, 1 to 200 characters.
        description: The description.
        model_uuid: The model whose records it runs on.
        filter: The records that match: {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"string","columnSlug":"c
          ountry","operator":"is","values":["France"]}]}]}. No groups: all records. All records by default.
        sort: The sort order, at most 10 columns: [{"columnSlug":"name","kind":"asc"}] (asc or desc).
        limit: At most this many records, the first in the sort order; no limit by default.
        tracking_column_slugs: The columns whose changes count as updated, comma-separated; all by default.
        change_kinds: The segment changes that enrol a record, comma-separated (created means added); added by default.
        run_creation_rule: always: every time; once: one run per record, ever; noConcurrency: not while a run of the record is in
          progress.
        schedule: When it runs: {"type":"realtime"}, {"type":"cron","cron":"0 9 * * 1","timeZone":"Europe/Paris"} (UTC by default) or
          {"type":"dependency","playUuid":"..."} (after each batch of that play). Only by orchestration batch create by default.
        folder_uuid: The folder to create it in.

        Refused for: modelNotFound, failedToCreateSegment, folderNotFound, failedToSchedule, invalidFilter, integrationNotCompatible,
          connectorNotFound, integrationNotFound
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.orchestration.workflows.play.PlayReply:
        """Show a play.

        uuid: Its uuid.

        Refused for: playNotFound
        """
        ...

    def list(
        self,
        *,
        is_enabled: bool | None = ...,
        model_uuid: str | None = ...,
        segment_uuid: str | None = ...,
        schedule_type: Literal['cron', 'dbt', 'realtime', 'dependency', 'watch'] | None = ...,
        folder_uuid: str | None = ...,
    ) -> cargo_ai.contract.orchestration.workflows.play.PlaysReply:
        """List the plays, newest first.

        is_enabled: true: only enabled plays; false: only disabled ones.
        model_uuid: Only plays on this model.
        segment_uuid: Only the play that owns this segment.
        schedule_type: Only plays with this type of schedule.
        folder_uuid: Only plays in this folder.
        """
        ...

    def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.bin.RemovedToBin:
        """Remove a play and its segment: they go to the bin. Runs in progress finish.

        uuid: Its uuid.

        Refused for: playNotFound, failedToRemoveSegment, playIsUsed
        """
        ...

    def update(
        self,
        uuid: str,
        *,
        name: str | None = ...,
        description: str | None = ...,
        is_enabled: bool | None = ...,
        filter: cargo_ai.contract.segmentation.filter.Filter | Mapping[str, Any] | None = ...,
        sort: Sequence[cargo_ai.contract.segmentation.filter.Order | Mapping[str, Any]] | None = ...,
        limit: int | None = ...,
        tracking_column_slugs: Sequence[str] | None = ...,
        change_kinds: Sequence[Literal['added', 'updated', 'removed', 'unchanged', 'created']] | None = ...,
        run_creation_rule: Literal['always', 'once', 'noConcurrency'] | None = ...,
        health_threshold: float | None = ...,
        health_alert_actions: Sequence[cargo_ai.contract.orchestration.nodes.action.NativeAction | cargo_ai.contract.orchestration.nodes.action.ConnectorAction | cargo_ai.contract.orchestration.nodes.action.ToolAction | cargo_ai.contract.orchestration.nodes.action.AgentAction | Mapping[str, Any]] | None = ...,
        schedule: cargo_ai.contract.orchestration.workflows.play.CronSchedule | cargo_ai.contract.orchestration.workflows.play.DbtSchedule | cargo_ai.contract.orchestration.workflows.play.RealtimeSchedule | cargo_ai.contract.orchestration.workflows.play.DependencySchedule | cargo_ai.contract.orchestration.workflows.play.WatchSchedule | Mapping[str, Any] | None = ...,
        folder_uuid: str | None = ...,
        template: cargo_ai.contract.orchestration.workflows.play.PlayTemplate | Mapping[str, Any] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.workflows.play.PlayReply:
        """Change a play's records, schedule, rules, name or folder; enable or disable it.

        uuid: The play.
        name: The new name.
        description: The new description; null clears it.
        is_enabled: Whether it runs on its schedule. Needs a deployed graph.
        filter: The records that match: {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"string","columnSlug":"c
          ountry","operator":"is","values":["France"]}]}]}. No groups: all records.
        sort: The sort order, at most 10 columns: [{"columnSlug":"name","kind":"asc"}] (asc or desc). null: no order.
        limit: At most this many records; null: no limit.
        tracking_column_slugs: The columns whose changes count as updated, comma-separated; null: all.
        change_kinds: The segment changes that enrol a record, comma-separated (created means added).
        run_creation_rule: always: every time; once: one run per record, ever; noConcurrency: not while a run of the record is in
          progress.
        health_threshold: A batch is unhealthy below this share of successful runs: 0 to 1, or a percentage above 1.
        health_alert_actions: Actions to execute when a batch ends unhealthy, at most 20:
          [{"kind":"native","actionSlug":"sendEmail","config":{...}}].
        schedule: When it runs: {"type":"realtime"}, {"type":"cron","cron":"0 9 * * 1","timeZone":"Europe/Paris"} (UTC by default) or
          {"type":"dependency","playUuid":"..."} (after each batch of that play); null: only by orchestration batch create.
        folder_uuid: The folder to move it to; null: no folder.
        template: Accepted for compatibility; a play cannot be offered as a template.

        Refused for: playNotFound, workflowNotFound, playNotDeployed, failedToUpdateSegment, folderNotFound, failedToSchedule,
          invalidFilter, integrationNotCompatible, connectorNotFound, integrationNotFound, modelNotFound, segmentNotFound,
          templatesNotAvailable
        """
        ...

class QueryMethods:
    def execute(
        self,
        query: str,
    ) -> cargo_ai.contract.orchestration.insight.query.QueryRows:
        """Query runs, batches, spans, records and row results with SQL: one SELECT, at most 10,000 rows.

        query: One SELECT in ClickHouse's dialect, over runs, batches, spans, records, row_results. At most 20,000 characters.

        Refused for: invalidQuery
        """
        ...

class QueueMethods:
    def get(
        self,
    ) -> cargo_ai.contract.orchestration.insight.queue.QueueReply:
        """Show all waiting runs and all work on models: for how long, what for, how far, and whether a worker serves them.
        """
        ...

class RecordMethods:
    def cancel(
        self,
        *,
        workflow_uuid: str,
        release_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        parent_batch_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        is_group_parent: bool | None = ...,
        executions_filter: cargo_ai.contract.orchestration.runs.execution.ExecutionsFilter | Mapping[str, Any] | None = ...,
        title: str | None = ...,
        title_or_id: str | None = ...,
        parent_run_uuid: str | None = ...,
        ids: Sequence[str] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Counted:
        """Cancel the latest runs of records: each stops before its next node.

        release_uuid: Only runs of this release.
        batch_uuid: Only runs of this batch.
        created_after: Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        created_before: Only runs created before this time.
        parent_batch_uuid: Only child runs of this batch's runs.
        parent_node_uuid: Only child runs started by the node with this uuid.
        is_group_parent: true: only runs of group items; false: only other runs.
        executions_filter: Only runs whose nodes ended like this:
          {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"node","nodeSlug":"enrich","status":"error"}]}]}.
          status: absent (not executed), pending, success or error.
        title: Only records whose title contains this text.
        title_or_id: Only records whose title or id contains this text.
        parent_run_uuid: Only records whose latest run is a child of this run.
        workflow_uuid: The workflow.
        ids: The ids of the records, comma-separated.

        Refused for: failedToStart, tooManyRecordsSelected, workflowNotFound
        """
        ...

    def count(
        self,
        *,
        count_up_to: int = ...,
        updated_after: datetime | str | None = ...,
        updated_before: datetime | str | None = ...,
        release_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        parent_batch_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        is_group_parent: bool | None = ...,
        executions_filter: cargo_ai.contract.orchestration.runs.execution.ExecutionsFilter | Mapping[str, Any] | None = ...,
        title: str | None = ...,
        title_or_id: str | None = ...,
        parent_run_uuid: str | None = ...,
        workflow_uuid: str | None = ...,
        user_uuid: str | None = ...,
        ids: Sequence[str] | None = ...,
        statuses: Sequence[Literal['pending', 'running', 'success', 'error', 'cancelled', 'cancelling', 'finished']] | None = ...,
    ) -> cargo_ai.contract.orchestration.runs.run.CountReply:
        """Count the records of a workflow.

        count_up_to: Stop counting here; isCountExact says whether there may be more. A large number counts all, which takes its time.
        updated_after: Only runs updated at or after this time.
        updated_before: Only runs updated before this time.
        release_uuid: Only runs of this release.
        batch_uuid: Only runs of this batch.
        created_after: Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        created_before: Only runs created before this time.
        parent_batch_uuid: Only child runs of this batch's runs.
        parent_node_uuid: Only child runs started by the node with this uuid.
        is_group_parent: true: only runs of group items; false: only other runs.
        executions_filter: Only runs whose nodes ended like this:
          {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"node","nodeSlug":"enrich","status":"error"}]}]}.
          status: absent (not executed), pending, success or error.
        title: Only records whose title contains this text.
        title_or_id: Only records whose title or id contains this text.
        parent_run_uuid: Only records whose latest run is a child of this run.
        workflow_uuid: Only records of this workflow.
        user_uuid: Only records whose latest run was started by this user.
        ids: Only the records with these ids, at most 10,000, comma-separated.
        statuses: Only records with one of these statuses; finished: ended with any outcome.
        """
        ...

    def download(
        self,
        *,
        workflow_uuid: str,
        updated_after: datetime | str | None = ...,
        updated_before: datetime | str | None = ...,
        release_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        parent_batch_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        is_group_parent: bool | None = ...,
        executions_filter: cargo_ai.contract.orchestration.runs.execution.ExecutionsFilter | Mapping[str, Any] | None = ...,
        title: str | None = ...,
        title_or_id: str | None = ...,
        parent_run_uuid: str | None = ...,
        ids: Sequence[str] | None = ...,
        run_uuids: Sequence[str] | None = ...,
        statuses: Sequence[Literal['idle', 'pending', 'running', 'success', 'error', 'cancelling', 'cancelled', 'skipped', 'finished']] | None = ...,
    ) -> cargo_ai.sdk.downloads.Download:
        """Export the records of a workflow to a file, one row each, and show its URL.

        updated_after: Only runs updated at or after this time.
        updated_before: Only runs updated before this time.
        release_uuid: Only runs of this release.
        batch_uuid: Only runs of this batch.
        created_after: Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        created_before: Only runs created before this time.
        parent_batch_uuid: Only child runs of this batch's runs.
        parent_node_uuid: Only child runs started by the node with this uuid.
        is_group_parent: true: only runs of group items; false: only other runs.
        executions_filter: Only runs whose nodes ended like this:
          {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"node","nodeSlug":"enrich","status":"error"}]}]}.
          status: absent (not executed), pending, success or error.
        title: Only records whose title contains this text.
        title_or_id: Only records whose title or id contains this text.
        parent_run_uuid: Only records whose latest run is a child of this run.
        workflow_uuid: The workflow.
        ids: Only the records with these ids, at most 10,000, comma-separated.
        run_uuids: Only records whose latest run is one of these, comma-separated.
        statuses: Only records with one of these statuses; finished: ended with any outcome.

        Refused for: workflowNotFound
        """
        ...

    def download_outputs(
        self,
        *,
        workflow_uuid: str,
        release_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        parent_batch_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        is_group_parent: bool | None = ...,
        executions_filter: cargo_ai.contract.orchestration.runs.execution.ExecutionsFilter | Mapping[str, Any] | None = ...,
        title: str | None = ...,
        title_or_id: str | None = ...,
        parent_run_uuid: str | None = ...,
        ids: Sequence[str] | None = ...,
        run_uuids: Sequence[str] | None = ...,
        statuses: Sequence[Literal['idle', 'pending', 'running', 'success', 'error', 'cancelling', 'cancelled', 'skipped', 'finished']] | None = ...,
        output_node_slug: str | None = ...,
        limit: int | None = ...,
        offset: int = ...,
    ) -> cargo_ai.sdk.downloads.Download:
        """Export one node's output per record to a file, and show its URL.

        release_uuid: Only runs of this release.
        batch_uuid: Only runs of this batch.
        created_after: Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        created_before: Only runs created before this time.
        parent_batch_uuid: Only child runs of this batch's runs.
        parent_node_uuid: Only child runs started by the node with this uuid.
        is_group_parent: true: only runs of group items; false: only other runs.
        executions_filter: Only runs whose nodes ended like this:
          {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"node","nodeSlug":"enrich","status":"error"}]}]}.
          status: absent (not executed), pending, success or error.
        title: Only records whose title contains this text.
        title_or_id: Only records whose title or id contains this text.
        parent_run_uuid: Only records whose latest run is a child of this run.
        workflow_uuid: The workflow.
        ids: Only the records with these ids, at most 10,000, comma-separated.
        run_uuids: Only records whose latest run is one of these, comma-separated.
        statuses: Only records with one of these statuses; finished: ended with any outcome.
        output_node_slug: The node whose output is exported; the last one executed by default.
        limit: How many records at most.
        offset: How many to skip.

        Refused for: noRecordsFound, tooManyRecords, workflowNotFound
        """
        ...

    def explain(
        self,
        *,
        workflow_uuid: str,
        id: str,
        model_uuid: str | None = ...,
    ) -> cargo_ai.contract.orchestration.insight.explain.ExplanationReply:
        """Explain why a record was or was not run through a workflow, and what to do next.

        workflow_uuid: The workflow.
        id: The record's id.
        model_uuid: The record's model; the model of the play by default.

        Refused for: workflowNotFound, modelNotFound
        """
        ...

    def get_metrics(
        self,
        *,
        workflow_uuid: str,
        release_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
    ) -> cargo_ai.contract.orchestration.record.RecordMetricsReply:
        """Count executions per node and status, over the latest run of each record.

        release_uuid: Only runs of this release.
        batch_uuid: Only runs of this batch.
        created_after: Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        created_before: Only runs created before this time.
        workflow_uuid: The workflow.

        Refused for: workflowNotFound
        """
        ...

    def list(
        self,
        *,
        count_up_to: int = ...,
        updated_after: datetime | str | None = ...,
        updated_before: datetime | str | None = ...,
        release_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        parent_batch_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        is_group_parent: bool | None = ...,
        executions_filter: cargo_ai.contract.orchestration.runs.execution.ExecutionsFilter | Mapping[str, Any] | None = ...,
        title: str | None = ...,
        title_or_id: str | None = ...,
        parent_run_uuid: str | None = ...,
        workflow_uuid: str | None = ...,
        user_uuid: str | None = ...,
        ids: Sequence[str] | None = ...,
        statuses: Sequence[Literal['pending', 'running', 'success', 'error', 'cancelled', 'cancelling', 'finished']] | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.orchestration.record.RecordsReply:
        """List the records of a workflow, each with its latest run.

        count_up_to: Stop counting here; isCountExact says whether there may be more. A large number counts all, which takes its time.
        updated_after: Only runs updated at or after this time.
        updated_before: Only runs updated before this time.
        release_uuid: Only runs of this release.
        batch_uuid: Only runs of this batch.
        created_after: Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        created_before: Only runs created before this time.
        parent_batch_uuid: Only child runs of this batch's runs.
        parent_node_uuid: Only child runs started by the node with this uuid.
        is_group_parent: true: only runs of group items; false: only other runs.
        executions_filter: Only runs whose nodes ended like this:
          {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"node","nodeSlug":"enrich","status":"error"}]}]}.
          status: absent (not executed), pending, success or error.
        title: Only records whose title contains this text.
        title_or_id: Only records whose title or id contains this text.
        parent_run_uuid: Only records whose latest run is a child of this run.
        workflow_uuid: Only records of this workflow.
        user_uuid: Only records whose latest run was started by this user.
        ids: Only the records with these ids, at most 10,000, comma-separated.
        statuses: Only records with one of these statuses; finished: ended with any outcome.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.
        """
        ...

    def iterate(
        self,
        *,
        count_up_to: int = ...,
        updated_after: datetime | str | None = ...,
        updated_before: datetime | str | None = ...,
        release_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        parent_batch_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        is_group_parent: bool | None = ...,
        executions_filter: cargo_ai.contract.orchestration.runs.execution.ExecutionsFilter | Mapping[str, Any] | None = ...,
        title: str | None = ...,
        title_or_id: str | None = ...,
        parent_run_uuid: str | None = ...,
        workflow_uuid: str | None = ...,
        user_uuid: str | None = ...,
        ids: Sequence[str] | None = ...,
        statuses: Sequence[Literal['pending', 'running', 'success', 'error', 'cancelled', 'cancelling', 'finished']] | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.orchestration.record.Record]:
        """List the records of a workflow, each with its latest run. All of them, page after page, or `max_rows`.

        count_up_to: Stop counting here; isCountExact says whether there may be more. A large number counts all, which takes its time.
        updated_after: Only runs updated at or after this time.
        updated_before: Only runs updated before this time.
        release_uuid: Only runs of this release.
        batch_uuid: Only runs of this batch.
        created_after: Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        created_before: Only runs created before this time.
        parent_batch_uuid: Only child runs of this batch's runs.
        parent_node_uuid: Only child runs started by the node with this uuid.
        is_group_parent: true: only runs of group items; false: only other runs.
        executions_filter: Only runs whose nodes ended like this:
          {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"node","nodeSlug":"enrich","status":"error"}]}]}.
          status: absent (not executed), pending, success or error.
        title: Only records whose title contains this text.
        title_or_id: Only records whose title or id contains this text.
        parent_run_uuid: Only records whose latest run is a child of this run.
        workflow_uuid: Only records of this workflow.
        user_uuid: Only records whose latest run was started by this user.
        ids: Only the records with these ids, at most 10,000, comma-separated.
        statuses: Only records with one of these statuses; finished: ended with any outcome.
        """
        ...

class ReleaseMethods:
    def diff(
        self,
        before: str | None = ...,
        after: str | None = ...,
        *,
        workflow_uuid: str | None = ...,
    ) -> cargo_ai.contract.orchestration.workflows.release_change.ReleaseDifference:
        """Compare two releases, or the deployed release with the draft.

        before: The earlier release.
        after: The later release.
        workflow_uuid: Instead of two releases: compare this workflow's deployed release with its draft.

        Refused for: releaseNotFound, workflowNotFound
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.orchestration.workflows.release.ReleaseReply:
        """Show a release with its nodes.

        uuid: Its uuid.

        Refused for: releaseNotFound
        """
        ...

    def get_deployed(
        self,
        *,
        workflow_uuid: str,
    ) -> cargo_ai.contract.orchestration.workflows.release.ReleaseReply:
        """Show the deployed release of a workflow, which new runs use.

        workflow_uuid: The workflow: the workflowUuid of a tool or play.

        Refused for: releaseNotFound, workflowNotFound
        """
        ...

    def list(
        self,
        *,
        workflow_uuid: str | None = ...,
        user_uuid: str | None = ...,
        statuses: Sequence[Literal['draft', 'deployed', 'archived']] | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.orchestration.workflows.release.ReleasesReply:
        """List the releases, newest first.

        workflow_uuid: Only releases of this workflow.
        user_uuid: Only releases made by this user.
        statuses: Only releases with one of these statuses.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.
        """
        ...

    def iterate(
        self,
        *,
        workflow_uuid: str | None = ...,
        user_uuid: str | None = ...,
        statuses: Sequence[Literal['draft', 'deployed', 'archived']] | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.orchestration.workflows.release.Release]:
        """List the releases, newest first. All of them, page after page, or `max_rows`.

        workflow_uuid: Only releases of this workflow.
        user_uuid: Only releases made by this user.
        statuses: Only releases with one of these statuses.
        """
        ...

    def rollback(
        self,
        uuid: str,
        *,
        version: str | None = ...,
        description: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.workflows.release_change.DeployedReply:
        """Deploy an earlier release again, as a new version. The draft stays as it is.

        uuid: The release whose content is deployed again.
        version: The version, such as 1.2.0, above the last one; the next patch version by default.
        description: Release notes.

        Refused for: releaseNotFound, releaseIsDraft, releaseAlreadyDeployed, releaseNodesAreInvalid, invalidReleaseVersion,
          toolReleaseRequiresFormFields
        """
        ...

class RetentionMethods:
    def get(
        self,
    ) -> cargo_ai.contract.orchestration.retention.RetentionReply:
        """Show how long the workspace keeps runs and the outputs of their nodes.
        """
        ...

    def update(
        self,
        *,
        bodies_days: int | None = ...,
        runs_days: int | None = ...,
        is_archiving: bool | None = ...,
        archive_days: int | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.retention.RetentionReply:
        """Change how long the workspace keeps runs and the outputs of their nodes.

        bodies_days: How many days after a run's end its outputs, configs and logs are kept, to whole months; 0: forever.
        runs_days: How many days after its end a run is kept with its executions, to whole months; 0: forever.
        is_archiving: Whether outputs, configs and logs are archived as Parquet before they go.
        archive_days: How many days after the end of a month the archive of it is kept; 0: forever. Longer than bodiesDays.

        Refused for: bodiesOutliveRuns, archiveTooShort
        """
        ...

class ReviewMethods:
    def approve(
        self,
        uuid: str,
        *,
        values: Mapping[str, Any] | None = ...,
        comment: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.review.ReviewReply:
        """Approve a review, with or without changed values: the run continues.

        uuid: Its uuid.
        values: New values of editable fields: {"subject":"Hello"}. Other fields keep their values.
        comment: A comment on the decision.

        Refused for: reviewNotFound, reviewAlreadyDecided, reviewExpired, reviewCancelled
        """
        ...

    def create_link(
        self,
        uuid: str,
        *,
        email: str | None = ...,
        hours: int = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.review.LinkReply:
        """Create a signed link with which a person without an account can decide.

        uuid: Its uuid.
        email: The e-mail address of the recipient, recorded as the decider.
        hours: How many hours the link is valid, 1 to 720.

        Refused for: reviewNotFound, reviewAlreadyDecided, reviewExpired, reviewCancelled
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.orchestration.review.ReviewReply:
        """Show a review: what to decide, or what was decided.

        uuid: Its uuid.

        Refused for: reviewNotFound
        """
        ...

    def wait(
        self,
        uuid: str,
        *,
        timeout: float | None = None,
    ) -> cargo_ai.contract.orchestration.review.ReviewReply:
        """Wait until it has ended, and return it as `get` does; Unfinished after `timeout` seconds.

        uuid: Its uuid.

        Refused for: reviewNotFound
        """
        ...

    def list(
        self,
        *,
        statuses: Sequence[Literal['pending', 'approved', 'rejected', 'expired', 'cancelled']] | None = ...,
        workflow_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        run_uuid: str | None = ...,
        assignee: str | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.orchestration.review.ReviewsReply:
        """List the reviews that humanReview nodes requested, newest first.

        statuses: Only reviews with one of these statuses.
        workflow_uuid: Only reviews of this workflow.
        batch_uuid: Only reviews of this batch's runs.
        run_uuid: Only reviews of this run.
        assignee: Only reviews assigned to this e-mail address.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.
        """
        ...

    def iterate(
        self,
        *,
        statuses: Sequence[Literal['pending', 'approved', 'rejected', 'expired', 'cancelled']] | None = ...,
        workflow_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        run_uuid: str | None = ...,
        assignee: str | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.orchestration.review.Review]:
        """List the reviews that humanReview nodes requested, newest first. All of them, page after page, or `max_rows`.

        statuses: Only reviews with one of these statuses.
        workflow_uuid: Only reviews of this workflow.
        batch_uuid: Only reviews of this batch's runs.
        run_uuid: Only reviews of this run.
        assignee: Only reviews assigned to this e-mail address.
        """
        ...

    def reject(
        self,
        uuid: str,
        *,
        comment: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.review.ReviewReply:
        """Reject a review: the run takes the node's second route, or ends.

        uuid: Its uuid.
        comment: The reason for the rejection.

        Refused for: reviewNotFound, reviewAlreadyDecided, reviewExpired, reviewCancelled
        """
        ...

class RunMethods:
    def cancel(
        self,
        *,
        workflow_uuid: str,
        record_id: str | None = ...,
        record_title: str | None = ...,
        record_title_or_id: str | None = ...,
        release_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        parent_batch_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        is_group_parent: bool | None = ...,
        executions_filter: cargo_ai.contract.orchestration.runs.execution.ExecutionsFilter | Mapping[str, Any] | None = ...,
        parent_uuid: str | None = ...,
        uuids: Sequence[str] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Counted:
        """Cancel runs: each stops before its next node.

        record_id: Only runs of the record with this id.
        record_title: Only runs whose record title contains this text.
        record_title_or_id: Only runs whose record title or id contains this text.
        release_uuid: Only runs of this release.
        batch_uuid: Only runs of this batch.
        created_after: Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        created_before: Only runs created before this time.
        parent_batch_uuid: Only child runs of this batch's runs.
        parent_node_uuid: Only child runs started by the node with this uuid.
        is_group_parent: true: only runs of group items; false: only other runs.
        executions_filter: Only runs whose nodes ended like this:
          {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"node","nodeSlug":"enrich","status":"error"}]}]}.
          status: absent (not executed), pending, success or error.
        parent_uuid: Only child runs of this run.
        workflow_uuid: The workflow.
        uuids: The runs, at most 10,000, comma-separated.

        Refused for: failedToStart, workflowNotFound
        """
        ...

    def count(
        self,
        *,
        count_up_to: int = ...,
        updated_after: datetime | str | None = ...,
        updated_before: datetime | str | None = ...,
        record_id: str | None = ...,
        record_title: str | None = ...,
        record_title_or_id: str | None = ...,
        release_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        parent_batch_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        is_group_parent: bool | None = ...,
        executions_filter: cargo_ai.contract.orchestration.runs.execution.ExecutionsFilter | Mapping[str, Any] | None = ...,
        parent_uuid: str | None = ...,
        statuses: Sequence[Literal['idle', 'pending', 'running', 'success', 'error', 'cancelling', 'cancelled', 'skipped', 'finished']] | None = ...,
        is_finished: bool | None = ...,
        workflow_uuid: str | None = ...,
        user_uuid: str | None = ...,
    ) -> cargo_ai.contract.orchestration.runs.run.CountReply:
        """Count the runs of a workflow.

        count_up_to: Stop counting here; isCountExact says whether there may be more. A large number counts all, which takes its time.
        updated_after: Only runs updated at or after this time.
        updated_before: Only runs updated before this time.
        record_id: Only runs of the record with this id.
        record_title: Only runs whose record title contains this text.
        record_title_or_id: Only runs whose record title or id contains this text.
        release_uuid: Only runs of this release.
        batch_uuid: Only runs of this batch.
        created_after: Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        created_before: Only runs created before this time.
        parent_batch_uuid: Only child runs of this batch's runs.
        parent_node_uuid: Only child runs started by the node with this uuid.
        is_group_parent: true: only runs of group items; false: only other runs.
        executions_filter: Only runs whose nodes ended like this:
          {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"node","nodeSlug":"enrich","status":"error"}]}]}.
          status: absent (not executed), pending, success or error.
        parent_uuid: Only child runs of this run.
        statuses: Only runs with one of these statuses; finished: ended with any outcome.
        is_finished: true: only runs that have ended; false: only others.
        workflow_uuid: Only runs of this workflow.
        user_uuid: Only runs started by this user.

        Refused for: workflowNotFound
        """
        ...

    def create(
        self,
        *,
        data: Any,
        workflow_uuid: str | None = ...,
        release_uuid: str | None = ...,
        nodes: Sequence[cargo_ai.contract.orchestration.nodes.node.Node | Mapping[str, Any]] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.runs.run.RunReply:
        """Run a tool, or an inline graph, on one record.

        workflow_uuid: The workflow of the tool (its workflowUuid); omit it to run --nodes.
        release_uuid: The release to run; the deployed one by default.
        nodes: The graph to run instead of a release: a list of at most 500 nodes, such as
          {"uuid":"a","slug":"start","kind":"native","actionSlug":"start","config":{},"childrenUuids":["b"]}.
        data: The input of the start node, a JSON object: {"domain":"acme.com"}.

        Wait for its end: client.orchestration.run.wait(reply.run.uuid)

        Refused for: workflowNotFound, invalidReleaseOrCustomNodes, playNotCompatible, nodesNotFound, invalidData, rootNodeNotFound,
          failedToStart, notEnoughCredits, concurrencyLimitReached
        """
        ...

    def diff(
        self,
        uuid: str,
        other_uuid: str,
        *,
        ignore_input: bool = ...,
    ) -> cargo_ai.contract.orchestration.insight.run_diff.RunDiffReply:
        """Compare two runs: find the first node at which they diverge, inside groups and sub-tools too.

        uuid: The first run.
        other_uuid: The second run.
        ignore_input: Ignore differences between the input records, and compare the nodes.

        Refused for: runNotFound
        """
        ...

    def download(
        self,
        *,
        workflow_uuid: str,
        updated_after: datetime | str | None = ...,
        updated_before: datetime | str | None = ...,
        record_id: str | None = ...,
        record_title: str | None = ...,
        record_title_or_id: str | None = ...,
        release_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        parent_batch_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        is_group_parent: bool | None = ...,
        executions_filter: cargo_ai.contract.orchestration.runs.execution.ExecutionsFilter | Mapping[str, Any] | None = ...,
        parent_uuid: str | None = ...,
        statuses: Sequence[Literal['idle', 'pending', 'running', 'success', 'error', 'cancelling', 'cancelled', 'skipped', 'finished']] | None = ...,
        is_finished: bool | None = ...,
        uuids: Sequence[str] | None = ...,
    ) -> cargo_ai.sdk.downloads.Download:
        """Download the runs of a workflow, one row each.

        updated_after: Only runs updated at or after this time.
        updated_before: Only runs updated before this time.
        record_id: Only runs of the record with this id.
        record_title: Only runs whose record title contains this text.
        record_title_or_id: Only runs whose record title or id contains this text.
        release_uuid: Only runs of this release.
        batch_uuid: Only runs of this batch.
        created_after: Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        created_before: Only runs created before this time.
        parent_batch_uuid: Only child runs of this batch's runs.
        parent_node_uuid: Only child runs started by the node with this uuid.
        is_group_parent: true: only runs of group items; false: only other runs.
        executions_filter: Only runs whose nodes ended like this:
          {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"node","nodeSlug":"enrich","status":"error"}]}]}.
          status: absent (not executed), pending, success or error.
        parent_uuid: Only child runs of this run.
        statuses: Only runs with one of these statuses; finished: ended with any outcome.
        is_finished: true: only runs that have ended; false: only others.
        workflow_uuid: The workflow.
        uuids: Only these runs, at most 10,000, comma-separated.

        Refused for: workflowNotFound
        """
        ...

    def download_outputs(
        self,
        *,
        workflow_uuid: str,
        record_id: str | None = ...,
        record_title: str | None = ...,
        record_title_or_id: str | None = ...,
        release_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        parent_batch_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        is_group_parent: bool | None = ...,
        executions_filter: cargo_ai.contract.orchestration.runs.execution.ExecutionsFilter | Mapping[str, Any] | None = ...,
        parent_uuid: str | None = ...,
        statuses: Sequence[Literal['idle', 'pending', 'running', 'success', 'error', 'cancelling', 'cancelled', 'skipped', 'finished']] | None = ...,
        is_finished: bool | None = ...,
        output_node_slug: str | None = ...,
        limit: int | None = ...,
        offset: int = ...,
    ) -> cargo_ai.sdk.downloads.Download:
        """Export one node's output per run to a file, and show its URL.

        record_id: Only runs of the record with this id.
        record_title: Only runs whose record title contains this text.
        record_title_or_id: Only runs whose record title or id contains this text.
        release_uuid: Only runs of this release.
        batch_uuid: Only runs of this batch.
        created_after: Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        created_before: Only runs created before this time.
        parent_batch_uuid: Only child runs of this batch's runs.
        parent_node_uuid: Only child runs started by the node with this uuid.
        is_group_parent: true: only runs of group items; false: only other runs.
        executions_filter: Only runs whose nodes ended like this:
          {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"node","nodeSlug":"enrich","status":"error"}]}]}.
          status: absent (not executed), pending, success or error.
        parent_uuid: Only child runs of this run.
        statuses: Only runs with one of these statuses; finished: ended with any outcome.
        is_finished: true: only runs that have ended; false: only others.
        workflow_uuid: The workflow.
        output_node_slug: The node whose output is exported; the last one executed by default.
        limit: How many runs at most; one file holds at most 10,000.
        offset: How many to skip.

        Refused for: nodeNotFound, noRunsFound, tooManyRuns, workflowNotFound
        """
        ...

    def explain(
        self,
        uuid: str,
    ) -> cargo_ai.contract.orchestration.insight.explain.ExplanationReply:
        """Explain why a run waits, failed or ended, and what to do next.

        uuid: Its uuid.

        Refused for: runNotFound
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.orchestration.runs.run.RunDetailReply:
        """Show a run with the output of each node.

        uuid: Its uuid.

        Refused for: runNotFound
        """
        ...

    def wait(
        self,
        uuid: str,
        *,
        timeout: float | None = None,
    ) -> cargo_ai.contract.orchestration.runs.run.RunDetailReply:
        """Wait until it has ended, and return it as `get` does; Unfinished after `timeout` seconds.

        uuid: Its uuid.

        Refused for: runNotFound
        """
        ...

    def get_errors(
        self,
        *,
        workflow_uuid: str,
        batch_uuid: str | None = ...,
        release_uuid: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        limit: int = ...,
    ) -> cargo_ai.contract.orchestration.insight.run_errors.RunErrorsReply:
        """Group the errors of runs by node and message, the most frequent first.

        workflow_uuid: The workflow.
        batch_uuid: Only runs of this batch.
        release_uuid: Only runs of this release.
        created_after: Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        created_before: Only runs created before this time.
        limit: How many groups of errors at most, 1 to 1,000.

        Refused for: workflowNotFound
        """
        ...

    def get_log(
        self,
        uuid: str,
        *,
        node_slug: str | None = ...,
        execution_index: int | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.orchestration.runs.run_log.LogReply:
        """Show what the code of a run's nodes printed, line by line.

        uuid: Its uuid.
        node_slug: Only lines of the node with this slug.
        execution_index: Only lines of the execution at this position in the run, the first being 0.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.

        Refused for: runNotFound
        """
        ...

    def iterate_lines(
        self,
        uuid: str,
        *,
        node_slug: str | None = ...,
        execution_index: int | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.orchestration.runs.run_log.LogLine]:
        """Show what the code of a run's nodes printed, line by line. All of them, page after page, or `max_rows`.

        uuid: Its uuid.
        node_slug: Only lines of the node with this slug.
        execution_index: Only lines of the execution at this position in the run, the first being 0.

        Refused for: runNotFound
        """
        ...

    def get_metrics(
        self,
        *,
        workflow_uuid: str,
        release_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
    ) -> cargo_ai.contract.orchestration.runs.run.RunMetricsReply:
        """Count executions per node and status.

        release_uuid: Only runs of this release.
        batch_uuid: Only runs of this batch.
        created_after: Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        created_before: Only runs created before this time.
        workflow_uuid: The workflow.

        Refused for: workflowNotFound
        """
        ...

    def list(
        self,
        *,
        count_up_to: int = ...,
        updated_after: datetime | str | None = ...,
        updated_before: datetime | str | None = ...,
        record_id: str | None = ...,
        record_title: str | None = ...,
        record_title_or_id: str | None = ...,
        release_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        parent_batch_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        is_group_parent: bool | None = ...,
        executions_filter: cargo_ai.contract.orchestration.runs.execution.ExecutionsFilter | Mapping[str, Any] | None = ...,
        parent_uuid: str | None = ...,
        statuses: Sequence[Literal['idle', 'pending', 'running', 'success', 'error', 'cancelling', 'cancelled', 'skipped', 'finished']] | None = ...,
        is_finished: bool | None = ...,
        workflow_uuid: str | None = ...,
        user_uuid: str | None = ...,
        limit: int = ...,
        offset: int = ...,
        after: str | None = ...,
    ) -> cargo_ai.contract.orchestration.runs.run.RunsReply:
        """List the runs of a workflow.

        count_up_to: Stop counting here; isCountExact says whether there may be more. A large number counts all, which takes its time.
        updated_after: Only runs updated at or after this time.
        updated_before: Only runs updated before this time.
        record_id: Only runs of the record with this id.
        record_title: Only runs whose record title contains this text.
        record_title_or_id: Only runs whose record title or id contains this text.
        release_uuid: Only runs of this release.
        batch_uuid: Only runs of this batch.
        created_after: Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        created_before: Only runs created before this time.
        parent_batch_uuid: Only child runs of this batch's runs.
        parent_node_uuid: Only child runs started by the node with this uuid.
        is_group_parent: true: only runs of group items; false: only other runs.
        executions_filter: Only runs whose nodes ended like this:
          {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"node","nodeSlug":"enrich","status":"error"}]}]}.
          status: absent (not executed), pending, success or error.
        parent_uuid: Only child runs of this run.
        statuses: Only runs with one of these statuses; finished: ended with any outcome.
        is_finished: true: only runs that have ended; false: only others.
        workflow_uuid: Only runs of this workflow.
        user_uuid: Only runs started by this user.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.
        after: Only runs that come after this one in the list; `count` is then the number of runs in the reply.

        Refused for: workflowNotFound
        """
        ...

    def iterate(
        self,
        *,
        count_up_to: int = ...,
        updated_after: datetime | str | None = ...,
        updated_before: datetime | str | None = ...,
        record_id: str | None = ...,
        record_title: str | None = ...,
        record_title_or_id: str | None = ...,
        release_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        parent_batch_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        is_group_parent: bool | None = ...,
        executions_filter: cargo_ai.contract.orchestration.runs.execution.ExecutionsFilter | Mapping[str, Any] | None = ...,
        parent_uuid: str | None = ...,
        statuses: Sequence[Literal['idle', 'pending', 'running', 'success', 'error', 'cancelling', 'cancelled', 'skipped', 'finished']] | None = ...,
        is_finished: bool | None = ...,
        workflow_uuid: str | None = ...,
        user_uuid: str | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.orchestration.runs.run.Run]:
        """List the runs of a workflow. All of them, page after page, or `max_rows`.

        count_up_to: Stop counting here; isCountExact says whether there may be more. A large number counts all, which takes its time.
        updated_after: Only runs updated at or after this time.
        updated_before: Only runs updated before this time.
        record_id: Only runs of the record with this id.
        record_title: Only runs whose record title contains this text.
        record_title_or_id: Only runs whose record title or id contains this text.
        release_uuid: Only runs of this release.
        batch_uuid: Only runs of this batch.
        created_after: Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        created_before: Only runs created before this time.
        parent_batch_uuid: Only child runs of this batch's runs.
        parent_node_uuid: Only child runs started by the node with this uuid.
        is_group_parent: true: only runs of group items; false: only other runs.
        executions_filter: Only runs whose nodes ended like this:
          {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"node","nodeSlug":"enrich","status":"error"}]}]}.
          status: absent (not executed), pending, success or error.
        parent_uuid: Only child runs of this run.
        statuses: Only runs with one of these statuses; finished: ended with any outcome.
        is_finished: true: only runs that have ended; false: only others.
        workflow_uuid: Only runs of this workflow.
        user_uuid: Only runs started by this user.

        Refused for: workflowNotFound
        """
        ...

    def replay(
        self,
        uuid: str,
        *,
        from_node: str,
        release_uuid: str | None = ...,
        nodes: Sequence[cargo_ai.contract.orchestration.nodes.node.Node | Mapping[str, Any]] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.runs.run.RunReply:
        """Replay a run from one of its nodes: earlier executions are reused, without calls or credits.

        uuid: The run.
        from_node: The slug of the node to replay from. Inside a group GROUP.NODE: each item of the group is replayed from there.
        release_uuid: Continue with this release; the run's own graph by default.
        nodes: Continue with this graph, a list of nodes; the run's own by default.

        Wait for its end: client.orchestration.run.wait(reply.run.uuid)

        Refused for: runNotFound, runNotFinished, runBelowAnother, nodeNotReached, workflowNotFound, invalidReleaseOrCustomNodes,
          nodesNotFound, rootNodeNotFound, nodeNotFound, notEnoughCredits
        """
        ...

    def tail(
        self,
        *,
        workflow_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        run_uuid: str | None = ...,
        seconds: int = ...,
    ) -> cargo_ai.sdk.downloads.Download:
        """Follow runs live: one line of JSON per event, until the batch or run ends.

        workflow_uuid: Follow the starts and ends of this workflow's runs.
        batch_uuid: Follow a batch until it ends.
        run_uuid: Follow a run node by node until it ends.
        seconds: How long to follow at most, in seconds: 1 to 86,400.

        Refused for: workflowNotFound, batchNotFound, runNotFound, nothingToFollow
        """
        ...

class SpanMethods:
    def count(
        self,
        *,
        execution_started_after: datetime | str,
        count_up_to: int = ...,
        record_id: str | None = ...,
        record_title: str | None = ...,
        record_title_or_id: str | None = ...,
        execution_started_before: datetime | str | None = ...,
        workflow_uuid: str | None = ...,
        user_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        trace_uuid: str | None = ...,
        run_uuid: str | None = ...,
        parent_run_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        parent_agent_uuid: str | None = ...,
        node_uuid: str | None = ...,
        node_kind: Literal['native', 'connector', 'tool', 'agent'] | None = ...,
        node_slug: str | None = ...,
        node_integration_slug: str | None = ...,
        node_connector_uuid: str | None = ...,
        node_action_slug: str | None = ...,
        node_tool_uuid: str | None = ...,
        node_agent_uuid: str | None = ...,
        node_release_uuid: str | None = ...,
        execution_title: str | None = ...,
        execution_title_or_error_message: str | None = ...,
        execution_statuses: Sequence[Literal['pending', 'success', 'error']] | None = ...,
    ) -> cargo_ai.contract.orchestration.runs.run.CountReply:
        """Count executions of nodes across all runs.

        count_up_to: Stop counting here; isCountExact says whether there may be more. A large number counts all, which takes its time.
        record_id: Only runs of the record with this id.
        record_title: Only runs whose record title contains this text.
        record_title_or_id: Only runs whose record title or id contains this text.
        execution_started_after: Only spans that started at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        execution_started_before: Only spans that started before this time.
        workflow_uuid: Only spans of this workflow's runs.
        user_uuid: Only spans of runs started by this user.
        batch_uuid: Only spans of this batch's runs.
        trace_uuid: Only spans of this trace: of a run or batch and all its descendants.
        run_uuid: Only spans of this run.
        parent_run_uuid: Only spans of child runs of this run.
        parent_node_uuid: Only spans of child runs started by this node.
        parent_agent_uuid: Only spans of runs started by this agent.
        node_uuid: Only spans of the node with this uuid.
        node_kind: Only spans of nodes of this kind.
        node_slug: Only spans of nodes with this slug.
        node_integration_slug: Only spans of nodes of this integration.
        node_connector_uuid: Only spans of nodes that use this connector, be it as their integration's default one.
        node_action_slug: Only spans of nodes with this action.
        node_tool_uuid: Only spans of nodes that run this tool.
        node_agent_uuid: Only spans of nodes that run this agent.
        node_release_uuid: Only spans of nodes that run this release of a tool or agent.
        execution_title: Only spans whose title contains this text.
        execution_title_or_error_message: Only spans whose title or error message contains this text.
        execution_statuses: Only spans with one of these statuses.
        """
        ...

    def list(
        self,
        *,
        execution_started_after: datetime | str,
        count_up_to: int = ...,
        record_id: str | None = ...,
        record_title: str | None = ...,
        record_title_or_id: str | None = ...,
        execution_started_before: datetime | str | None = ...,
        workflow_uuid: str | None = ...,
        user_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        trace_uuid: str | None = ...,
        run_uuid: str | None = ...,
        parent_run_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        parent_agent_uuid: str | None = ...,
        node_uuid: str | None = ...,
        node_kind: Literal['native', 'connector', 'tool', 'agent'] | None = ...,
        node_slug: str | None = ...,
        node_integration_slug: str | None = ...,
        node_connector_uuid: str | None = ...,
        node_action_slug: str | None = ...,
        node_tool_uuid: str | None = ...,
        node_agent_uuid: str | None = ...,
        node_release_uuid: str | None = ...,
        execution_title: str | None = ...,
        execution_title_or_error_message: str | None = ...,
        execution_statuses: Sequence[Literal['pending', 'success', 'error']] | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.orchestration.insight.span.SpansReply:
        """List executions of nodes across all runs, by trace, run, batch, node, connector or status.

        count_up_to: Stop counting here; isCountExact says whether there may be more. A large number counts all, which takes its time.
        record_id: Only runs of the record with this id.
        record_title: Only runs whose record title contains this text.
        record_title_or_id: Only runs whose record title or id contains this text.
        execution_started_after: Only spans that started at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        execution_started_before: Only spans that started before this time.
        workflow_uuid: Only spans of this workflow's runs.
        user_uuid: Only spans of runs started by this user.
        batch_uuid: Only spans of this batch's runs.
        trace_uuid: Only spans of this trace: of a run or batch and all its descendants.
        run_uuid: Only spans of this run.
        parent_run_uuid: Only spans of child runs of this run.
        parent_node_uuid: Only spans of child runs started by this node.
        parent_agent_uuid: Only spans of runs started by this agent.
        node_uuid: Only spans of the node with this uuid.
        node_kind: Only spans of nodes of this kind.
        node_slug: Only spans of nodes with this slug.
        node_integration_slug: Only spans of nodes of this integration.
        node_connector_uuid: Only spans of nodes that use this connector, be it as their integration's default one.
        node_action_slug: Only spans of nodes with this action.
        node_tool_uuid: Only spans of nodes that run this tool.
        node_agent_uuid: Only spans of nodes that run this agent.
        node_release_uuid: Only spans of nodes that run this release of a tool or agent.
        execution_title: Only spans whose title contains this text.
        execution_title_or_error_message: Only spans whose title or error message contains this text.
        execution_statuses: Only spans with one of these statuses.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.
        """
        ...

    def iterate(
        self,
        *,
        execution_started_after: datetime | str,
        count_up_to: int = ...,
        record_id: str | None = ...,
        record_title: str | None = ...,
        record_title_or_id: str | None = ...,
        execution_started_before: datetime | str | None = ...,
        workflow_uuid: str | None = ...,
        user_uuid: str | None = ...,
        batch_uuid: str | None = ...,
        trace_uuid: str | None = ...,
        run_uuid: str | None = ...,
        parent_run_uuid: str | None = ...,
        parent_node_uuid: str | None = ...,
        parent_agent_uuid: str | None = ...,
        node_uuid: str | None = ...,
        node_kind: Literal['native', 'connector', 'tool', 'agent'] | None = ...,
        node_slug: str | None = ...,
        node_integration_slug: str | None = ...,
        node_connector_uuid: str | None = ...,
        node_action_slug: str | None = ...,
        node_tool_uuid: str | None = ...,
        node_agent_uuid: str | None = ...,
        node_release_uuid: str | None = ...,
        execution_title: str | None = ...,
        execution_title_or_error_message: str | None = ...,
        execution_statuses: Sequence[Literal['pending', 'success', 'error']] | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.orchestration.insight.span.Span]:
        """List executions of nodes across all runs, by trace, run, batch, node, connector or status. All of them, page after page, or
        `max_rows`.

        count_up_to: Stop counting here; isCountExact says whether there may be more. A large number counts all, which takes its time.
        record_id: Only runs of the record with this id.
        record_title: Only runs whose record title contains this text.
        record_title_or_id: Only runs whose record title or id contains this text.
        execution_started_after: Only spans that started at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        execution_started_before: Only spans that started before this time.
        workflow_uuid: Only spans of this workflow's runs.
        user_uuid: Only spans of runs started by this user.
        batch_uuid: Only spans of this batch's runs.
        trace_uuid: Only spans of this trace: of a run or batch and all its descendants.
        run_uuid: Only spans of this run.
        parent_run_uuid: Only spans of child runs of this run.
        parent_node_uuid: Only spans of child runs started by this node.
        parent_agent_uuid: Only spans of runs started by this agent.
        node_uuid: Only spans of the node with this uuid.
        node_kind: Only spans of nodes of this kind.
        node_slug: Only spans of nodes with this slug.
        node_integration_slug: Only spans of nodes of this integration.
        node_connector_uuid: Only spans of nodes that use this connector, be it as their integration's default one.
        node_action_slug: Only spans of nodes with this action.
        node_tool_uuid: Only spans of nodes that run this tool.
        node_agent_uuid: Only spans of nodes that run this agent.
        node_release_uuid: Only spans of nodes that run this release of a tool or agent.
        execution_title: Only spans whose title contains this text.
        execution_title_or_error_message: Only spans whose title or error message contains this text.
        execution_statuses: Only spans with one of these statuses.
        """
        ...

class TemplateMethods:
    def apply(
        self,
        slug: str,
        *,
        name: str | None = ...,
        connectors: Sequence[str] | None = ...,
        model: str | None = ...,
        values: Mapping[str, Any] | None = ...,
        enable: bool = ...,
        folder_uuid: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.workflows.template.AppliedTemplate:
        """Make a tool or play of a template: filled in with connectors, a model and values, and deployed.

        slug: The slug of the template.
        name: The name of the new tool or play; the template's by default.
        connectors: The connectors to use, by slug or uuid, comma-separated. Of other integrations the default one is taken.
        model: The model of a play, by slug or uuid. Other templates take none.
        values: What else the template asks for (`needs.values` of template get): {"channel":"#sales"}.
        enable: Whether a play is enabled at once. Tools run on demand.
        folder_uuid: The folder to create it in.

        Refused for: templateNotFound, connectorNotFound, connectorNotUsed, modelNotFound, modelNotCompatible, invalidValues,
          folderNotFound, draftReleaseNodesAreInvalid
        """
        ...

    def get(
        self,
        slug: str,
    ) -> cargo_ai.contract.orchestration.workflows.template.TemplateReply:
        """Show a template with its nodes and what it needs; orchestration template apply makes a tool or play of it.

        slug: The slug of the template.

        Refused for: templateNotFound
        """
        ...

    def list(
        self,
        *,
        has_documentation: bool | None = ...,
        is_preset: bool | None = ...,
        kinds: Sequence[Literal['play', 'tool', 'workflow']] | None = ...,
    ) -> cargo_ai.contract.orchestration.workflows.template.TemplatesReply:
        """List the templates: graphs to start from.

        has_documentation: true: only templates with documentation; false: only those without.
        is_preset: true: only presets; false: only others.
        kinds: Only templates of these kinds.
        """
        ...

class ToolMethods:
    def create(
        self,
        *,
        name: str,
        icon: cargo_ai.contract.orchestration.workflows.tool.RawIcon | cargo_ai.contract.orchestration.workflows.tool.EmojiIcon | Mapping[str, Any] = ...,
        description: str | None = ...,
        triggers: Sequence[cargo_ai.contract.orchestration.workflows.tool.ToolTrigger | cargo_ai.contract.orchestration.workflows.tool.HookTrigger | Mapping[str, Any]] = ...,
        folder_uuid: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.workflows.tool.ToolReply:
        """Create a tool with an empty graph.

        name: The name, 1 to 200 characters.
        icon: The icon: {"kind":"emoji","emojiSlug":"hammer"} (the default).
        description: The description.
        triggers: What starts it. Schedules: [{"name":"Monday","type":"cron","cron":"0 9 * *
          1","timeZone":"Europe/Paris","data":{"domain":"acme.com"}}]. cron: five fields, or @every 1h; timeZone: UTC by default; data:
          the input of the run. Events of a webhook connector:
          [{"name":"Paid","type":"connector","connectorUuid":"...","config":{"types":["invoice.paid"]}}]; without types, all of them.
        folder_uuid: The folder to create it in.

        Refused for: folderNotFound
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.orchestration.workflows.tool.ToolReply:
        """Show a tool.

        uuid: Its uuid.

        Refused for: toolNotFound
        """
        ...

    def list(
        self,
        *,
        folder_uuid: str | None = ...,
    ) -> cargo_ai.contract.orchestration.workflows.tool.ToolsReply:
        """List the tools, newest first.

        folder_uuid: Only tools in this folder.
        """
        ...

    def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.bin.RemovedToBin:
        """Remove a tool: it goes to the bin. Runs in progress finish.

        uuid: Its uuid.

        Refused for: toolNotFound, toolIsReadOnly, toolIsUsed
        """
        ...

    def update(
        self,
        uuid: str,
        *,
        name: str | None = ...,
        icon: cargo_ai.contract.orchestration.workflows.tool.RawIcon | cargo_ai.contract.orchestration.workflows.tool.EmojiIcon | Mapping[str, Any] | None = ...,
        description: str | None = ...,
        triggers: Sequence[cargo_ai.contract.orchestration.workflows.tool.ToolTrigger | cargo_ai.contract.orchestration.workflows.tool.HookTrigger | Mapping[str, Any]] | None = ...,
        public_form: cargo_ai.contract.orchestration.workflows.tool.ToolPublicForm | Mapping[str, Any] | None = ...,
        folder_uuid: str | None = ...,
        template: cargo_ai.contract.orchestration.workflows.tool.ToolTemplate | Mapping[str, Any] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.orchestration.workflows.tool.ToolReply:
        """Change a tool's name, description, icon, folder, triggers or form.

        uuid: The tool.
        name: The new name.
        icon: The new icon: {"kind":"emoji","emojiSlug":"hammer"}.
        description: The new description; null clears it.
        triggers: What starts it. Schedules: [{"name":"Monday","type":"cron","cron":"0 9 * *
          1","timeZone":"Europe/Paris","data":{"domain":"acme.com"}}]. cron: five fields, or @every 1h; timeZone: UTC by default; data:
          the input of the run. Events of a webhook connector:
          [{"name":"Paid","type":"connector","connectorUuid":"...","config":{"types":["invoice.paid"]}}]; without types, all of them.
          Replaces all triggers.
        public_form: The public form: {"isEnabled":true,"allowedOrigins":["https://example.com"]}; null removes it.
        folder_uuid: The folder to move it to; null: no folder.
        template: Accepted for compatibility; a tool cannot be offered as a template.

        Refused for: toolNotFound, workflowNotFound, toolIsReadOnly, folderNotFound, templatesNotAvailable
        """
        ...

class TraceMethods:
    def count(
        self,
        *,
        started_after: datetime | str,
        count_up_to: int = ...,
        started_before: datetime | str | None = ...,
        workflow_uuid: str | None = ...,
        chat_uuid: str | None = ...,
        agent_uuid: str | None = ...,
        statuses: Sequence[Literal['pending', 'error', 'degraded', 'success']] | None = ...,
    ) -> cargo_ai.contract.orchestration.runs.run.CountReply:
        """Count the traces of runs and batches.

        count_up_to: Stop counting here; isCountExact says whether there may be more. A large number counts all, which takes its time.
        started_after: Only traces that started at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        started_before: Only traces that started before this time.
        workflow_uuid: Only traces whose root belongs to this workflow.
        chat_uuid: Only traces started by this chat.
        agent_uuid: Only traces started by this agent.
        statuses: Only traces with one of these statuses.
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.orchestration.insight.trace.TraceReply:
        """Show a trace: a run or batch with the totals of all its descendants.

        uuid: Its uuid.

        Refused for: traceNotFound
        """
        ...

    def list(
        self,
        *,
        started_after: datetime | str,
        count_up_to: int = ...,
        started_before: datetime | str | None = ...,
        workflow_uuid: str | None = ...,
        chat_uuid: str | None = ...,
        agent_uuid: str | None = ...,
        statuses: Sequence[Literal['pending', 'error', 'degraded', 'success']] | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.orchestration.insight.trace.TracesReply:
        """List the traces of runs and batches, newest first.

        count_up_to: Stop counting here; isCountExact says whether there may be more. A large number counts all, which takes its time.
        started_after: Only traces that started at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        started_before: Only traces that started before this time.
        workflow_uuid: Only traces whose root belongs to this workflow.
        chat_uuid: Only traces started by this chat.
        agent_uuid: Only traces started by this agent.
        statuses: Only traces with one of these statuses.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.
        """
        ...

    def iterate(
        self,
        *,
        started_after: datetime | str,
        count_up_to: int = ...,
        started_before: datetime | str | None = ...,
        workflow_uuid: str | None = ...,
        chat_uuid: str | None = ...,
        agent_uuid: str | None = ...,
        statuses: Sequence[Literal['pending', 'error', 'degraded', 'success']] | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.orchestration.insight.trace.Trace]:
        """List the traces of runs and batches, newest first. All of them, page after page, or `max_rows`.

        count_up_to: Stop counting here; isCountExact says whether there may be more. A large number counts all, which takes its time.
        started_after: Only traces that started at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z.
        started_before: Only traces that started before this time.
        workflow_uuid: Only traces whose root belongs to this workflow.
        chat_uuid: Only traces started by this chat.
        agent_uuid: Only traces started by this agent.
        statuses: Only traces with one of these statuses.
        """
        ...

class WorkflowMethods:
    def list(
        self,
    ) -> cargo_ai.contract.orchestration.workflows.workflow.WorkflowsReply:
        """List the workflows of all tools and plays.
        """
        ...

class OrchestrationDomain:
    @property
    def action(self) -> ActionMethods:
        ...

    @property
    def archive(self) -> ArchiveMethods:
        ...

    @property
    def batch(self) -> BatchMethods:
        ...

    @property
    def draft_release(self) -> DraftReleaseMethods:
        ...

    @property
    def memory(self) -> MemoryMethods:
        ...

    @property
    def node(self) -> NodeMethods:
        ...

    @property
    def play(self) -> PlayMethods:
        ...

    @property
    def query(self) -> QueryMethods:
        ...

    @property
    def queue(self) -> QueueMethods:
        ...

    @property
    def record(self) -> RecordMethods:
        ...

    @property
    def release(self) -> ReleaseMethods:
        ...

    @property
    def retention(self) -> RetentionMethods:
        ...

    @property
    def review(self) -> ReviewMethods:
        ...

    @property
    def run(self) -> RunMethods:
        ...

    @property
    def span(self) -> SpanMethods:
        ...

    @property
    def template(self) -> TemplateMethods:
        ...

    @property
    def tool(self) -> ToolMethods:
        ...

    @property
    def trace(self) -> TraceMethods:
        ...

    @property
    def workflow(self) -> WorkflowMethods:
        ...
