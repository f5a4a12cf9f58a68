# Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead.
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import cargo_ai.contract.observability.alert
import cargo_ai.contract.observability.condition
import cargo_ai.contract.observability.event
import cargo_ai.contract.orchestration.nodes.action
import cargo_ai.kernel.wire

class AlertMethods:
    async def create(
        self,
        *,
        name: str,
        cron: str,
        scope: cargo_ai.contract.observability.condition.SpansScope | cargo_ai.contract.observability.condition.RunsScope | cargo_ai.contract.observability.condition.RecordsScope | cargo_ai.contract.observability.condition.OrchestrationQueryScope | cargo_ai.contract.observability.condition.StorageQueryScope | cargo_ai.contract.observability.condition.ModelScope | Mapping[str, Any],
        threshold: cargo_ai.contract.observability.condition.Threshold | Mapping[str, Any],
        description: str | None = ...,
        actions: Sequence[cargo_ai.contract.orchestration.nodes.action.NativeAction | cargo_ai.contract.orchestration.nodes.action.ConnectorAction | cargo_ai.contract.orchestration.nodes.action.ToolAction | cargo_ai.contract.orchestration.nodes.action.AgentAction | Mapping[str, Any]] = ...,
        is_enabled: bool = ...,
        disabled: bool = ...,
        folder_uuid: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.observability.alert.AlertReply:
        """Create an alert: a condition that is evaluated by the clock.

        name: The name, 1 to 200 characters.
        description: What it is for.
        cron: When it is evaluated: five cron fields in UTC, such as 0 9 * * 1, or @every 30m. Once a minute at most.
        scope: What is looked at: {"kind":"runs","workflowUuid":"..."}, or kind spans, records, orchestrationQuery or storageQuery (with a
          query), model (with modelUuid and perhaps a filter).
        threshold: The threshold from which it is unhealthy: {"metric":"errorRate","operator":"gte","value":10}. Of spans, runs and
          records: errorRate (%), duration (seconds, with aggregation avg, p50, p95, p99), credits (sum, avg, p95), count; of queries:
          query; of a model: recordsCount, recordsShare (%), freshness (minutes), syncDuration (seconds). operator: gte or lte.
        actions: What runs when it is unhealthy, a list: [{"kind":"tool","toolUuid":"..."}]. Each gets the record {"alert":{...}}; its
          config may name it, such as {{nodes.start.alert.value}}.
        is_enabled: false: it is not evaluated.
        disabled: The same as isEnabled false.
        folder_uuid: The folder.

        Refused for: forbidden, invalidCron, invalidSql, mismatchedThreshold, modelNotFound, folderNotFound, actionNotFound, tooManyAlerts
        """
        ...

    async def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.observability.alert.AlertReply:
        """Show an alert and what its newest evaluation has found.

        uuid: Its uuid.

        Refused for: alertNotFound
        """
        ...

    async def list(
        self,
    ) -> cargo_ai.contract.observability.alert.AlertsReply:
        """List the alerts, newest first, each with its newest event.
        """
        ...

    async def preview(
        self,
        *,
        scope: cargo_ai.contract.observability.condition.SpansScope | cargo_ai.contract.observability.condition.RunsScope | cargo_ai.contract.observability.condition.RecordsScope | cargo_ai.contract.observability.condition.OrchestrationQueryScope | cargo_ai.contract.observability.condition.StorageQueryScope | cargo_ai.contract.observability.condition.ModelScope | Mapping[str, Any],
        threshold: cargo_ai.contract.observability.condition.Threshold | Mapping[str, Any],
        window_minutes: int = ...,
    ) -> cargo_ai.contract.observability.alert.Preview:
        """Evaluate a condition now, without an alert, an event or an action.

        scope: What is looked at: {"kind":"runs","workflowUuid":"..."}, or kind spans, records, orchestrationQuery or storageQuery (with a
          query), model (with modelUuid and perhaps a filter).
        threshold: The threshold from which it is unhealthy: {"metric":"errorRate","operator":"gte","value":10}. Of spans, runs and
          records: errorRate (%), duration (seconds, with aggregation avg, p50, p95, p99), credits (sum, avg, p95), count; of queries:
          query; of a model: recordsCount, recordsShare (%), freshness (minutes), syncDuration (seconds). operator: gte or lte.
        window_minutes: How many minutes back to look, where what is looked at has a time; 60 by default.

        Refused for: forbidden
        """
        ...

    async def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove an alert with its events.

        uuid: Its uuid.

        Refused for: alertNotFound
        """
        ...

    async def update(
        self,
        uuid: str,
        *,
        name: str | None = ...,
        description: str | None = ...,
        cron: str | None = ...,
        scope: cargo_ai.contract.observability.condition.SpansScope | cargo_ai.contract.observability.condition.RunsScope | cargo_ai.contract.observability.condition.RecordsScope | cargo_ai.contract.observability.condition.OrchestrationQueryScope | cargo_ai.contract.observability.condition.StorageQueryScope | cargo_ai.contract.observability.condition.ModelScope | Mapping[str, Any] | None = ...,
        threshold: cargo_ai.contract.observability.condition.Threshold | Mapping[str, Any] | None = ...,
        actions: Sequence[cargo_ai.contract.orchestration.nodes.action.NativeAction | cargo_ai.contract.orchestration.nodes.action.ConnectorAction | cargo_ai.contract.orchestration.nodes.action.ToolAction | cargo_ai.contract.orchestration.nodes.action.AgentAction | Mapping[str, Any]] | None = ...,
        is_enabled: bool | None = ...,
        folder_uuid: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.observability.alert.AlertReply:
        """Change an alert, enable or disable it.

        uuid: The alert.
        name: The new name.
        description: What it is for; null: nothing.
        cron: When it is evaluated: five cron fields in UTC, such as 0 9 * * 1, or @every 30m. Once a minute at most.
        scope: What is looked at: {"kind":"runs","workflowUuid":"..."}, or kind spans, records, orchestrationQuery or storageQuery (with a
          query), model (with modelUuid and perhaps a filter).
        threshold: The threshold from which it is unhealthy: {"metric":"errorRate","operator":"gte","value":10}. Of spans, runs and
          records: errorRate (%), duration (seconds, with aggregation avg, p50, p95, p99), credits (sum, avg, p95), count; of queries:
          query; of a model: recordsCount, recordsShare (%), freshness (minutes), syncDuration (seconds). operator: gte or lte.
        actions: What runs when it is unhealthy, a list: [{"kind":"tool","toolUuid":"..."}]. Each gets the record {"alert":{...}}; its
          config may name it, such as {{nodes.start.alert.value}}.
        is_enabled: Whether it is evaluated.
        folder_uuid: The folder; null: none.

        Refused for: forbidden, invalidCron, invalidSql, mismatchedThreshold, modelNotFound, folderNotFound, actionNotFound, alertNotFound
        """
        ...

class EventMethods:
    async def count(
        self,
        alert_uuid: str,
        *,
        statuses: Sequence[Literal['healthy', 'unhealthy', 'error']] | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
    ) -> cargo_ai.contract.observability.event.EventsCount:
        """Count the events of an alert.

        alert_uuid: The alert.
        statuses: Only events with one of these statuses: healthy, unhealthy, error.
        created_after: Only events at or after this time, such as 2026-01-31.
        created_before: Only events before this time.

        Refused for: alertNotFound
        """
        ...

    async def list(
        self,
        alert_uuid: str,
        *,
        statuses: Sequence[Literal['healthy', 'unhealthy', 'error']] | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.observability.event.EventsReply:
        """List the events of an alert, newest first.

        alert_uuid: The alert.
        statuses: Only events with one of these statuses: healthy, unhealthy, error.
        created_after: Only events at or after this time, such as 2026-01-31.
        created_before: Only events before this time.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.

        Refused for: alertNotFound
        """
        ...

    def iterate(
        self,
        alert_uuid: str,
        *,
        statuses: Sequence[Literal['healthy', 'unhealthy', 'error']] | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> AsyncIterator[cargo_ai.contract.observability.event.Event]:
        """List the events of an alert, newest first. All of them, page after page, or `max_rows`.

        alert_uuid: The alert.
        statuses: Only events with one of these statuses: healthy, unhealthy, error.
        created_after: Only events at or after this time, such as 2026-01-31.
        created_before: Only events before this time.

        Refused for: alertNotFound
        """
        ...

class ObservabilityDomain:
    @property
    def alert(self) -> AlertMethods:
        ...

    @property
    def event(self) -> EventMethods:
        ...
