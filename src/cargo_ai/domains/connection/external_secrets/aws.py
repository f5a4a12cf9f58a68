"""Secrets in AWS Secrets Manager: `secret://aws/NAME`, signed with the credentials that botocore finds (variables, profile, role)."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from cargo_ai.domains.connection.external_secrets.asking import SECONDS
from cargo_ai.domains.connection.external_secrets.cloud import Cloud, written_headers
from cargo_ai.domains.connection.external_secrets.reference import Reference, SecretUnavailable
from cargo_ai.outbound.exchange import OutboundRequest

_SERVICE = "secretsmanager"


class Aws(Cloud):
    """AWS Secrets Manager in the region of AWS_REGION, AWS_DEFAULT_REGION or the profile."""

    place, keeper, needs = "aws", "AWS Secrets Manager", ("botocore.session", "botocore.auth", "botocore.awsrequest")
    _session: Any = None

    def request(self, reference: Reference) -> OutboundRequest:
        """`GetSecretValue` (https://docs.aws.amazon.com/secretsmanager/latest/apireference, read November 2026)."""
        session = self._session = self._session or import_module("botocore.session").get_session()
        region = self._settings.environment.get("AWS_REGION") or session.get_config_variable("region")
        credentials = session.get_credentials()
        if not region or credentials is None:
            missing = (
                "region: set AWS_REGION"
                if not region
                else "credentials: give it a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
            raise SecretUnavailable(f"The server has no AWS {missing}.")
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        url = self.address(f"https://{_SERVICE}.{region}.{suffix}/")
        body = json.dumps({"SecretId": reference.path}).encode()
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"{_SERVICE}.GetSecretValue", "host": url.authority}
        request = import_module("botocore.awsrequest").AWSRequest("POST", str(url), data=body, headers=headers)
        import_module("botocore.auth").SigV4Auth(credentials.get_frozen_credentials(), _SERVICE, region).add_auth(request)
        signed = {name: text for name, text in request.headers.items() if name.lower() != "host"}
        return OutboundRequest("POST", url, written_headers(signed), body, SECONDS)

    def value(self, received: dict[str, Any]) -> str | None:
        """`SecretString`; binary secrets have none."""
        text: Any = received.get("SecretString")
        return text if isinstance(text, str) else None

    def error_of(self, received: dict[str, Any]) -> str:
        """The class of the error, without its namespace."""
        return str(received.get("__type") or "").rpartition("#")[2]
