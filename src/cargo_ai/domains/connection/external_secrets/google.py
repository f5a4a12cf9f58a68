"""Secrets in Google Cloud's Secret Manager: `secret://google/PROJECT/NAME`, with the credentials that google-auth finds."""

from __future__ import annotations

import base64
import binascii
from importlib import import_module
from typing import Any, cast
from urllib.parse import quote

from cargo_ai.domains.connection.external_secrets.asking import SECONDS
from cargo_ai.domains.connection.external_secrets.cloud import Cloud, written_headers
from cargo_ai.domains.connection.external_secrets.reference import Reference
from cargo_ai.outbound.exchange import OutboundRequest

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class Google(Cloud):
    """Secret Manager, as the service account of GOOGLE_APPLICATION_CREDENTIALS, of the machine or of its workload identity."""

    place, keeper, needs = "google", "Google Cloud's Secret Manager", ("google.auth", "google.auth.transport.requests")
    _credentials: Any = None

    def request(self, reference: Reference) -> OutboundRequest:
        """`versions/latest:access` (https://cloud.google.com/secret-manager/docs/reference/rest, read November 2026)."""
        if self._credentials is None:
            self._credentials = import_module("google.auth").default(scopes=[_SCOPE])[0]
        if not self._credentials.valid:
            self._credentials.refresh(import_module("google.auth.transport.requests").Request())
        project, _, name = reference.path.partition("/")
        url = self.address(
            f"https://secretmanager.googleapis.com/v1/projects/{quote(project)}/secrets/{quote(name, safe='')}/versions/latest:access"
        )
        return OutboundRequest("GET", url, written_headers({"authorization": f"Bearer {self._credentials.token}"}), None, SECONDS)

    def value(self, received: dict[str, Any]) -> str | None:
        """The payload's data, which is base64 of UTF-8."""
        payload: Any = received.get("payload")
        data: Any = cast("dict[str, Any]", payload).get("data") if isinstance(payload, dict) else None
        try:
            return base64.b64decode(data, validate=True).decode("utf-8") if isinstance(data, str) else None
        except (binascii.Error, UnicodeDecodeError):
            return None
