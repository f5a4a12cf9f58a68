"""Signatures of S3: the examples that AWS publishes for version 4, and addresses of buckets and objects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cargo_ai.integrations.kit import InvalidConfig
from cargo_ai.integrations.s3.account import address
from cargo_ai.integrations.s3.signature import Keys, presigned, signed_headers
from cargo_ai.outbound.url import parse_url

KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
MOMENT = datetime(2013, 5, 24, tzinfo=UTC)
HOST = "https://examplebucket.s3.amazonaws.com"


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "signature"),
    [
        ("GET", "/test.txt", {"range": "bytes=0-9"}, b"", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        (
            "PUT",
            "/test%24file.text",
            {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            b"Welcome to Amazon S3.",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        ("GET", "/?lifecycle", {}, b"", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("GET", "/?max-keys=2&prefix=J", {}, b"", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_the_examples_of_aws_are_signed_as_published(
    method: str, target: str, headers: dict[str, str], body: bytes, signature: str
) -> None:
    signed = signed_headers(KEYS, "us-east-1", MOMENT, method, parse_url(HOST + target), headers, body)
    assert signed["authorization"].rpartition("Signature=")[2] == signature
    assert signed["x-amz-date"] == "20130524T000000Z"


def test_the_example_of_a_link_is_signed_as_published() -> None:
    link = presigned(KEYS, "us-east-1", MOMENT, "GET", parse_url(f"{HOST}/test.txt"), 86_400)
    assert link == (
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
        "&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


def test_the_token_of_a_session_is_signed_too() -> None:
    signed = signed_headers(Keys("a", "b", "session-1"), "eu-central-1", MOMENT, "GET", parse_url(f"{HOST}/x"), {"accept": "*/*"}, b"")
    assert signed["x-amz-security-token"] == "session-1"
    assert "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token," in signed["authorization"]


@pytest.mark.parametrize(
    ("config", "home"),
    [
        ({}, "https://s3.us-east-1.amazonaws.com"),
        ({"region": "eu-central-1"}, "https://s3.eu-central-1.amazonaws.com"),
        ({"endpoint": "minio.example.com:9000/"}, "https://minio.example.com:9000"),
        ({"endpoint": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000"),
        ({"bucket": "acme", "addressing": "virtualHost"}, "https://acme.s3.us-east-1.amazonaws.com"),
    ],
)
def test_the_address_follows_from_region_and_endpoint(config: dict[str, Any], home: str) -> None:
    assert address(config) == home


@pytest.mark.parametrize(
    "config",
    [
        {"endpoint": "http://evil.example"},
        {"endpoint": "https://a/b"},
        {"endpoint": "user@evil.example"},
        {"region": "evil.example/"},
        {"addressing": "virtualHost"},
        {"addressing": "virtualHost", "bucket": "evil.example/"},
    ],
)
def test_an_address_that_leads_elsewhere_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig):
        address(config)
