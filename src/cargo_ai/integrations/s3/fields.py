"""Fields that the forms of several actions share."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import Form, widget

Json = Any


class OfBucket(Form):
    """Something about a bucket."""

    bucket: str = Field(
        default="", title="Bucket", description="By default that of the connector.", max_length=255, json_schema_extra=widget("listBuckets")
    )


class OfObject(OfBucket):
    """Something about an object."""

    key: str = Field(
        title="Key",
        description="The name of the object in the bucket, such as exports/leads.csv.",
        min_length=1,
        max_length=1_024,
        json_schema_extra=widget("listKeys", bucket="bucket"),
    )
