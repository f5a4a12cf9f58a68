"""Query strings with brackets, as the API reads them: `ids[]=1`, `filter[a][0]=b`."""

from __future__ import annotations

from cargo_ai.cli.output import is_list, is_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def encode(values: dict[str, Any]) -> str:
    """The query string of a JSON object, without the question mark. Nulls and empty lists are left out."""
    from urllib.parse import quote

    return "&".join(f"{quote(name, safe='[]')}={quote(text, safe='')}" for name, text in _pairs("", values))


def _pairs(name: str, value: Any) -> list[tuple[str, str]]:
    if value is None:
        return []
    if is_object(value):
        return [pair for key, item in value.items() for pair in _pairs(f"{name}[{key}]" if name else key, item)]
    if is_list(value):
        flat = "[" not in name and not any(isinstance(item, (dict, list)) for item in value)
        return [pair for at, item in enumerate(value) for pair in _pairs(f"{name}[]" if flat else f"{name}[{at}]", item)]
    if isinstance(value, bool):
        return [(name, "true" if value else "false")]
    return [(name, str(value))]
