"""Graphs and records that the benchmarks send through the engine."""

from __future__ import annotations

from typing import Any

from bench.report import Json


def _node(number: int, slug: str, action: str, config: Json, children: list[int], **more: Any) -> Json:
    return {
        "uuid": _uuid(number),
        "slug": slug,
        "kind": "native",
        "actionSlug": action,
        "name": slug,
        "config": config,
        "childrenUuids": [_uuid(child) for child in children],
        "fallbackOnFailure": False,
        "position": {"x": 0, "y": 120 * number},
        **more,
    }


def _uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def _variable(name: str, kind: str, value: str) -> Json:
    return {"name": name, "type": kind, "value": value}


def five_native() -> list[Json]:
    """Every record visits five nodes: start, filter, variables, one side of a branch, end."""
    tier = [
        _variable("size", "number", "{{nodes.start.employees}}"),
        _variable("label", "string", "{{nodes.start.name}} of {{nodes.start.city}}"),
    ]
    out = [_variable("domain", "string", "{{nodes.start.domain}}"), _variable("label", "string", "{{nodes.sized.label}}")]
    large, small = [*out, _variable("tier", "string", "large")], [*out, _variable("tier", "string", "small")]
    return [
        _node(1, "start", "start", {}, [2]),
        _node(2, "has_domain", "filter", {"filter": "{{nodes.start.domain}}"}, [3]),
        _node(3, "sized", "variables", {"variables": tier}, [4]),
        _node(4, "is_large", "branch", {"condition": "{{nodes.sized.size >= 250}}"}, [5, 6]),
        _node(5, "large", "end", {"variables": large}, []),
        _node(6, "small", "end", {"variables": small}, []),
    ]


def one_call(connector: str) -> list[Json]:
    """start, one HTTP call, end."""
    call = {"kind": "connector", "integrationSlug": "http", "connectorUuid": connector}
    answer = [_variable("id", "string", "{{nodes.call.body.id}}")]
    return [
        _node(1, "start", "start", {}, [2]),
        _node(2, "call", "request", {"method": "GET", "url": "/records/{{nodes.start.id}}"}, [3], **call),
        _node(3, "end", "end", {"variables": answer}, []),
    ]


def two_calls(connector: str) -> list[Json]:
    """start, one HTTP call, another one, end."""
    call = {"kind": "connector", "integrationSlug": "http", "connectorUuid": connector}
    answer = [_variable("id", "string", "{{nodes.second.body.id}}")]
    return [
        _node(1, "start", "start", {}, [2]),
        _node(2, "first", "request", {"method": "GET", "url": "/first/{{nodes.start.id}}"}, [3], **call),
        _node(3, "second", "request", {"method": "GET", "url": "/second/{{nodes.first.body.id}}"}, [4], **call),
        _node(4, "end", "end", {"variables": answer}, []),
    ]


def filtered_upsert(connector: str, integration: str) -> list[Json]:
    """start, a filter that all records pass, an upsert into HubSpot, end."""
    email = "person-{{nodes.start.id}}@{{nodes.start.domain}}"
    config = {
        "objectType": "contacts",
        "matchingPropertyName": "email",
        "matchingValue": email,
        "mappings": {"firstname": "{{nodes.start.name}}", "city": "{{nodes.start.city}}"},
    }
    return [
        _node(1, "start", "start", {}, [2]),
        _node(2, "has_domain", "filter", {"filter": "{{nodes.start.domain}}"}, [3]),
        _node(3, "write", "upsertRecords", config, [4], kind="connector", integrationSlug=integration, connectorUuid=connector),
        _node(4, "end", "end", {"variables": [_variable("id", "string", "{{nodes.write.recordId}}")]}, []),
    ]


def two_native() -> list[Json]:
    """start, end."""
    return [_node(1, "start", "start", {}, [2]), _node(2, "end", "end", {"variables": []}, [])]


def leaf() -> list[Json]:
    """start, variables, end, which gives the record's `n`."""
    sized = [_variable("size", "string", "{{nodes.start.n >= 100 ? 'large' : 'small'}}")]
    out = [_variable("n", "number", "{{nodes.start.n}}"), _variable("size", "string", "{{nodes.sized.size}}")]
    return [
        _node(1, "start", "start", {}, [2]),
        _node(2, "sized", "variables", {"variables": sized}, [3]),
        _node(3, "end", "end", {"variables": out}, []),
    ]


def grouped(inner: list[Json], depth: int = 1) -> list[Json]:
    """start, a group of the record's `items` (nested to the given depth), end, which gives `all`."""
    if depth > 1:
        inner = grouped(inner, depth - 1)
    return [
        _node(1, "start", "start", {}, [2]),
        _node(2, "loop", "group", {"items": "{{nodes.start.items}}", "_nodes": inner}, [3]),
        _node(3, "end", "end", {"variables": [_variable("all", "any", "{{nodes.loop}}")]}, []),
    ]


def one_sleep(seconds: float) -> list[Json]:
    """start, a wait of `seconds`, end."""
    return [
        _node(1, "start", "start", {}, [2]),
        _node(2, "wait", "delay", {"minutes": seconds / 60}, [3]),
        _node(3, "end", "end", {"variables": []}, []),
    ]


def companies(count: int) -> list[Json]:
    """Records of about 150 bytes, all with a domain, half of them large."""
    return [
        {
            "_id": f"company-{number}",
            "id": number,
            "name": f"Company {number}",
            "domain": f"company-{number}.example",
            "city": ("Paris", "Berlin", "Lisbon", "Oslo")[number % 4],
            "employees": number % 500,
        }
        for number in range(count)
    ]
