"""What is special about S3 in its conformance test: its account, examples of its actions, its lists."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from cargo_ai.integrations.kit import Service
from cargo_ai.integrations.s3.extractor import PART
from cargo_ai.integrations.s3.objects import listed
from tests.kit.conformance.subject import Example, Extraction, Listing, Simulator, Subject
from tests.simulators.s3 import server
from tests.simulators.s3.control import BUCKET, KEY_ID, SECRET, Control, Stored, error

Json = Any
JsonObject = dict[str, Json]
PAGE = 20


def account(simulator: Simulator, **more: Json) -> JsonObject:
    """The config of a connector."""
    return {"accessKeyId": KEY_ID, "secretAccessKey": SECRET, "endpoint": simulator.url, "bucket": BUCKET, **more}


def contents(control: Control) -> Json:
    """What the bucket holds."""
    return control.contents()


EXAMPLES = {
    "listObjects": Example(config={"prefix": "reports/"}, effect=contents, rejected={"bucket": "other"}, says="NoSuchBucket"),
    "getObject": Example(
        config={"key": "leads.csv", "format": "csv"}, effect=contents, rejected={"key": "none.csv"}, says="The specified key does not exist"
    ),
    "putObject": Example(
        config={"key": "new/file.json", "content": {"a": [1, "ü"]}},
        effect=contents,
        rejected={"key": "x", "content": "x", "bucket": "other"},
        says="NoSuchBucket",
        empty=True,
    ),
    "deleteObject": Example(config={"key": "leads.csv"}, effect=contents),
    "presignUrl": Example(config={"key": "leads.csv"}, effect=contents, rejected={"key": "none.csv"}, says="NoSuchKey"),
}


def fill(control: Control, count: int) -> list[str]:
    """A bucket with this many objects; their keys."""
    control.page = PAGE
    control.objects.clear()
    keys = [f"file {number:04d} +&.csv" for number in range(count)]
    control.objects.update({key: Stored(b"x") for key in keys})
    return keys


async def _keys(service: Service) -> AsyncIterator[str]:
    async for page in listed(service, "", ""):
        for item in page.objects:
            yield item["key"]


ROWS = 100
"""Rows of about this number fit into a part of an object."""


def fill_rows(control: Control, count: int) -> list[str]:
    """An object of this many long rows, with line breaks in quotes; their keys."""
    keys = [f"key-{number}" for number in range(count)]
    long = "ü\n, " * (PART // ROWS // 5)
    text = "".join(f'{key},"{long}"\n' for key in keys)
    control.objects["rows.csv"] = Stored(f"\ufeffid,text\n{text}".encode(), "text/csv")
    return keys


SUBJECT = Subject(
    slug="s3",
    running=server.running,
    account=account,
    wrong=lambda simulator: account(simulator, secretAccessKey="another-secret-0815-4711"),
    secret=SECRET,
    error=error,
    examples=EXAMPLES,
    listings=(Listing(name="objects", size=PAGE, fill=fill, read=_keys),),
    extractions={"rows": Extraction(config={"key": "rows.csv", "keyColumn": "id"}, size=ROWS, fill=fill_rows)},
    params={"listKeys": {"bucket": BUCKET}},
)
