# Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead.
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import cargo_ai.contract.segmentation.filter
import cargo_ai.contract.storage.column
import cargo_ai.contract.storage.columns
import cargo_ai.contract.storage.dataset
import cargo_ai.contract.storage.index
import cargo_ai.contract.storage.model
import cargo_ai.contract.storage.preview
import cargo_ai.contract.storage.query
import cargo_ai.contract.storage.records.change_set
import cargo_ai.contract.storage.records.ingest
import cargo_ai.contract.storage.records.merge
import cargo_ai.contract.storage.records.record
import cargo_ai.contract.storage.relationship
import cargo_ai.contract.storage.run
import cargo_ai.contract.storage.unification
import cargo_ai.contract.workspace.bin
import cargo_ai.kernel.wire
import cargo_ai.sdk.downloads

class ChangeSetMethods:
    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.storage.records.change_set.ChangeSetReply:
        """Show a change set: who wrote, and how many records.

        uuid: Its uuid.

        Refused for: changeSetNotFound
        """
        ...

    def list(
        self,
        *,
        model_uuid: str | None = ...,
        kinds: Sequence[Literal['import', 'ingest', 'refresh', 'write', 'bulk', 'batch', 'run', 'merge', 'undo', 'forget']] | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.storage.records.change_set.ChangeSetsReply:
        """List what was written into models: imports, bulk writes, batches, runs; newest first.

        model_uuid: Only those of this model.
        kinds: Only these kinds, comma-separated.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.

        Refused for: modelNotFound
        """
        ...

    def iterate(
        self,
        *,
        model_uuid: str | None = ...,
        kinds: Sequence[Literal['import', 'ingest', 'refresh', 'write', 'bulk', 'batch', 'run', 'merge', 'undo', 'forget']] | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.storage.records.change_set.ChangeSet]:
        """List what was written into models: imports, bulk writes, batches, runs; newest first. All of them, page after page, or `max_rows`.

        model_uuid: Only those of this model.
        kinds: Only these kinds, comma-separated.

        Refused for: modelNotFound
        """
        ...

    def list_records(
        self,
        uuid: str,
        *,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.storage.records.change_set.ChangedRecordsReply:
        """List the records of a change set: which were added and removed, and which values changed from what to what.

        uuid: The change set.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.

        Refused for: changeSetNotFound, modelNotFound
        """
        ...

    def iterate_records(
        self,
        uuid: str,
        *,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.storage.records.change_set.ChangedRecord]:
        """List the records of a change set: which were added and removed, and which values changed from what to what. All of them, page
        after page, or `max_rows`.

        uuid: The change set.

        Refused for: changeSetNotFound, modelNotFound
        """
        ...

    def undo(
        self,
        uuid: str,
        *,
        skip_conflicts: bool = ...,
        dry_run: bool = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.records.change_set.UndoReply:
        """Undo an import, a bulk write or what a batch wrote, record by record; much of it in the background.

        uuid: The change set.
        skip_conflicts: Leave records that were changed since; by default nothing is undone.
        dry_run: Only say what would be undone.

        Wait for its end: client.storage.run.wait(reply.run.uuid)

        Refused for: changeSetNotFound, modelNotFound, alreadyUndone, alreadyRunning, stillRunning, forgotten, hasConflicts,
          modelHasChanged
        """
        ...

class ColumnMethods:
    def autocomplete(
        self,
        *,
        model_uuid: str,
        column: str | Mapping[str, Any],
        query: str = ...,
    ) -> cargo_ai.contract.storage.column.ResultsReply:
        """List the values of a column, the most frequent first, at most 100.

        model_uuid: The model.
        column: The column: {"slug":"country"}, or its slug alone.
        query: Only values that contain this text; all by default.

        Refused for: modelNotFound, datasetNotFound, columnNotFound
        """
        ...

    def create(
        self,
        *,
        model_uuid: str,
        column: cargo_ai.contract.storage.columns.CustomColumn | cargo_ai.contract.storage.columns.ComputedColumn | cargo_ai.contract.storage.columns.MetricColumn | cargo_ai.contract.storage.columns.LookupColumn | Mapping[str, Any],
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.column.ColumnReply:
        """Add a column: custom, computed, metric or lookup.

        model_uuid: The model.
        column: The column: {"kind":"custom","slug":"tier","type":"string","label":"Tier"}; computed adds expression, metric
          relationshipUuid and aggregation {"function":"COUNT","columnSlug":"_id"}, lookup join
          {"toModelUuid":"...","fromColumnSlug":"...","toColumnSlug":"..."} and extractColumnSlug. type: string, number, boolean, date,
          object, array, vector or any.

        Wait for its end: client.storage.run.wait(reply.run.uuid)

        Refused for: modelNotFound, datasetNotFound, duplicateSlug, aiExpressionNotAllowed, invalidRelationship
        """
        ...

    def exists_by_slug(
        self,
        *,
        slug: str,
        model_uuid: str,
    ) -> cargo_ai.contract.storage.column.Exists:
        """Check whether a model has a column with this slug.

        slug: The slug of the column.
        model_uuid: The model.
        """
        ...

    def list(
        self,
        *,
        model_uuid: str,
    ) -> cargo_ai.contract.storage.column.ColumnsReply:
        """List the columns of a model, of every kind, in order.

        model_uuid: The model.

        Refused for: clientNotFound, modelNotFound
        """
        ...

    def remove(
        self,
        *,
        model_uuid: str,
        column_slug: str,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove a column that nothing uses, with its values.

        model_uuid: The model.
        column_slug: The slug of the column.

        Refused for: modelNotFound, datasetNotFound, columnNotFound, columnIsUsed, columnIsOriginal
        """
        ...

    def reorder(
        self,
        *,
        model_uuid: str,
        column_slug: str,
        to_index: int,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.column.ColumnsReply:
        """Move a column to another position.

        model_uuid: The model.
        column_slug: The slug of the column.
        to_index: The new position, from 0.

        Refused for: modelNotFound, columnNotFound, invalidIndex
        """
        ...

    def update(
        self,
        *,
        model_uuid: str,
        column: cargo_ai.contract.storage.columns.OriginalColumn | cargo_ai.contract.storage.columns.CustomColumn | cargo_ai.contract.storage.columns.ComputedColumn | cargo_ai.contract.storage.columns.MetricColumn | cargo_ai.contract.storage.columns.LookupColumn | Mapping[str, Any],
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.column.ColumnReply:
        """Change the column with the given slug.

        model_uuid: The model.
        column: The column: {"kind":"custom","slug":"tier","type":"string","label":"Tier"}; computed adds expression, metric
          relationshipUuid and aggregation {"function":"COUNT","columnSlug":"_id"}, lookup join
          {"toModelUuid":"...","fromColumnSlug":"...","toColumnSlug":"..."} and extractColumnSlug. type: string, number, boolean, date,
          object, array, vector or any. Replaces the column with this slug; of original ones only label and description.

        Wait for its end: client.storage.run.wait(reply.run.uuid)

        Refused for: modelNotFound, datasetNotFound, columnNotFound, aiExpressionNotAllowed, invalidRelationship
        """
        ...

class DatasetMethods:
    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.storage.dataset.DatasetReply:
        """Show a dataset.

        uuid: Its uuid.

        Refused for: datasetNotFound
        """
        ...

    def list(
        self,
    ) -> cargo_ai.contract.storage.dataset.DatasetsReply:
        """List the datasets that models can be made in.
        """
        ...

class MergeMethods:
    def create(
        self,
        *,
        model_uuid: str,
        by: Sequence[str] | None = ...,
        ids: Sequence[str] | None = ...,
        survivor: Literal['oldest', 'newest', 'mostRecentlyUpdated', 'mostComplete'] = ...,
        survivor_id: str | None = ...,
        limit: int = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.records.merge.MergedReply:
        """Merge duplicates into one record each: empty columns are filled from the others, which are removed.

        by: The columns in all of which duplicates agree, comma-separated, at most 10: COLUMN or COLUMN:COMPARISON, such as
          website:domain. Comparisons: exact, text (ignores case and spaces), email, domain (of a URL or e-mail address, without www),
          name (of companies and people; ignores accents, punctuation and Inc.), handle (of LinkedIn and the like). By default chosen by
          the column's slug.
        ids: Instead of --by: the ids of duplicates, 2 to 1,000, comma-separated.
        survivor: Which record of a group stays; mostComplete: the one with the most filled columns.
        survivor_id: With --ids: the id of the record that stays, instead of --survivor.
        model_uuid: The model.
        limit: How many groups at most, 1 to 1,000.

        Refused for: modelNotFound, columnNotFound, matchingNotPossible, recordNotFound, noDuplicates
        """
        ...

    def list(
        self,
        *,
        model_uuid: str | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.storage.records.merge.MergesReply:
        """List the merges, newest first.

        model_uuid: Only merges in this model.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.

        Refused for: modelNotFound
        """
        ...

    def iterate(
        self,
        *,
        model_uuid: str | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.storage.records.merge.Merge]:
        """List the merges, newest first. All of them, page after page, or `max_rows`.

        model_uuid: Only merges in this model.

        Refused for: modelNotFound
        """
        ...

    def undo(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.records.merge.MergeReply:
        """Undo a merge of the last 30 days: the records are restored.

        uuid: Its uuid.

        Refused for: mergeNotFound, mergeAlreadyUndone, mergeTooOld, modelNotFound, recordAlreadyExists, modelHasChanged
        """
        ...

class ModelMethods:
    def create(
        self,
        *,
        slug: str,
        name: str,
        dataset_uuid: str,
        extractor_slug: str,
        description: str | None = ...,
        config: Mapping[str, Any] = ...,
        schedule: cargo_ai.contract.storage.model.CronSchedule | cargo_ai.contract.storage.model.DbtSchedule | Mapping[str, Any] | None = ...,
        folder_uuid: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.model.ModelReply:
        """Create a model: empty with your columns, filled from an uploaded file, or kept up with a connector's service.

        slug: The name in SQL, unique in the dataset: letters, digits and `_`, at most 60 characters.
        name: The name, 1 to 200 characters.
        description: The description.
        dataset_uuid: The dataset, as storage dataset list shows it.
        extractor_slug: How it is filled: defineObject, defineAccount, defineContact (by writing records), uploadFile (from a file); in
          the dataset of a connector, one of its integration's extractors, such as fetchRecords of hubspot.
        config: The config of the extractor: {"columns":[{"slug":"domain","type":"string","label":"Domain"}],"idColumnSlug":"domain"} for
          the define extractors, {"s3Filename":"...","idColumnSlug":"email"} for uploadFile, there also "types":{"zip":"string"},
          "skipInvalid":true and how the file is written: "encoding", "delimiter", "trim", "decimal", "dateOrder".
        schedule: When the model is synced from its connector: {"type":"cron","cron":"0 6 * * *","timeZone":"Europe/Paris"}; no syncs by
          default.
        folder_uuid: The folder to create it in.

        Refused for: duplicateSlug, datasetNotFound, modelNotCompatible, connectorNotFound, integrationNotFound, integrationNotCompatible,
          fileNotFound, fileInvalid, folderNotFound, folderNotCompatible, failedToSchedule, scheduleNotCompatible,
          scheduleIntervalTooShort
        """
        ...

    def create_index(
        self,
        uuid: str,
        *,
        column_slugs: Sequence[str] | None = ...,
        kind: Literal['values', 'text'] = ...,
        filter: cargo_ai.contract.segmentation.filter.Filter | Mapping[str, Any] | None = ...,
        sort: Sequence[cargo_ai.contract.segmentation.filter.Order | Mapping[str, Any]] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.index.IndexesReply:
        """Create indexes that make filters and sorting fast; they are built in the background.

        uuid: The model.
        column_slugs: The columns, comma-separated, at most 12: first those compared for equality, then those by range.
        kind: values: for equality and ranges; text: for contains, startsWith and endsWith.
        filter: Instead of columns, the filter to make fast. The records that match: {"conjonction":"and","groups":[{"conjonction":"and","
          conditions":[{"kind":"string","columnSlug":"country","operator":"is","values":["France"]}]}]}. No groups: all records.
        sort: Instead of columns, the sort order to make fast. The sort order, at most 10 columns: [{"columnSlug":"name","kind":"asc"}]
          (asc or desc).

        Wait for its end: client.storage.model.wait(reply.build.model_uuid)

        Refused for: modelNotFound, indexNotPossible
        """
        ...

    def create_ingest_token(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.records.ingest.IngestToken:
        """Create a token for sending records to a model; the previous token stops working.

        uuid: Its uuid.

        Refused for: modelNotFound
        """
        ...

    def exists_by_slug(
        self,
        *,
        slug: str,
        dataset_uuid: str,
    ) -> cargo_ai.contract.storage.model.Exists:
        """Check whether a dataset has a model with this slug.

        slug: The slug of the model.
        dataset_uuid: The dataset.
        """
        ...

    def find_duplicates(
        self,
        uuid: str,
        *,
        by: Sequence[str] | None = ...,
        ids: Sequence[str] | None = ...,
        survivor: Literal['oldest', 'newest', 'mostRecentlyUpdated', 'mostComplete'] = ...,
        survivor_id: str | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.storage.records.merge.DuplicatesReply:
        """Find duplicate records, and preview the outcome of a merge.

        by: The columns in all of which duplicates agree, comma-separated, at most 10: COLUMN or COLUMN:COMPARISON, such as
          website:domain. Comparisons: exact, text (ignores case and spaces), email, domain (of a URL or e-mail address, without www),
          name (of companies and people; ignores accents, punctuation and Inc.), handle (of LinkedIn and the like). By default chosen by
          the column's slug.
        ids: Instead of --by: the ids of duplicates, 2 to 1,000, comma-separated.
        survivor: Which record of a group stays; mostComplete: the one with the most filled columns.
        survivor_id: With --ids: the id of the record that stays, instead of --survivor.
        uuid: The model.
        limit: How many groups at most, 1 to 100.
        offset: How many groups to skip.

        Refused for: modelNotFound, columnNotFound, matchingNotPossible, recordNotFound
        """
        ...

    def iterate_groups(
        self,
        uuid: str,
        *,
        by: Sequence[str] | None = ...,
        ids: Sequence[str] | None = ...,
        survivor: Literal['oldest', 'newest', 'mostRecentlyUpdated', 'mostComplete'] = ...,
        survivor_id: str | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.storage.records.merge.DuplicateGroup]:
        """Find duplicate records, and preview the outcome of a merge. All of them, page after page, or `max_rows`.

        by: The columns in all of which duplicates agree, comma-separated, at most 10: COLUMN or COLUMN:COMPARISON, such as
          website:domain. Comparisons: exact, text (ignores case and spaces), email, domain (of a URL or e-mail address, without www),
          name (of companies and people; ignores accents, punctuation and Inc.), handle (of LinkedIn and the like). By default chosen by
          the column's slug.
        ids: Instead of --by: the ids of duplicates, 2 to 1,000, comma-separated.
        survivor: Which record of a group stays; mostComplete: the one with the most filled columns.
        survivor_id: With --ids: the id of the record that stays, instead of --survivor.
        uuid: The model.

        Refused for: modelNotFound, columnNotFound, matchingNotPossible, recordNotFound
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.storage.model.ModelReply:
        """Show a model with its columns.

        uuid: Its uuid.

        Refused for: modelNotFound, datasetNotFound
        """
        ...

    def get_ddl(
        self,
        uuid: str,
    ) -> cargo_ai.contract.storage.model.Ddl:
        """Show the CREATE TABLE statement of a model, with the table and column names for SQL.

        uuid: Its uuid.

        Refused for: modelNotFound, datasetNotFound, clientNotFound, failedToGetDdl
        """
        ...

    def list(
        self,
        *,
        dataset_uuid: str | None = ...,
    ) -> cargo_ai.contract.storage.model.ModelsReply:
        """List the models, newest first.

        dataset_uuid: Only models of this dataset.

        Refused for: datasetNotFound
        """
        ...

    def list_indexes(
        self,
        uuid: str,
    ) -> cargo_ai.contract.storage.index.IndexesReply:
        """List the indexes of a model, with size, status and number of uses.

        uuid: Its uuid.

        Refused for: modelNotFound
        """
        ...

    def wait_for_indexes(
        self,
        uuid: str,
        *,
        timeout: float | None = None,
    ) -> cargo_ai.contract.storage.index.IndexesReply:
        """Wait until it has ended, and return it as `get` does; Unfinished after `timeout` seconds.

        uuid: Its uuid.

        Refused for: modelNotFound
        """
        ...

    def preview(
        self,
        *,
        dataset_uuid: str,
        slug: str,
        config: Mapping[str, Any],
    ) -> cargo_ai.contract.storage.preview.PreviewReply:
        """Preview the columns and first records of a model before creating it.

        dataset_uuid: The dataset, as storage dataset list shows it.
        slug: The extractor, such as uploadFile, or fetchRecords of a connector of hubspot.
        config: The config of the extractor, as in storage model create: {"s3Filename":"..."}.

        Refused for: datasetNotFound, modelNotCompatible, connectorNotFound, integrationNotFound, integrationNotCompatible, fileNotFound,
          fileInvalid
        """
        ...

    def preview_count(
        self,
        *,
        dataset_uuid: str,
        slug: str,
        config: Mapping[str, Any],
    ) -> cargo_ai.contract.storage.preview.PreviewCount:
        """Count the records of a model before creating it.

        dataset_uuid: The dataset, as storage dataset list shows it.
        slug: The extractor, such as uploadFile, or fetchRecords of a connector of hubspot.
        config: The config of the extractor, as in storage model create: {"s3Filename":"..."}.

        Refused for: datasetNotFound, modelNotCompatible, connectorNotFound, integrationNotFound, integrationNotCompatible, fileNotFound,
          fileInvalid
        """
        ...

    def refresh(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.run.RefreshedModel:
        """Start a refresh of a model from its source, whether or not the source has changed.

        uuid: Its uuid.

        Wait for its end: client.storage.run.wait(reply.run.uuid)

        Refused for: modelNotFound, datasetNotFound, connectorNotFound, integrationNotFound, alreadySyncing, failedToSyncFromClient,
          modelNotCompatible
        """
        ...

    def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.bin.RemovedToBin:
        """Remove a model that nothing uses, with all its records: they go to the bin.

        uuid: Its uuid.

        Refused for: modelNotFound, datasetNotFound, modelNotCompatible, hasSegments, hasWorkflows, modelIsUsed, connectorNotFound,
          integrationNotFound, invalidConfig
        """
        ...

    def remove_index(
        self,
        uuid: str,
        name: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove an index: only the speed of filters and sorting changes.

        uuid: The model.
        name: The name of the index, as storage model list-indexes shows it.

        Refused for: modelNotFound, indexNotFound, indexIsBeingMade
        """
        ...

    def update(
        self,
        uuid: str,
        *,
        name: str | None = ...,
        description: str | None = ...,
        position: cargo_ai.contract.storage.model.Position | Mapping[str, Any] | None = ...,
        config: Mapping[str, Any] | None = ...,
        unification: cargo_ai.contract.storage.unification.IntegrationUnification | cargo_ai.contract.storage.unification.CustomUnification | Mapping[str, Any] | None = ...,
        schedule: cargo_ai.contract.storage.model.CronSchedule | cargo_ai.contract.storage.model.DbtSchedule | Mapping[str, Any] | None = ...,
        folder_uuid: str | None = ...,
        title_column_slug: str | None = ...,
        time_column_slug: str | None = ...,
        id_column_slug: str | None = ...,
        is_paused: bool | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.model.ModelReply:
        """Change a model's name, title and time columns, unification, schedule or folder, or pause it.

        uuid: The model.
        name: The new name.
        description: The new description; null clears it.
        position: The position on the map of models: {"x":0,"y":0}.
        config: The new config of the extractor, as in storage model create.
        unification: The columns that identify the account or contact of each record:
          {"source":"custom","type":"account","uniqueColumns":[{"slug":"website","reference":"domain"}]}; null: no unification.
        schedule: When the model is synced from its connector: {"type":"cron","cron":"0 6 * * *","timeZone":"Europe/Paris"}; null: no
          syncs.
        folder_uuid: The folder to move it to; null: no folder.
        title_column_slug: The column that names a record for people.
        time_column_slug: The date column that tells when a record happened; null: none.
        id_column_slug: The id column; it cannot be changed, only repeated.
        is_paused: true: pause scheduled refreshes; false: continue them.

        Refused for: modelNotFound, datasetNotFound, connectorNotFound, integrationNotFound, columnNotFound, folderNotFound,
          folderNotCompatible, failedToSchedule, scheduleNotCompatible, scheduleIntervalTooShort
        """
        ...

class QueryMethods:
    def download(
        self,
        query: str,
    ) -> cargo_ai.sdk.downloads.Download:
        """Export all rows of a query to a file, and show its URL.

        query: One SELECT in the dialect of PostgreSQL or BigQuery. Tables: DATASET.MODEL, such as default.companies.

        Refused for: clientNotFound, invalidQuery
        """
        ...

    def execute(
        self,
        query: str,
    ) -> cargo_ai.contract.storage.query.QueryRows:
        """Query your models with SQL: one SELECT, at most 10,000 rows.

        query: One SELECT in the dialect of PostgreSQL or BigQuery. Tables: DATASET.MODEL, such as default.companies.

        Refused for: clientNotFound, invalidQuery
        """
        ...

class RecordMethods:
    def create(
        self,
        *,
        model_uuid: str,
        data: Mapping[str, Any],
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.records.record.RecordReply:
        """Add a record to a model.

        model_uuid: The model.
        data: The values by column: {"domain":"acme.com","name":"Acme"}.

        Refused for: modelNotFound, datasetNotFound, connectorNotFound, integrationNotFound, integrationNotCompatible,
          incompatibleWithRecordAction, notEnoughCredits, recordNotFound, recordAlreadyExists
        """
        ...

    def create_bulk(
        self,
        *,
        model_uuid: str,
        records: Sequence[cargo_ai.contract.storage.records.record.NewRecord | Mapping[str, Any]],
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.records.record.RecordsReply:
        """Add many records; none if one of them is invalid.

        model_uuid: The model.
        records: The records, at most 10,000: [{"data":{"domain":"acme.com"}}].

        Refused for: modelNotFound, datasetNotFound, connectorNotFound, integrationNotFound, integrationNotCompatible,
          incompatibleWithRecordAction, notEnoughCredits, recordNotFound, recordAlreadyExists
        """
        ...

    def download(
        self,
        *,
        model_uuid: str,
    ) -> cargo_ai.sdk.downloads.Download:
        """Download all records of a model.

        model_uuid: The model.

        Refused for: modelNotFound
        """
        ...

    def download_ingest_report(
        self,
        *,
        uuid: str,
    ) -> cargo_ai.sdk.downloads.Download:
        """Download the result of each row that `storage record ingest --skip-invalid` has read.

        uuid: The reportUuid that storage record ingest returned; reports are kept for 30 days.

        Refused for: ingestReportNotFound
        """
        ...

    def forget(
        self,
        *,
        model_uuid: str,
        ids: Sequence[str],
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.records.change_set.ForgottenReply:
        """Erase the former values of records, removed ones too, from history, change sets and merges. Not from runs and files.

        model_uuid: The model.
        ids: The ids, at most 10,000, comma-separated.

        Refused for: modelNotFound
        """
        ...

    def get(
        self,
        *,
        model_uuid: str,
        id: str,
    ) -> cargo_ai.contract.storage.records.record.FoundRecord:
        """Show a record with all its columns.

        model_uuid: The model.
        id: The `_id` of the record.

        Refused for: modelNotFound, datasetNotFound, failedToRefreshModel, failedToFetchRecord, recordNotFound
        """
        ...

    def history(
        self,
        *,
        model_uuid: str,
        id: str,
        limit: int = ...,
    ) -> cargo_ai.contract.storage.records.change_set.RecordHistoryReply:
        """Show who changed a record, when, and from what to what; also of a record that was removed.

        model_uuid: The model.
        id: The `_id` of the record.
        limit: How many changes at most, 1 to 1,000.

        Refused for: modelNotFound, recordNotFound
        """
        ...

    def ingest(
        self,
        *,
        model_uuid: str,
        s3_filename: str,
        encoding: Literal['utf-8', 'utf-16', 'windows-1252', 'windows-1250', 'windows-1251', 'iso-8859-1', 'iso-8859-15', 'mac-roman', 'shift_jis', 'gb18030'] = ...,
        delimiter: Literal[',', ';', 'tab', '|'] | None = ...,
        trim: bool = ...,
        decimal: Literal['.', ','] | None = ...,
        date_order: Literal['ymd', 'dmy', 'mdy'] = ...,
        matching_column_slug: str | None = ...,
        headings: Mapping[str, str] | None = ...,
        skip_invalid: bool = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.records.ingest.IngestReport:
        """Read an uploaded CSV, JSON lines or Parquet file into a model: all rows, or none.

        encoding: The encoding of the file's text.
        delimiter: The delimiter of a CSV file; by default the most frequent one in its header.
        trim: Remove white space around each value.
        decimal: The sign before decimals: with "," the text 1.234,50 is 1234.5, with "." the text 1,234.50 is. By default only 1234.50 is
          a number.
        date_order: How dates are written: 21/9/2025 is dmy, 9/21/2025 is mdy. ISO dates (2025-09-21) are read in any case.
        model_uuid: The model.
        s3_filename: The s3Filename that `workspace file upload` returned.
        matching_column_slug: The column that identifies rows, if the model has no id column.
        headings: Headings of the file whose columns are named otherwise, with the slugs of these: {"Gegründet am":"founded_on"}. Others
          are found by slug or label.
        skip_invalid: Skip invalid rows; by default one invalid row rejects the file.

        Refused for: modelNotFound, fileNotFound, fileInvalid, rowsRejected, columnNotFound, matchingNotPossible
        """
        ...

    def list(
        self,
        *,
        model_uuid: str,
        from_ingest: bool | None = ...,
        limit: int = ...,
        offset: int = ...,
        sort: cargo_ai.contract.storage.records.record.SystemSort | Mapping[str, Any] | None = ...,
        after: str | None = ...,
    ) -> cargo_ai.contract.storage.records.record.FoundRecords:
        """List the records of a model, the newest first.

        model_uuid: The model.
        from_ingest: Accepted for compatibility; it has no effect.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.
        sort: The sort order: {"columnSlug":"_emitted_at","kind":"desc"} (the default); or by _id or _title.
        after: Only records after the one with this _id, in the order of their _id; it stands in place of --sort and --offset.

        Refused for: modelNotFound, datasetNotFound, modelNotCompatible, connectorNotFound, integrationNotFound, failedToRefreshModel,
          failedToFetchRecords, integrationNotCompatible, invalidConfig
        """
        ...

    def iterate(
        self,
        *,
        model_uuid: str,
        from_ingest: bool | None = ...,
        sort: cargo_ai.contract.storage.records.record.SystemSort | Mapping[str, Any] | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """List the records of a model, the newest first. All of them, page after page, or `max_rows`.

        model_uuid: The model.
        from_ingest: Accepted for compatibility; it has no effect.
        sort: The sort order: {"columnSlug":"_emitted_at","kind":"desc"} (the default); or by _id or _title.

        Refused for: modelNotFound, datasetNotFound, modelNotCompatible, connectorNotFound, integrationNotFound, failedToRefreshModel,
          failedToFetchRecords, integrationNotCompatible, invalidConfig
        """
        ...

    def remove(
        self,
        *,
        model_uuid: str,
        id: str,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.records.record.RemovedRecord:
        """Remove a record.

        model_uuid: The model.
        id: The `_id` of the record.

        Refused for: modelNotFound, datasetNotFound, connectorNotFound, integrationNotFound, integrationNotCompatible,
          incompatibleWithRecordAction, notEnoughCredits, recordNotFound, recordAlreadyExists
        """
        ...

    def remove_bulk(
        self,
        *,
        model_uuid: str,
        ids: Sequence[str],
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Counted:
        """Remove many records; unknown ids are ignored.

        model_uuid: The model.
        ids: The ids, at most 10,000, comma-separated.

        Refused for: modelNotFound, datasetNotFound, connectorNotFound, integrationNotFound, integrationNotCompatible,
          incompatibleWithRecordAction, notEnoughCredits, recordNotFound, recordAlreadyExists
        """
        ...

    def update(
        self,
        *,
        model_uuid: str,
        id: str,
        data: Mapping[str, Any],
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.records.record.RecordReply:
        """Change column values of a record.

        model_uuid: The model.
        id: The `_id` of the record.
        data: The new values by column: {"tier":"gold"}; absent columns stay as they are.

        Refused for: modelNotFound, datasetNotFound, connectorNotFound, integrationNotFound, integrationNotCompatible,
          incompatibleWithRecordAction, notEnoughCredits, recordNotFound, recordAlreadyExists
        """
        ...

    def update_bulk(
        self,
        *,
        model_uuid: str,
        records: Sequence[cargo_ai.contract.storage.records.record.ChangedRecord | Mapping[str, Any]],
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.records.record.RecordsReply:
        """Change many records; none if one of them is invalid.

        model_uuid: The model.
        records: The changes, at most 10,000: [{"id":"acme.com","data":{"tier":"gold"}}].

        Refused for: modelNotFound, datasetNotFound, connectorNotFound, integrationNotFound, integrationNotCompatible,
          incompatibleWithRecordAction, notEnoughCredits, recordNotFound, recordAlreadyExists
        """
        ...

class RelationshipMethods:
    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.storage.relationship.RelationshipReply:
        """Show a relationship.

        uuid: Its uuid.

        Refused for: relationshipNotFound
        """
        ...

    def list(
        self,
        *,
        model_uuid: str | None = ...,
    ) -> cargo_ai.contract.storage.relationship.RelationshipsReply:
        """List the relationships of the workspace or of one model.

        model_uuid: Only relationships from or to this model.

        Refused for: modelNotFound
        """
        ...

    def set(
        self,
        *,
        dataset_uuid: str | None = ...,
        relationships: Sequence[cargo_ai.contract.storage.relationship.Wanted | Mapping[str, Any]] | None = ...,
        from_model_uuid: str | None = ...,
        to_model_uuid: str | None = ...,
        from_column_slug: str | None = ...,
        to_column_slug: str | None = ...,
        relation: Literal['oneToOne', 'oneToMany', 'manyToOne'] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.relationship.RelationshipsReply:
        """Relate the records of two models by equal columns.

        dataset_uuid: With --relationships: the dataset whose relationships are replaced.
        relationships: All relationships from the dataset, at most 500:
          [{"fromModelUuid":"...","fromColumnSlug":"company_id","toModelUuid":"...","toColumnSlug":"id","relation":"manyToOne"}].
        from_model_uuid: The model from which one relationship is added.
        to_model_uuid: The model to which it leads.
        from_column_slug: The column of the first model; found by name by default.
        to_column_slug: The column of the second model; found by name by default.
        relation: How many records are related, from the first model to the second.

        Refused for: datasetNotFound, modelNotCompatible, invalidRelationships
        """
        ...

class RunMethods:
    def cancel(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Cancel a refresh: from a file it leaves nothing, from a connector what it has read; the next one goes on there.

        uuid: Its uuid.

        Refused for: runNotFound, runAlreadyFinished
        """
        ...

    def create(
        self,
        *,
        model_uuid: str,
        is_reset: bool = ...,
        is_force: bool = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.storage.run.RunReply:
        """Refresh a model from its file or its connector, and apply a changed unification.

        model_uuid: The model.
        is_reset: Read everything again, and remove the records that no longer exist at the source.
        is_force: Refresh even if nothing has changed since the last refresh, or the model is paused.

        Wait for its end: client.storage.run.wait(reply.run.uuid)

        Refused for: modelNotFound, datasetNotFound, integrationNotFound, connectorNotFound, modelNotCompatible, alreadyRunning,
          modelIsPaused, upToDate, notEnoughCredits
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.storage.run.RunReply:
        """Show a refresh, a fill of columns or an undo: its status, counts and error.

        uuid: Its uuid.

        Refused for: runNotFound
        """
        ...

    def wait(
        self,
        uuid: str,
        *,
        timeout: float | None = None,
    ) -> cargo_ai.contract.storage.run.RunReply:
        """Wait until it has ended, and return it as `get` does; Unfinished after `timeout` seconds.

        uuid: Its uuid.

        Refused for: runNotFound
        """
        ...

    def list(
        self,
        *,
        model_uuid: str | None = ...,
        statuses: Sequence[Literal['pending', 'running', 'cancelling', 'cancelled', 'error', 'success']] | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.storage.run.RunsReply:
        """List the refreshes, the fills of computed columns and the undos of change sets, newest first.

        model_uuid: Only refreshes of this model.
        statuses: Only refreshes with one of these statuses.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.

        Refused for: modelNotFound
        """
        ...

    def iterate(
        self,
        *,
        model_uuid: str | None = ...,
        statuses: Sequence[Literal['pending', 'running', 'cancelling', 'cancelled', 'error', 'success']] | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.storage.run.Run]:
        """List the refreshes, the fills of computed columns and the undos of change sets, newest first. All of them, page after page, or
        `max_rows`.

        model_uuid: Only refreshes of this model.
        statuses: Only refreshes with one of these statuses.

        Refused for: modelNotFound
        """
        ...

class StorageDomain:
    @property
    def change_set(self) -> ChangeSetMethods:
        ...

    @property
    def column(self) -> ColumnMethods:
        ...

    @property
    def dataset(self) -> DatasetMethods:
        ...

    @property
    def merge(self) -> MergeMethods:
        ...

    @property
    def model(self) -> ModelMethods:
        ...

    @property
    def query(self) -> QueryMethods:
        ...

    @property
    def record(self) -> RecordMethods:
        ...

    @property
    def relationship(self) -> RelationshipMethods:
        ...

    @property
    def run(self) -> RunMethods:
        ...
