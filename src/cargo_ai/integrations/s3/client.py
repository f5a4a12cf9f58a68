"""How S3 is called: its address, what its errors mean, where an object is, and what its XML says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as Xml  # nosec B405

from cargo_ai.integrations.kit import Answer, ErrorRule, InvalidConfig, Service, ServiceError, ServiceSpec
from cargo_ai.integrations.kit.errors import words_of
from cargo_ai.integrations.s3.account import address, checked_bucket, is_virtual
from cargo_ai.integrations.s3.signature import encoded

Json = Any
LONGEST_KEY = 1_024
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
_CODE = re.compile(r"<Code>([^<]*)</Code>")
_KEYS = "InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|TokenRefreshRequired|AuthorizationHeaderMalformed"


def words(body: Json) -> str:
    """S3's code and sentence."""
    if not isinstance(body, str):
        return words_of(body)
    parts = [found[1] for pattern in (_CODE, _MESSAGE) if (found := pattern.search(body))]
    return ": ".join(parts) if parts else words_of(body)


def _code(then: Any, status: Any, codes: str, message: str, reason: str, seconds: float | None = None) -> ErrorRule:
    return ErrorRule(then, status=status, text=f"<Code>(?:{codes})</Code>", message=message, reason=reason, seconds=seconds)


ERRORS = (
    _code("fail", (400, 403), _KEYS, "The access key is not accepted, or the region is another one: {said}", "unauthorized"),
    _code("fail", 403, "RequestTimeTooSkewed", "The clock of this server is wrong: {said}", "unauthorized"),
    ErrorRule("fail", status=403, message="The key's policy does not allow it: {said}", reason="forbidden"),
    _code("fail", 404, "NoSuchBucket", "There is no such bucket: {said}", "notFound"),
    _code("wait", 503, "SlowDown|RequestLimitExceeded", "{said}", "rateLimited", 2.0),
    ErrorRule(
        "fail", status=(301, 307), message="The bucket is in another region: set `region` of the connector. {said}", reason="otherRegion"
    ),
    ErrorRule("fail", status=412, reason="conflict"),
)

# S3 takes thousands of calls a second for each prefix, and says so where it is too many.
SERVICE = ServiceSpec(base_url=address, errors=ERRORS, words=words, timeout=60.0)


def _config(service: Service) -> Mapping[str, Json]:
    return {} if service.account is None else service.account.config


def bucket_url(service: Service, bucket: str, query: Mapping[str, str] | None = None) -> str:
    """The whole address of a bucket. InvalidConfig for one that cannot be addressed."""
    config = _config(service)
    name = checked_bucket(bucket.strip() or str(config.get("bucket") or "").strip())
    added = "&".join(f"{encoded(key)}={encoded(value)}" for key, value in (query or {}).items())
    home = service.spec.address(config)
    if not is_virtual(config):
        return f"{home}/{name}{f'?{added}' if added else ''}"
    if name != config.get("bucket"):
        raise InvalidConfig("With `addressing` virtualHost, a connector has one bucket: its own.")
    return f"{home}/{f'?{added}' if added else ''}"


def object_url(service: Service, bucket: str, key: str) -> str:
    """The whole address of an object. InvalidConfig for a key that would lead elsewhere on the way."""
    if not key or len(key.encode("utf-8", "replace")) > LONGEST_KEY:
        raise InvalidConfig(f"`key` must have 1 to {LONGEST_KEY} bytes.")
    if any(part in (".", "..") for part in key.split("/")) or "\0" in key:
        raise InvalidConfig("`key` has a part `.` or `..`, which proxies take for another address.")
    return f"{bucket_url(service, bucket).rstrip('/')}/{encoded(key, safe='/')}"


def checked(answer: Answer, *, changes: bool = False) -> Answer:
    """An answer about an object, which names its tag: else something other than S3 has answered."""
    if "etag" in answer.headers:
        return answer
    raise unexpected(answer, changes=changes)


def unexpected(answer: Answer, *, changes: bool = False) -> ServiceError:
    """Something else than S3 has answered: a proxy, or a page for people."""
    said = " ".join(words_of(str(answer.body or ""))[:200].split())
    return ServiceError(
        f"S3: the answer does not have the form that its API documents: {said}",
        status=answer.status,
        transient=True,
        reason="unexpectedAnswer",
        sent=changes,
    )


def xml_of(answer: Answer) -> Xml.Element:
    """A document, its names without namespaces. ServiceError for what is not one of S3's, which have no definitions of their own."""
    text = str(answer.body or "")
    try:
        if "<!" in text[:2_000]:
            raise unexpected(answer)
        root = Xml.fromstring(text)  # nosec B314  # noqa: S314 - nothing is defined in it
    except Xml.ParseError:
        raise unexpected(answer) from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag not in ("ListBucketResult", "ListAllMyBucketsResult"):
        raise unexpected(answer)
    return root


def texts(root: Xml.Element, path: str) -> Iterator[str]:
    """The texts of the elements at a path."""
    for element in root.iterfind(path):
        yield element.text or ""
