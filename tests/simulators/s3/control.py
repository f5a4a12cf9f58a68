"""What the imitation of S3 keeps: buckets with objects, the key that is good; and what a test may order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from tests.simulators.faults import Orders

Json = Any
KEY_ID, SECRET = "AKIASIMULATED0000001", "wJalrXUtnFEMI-simulated-bPxRfiCYEXAMPLEKEY"
REGION, BUCKET = "us-east-1", "acme-exports"
_CODES = {
    400: "InvalidRequest",
    401: "AccessDenied",
    403: "AccessDenied",
    404: "NoSuchKey",
    409: "OperationAborted",
    412: "PreconditionFailed",
    422: "InvalidRequest",
    429: "TooManyRequests",
    500: "InternalError",
}


def error(status: int, message: str, code: str = "") -> str:
    """An error in S3's form."""
    inner = f"<Code>{code or _CODES.get(status, 'ServiceUnavailable')}</Code><Message>{escape(message)}</Message>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}<RequestId>4442587FB7D0A2F9</RequestId></Error>'


class Refused(Exception):
    """The request is refused."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.body = status, error(status, message, code)


@dataclass(frozen=True)
class Stored:
    """An object."""

    content: bytes
    kind: str = "binary/octet-stream"

    @property
    def etag(self) -> str:
        """Its tag, in quotes."""
        return f'"{hashlib.md5(self.content, usedforsecurity=False).hexdigest()}"'


class Control(Orders):
    """The state of the simulator and the orders of a test. page: how many keys are listed at once, at most."""

    def reset(self) -> None:
        """Back to an account with one bucket, which holds three objects."""
        super().reset()
        self.keys = {KEY_ID: SECRET}
        self.page = 1_000
        self.buckets: dict[str, dict[str, Stored]] = {
            BUCKET: {
                "leads.csv": Stored(b'email,name\nada@example.com,Ada\nbob@example.com,"Bob, the second"\n', "text/csv"),
                "reports/q1.json": Stored(b'{"total": 1}', "application/json"),
                "reports/q2.json": Stored(b'{"total": 2}', "application/json"),
            }
        }

    @property
    def objects(self) -> dict[str, Stored]:
        """The objects of the bucket."""
        return self.buckets[BUCKET]

    def contents(self) -> Json:
        """The texts of the objects, by key."""
        return {key: stored.content.decode() for key, stored in sorted(self.objects.items())}
