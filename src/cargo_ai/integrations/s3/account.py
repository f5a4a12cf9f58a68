"""Accounts of S3 and what is compatible with it: a key that signs each call, and where the buckets are; proven by a list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.kit import AccountSpec, Credentials, Form, InvalidConfig, SignIn, Verification, secret_field
from cargo_ai.integrations.s3.signature import Keys, signed_headers
from cargo_ai.kernel import clock

Json = Any
REGION = "us-east-1"
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
# Signatures go to this host: in clear only on this machine, where a simulator may be.
_ENDPOINT = re.compile(r"(?:(?:https://)?[A-Za-z0-9][A-Za-z0-9.-]*|http://(?:127\.0\.0\.1|localhost))(?::[0-9]{1,5})?")


class AccessKeyForm(Form):
    """A key."""

    access_key_id: str = Field(title="Access key id", min_length=1, max_length=200)
    secret_access_key: str = secret_field("Secret access key")
    session_token: str = secret_field("Session token", "Of temporary keys.", optional=True)


@dataclass(frozen=True, kw_only=True)
class AccessKey(SignIn):
    """An access key, with which each call is signed."""

    kind: str = "accessKey"
    title: str = "Access key"

    @property
    def form(self) -> type[Form]:
        """The key."""
        return AccessKeyForm

    async def credentials(self, config: Mapping[str, Json], *, refresh: bool = False) -> Credentials:
        """What signs a call."""
        keys, region = keys_of(config), region_of(config)
        return Credentials(sign=lambda method, url, headers, body: signed_headers(keys, region, clock.now(), method, url, headers, body))


class Storage(Form):
    """Where the buckets are."""

    region: str = Field(
        default="", title="Region", description=f"By default {REGION}; elsewhere what the provider says, often auto.", max_length=40
    )
    endpoint: str = Field(
        default="",
        title="Endpoint",
        description="The address of a storage that is compatible with S3; by default that of AWS in the region.",
        max_length=255,
    )
    bucket: str = Field(default="", title="Bucket", description="For actions that name no bucket.", max_length=255)
    addressing: Literal["path", "virtualHost"] = Field(
        default="path",
        title="Addresses",
        description="path: ENDPOINT/BUCKET/KEY. virtualHost: BUCKET.ENDPOINT/KEY, for the connector's bucket.",
    )


def keys_of(config: Mapping[str, Json]) -> Keys:
    """The key of an account."""
    id_, secret, session = (str(config.get(name) or "").strip() for name in ("accessKeyId", "secretAccessKey", "sessionToken"))
    return Keys(id_, secret, session)


def region_of(config: Mapping[str, Json]) -> str:
    """The region that signatures name. InvalidConfig for another text."""
    region = str(config.get("region") or "").strip() or REGION
    if not _REGION.fullmatch(region):
        raise InvalidConfig("`region` must be like eu-central-1 or auto.")
    return region


def is_virtual(config: Mapping[str, Json]) -> bool:
    """Whether the bucket stands in the name of the host."""
    return config.get("addressing") == "virtualHost"


def checked_bucket(bucket: str) -> str:
    """The name of a bucket. InvalidConfig for a text that is not one."""
    if not _BUCKET.fullmatch(bucket):
        raise InvalidConfig(
            "`bucket` is missing, or is not a name of a bucket." if bucket else "`bucket` is missing: name it in the node or the connector."
        )
    return bucket


def address(config: Mapping[str, Json]) -> str:
    """Where the storage is. InvalidConfig for another text."""
    endpoint = str(config.get("endpoint") or "").strip().rstrip("/") or f"https://s3.{region_of(config)}.amazonaws.com"
    if not _ENDPOINT.fullmatch(endpoint):
        raise InvalidConfig("`endpoint` must be like s3.example.com, by https and without a path.")
    whole = endpoint if "://" in endpoint else f"https://{endpoint}"
    if not is_virtual(config):
        return whole
    scheme, _, host = whole.partition("://")
    return f"{scheme}://{checked_bucket(str(config.get('bucket') or ''))}.{host}"


def _proof(config: Mapping[str, Json]) -> str:
    bucket = str(config.get("bucket") or "").strip()
    if not bucket:
        return "/"
    return "/?list-type=2&max-keys=1" if is_virtual(config) else f"/{checked_bucket(bucket)}?list-type=2&max-keys=1"


ACCOUNT = AccountSpec(
    sign_ins=(AccessKey(),), fields=Storage, verification=Verification(_proof, expect="text"), bound_to=("endpoint", "region", "addressing")
)
