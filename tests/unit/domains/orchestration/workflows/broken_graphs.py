"""Graphs that cannot work, each with what is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cargo_ai.kernel import ids
from tests.kit.api_client import Body
from tests.kit.graphs import node

MODEL = "MODEL"


@dataclass(frozen=True)
class Broken:
    """A graph and what is said of it: the node, the reason, where in the node (None: nowhere in particular), and words of the sentence."""

    nodes: list[Body]
    slug: str
    reason: str
    path: str | None
    words: str


def line(*between: Body) -> list[Body]:
    """start, these nodes in a row, end; they lead to the next one where they say nothing else."""
    slugs = [*(made["slug"] for made in between), "end"]
    linked = [made if made["childrenUuids"] else {**made, "childrenUuids": [after]} for made, after in zip(between, slugs[1:], strict=True)]
    return [node("start", children=slugs[:1]), *linked, node("end")]


def http(slug: str = "call", **config: Any) -> Body:
    return node(slug, "request", kind="connector", integrationSlug="http", config=config)


def named(value: Any, slug: str = "named", **more: Any) -> Body:
    """A `variables` node with one variable."""
    return node(slug, "variables", config={"variables": [{"name": "x", "type": "any", "value": value}]}, **more)


def update(**config: Any) -> Body:
    whole = {"modelUuid": MODEL, "matchingColumnSlug": "domain", "matchingValue": "{{nodes.start.domain}}"}
    return node("write", "modelUpdate", config=whole | {"mappings": [{"columnSlug": "api_score", "value": 1}]} | config)


VALUE = "config.variables[0].value"
URL = "https://example.com"
BROKEN = {
    "javascript that does not parse": Broken(line(named("{{ 1 + }}")), "named", "expressionInvalid", VALUE, "not valid JavaScript"),
    "an action that does not exist": Broken(line(node("a", "telport")), "a", "nativeInvalid", None, "'telport'"),
    "a circle": Broken(line(named(1, children=["named"])), "named", "childrenUuidsInvalid", None, "back to itself"),
    "a child that is missing": Broken(line(named(1, children=["gone"])), "named", "nodesNotFound", None, "leads to gone"),
    "a branch with one way": Broken(
        line(node("b", "branch", ["end"], config={"condition": True})), "b", "childrenUuidsInvalid", None, "needs 2"
    ),
    "a connector that does not exist": Broken(
        line(http(url=URL) | {"connectorUuid": str(ids.new())}), "call", "connectorNotFound", None, "There is no connector"
    ),
    "a node without ways on": Broken([node("start", children=["a"]), node("a", "variables")], "a", "childrenUuidsInvalid", None, "has 0"),
    "no start": Broken([node("end")], "start", "startNodeNotFound", None, "Add a native node"),
    "a delay in units": Broken(
        line(node("wait", "delay", config={"unit": "minutes", "value": 1})), "wait", "nativeInvalid", "config.minutes", "is missing"
    ),
    "a call without an address": Broken(line(http(method="GET")), "call", "connectorInvalid", "config.url", "`url` is missing"),
    "a method that does not exist": Broken(
        line(http(url=URL, method="FETCH")), "call", "connectorInvalid", "config.method", "is 'FETCH'; it takes GET, POST"
    ),
    "a setting that does not exist": Broken(
        line(http(url=URL, timeoutMiliseconds=5)), "call", "connectorInvalid", "config.timeoutMiliseconds", "mean timeoutMilliseconds?"
    ),
    "verb for method": Broken(line(http(url=URL, verb="POST")), "call", "connectorInvalid", "config.verb", "`verb` is not a setting"),
    "a node that does not exist": Broken(
        line(http(url=f"{URL}/{{{{nodes.nope.id}}}}/")), "call", "expressionInvalid", "config.url", "there is no node nope"
    ),
    "a node that comes later": Broken(
        line(named("{{nodes.later.x}}"), named(1, "later")), "named", "expressionInvalid", VALUE, "later comes after"
    ),
    "an expression that is never closed": Broken(
        line(http(url=URL + "/{{nodes.start.id")), "call", "expressionInvalid", "config.url", "never closed"
    ),
    "an update of an unknown model": Broken(
        line(update(modelUuid=str(ids.new()))), "write", "nativeInvalid", "config.modelUuid", "There is no model"
    ),
    "a column that does not exist": Broken(
        line(update(mappings=[{"columnSlug": "api_scor", "value": 1}])),
        "write",
        "nativeInvalid",
        "config.mappings[0].columnSlug",
        "Did you mean api_score?",
    ),
    "an upsert that does not say by which column": Broken(
        line(node("write", "modelUpsert", config={"modelUuid": MODEL, "matchingValue": "a", "mappings": {"domain": "a"}})),
        "write",
        "nativeInvalid",
        "config.matchingColumnSlug",
        "`matchingColumnSlug` is missing",
    ),
    "a branch without a condition": Broken(
        line(node("b", "branch", ["end", None], config={})), "b", "nativeInvalid", "config.condition", "`condition` is missing"
    ),
    "no attempt at all": Broken(
        line(named(1, retry={"maximumAttempts": 0})), "named", "nativeInvalid", "retry.maximumAttempts", "at least 1"
    ),
    "an interval before now": Broken(
        line(named(1, retry={"initialInterval": -1})), "named", "nativeInvalid", "retry.initialInterval", "not be negative"
    ),
    "a field that a node does not give": Broken(
        line(node("review", "humanReview", ["named", None]), named("{{nodes.review.reviewer}}")),
        "named",
        "expressionInvalid",
        VALUE,
        "nodes.review has no reviewer",
    ),
    "a filter without a condition": Broken(line(node("f", "filter")), "f", "nativeInvalid", "config.filter", "`filter` is missing"),
    "a split without a share": Broken(
        line(node("s", "split", ["end", "end"])), "s", "nativeInvalid", "config.percentage", "`percentage` is missing"
    ),
    "a share above all": Broken(
        line(node("s", "split", ["end", "end"], config={"percentage": 120})), "s", "nativeInvalid", "config.percentage", "at most 100"
    ),
    "a route without a value": Broken(
        line(node("s", "switch", ["end"], config={"routes": [{"name": "a"}]})), "s", "nativeInvalid", "config.routes[0].value", "is missing"
    ),
    "a column of what was found that does not exist": Broken(
        line(node("found", "modelSearch", config={"modelUuid": MODEL}), named("{{nodes.found.record.api_scor}}")),
        "named",
        "expressionInvalid",
        VALUE,
        "Did you mean api_score?",
    ),
    "a value that does not fit its column": Broken(
        line(update(mappings={"api_score": "high"})), "write", "nativeInvalid", "config.mappings.api_score", "high"
    ),
    "a column to find records by that does not exist": Broken(
        line(update(matchingColumnSlug="domian")), "write", "nativeInvalid", "config.matchingColumnSlug", "Did you mean domain?"
    ),
    "a filter on a column that does not exist": Broken(
        line(
            node(
                "found",
                "modelSearch",
                config={
                    "modelUuid": MODEL,
                    "filter": {
                        "conjonction": "and",
                        "groups": [
                            {
                                "conjonction": "and",
                                "conditions": [{"kind": "string", "columnSlug": "nam", "operator": "is", "values": ["a"]}],
                            }
                        ],
                    },
                },
            )
        ),
        "found",
        "nativeInvalid",
        "config.filter.groups[0].conditions[0].columnSlug",
        "Did you mean name?",
    ),
    "memory that remembers nothing": Broken(
        line(node("m", "memory", config={"operation": "set", "key": "a"})), "m", "nativeInvalid", "config.value", "set needs it"
    ),
    "a script that is not JavaScript": Broken(
        line(node("s", "script", config={"script": "const a = 1;\nreturn a +;"})), "s", "nativeInvalid", "config.script", "in line 2"
    ),
    "a script that is not Python": Broken(
        line(node("p", "python", config={"script": "x = 1\nif x\n    result = 1"})),
        "p",
        "nativeInvalid",
        "config.script",
        "SyntaxError in line 2: expected ':'",
    ),
    "results of a group as they were long ago": Broken(
        line(
            node("each", "group", config={"items": [1], "_nodes": [node("start", children=["end"]), node("end")]}),
            named("{{nodes.each.results}}"),
        ),
        "named",
        "expressionInvalid",
        VALUE,
        "nodes.each[0]",
    ),
}
