"""Origins of a custom integration: the hosts to which the secrets of its accounts are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from cargo_ai.outbound.url import InvalidUrl, parse_base_url


def places(base_url: str, manifest: object) -> frozenset[str]:
    """The origins to which connectors of an integration with this address and manifest send secrets."""
    ways = cast("list[Mapping[str, Any]]", cast("Mapping[str, Any]", manifest).get("signIns", []) if isinstance(manifest, Mapping) else [])
    addresses = [base_url, *(str(way["tokenUrl"]) for way in ways if way.get("tokenUrl"))]
    return frozenset(origin for address in addresses if (origin := _origin(address)))


def _origin(address: str) -> str:
    try:
        url = parse_base_url(address)
    except InvalidUrl:
        return ""
    return f"{url.scheme}://{url.authority}"
