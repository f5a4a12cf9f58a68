"""Names in the database: of a workspace's models, of their columns, and how names and texts are written into a statement."""

from __future__ import annotations

import re
import secrets
import string
import unicodedata
import uuid
from dataclasses import dataclass
from typing import get_args

from cargo_ai.contract.storage.columns import ColumnKind

MAX_SLUG_LENGTH = 60
"""Characters of a column's slug: PostgreSQL cuts names at 63 bytes."""
MAX_COLUMNS = 1_000
_POSTGRES_COLUMNS = frozenset({"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"})
_COLUMN_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*\Z")
KIND_PREFIX = re.compile(rf"(?:{'|'.join(get_args(ColumnKind))})__(?=.)")
_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]+")
_LATIN_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
"""Letters that are not another one with an accent."""


@dataclass(frozen=True, slots=True)
class PhysicalNames:
    """The names that one model has in the database."""

    schema: str
    table: str
    view: str
    log: str


def new_physical_names(workspace: uuid.UUID, dataset: str, model: str) -> PhysicalNames:
    """Fresh names for a model: `ws_<12 hex>_<dataset>`.`m_<model>_<6 hex>`. A slug that is used again gets other names."""
    # The last 12 digits: the first ones of a UUIDv7 are a time, which two workspaces may share.
    schema = f"ws_{workspace.hex[-12:]}_{_normalize(dataset)}"
    own = f"{_normalize(model)}_{secrets.token_hex(3)}"
    return PhysicalNames(schema, f"m_{own}", f"v_{own}", f"l_{own}")


def role_name(installation: uuid.UUID, workspace: uuid.UUID) -> str:
    """The login that the workspace's own SQL runs as. Two installations may share one cluster."""
    return f"cargo_{installation.hex[-8:]}_ws_{workspace.hex[-12:]}"


def _normalize(slug: str) -> str:
    return _NOT_ALPHANUMERIC.sub("_", slug.lower()).strip("_")[:40] or "x"


def quote(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def qualify(schema: str, name: str) -> str:
    """A name within a schema, both quoted."""
    return f"{quote(schema)}.{quote(name)}"


def literal(text: str) -> str:
    """The text as an SQL constant. In statements that are sent with parameters its `%` must be doubled."""
    return "'" + text.replace("'", "''") + "'"


def statement(template: str, **parts: str) -> str:
    """A statement with its `$parts` put in: quoted names and expressions of ours, never a user's text. KeyError where one is missing."""
    return string.Template(template).substitute(parts)


def strip_kind(name: str) -> str:
    """The slug of a column that may be written as `<kind>__<slug>`."""
    return KIND_PREFIX.sub("", name, count=1) if KIND_PREFIX.match(name) else name


def slug_problem(slug: str) -> str | None:
    """What is wrong with a column's slug, in words; None when it can be one."""
    if not _COLUMN_SLUG.match(slug):
        return "has letters, digits and `_` only, and does not begin with `_`"
    if len(slug) > MAX_SLUG_LENGTH:
        return f"has at most {MAX_SLUG_LENGTH} characters"
    kind, separator, _ = slug.partition("__")
    if separator and kind in {"system", *get_args(ColumnKind)}:
        return "must not begin with the name of a kind and `__`: that spelling means a column of this kind"
    if slug.lower() in _POSTGRES_COLUMNS:
        return "is a name that the database keeps for itself"
    return None


def slug_from_header(header: str, taken: set[str]) -> str:
    """The slug for the header of a file: lower case, letters without accents, other characters `_`, made unique among `taken` (which it
    joins) by `_2`, `_3`…"""
    plain = former_slug(_without_accents(header))
    slug, number = plain, 2
    while slug in taken:
        slug, number = f"{plain}_{number}", number + 1
    taken.add(slug)
    return slug


def former_slug(header: str) -> str:
    """The slug that earlier versions made of a header, where each letter with an accent was a `_`."""
    plain = _NOT_ALPHANUMERIC.sub("_", header.lower()).strip("_")[: MAX_SLUG_LENGTH - 6].strip("_") or "column"
    return f"c_{plain}"[: MAX_SLUG_LENGTH - 6] if slug_problem(plain) else plain


def _without_accents(text: str) -> str:
    """The text with `é` as `e`, `ß` as `ss`; letters of other scripts stay as they are."""
    decomposed = unicodedata.normalize("NFKD", text.lower().translate(_LATIN_LETTERS))
    return "".join(character for character in decomposed if not unicodedata.combining(character))
