"""Three keepers of secrets as their vendors describe them: AWS Secrets Manager, Google Cloud's Secret Manager and Azure Key Vault.

Read November 2026: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html (errors are 400 with `__type`),
https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access (payloads in base64),
https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret, with the tokens of a managed identity of App Service
(https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference).
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from tests.kit.peers.echo_service import EchoService, Heard, Say
from tests.simulators.google.sign_in import AUDIENCE, Tokens, key_file
from tests.simulators.s3.control import REGION, Refused
from tests.simulators.s3.signing import verify

KEY_ID, KEY = "AKIASIMULATED", "simulated-secret-key-4711"
IDENTITY_HEADER, AZURE_TOKEN = "simulated-identity-header", "eyJ.simulated.azure-token-4711"


@dataclass
class CloudSecrets:
    """All three on one service; `secrets` by `aws/NAME`, `google/PROJECT/NAME` and `azure/VAULT/NAME`. `throttled`: all refuse now."""

    service: EchoService
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    throttled: bool = False
    tokens: Tokens = field(default_factory=Tokens)

    def __post_init__(self) -> None:
        self.service.on("/aws/", self._aws)
        self.service.on("/token", self._google_token)
        self.service.on("/msi/token", self._azure_token)

    def put(self, name: str, value: str) -> None:
        """Write a new version."""
        self.secrets[name] = value
        self.watch(name)

    def watch(self, name: str) -> None:
        """Answer for a name, whether there is such a secret or not."""
        place, _, rest = name.partition("/")
        first, _, last = rest.partition("/")
        if place == "google":
            path = f"/google/v1/projects/{first}/secrets/{last}/versions/latest:access"
            self.service.on(path, lambda heard: self._google(name, heard))
        elif place == "azure":
            self.service.on(f"/azure/secrets/{last}", lambda heard: self._azure(name, heard))

    def variables(self, folder: Path) -> Mapping[str, str]:
        """What the vendors' libraries read: keys, a key file, the endpoint of the managed identity."""
        file = folder / "google.json"
        file.write_text(key_file().replace(AUDIENCE, f"{self.service.url}/token"))
        return {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_REGION": REGION,
            "GOOGLE_APPLICATION_CREDENTIALS": str(file),
            "IDENTITY_ENDPOINT": f"{self.service.url}/msi/token",
            "IDENTITY_HEADER": IDENTITY_HEADER,
        }

    @property
    def addresses(self) -> str:
        """For CARGO_AI_SERVICE_ADDRESSES."""
        return ",".join(f"{place}Secrets={self.service.url}/{place}" for place in ("aws", "google", "azure"))

    def _aws(self, heard: Heard) -> Say:
        try:
            verify({KEY_ID: KEY}, heard.method, heard.path, "", heard.headers, heard.body, "secretsmanager")
        except Refused:
            return _json(400, {"__type": "com.amazon.coral.service#InvalidSignatureException", "message": "The signature does not match."})
        if heard.headers.get("x-amz-target") != "secretsmanager.GetSecretValue":
            return _json(400, {"__type": "com.amazon.coral.service#UnknownOperationException"})
        if self.throttled:
            return _json(400, {"__type": "com.amazonaws.secretsmanager#ThrottlingException", "message": "Rate exceeded"})
        name = json.loads(heard.body)["SecretId"]
        if f"aws/{name}" not in self.secrets:
            return _json(
                400, {"__type": "com.amazonaws.secretsmanager#ResourceNotFoundException", "Message": "Secrets Manager can't find it."}
            )
        return _json(200, {"Name": name, "SecretString": self.secrets[f"aws/{name}"], "VersionStages": ["AWSCURRENT"]})

    def _google_token(self, heard: Heard) -> Say:
        return _json(*self.tokens.exchange(dict(parse_qsl(heard.body.decode()))))

    def _google(self, name: str, heard: Heard) -> Say:
        if not self.tokens.admits(heard.headers.get("authorization", "")):
            return _json(401, {"error": {"code": 401, "message": "Request had invalid credentials.", "status": "UNAUTHENTICATED"}})
        if self.throttled:
            return _json(429, {"error": {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED"}})
        if name not in self.secrets:
            return _json(404, {"error": {"code": 404, "message": f"Secret [{name}] not found.", "status": "NOT_FOUND"}})
        return _json(200, {"name": name, "payload": {"data": base64.b64encode(self.secrets[name].encode()).decode()}})

    def _azure_token(self, heard: Heard) -> Say:
        query = dict(heard.query)
        if heard.headers.get("x-identity-header") != IDENTITY_HEADER or query.get("resource") != "https://vault.azure.net":
            return _json(400, {"statusCode": 400, "message": "No managed identity was found."})
        about = {"resource": query["resource"], "token_type": "Bearer", "expires_on": str(int(time.time()) + 3600)}
        return _json(200, {"access_token": AZURE_TOKEN, **about})

    def _azure(self, name: str, heard: Heard) -> Say:
        if heard.headers.get("authorization") != f"Bearer {AZURE_TOKEN}" or "api-version" not in dict(heard.query):
            return _json(401, {"error": {"code": "Unauthorized", "message": "AKV10000: Request is missing a Bearer or PoP token."}})
        if self.throttled:
            return _json(
                429, {"error": {"code": "Throttled", "message": "Request was not processed because too many requests were received."}}
            )
        if name not in self.secrets:
            return _json(404, {"error": {"code": "SecretNotFound", "message": "A secret with that name was not found in this key vault."}})
        return _json(200, {"value": self.secrets[name], "id": f"https://{name.split('/')[1]}.vault.azure.net/secrets/x/1"})


def _json(status: int, document: Any) -> Say:
    return Say(status, json.dumps(document).encode(), {"content-type": "application/json"})
