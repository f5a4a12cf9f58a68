"""Native extractors: derive the columns of a model from its config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from cargo_ai.context.extractors import NativeExtractor
from cargo_ai.contract.storage.columns import OriginalColumn
from cargo_ai.contract.storage.records.file_options import FileOptions
from cargo_ai.kernel.wire import errors_of
from cargo_ai.records.names import MAX_COLUMNS, slug_problem

ID = "_id"
"""The id column of a model whose records have no id of their own."""


class InvalidConfig(ValueError):
    """The config cannot be used; `errors` say where and why."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path} {message}")
        self.errors = [{"path": path, "message": message}]


@dataclass(frozen=True, slots=True)
class Shape:
    """The original columns of a model, and which of them are its id, title and time. `makes_ids`: a missing id is generated."""

    columns: tuple[OriginalColumn, ...]
    id_column: str = ID
    title_column: str = ID
    time_column: str | None = None
    makes_ids: bool = False


_COLUMNS: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "slug": {"type": "string"},
            "type": {"enum": ["string", "number", "boolean", "date", "object", "array", "vector", "any"]},
            "label": {"type": "string"},
        },
        "required": ["slug", "type"],
    },
}
_ROLES: dict[str, Any] = {
    "idColumnSlug": {"type": "string", "description": "The column whose values are unique; without one, records get ids of their own."},
    "titleColumnSlug": {"type": "string"},
    "timeColumnSlug": {"type": "string"},
}

_FILE: dict[str, Any] = {
    **FileOptions.model_json_schema(by_alias=True)["properties"],
    "types": {"type": "object", "description": 'The types of columns, by slug, where they are not to be inferred: {"zip": "string"}.'},
    "skipInvalid": {"type": "boolean", "description": "Leave rows out that do not fit; by default one invalid row rejects the file."},
}


