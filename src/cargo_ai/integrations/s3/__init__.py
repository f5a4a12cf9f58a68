"""S3 and what is compatible with it: objects, listed, read, written, removed, and shared by a link."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.s3.account import ACCOUNT
from cargo_ai.integrations.s3.actions import delete_object, get_object, list_objects, presign_url, put_object
from cargo_ai.integrations.s3.choices import AUTOCOMPLETES
from cargo_ai.integrations.s3.client import SERVICE
from cargo_ai.integrations.s3.extractor import ROWS
from cargo_ai.integrations.s3.library import FILES

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<path d="M4 6l2 14h12l2-14"/><ellipse cx="12" cy="6" rx="8" ry="3"/></svg>'
)

INTEGRATION = Integration(
    slug="s3",
    name="S3",
    description="Lists, reads, writes and shares objects of Amazon S3 and of storages that are compatible with it.",
    icon=_ICON,
    color="#e25444",
    url="https://aws.amazon.com/s3",
    category="storage",
    account=ACCOUNT,
    service=SERVICE,
    actions=(list_objects.ACTION, get_object.ACTION, put_object.ACTION, delete_object.ACTION, presign_url.ACTION),
    extractors=(ROWS,),
    file_lists=(FILES,),
    autocompletes=AUTOCOMPLETES,
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
