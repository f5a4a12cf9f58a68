"""URLs of the data pages, safe for any characters in names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

_MODELS = "/console/models"


def part(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe="")


def with_query(path: str, query: Mapping[str, str | Sequence[str]]) -> str:
    """A path with what is not empty of this query."""
    pairs = [(name, value) for name, values in query.items() for value in ([values] if isinstance(values, str) else values) if value]
    return f"{path}?{urlencode(pairs)}" if pairs else path


def model(uuid: str, page: str = "") -> str:
    """A model, or one of its pages."""
    return f"{_MODELS}/{part(uuid)}" + (f"/{page}" if page else "")


def record(model_uuid: str, id: str) -> str:
    """A record. Browsers take `.` and `..` out of paths, so such an id is in the query."""
    if id.strip(".") in {"", "/"} or "\\" in id or "/" in id:
        return with_query(model(model_uuid, "record"), {"id": id})
    return model(model_uuid, f"records/{part(id)}")


def change_set(uuid: str, page: str = "") -> str:
    """A change set, or one of its pages."""
    return f"/console/change-sets/{part(uuid)}" + (f"/{page}" if page else "")


def segment(uuid: str, page: str = "") -> str:
    """A segment, or one of its pages."""
    return f"/console/segments/{part(uuid)}" + (f"/{page}" if page else "")