def _schema(properties: Mapping[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(required), "additionalProperties": True}


def _texts(*slugs: str) -> tuple[OriginalColumn, ...]:
    return tuple(OriginalColumn(slug=slug, label=_label(slug), original_slug=slug) for slug in slugs)


def _numbers(*slugs: str) -> tuple[OriginalColumn, ...]:
    return tuple(OriginalColumn(slug=slug, type="number", label=_label(slug), original_slug=slug) for slug in slugs)


def _label(slug: str) -> str:
    return slug.replace("_", " ").capitalize().replace("url", "URL").replace("Id", "ID")


ACCOUNT = Shape(
    (
        *_texts("id", "name", "domain", "website", "industry", "linkedin_url", "owner_id"),
        *_numbers("number_of_employees", "annual_revenue"),
        *_texts("billing_street", "billing_city", "billing_state", "billing_postal_code", "billing_country"),
    ),
    "id",
    "name",
    makes_ids=True,
)
CONTACT = Shape(
    (
        *_texts("id", "first_name", "last_name", "full_name", "email", "phone", "job_title", "linkedin_url"),
        *_texts("account_id", "owner_id", "city", "state", "country"),
    ),
    "id",
    "email",
    makes_ids=True,
)

DEFINE_OBJECT = "defineObject"
DEFINE_ACCOUNT = "defineAccount"
DEFINE_CONTACT = "defineContact"


def makes_ids(extractor: str) -> bool:
    """Whether a record without an id gets one: when the id column is one of the fixed columns, which no user chose."""
    return extractor in {DEFINE_ACCOUNT, DEFINE_CONTACT}


UPLOAD_FILE = "uploadFile"

_ALL = (
    NativeExtractor(
        DEFINE_OBJECT,
        "Define an object",
        "A model with the columns that you name; records come in by hand, by API, by file or from workflows.",
        "object",
        "table",
        _schema({"columns": _COLUMNS, **_ROLES}),
        {"kind": "ingest", "autoIngest": False},
    ),
    NativeExtractor(
        DEFINE_ACCOUNT,
        "Define accounts",
        "Companies, with the usual columns.",
        "unify",
        "building",
        _schema({}),
        {"kind": "ingest", "autoIngest": False},
    ),
    NativeExtractor(
        DEFINE_CONTACT,
        "Define contacts",
        "People, with the usual columns.",
        "unify",
        "user",
        _schema({}),
        {"kind": "ingest", "autoIngest": False},
    ),
    NativeExtractor(
        UPLOAD_FILE,
        "Upload a file",
        "A model filled from a CSV file; columns and their types are found out where you do not name them.",
        "object",
        "file-csv",
        _schema({"s3Filename": {"type": "string"}, "columns": _COLUMNS, **_ROLES, **_FILE}, ("s3Filename",)),
        {"kind": "fetch", "isIncremental": False, "writeStrategy": "overwrite"},
        kind="file",
        preview="records",
    ),
)
EXTRACTORS = {extractor.slug: extractor for extractor in _ALL}
"""The native extractors, by slug."""


def shape_of(extractor: str, config: Mapping[str, Any]) -> Shape:
    """The shape of a model by the config of its native extractor. InvalidConfig when it cannot be used."""
    if extractor == DEFINE_ACCOUNT:
        return ACCOUNT
    if extractor == DEFINE_CONTACT:
        return CONTACT
    return apply_roles(columns_of(config), config)


def columns_of(config: Mapping[str, Any]) -> tuple[OriginalColumn, ...]:
    """The columns that a config names."""
    listed: object = config.get("columns")
    if listed is None:
        return ()
    if not isinstance(listed, list):
        raise InvalidConfig("config.columns", "is not a list")
    return tuple(_column(column, f"config.columns.{number}") for number, column in enumerate(cast("list[object]", listed)))


def _column(raw: object, path: str) -> OriginalColumn:
    try:
        column = OriginalColumn.model_validate(raw)
    except ValidationError as failure:
        first = errors_of(failure)[0]
        raise InvalidConfig(f"{path}.{first['path']}".rstrip("."), first["message"]) from None
    fault = slug_problem(column.slug)
    if fault:
        raise InvalidConfig(f"{path}.slug", fault)
    return column.model_copy(
        update={"label": column.label or column.slug, "original_slug": column.original_slug or column.slug, "kind": "original"}
    )


def apply_roles(columns: tuple[OriginalColumn, ...], config: Mapping[str, Any]) -> Shape:
    """Columns with the roles that a config gives them. InvalidConfig when a role names a column that cannot have it."""
    slugs = [column.slug for column in columns]
    if len(slugs) > MAX_COLUMNS:
        raise InvalidConfig("config.columns", f"has more than {MAX_COLUMNS:,} columns")
    twice = next((slug for slug in slugs if slugs.count(slug) > 1), None)
    if twice is not None:
        raise InvalidConfig("config.columns", f"has two columns {twice}")
    types = {column.slug: column.type for column in columns}
    for role, allowed in (
        ("idColumnSlug", {"string", "number"}),
        ("titleColumnSlug", {"string", "number", "date", "any"}),
        ("timeColumnSlug", {"date"}),
    ):
        slug: object = config.get(role)
        if slug is None or (slug == ID and role != "timeColumnSlug"):
            continue
        if not isinstance(slug, str):
            raise InvalidConfig(f"config.{role}", "is not the slug of a column")
        if slug not in types:
            raise InvalidConfig(f"config.{role}", f"names {slug}, which is not one of the columns: {', '.join(slugs) or 'there are none'}")
        if types[slug] not in allowed:
            raise InvalidConfig(f"config.{role}", f"names {slug}, which is {types[slug]}; it takes {' or '.join(sorted(allowed))}")
    return Shape(
        columns,
        str(config.get("idColumnSlug") or ID),
        str(config.get("titleColumnSlug") or config.get("idColumnSlug") or ID),
        cast("str | None", config.get("timeColumnSlug")),
    )
