"""What forms offer: the buckets of the account, and keys in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.integrations.kit import Autocomplete, Choice, FormRequest, narrowed
from cargo_ai.integrations.kit.autocomplete import Params
from cargo_ai.integrations.s3.account import is_virtual
from cargo_ai.integrations.s3.client import texts, xml_of
from cargo_ai.integrations.s3.objects import listed

Json = Any
_SHOWN = 200
_OF_BUCKET: Mapping[str, Json] = {"type": "object", "properties": {"bucket": {"type": "string"}}, "additionalProperties": False}


async def _buckets(request: FormRequest, _params: Params, typed: str | None) -> Sequence[Choice]:
    own = str(request.connector_config.get("bucket") or "")
    if is_virtual(request.connector_config):
        return narrowed([Choice(own, own)], typed)
    root = xml_of(await request.service.call("GET", "/", expect="text"))
    return narrowed([Choice(name, name) for name in texts(root, "Buckets/Bucket/Name")], typed)


async def _keys(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
    """Keys that begin with what was typed: S3 finds no others."""
    bucket = str(params.get("bucket") or "")
    async for page in listed(request.service, bucket, typed or "", size=_SHOWN):
        return [Choice(item["key"], item["key"], f"{item['size']} bytes") for item in page.objects]
    return []


AUTOCOMPLETES: Mapping[str, Autocomplete] = {"listBuckets": Autocomplete(_buckets), "listKeys": Autocomplete(_keys, _OF_BUCKET)}
