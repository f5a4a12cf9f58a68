"""The declared operations against the contract's surface: whatever is covered is covered whole."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import BaseModel

from cargo_ai import contract
from cargo_ai.server.api import rest
from cargo_ai.server.api.http.unserved import in_place_of

HERE = Path(__file__).parent
SURFACE: dict[str, dict[str, Any]] = json.loads((HERE / "surface.json").read_text("utf-8"))
PUBLIC = {operation.name: operation for operation in rest.public_operations()}
COVERED = sorted(set(PUBLIC) & set(SURFACE))

ANYBODY = {
    "getInitialisation",
    "userManagement.user.getCurrent",
    "userManagement.user.update",
    "workspaceManagement.permission.all",
    "workspaceManagement.report.create",
    "workspaceManagement.session.upsert",
    "workspaceManagement.token.rotate",
    "workspaceManagement.user.getCurrent",
    "workspaceManagement.workspace.all",
    "workspaceManagement.workspace.getCurrent",
}
"""Operations about the caller itself and where it is: a valid token is enough. (To rotate another one than it, a permission is.)"""
FOR_WRITERS = {"ai.mcpClient.connect", "workspaceManagement.audit.download", "workspaceManagement.audit.list"}
"""Operations that only read, and still only for those who may write there."""
BY_KIND = {f"workspaceManagement.bin.{verb}" for verb in ("empty", "list", "preview", "remove", "restore")}
BY_KIND.add("workspaceManagement.search.find")
"""Operations on things of several kinds: their handlers ask for the permission to remove, or to see, those of each."""


def lines(name: str) -> list[str]:
    return (HERE / name).read_text("utf-8").split()


def accepted(model: type[BaseModel]) -> set[str]:
    """Every top-level spelling that a request takes, also those of the variants of a union."""
    schema = model.model_json_schema(by_alias=True)
    found = {key for variant in variants(schema, schema) for key in variant.get("properties", {})}
    for name, field in model.model_fields.items():
        found |= {name, field.alias or name}
        found |= {str(choice) for choice in getattr(field.validation_alias, "choices", [])}
    return found


def variants(schema: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    """The object schemas that a document may have."""
    if "$ref" in schema:
        return variants(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    choices = cast("list[dict[str, Any]]", schema.get("anyOf") or schema.get("oneOf") or [])
    return [variant for choice in choices for variant in variants(choice, root)] if choices else [schema]


@cache
def replied(response: type[BaseModel]) -> set[str]:
    """Every top-level field of a reply."""
    schema = response.model_json_schema(by_alias=True, mode="serialization")
    return {key for variant in variants(schema, schema) for key in variant.get("properties", {})}


def test_the_surface_is_the_whole_contract() -> None:
    assert len(SURFACE) == 310


def test_covered_operations_have_the_contracts_verb_path_fields_and_reasons() -> None:
    for name in COVERED:
        operation, entry = PUBLIC[name], SURFACE[name]
        assert (operation.verb, operation.path) == (entry["verb"], entry["path"]), name
        assert set(entry["required"]) - accepted(operation.request) == set(), f"{name}: required fields that are not accepted"
        assert set(entry["reasons"]) - set(operation.refusals) == set(), f"{name}: reasons that are not declared"
        if operation.output != "text":
            assert set(entry["reply"]) - replied(operation.response) == set(), f"{name}: reply keys that are missing"


def test_every_reply_says_something() -> None:
    assert [name for name, operation in PUBLIC.items() if not replied(operation.response)] == [], "a bare {} tells no one what happened"


def test_pending_names_exactly_what_is_not_served() -> None:
    assert lines("pending.txt") == sorted(set(SURFACE) - set(PUBLIC))


def test_what_is_pending_says_what_there_is_instead() -> None:
    for domain in {name.partition(".")[0] for name in lines("pending.txt")}:
        assert in_place_of(f"/v1/{domain}/things"), domain
    assert in_place_of("/v1/storage/nothing") == in_place_of("/healthz") == ""


def test_pending_only_shrinks() -> None:
    (most,) = lines("most_pending.txt")  # tools/gen.py lowers it and never raises it
    assert len(lines("pending.txt")) <= int(most)


def test_extras_names_exactly_what_is_ours() -> None:
    assert lines("extras.txt") == sorted(set(PUBLIC) - set(SURFACE))


def test_every_declared_operation_is_served_and_every_handler_declared() -> None:
    declared = {operation.name for operation in contract.load()}
    assert declared - set(PUBLIC) == set(), "declared, but no one handles them"
    assert set(PUBLIC) - declared == set(), "served, but not in the registry"


def test_every_operation_names_a_permission_of_the_contract() -> None:
    from cargo_ai.contract.workspace.members import permission

    known = {value for item in vars(permission).values() for value in get_args(item) if isinstance(value, str)}
    for name, operation in PUBLIC.items():
        if operation.permission is None:
            assert name in ANYBODY | BY_KIND
            continue
        assert operation.permission in known, name
        assert operation.permission.rpartition(":")[2] == ("write" if operation.writes or name in FOR_WRITERS else "read"), name


def test_what_starts_work_names_how_to_wait_for_it() -> None:
    started = {name: operation.until for name, operation in PUBLIC.items() if operation.until is not None}
    assert started
    for name, until in started.items():
        watched = PUBLIC[until.operation]
        assert watched.verb == "GET", name
        assert watched.waits is not None, name
        assert watched.waits.final == until.final, name


def test_sentences_end_and_summaries_are_short() -> None:
    for name, operation in PUBLIC.items():
        assert operation.summary.endswith(".") and len(operation.summary) <= 120, name
        for reason, spec in operation.refusals.items():
            assert 400 <= spec.status <= 503, (name, reason)
            assert spec.sentence.rstrip('"}').endswith((".", "!", "?")) or spec.sentence.endswith("}"), (name, reason)
