"""The filter builder of a page: what its form has to choose from, and what was filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from cargo_ai.console.page import PageRequest
from cargo_ai.console.views.segmentation import condition_form, filter_form
from cargo_ai.console.views.segmentation.condition_form import Condition, subject
from cargo_ai.console.views.segmentation.filter_form import FilterForm
from cargo_ai.console.views.storage.model_pages import SYSTEM, columns_of
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

MAX_RELATED = 10
"""The columns of this many related models are offered."""

Options = list[tuple[str, str]]
OTHERS: Options = [
    ("segment", "In a segment"),
    ("enrollment", "Went through a workflow"),
    ("occurrence", "Has related records"),
    ("sql", "SQL"),
    ("json", "JSON"),
]
WORDS: Mapping[str, str] = {
    "is": "is",
    "isNot": "is not",
    "contains": "contains",
    "doesNotContain": "does not contain",
    "startsWith": "starts with",
    "endsWith": "ends with",
    "greaterThan": "is more than",
    "lowerThan": "is less than",
    "between": "is between",
    "isNull": "has no value",
    "isNotNull": "has a value",
    "isEmpty": "is empty",
    "isNotEmpty": "is not empty",
    "isTrue": "is true",
    "isFalse": "is false",
    "in": "is in",
    "notIn": "is not in",
    "not": "never",
    "moreThan": "more than",
    "lessThan": "less than",
    "exactly": "exactly",
    "workflowEntered": "entered",
    "workflowNodeExecuted": "executed a node of",
    "workflowLeft": "left",
}


@dataclass(slots=True)
class Choices:
    """What conditions can be about, their types, and the things that they name: lists of those are there where a condition needs them."""

    types: dict[str, str] = field(default_factory=dict[str, str])
    subjects: list[tuple[str, Options]] = field(default_factory=list[tuple[str, Options]])
    models: Options = field(default_factory=Options)
    segments: Options = field(default_factory=Options)
    workflows: Options = field(default_factory=Options)

    def operators(self, condition: Condition) -> Options:
        """Value and label of each operator that fits a condition."""
        names = condition_form.operators_of(condition, self.types)
        kind = condition_form.kind_of(condition, self.types)
        return [(name, _DATES.get(name, WORDS[name]) if kind == "date" else WORDS[name]) for name in names]

    def type_of(self, condition: Condition) -> str:
        """The type of the column that a condition is about; of others what they are about."""
        return self.types.get(condition.about, condition.about)


_DATES = {"greaterThan": "is after", "lowerThan": "is before"}


async def load(request: PageRequest, model: JsonObject, *, is_used: bool) -> Choices:
    """The columns of a model; and of those that are related to it, where the builder `is_used`: has conditions, or is being filled in."""
    choices = Choices()
    _add_model(choices, model, None)
    uuid = str(model["uuid"])
    if not is_used and not is_sent(request):
        return choices
    relationships = cast("list[JsonObject]", (await request.call("storage.relationship.all", {"modelUuid": uuid}))["relationships"])
    ends = [str(one[end]) for one in relationships for end in ("fromModelUuid", "toModelUuid")]
    for other in [related for related in dict.fromkeys(ends) if related != uuid][:MAX_RELATED]:
        related = cast("JsonObject", (await request.call("storage.model.get", {"uuid": other}))["model"])
        _add_model(choices, related, other)
        choices.models.append((other, str(related["name"])))
    choices.subjects.append(("Others", list(OTHERS)))
    return choices


async def load_things(request: PageRequest, choices: Choices, form: FilterForm, model: str) -> None:
    """The segments and workflows to choose from, where a condition is about one."""
    about = {condition.about for group in form.groups for condition in group.conditions}
    if "segment" in about:
        listed = await _listed(request, "segmentation.segment.all", "segments", {"modelUuid": model, "fromPlay": False, "countUpTo": 0})
        choices.segments = [(str(one["uuid"]), str(one["name"])) for one in listed]
    if "enrollment" in about:
        plays = await _listed(request, "orchestration.play.list", "plays", {})
        tools = await _listed(request, "orchestration.tool.list", "tools", {})
        choices.workflows = [(str(one["workflowUuid"]), str(one["name"])) for one in [*plays, *tools]]


async def _listed(request: PageRequest, name: str, key: str, fields: JsonObject) -> list[JsonObject]:
    """What an operation lists; nothing for a person who may not see that."""
    try:
        return cast("list[JsonObject]", (await request.call(name, fields))[key])
    except Refusal as refusal:
        if refusal.status == 403:
            return []
        raise


def _add_model(choices: Choices, model: JsonObject, related: str | None) -> None:
    columns = [(column.slug, column.label, column.type) for column in columns_of(model)]
    options: Options = []
    for slug, label, type in [*columns, *SYSTEM]:
        choices.types[subject(slug, related)] = type
        options.append((subject(slug, related), label))
    choices.subjects.append(("Columns" if related is None else f"{model['name']} (related)", options))


def is_sent(request: PageRequest) -> bool:
    """Whether the query is that of the builder's form."""
    return "act" in request.query or "use" in request.query or filter_form.is_submitted(fields_of(request))


def fields_of(request: PageRequest) -> dict[str, list[str]]:
    """The fields of a submitted form, in the query."""
    return {name: request.query.getlist(name) for name in request.query}


def submitted(request: PageRequest, form: FilterForm, choices: Choices) -> tuple[FilterForm, JsonObject | None]:
    """The form as it was filled in, and its filter where that is to be used: not while a button of the form only changes it. InvalidForm
    where it cannot be read."""
    fields = fields_of(request)
    if request.query.get("use") == "json":
        return form, filter_form.read_filter(request.query.get("json", ""))
    act = request.query.get("act")
    if filter_form.is_submitted(fields):
        form = filter_form.parse(fields)
    if act is not None:
        return filter_form.edit(form, act), None
    return form, filter_form.to_filter(form, choices.types) if filter_form.is_submitted(fields) else None
