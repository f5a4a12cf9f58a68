"""Filter scope: resolve what a filter refers to besides columns: saved segments, conditions in SQL, and runs of workflows."""

from __future__ import annotations

import uuid

from pydantic import TypeAdapter
from sqlalchemy import Uuid, column, select, table
from sqlalchemy.ext.asyncio import AsyncSession
from sqlglot import exp

from cargo_ai.contract.segmentation.filter import EnrollmentCondition, Filter, Sort
from cargo_ai.domains.segmentation.tables import Segment
from cargo_ai.kernel import clock, ids
from cargo_ai.records.catalog import Catalog, Relation
from cargo_ai.records.filter import compile, terms
from cargo_ai.records.filter.terms import FilterContext, InvalidFilter, SavedSegment
from cargo_ai.records.names import quote
from cargo_ai.user_sql import guard
from cargo_ai.user_sql.errors import SqlRefused

_WORKFLOWS = table("workflows", column("uuid", Uuid), column("workspace_uuid", Uuid))
_SORT: TypeAdapter[Sort] = TypeAdapter(Sort)


async def build_scope(db: AsyncSession, catalog: Catalog, filter: Filter) -> FilterContext:
    """The scope of a filter: the segments that it names, directly or through others."""
    saved_filters: dict[str, SavedSegment] = {}
    pending = compile.segments_in(filter)
    while pending:
        uuids = [uid for text in pending if (uid := ids.parse(text))]
        rows = await db.scalars(select(Segment).where(Segment.uuid.in_(uuids), Segment.deleted_at.is_(None)))
        loaded = {str(row.uuid): to_saved_filter(row) for row in rows}
        saved_filters |= loaded
        pending = {name for saved in loaded.values() for name in compile.segments_in(saved.filter)} - saved_filters.keys()
    scope = FilterContext(catalog, clock.now(), saved_filters, enrolments=runs_matching)

    def clause(text: str, relation: Relation, alias: str) -> exp.Expr:
        # It may say CURRENT_DATE, so which records match may change without any write.
        scope.relative = scope.written = True
        return _clause(text, relation, alias)

    scope.clause = clause
    for workflow in await _unknown_workflows(db, catalog.workspace, compile.workflows_in(filter)):
        scope.warn(f"There is no workflow {workflow}, so no record has entered it: plays and tools show theirs as workflowUuid.")
    return scope


async def _unknown_workflows(db: AsyncSession, workspace: uuid.UUID, named: set[str]) -> list[str]:
    """Those of the named workflows that the workspace does not have."""
    if not named:
        return []
    uuids = [uid for text in named if (uid := ids.parse(text))]
    query = select(_WORKFLOWS.c.uuid).where(_WORKFLOWS.c.workspace_uuid == workspace, _WORKFLOWS.c.uuid.in_(uuids))
    known = set(await db.scalars(query))
    return sorted(text for text in named if ids.parse(text) not in known)


def _clause(text: str, relation: Relation, alias: str) -> exp.Expr:
    """A condition in SQL, checked and rewritten by the guard of user SQL. Raises InvalidFilter."""
    try:
        checked = guard.condition(text, relation, quote(alias))
    except SqlRefused as refused:
        raise InvalidFilter(f"the condition in SQL is refused: {refused}") from None
    # Word for word as the guard wrote it; a percent sign is doubled, as everywhere in a statement with parameters.
    return exp.Var(this=checked.replace("%", "%%"))


def to_saved_filter(row: Segment) -> SavedSegment:
    """The filter, order and limit of a segment."""
    return SavedSegment(str(row.model_uuid), Filter.model_validate(row.filter), _SORT.validate_python(row.sort or []), row.limit)


def runs_matching(condition: EnrollmentCondition, scope: FilterContext) -> exp.Select:
    """A select of (record_id, at): the runs or executions that an enrolment condition counts."""
    runs, executions = "e_run", "e_step"
    at = terms.column_ref(runs, "created_ms")
    query = exp.Select().from_(exp.alias_(exp.table_("runs", db="public", quoted=True), runs, table=True, quoted=True))
    workflow = ids.parse(condition.workflow_uuid) or uuid.UUID(int=0)
    query = query.where(
        exp.EQ(this=terms.column_ref(runs, "workspace_uuid"), expression=scope.bind(scope.catalog.workspace, "uuid")),
        exp.EQ(this=terms.column_ref(runs, "workflow_uuid"), expression=scope.bind(workflow, "uuid")),
    )
    if condition.activity_kind == "workflowLeft":
        at = terms.column_ref(runs, "finished_ms")
        query = query.where(terms.is_not_null(at))
    if condition.activity_kind == "workflowNodeExecuted":
        at = terms.column_ref(executions, "finished_ms")
        query = query.join(_of_each_run(runs, executions), join_type="cross")
        if condition.node_slug is not None:
            query = query.where(exp.EQ(this=terms.column_ref(executions, "node_slug"), expression=scope.bind(condition.node_slug, "text")))
    timestamp = terms.function("to_timestamp", exp.Div(this=at.copy(), expression=exp.Literal.number("1000.0")))
    return query.select(exp.alias_(terms.column_ref(runs, "record_id"), "record_id"), exp.alias_(timestamp, "at"))


def _of_each_run(runs: str, executions: str) -> exp.Lateral:
    """The executions of each run. A plain join would unpack those of all runs first."""
    name = "e_each"
    of_run = exp.EQ(this=terms.column_ref(name, "run_uuid"), expression=terms.column_ref(runs, "uuid"))
    table = exp.alias_(exp.table_("executions", db="public", quoted=True), name, table=True, quoted=True)
    each = exp.Select().select(exp.Star()).from_(table).where(of_run).offset(0)
    return exp.Lateral(this=each.subquery(), alias=exp.TableAlias(this=exp.to_identifier(executions, quoted=True)))
