"""Signatures (version 4) verified as AWS's pages describe it: from the request as it came in."""

from __future__ import annotations

import hashlib
import hmac
import time
from calendar import timegm
from collections.abc import Mapping
from urllib.parse import quote, unquote

from tests.simulators.s3.control import REGION, Refused

_SKEW_SECONDS = 900


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _escaped(text: str) -> str:
    return quote(unquote(text), safe="-_.~")


def verify(
    keys: Mapping[str, str], method: str, raw_path: str, raw_query: str, headers: Mapping[str, str], body: bytes, service: str = "s3"
) -> None:
    """Refuse a request that is not signed, or not so. headers: in lower case. Services but S3 sign the hash without a header for it."""
    pairs = [tuple(part.partition("=")[::2]) for part in raw_query.split("&") if part]
    query = {unquote(name): unquote(value) for name, value in pairs}
    if "X-Amz-Signature" in query:
        algorithm, credential, given = query["X-Amz-Algorithm"], query["X-Amz-Credential"], query["X-Amz-Signature"]
        names, stamp, payload = query["X-Amz-SignedHeaders"], query["X-Amz-Date"], "UNSIGNED-PAYLOAD"
        pairs = [(name, value) for name, value in pairs if name != "X-Amz-Signature"]
        lasts = int(query["X-Amz-Expires"])
    else:
        algorithm, _, rest = headers.get("authorization", "").partition(" ")
        parts = {name.strip(): value for name, _, value in (part.partition("=") for part in rest.split(","))}
        if not {"Credential", "SignedHeaders", "Signature"} <= set(parts):
            raise Refused(403, "AccessDenied", "Access Denied")
        credential, names, given = parts["Credential"], parts["SignedHeaders"], parts["Signature"]
        stamp, payload, lasts = headers.get("x-amz-date", ""), headers.get("x-amz-content-sha256", ""), _SKEW_SECONDS
        payload = payload if service == "s3" else payload or _sha(body)
        if payload not in (_sha(body), "UNSIGNED-PAYLOAD"):
            raise Refused(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
    key_id, day, region, signed_service, end = credential.split("/")
    if key_id not in keys:
        raise Refused(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    if (algorithm, region, signed_service, end, day) != ("AWS4-HMAC-SHA256", REGION, service, "aws4_request", stamp[:8]):
        message = f"The authorization header is malformed; the region '{region}' is wrong; expecting '{REGION}'"
        raise Refused(400, "AuthorizationHeaderMalformed", message)
    age = time.time() - timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    if not -_SKEW_SECONDS <= age <= lasts:
        raise Refused(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
    signed = names.split(";")
    missing = [name for name in headers if name.startswith("x-amz-") and name not in signed]
    if "host" not in signed or missing:
        raise Refused(403, "AccessDenied", f"There were headers present in the request which were not signed: {missing}")
    lines = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in signed)
    ordered = "&".join(f"{name}={value}" for name, value in sorted((_escaped(name), _escaped(value)) for name, value in pairs))
    path = "/".join(_escaped(part) for part in raw_path.split("/"))
    canonical = "\n".join([method, path, ordered, lines, names, payload])
    key = f"AWS4{keys[key_id]}".encode()
    for part in (day, region, service, end):
        key = _mac(key, part)
    text = "\n".join([algorithm, stamp, f"{day}/{region}/{service}/{end}", _sha(canonical.encode())])
    if not hmac.compare_digest(_mac(key, text).hex(), given):
        message = "The request signature we calculated does not match the signature you provided. Check your key and signing method."
        raise Refused(403, "SignatureDoesNotMatch", message)
