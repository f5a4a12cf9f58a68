"""The file list `files`: the objects of a bucket whose keys begin with a prefix, as files of a library."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from pydantic import Field

from cargo_ai.integrations.kit import Download, ExtractRequest, FileList, ListedFile
from cargo_ai.integrations.s3.client import object_url
from cargo_ai.integrations.s3.fields import OfBucket
from cargo_ai.integrations.s3.objects import listed

_SECONDS = 60.0


class Files(OfBucket):
    """Which objects."""

    prefix: str = Field(default="", title="Prefix", description="What their keys begin with, such as playbooks/.", max_length=1_024)


async def files(request: ExtractRequest) -> AsyncIterator[Sequence[ListedFile]]:
    """The objects, without the marks that some programs make for folders."""
    form = request.form(Files)
    async for page in listed(request.service, form.bucket, form.prefix):
        yield [
            ListedFile(str(one["key"]), str(one["key"]), str(one["etag"] or ""), int(one["size"]))
            for one in page.objects
            if not str(one["key"]).endswith("/")
        ]


async def download(request: ExtractRequest, key: str, to: Download) -> None:
    """The bytes of an object."""
    url = object_url(request.service, request.form(Files).bucket, key)
    headers = {"accept": "*/*", "accept-encoding": "identity"}
    await to.run(request.service.call("GET", url, headers=headers, expect="text", timeout=_SECONDS, listener=to), key)


FILES = FileList(
    slug="files",
    name="Files of a bucket",
    description="The objects whose keys begin with a prefix. An object that changes is read again, one that is gone leaves the library.",
    form=Files,
    files=files,
    download=download,
)
