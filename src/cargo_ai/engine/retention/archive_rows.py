"""Archive rows: executions with what is worth knowing of their runs, as the archive has them."""

from __future__ import annotations

COLUMNS: dict[str, str] = {
    "workflow_uuid": "string",
    "user_uuid": "string",
    "release_uuid": "string",
    "batch_uuid": "string",
    "trace_uuid": "string",
    "record_id": "string",
    "record_title": "string",
    "run_uuid": "string",
    "parent_run_uuid": "string",
    "parent_node_uuid": "string",
    "parent_batch_uuid": "string",
    "parent_agent_uuid": "string",
    "parent_chat_uuid": "string",
    "parent_message_uuid": "string",
    "is_group_parent": "boolean",
    "node_uuid": "string",
    "node_slug": "string",
    "node_kind": "string",
    "node_action_slug": "string",
    "node_integration_slug": "string",
    "node_connector_uuid": "string",
    "node_tool_uuid": "string",
    "node_agent_uuid": "string",
    "node_child_index": "whole",
    "node_next_uuid": "string",
    "execution_index": "whole",
    "execution_status": "string",
    "execution_error_message": "string",
    "execution_title": "string",
    "execution_credits_used_count": "number",
    "started_ms": "whole",
    "finished_ms": "whole",
    "run_status": "string",
    "reason": "string",
    "operation": "string",
    "external_id": "string",
    "output": "string",
    "output_file": "string",
    "config": "string",
    "log": "string",
}
"""The columns of an archived execution with their types. Those up to `finished_ms` are what SQL over spans shows. `output` and `config`
are JSON; `output_file`: the key of an output that is too large for a row. Times are milliseconds since 1970."""

SPAN_COLUMNS = tuple(COLUMNS)[: list(COLUMNS).index("finished_ms") + 1]

# Bodies are expanded once, not for each of their executions.
COPY = """
copy (
    with archived_runs as materialized (
        select g.uuid from page_runs g where g.uuid not in (select uuid from left_out)
    ), steps as materialized (
        select p.run_uuid, p.seq + s.step as seq, s.node_uuid, s.node_slug, s.child_index, s.next_node_uuid, s.credits, p.body_uuid,
            p.item + s.step as place, p.started_ms + p.times[2 * s.step + 1] as started_ms,
            p.started_ms + p.times[2 * s.step + 2] as finished_ms
        from archived_runs g join packed_executions_{month} p on p.run_uuid = g.uuid join path_steps s on s.path_uuid = p.path_uuid
    ), bodies as materialized (
        select b.uuid, t.place, t.title, t.output, t.config
        from packed_bodies_{month} b cross join lateral unnest(b.titles, b.outputs, b.configs)
            with ordinality as t(title, output, config, place)
        where b.uuid in (select body_uuid from steps)
    ), entries as (
        select e.run_uuid, e.seq, e.node_uuid, e.node_slug, e.status, e.child_index, e.next_node_uuid, e.title, e.error_message, e.reason,
            e.operation, e.external_id, e.output::text as output, e.output_file, e.config::text as config, e.log, e.credits, e.started_ms,
            e.finished_ms
        from archived_runs g join executions_{month} e on e.run_uuid = g.uuid where not e.is_dropped
        union all
        select s.run_uuid, s.seq, s.node_uuid, s.node_slug, 'success', s.child_index, s.next_node_uuid, b.title, null, null, null, null,
            b.output, null, b.config, null, s.credits, s.started_ms, s.finished_ms
        from steps s join bodies b on b.uuid = s.body_uuid and b.place = s.place
    ), nodes as (
        select g.uuid as graph_uuid, n.value ->> 'uuid' as node_uuid, min(n.value ->> 'kind') as kind,
            min(n.value ->> 'actionSlug') as action_slug, min(n.value ->> 'integrationSlug') as integration_slug,
            min(n.value ->> 'connectorUuid') as connector_uuid, min(n.value ->> 'toolUuid') as tool_uuid,
            min(n.value ->> 'agentUuid') as agent_uuid
        from graphs g cross join lateral json_array_elements(g.nodes) n
        where g.uuid in (select r.graph_uuid from archived_runs p join runs_{month} r on r.uuid = p.uuid) group by 1, 2
    )
    select r.workflow_uuid, r.user_uuid, r.release_uuid, r.batch_uuid, r.trace_uuid, r.record_id, r.record_title, r.uuid, r.parent_uuid,
        r.parent_node_uuid, r.parent_batch_uuid, r.parent_agent_uuid, r.parent_chat_uuid, r.parent_message_uuid, r.is_group_parent,
        x.node_uuid, x.node_slug, n.kind, n.action_slug, n.integration_slug, n.connector_uuid, n.tool_uuid, n.agent_uuid, x.child_index,
        x.next_node_uuid, x.seq, x.status, x.error_message, x.title, x.credits, x.started_ms, x.finished_ms, r.status, x.reason,
        x.operation, x.external_id, x.output, x.output_file, x.config, x.log
    from entries x join runs_{month} r on r.uuid = x.run_uuid
        left join nodes n on n.graph_uuid = r.graph_uuid and n.node_uuid = x.node_uuid
    order by x.run_uuid, x.seq
) to stdout (format csv)
"""
