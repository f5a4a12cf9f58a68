"""Objects: listed page by page, read, and written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from cargo_ai.integrations.kit import Answer, Service, ServiceError
from cargo_ai.integrations.s3.client import bucket_url, checked, object_url, texts, xml_of

Json = Any
PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list: objects, and the prefixes that stand for several."""

    objects: list[dict[str, Json]]
    prefixes: list[str]


async def listed(service: Service, bucket: str, prefix: str, delimiter: str = "", size: int = PAGE) -> AsyncIterator[Listed]:
    """The objects whose keys begin with a prefix, by their keys, page by page. delimiter: up to which keys are the same prefix."""
    token = ""
    while True:
        query = {"list-type": "2", "max-keys": str(size), "encoding-type": "url"}
        query |= {"prefix": prefix} if prefix else {}
        query |= {"delimiter": delimiter} if delimiter else {}
        query |= {"continuation-token": token} if token else {}
        root = xml_of(await service.call("GET", bucket_url(service, bucket, query), expect="text"))
        objects = [
            {
                "key": unquote_plus(element.findtext("Key") or ""),
                "size": int(element.findtext("Size") or 0),
                "lastModified": element.findtext("LastModified"),
                "etag": (element.findtext("ETag") or "").strip('"'),
            }
            for element in root.iterfind("Contents")
        ]
        yield Listed(objects, [unquote_plus(text) for text in texts(root, "CommonPrefixes/Prefix")])
        former, token = token, root.findtext("NextContinuationToken") or ""
        if root.findtext("IsTruncated") != "true" or not token:
            return
        if token == former:
            raise ServiceError("S3 gives the same page again and again: the list has no end.", reason="endlessList")


async def read(service: Service, bucket: str, key: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An object as text, or what the header Range asks for of it."""
    return checked(await service.call("GET", object_url(service, bucket, key), headers=headers, expect="text"))


async def write(service: Service, bucket: str, key: str, body: bytes, kind: str, headers: Mapping[str, str]) -> Answer:
    """Write an object as a whole."""
    answer = await service.call("PUT", object_url(service, bucket, key), content=(body, kind), headers=headers, expect="text")
    return checked(answer, changes=True)
