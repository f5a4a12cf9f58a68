"""An example of a custom integration: a service that scores leads and speaks the protocol. Standard library only.

`python examples/custom_integration/server.py` prints `{"url", "pid"}` and serves until it is stopped; with `--detach` it returns when it is
ready. With SIGNING_SECRET in its environment it answers only requests that are signed with that secret. docs/guide/custom-integrations.md
is about it.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = Any
Object = dict[str, Json]
KEYS = {"key-of-the-guide": "north"}  # an account is a key, which belongs to a region
LEADS = [{"id": f"lead-{number}", "email": f"person{number}@acme.example", "score": 10 * number} for number in range(1, 8)]
PAGE = 3

EXPRESSION = {"$ref": "#/definitions/expression"}  # a field that takes any value; the host knows what it is
MANIFEST: Object = {
    "name": "Lead scores",
    "description": "Scores leads by their e-mail address.",
    "connector": {
        "rateLimit": {"unit": "second", "max": 20},
        "config": {
            "jsonSchema": {"type": "object", "properties": {"apiKey": {"type": "string", "title": "API key"}}, "required": ["apiKey"]},
            "uiSchema": {"apiKey": {"ui:widget": "password"}},  # a secret: stored sealed, never shown
        },
    },
    "actions": {
        "scoreLead": {
            "name": "Score a lead",
            "description": "Gives a lead a score from 0 to 100.",
            "config": {
                "jsonSchema": {"type": "object", "properties": {"email": EXPRESSION, "segment": {"type": "string"}}, "required": ["email"]},
                "uiSchema": {"segment": {"ui:widget": "IntegrationAutocompleteWidget", "ui:options": {"slug": "segments"}}},
            },
            "output": {"type": "object", "properties": {"email": {"type": "string"}, "score": {"type": "integer"}}},
        },
        "trainModel": {
            "name": "Train a model",
            "description": "Takes a moment, in which the run waits without a worker.",
            "config": {"jsonSchema": {"type": "object"}},
            "executing": {"retry": {"initialInterval": 200, "backoffCoefficient": 1.5}},
        },
    },
    "extractors": {
        "leads": {"name": "Leads", "description": "All leads with their scores.", "config": {"jsonSchema": {"type": "object"}}},
    },
    "autocompletes": [{"slug": "segments", "params": {"jsonSchema": {"type": "object"}}}],
}
# The same service for those who would rather describe it than speak the protocol.
OPENAPI: Object = {
    "openapi": "3.1.0",
    "info": {"title": "Lead store", "version": "1"},
    "servers": [{"url": "/"}],
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}}},
    "security": [{"key": []}],
    "paths": {
        "/leads/{id}": {
            "get": {
                "operationId": "getLead",
                "summary": "Get a lead",
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}},
            }
        }
    },
}

trained: set[str] = set()  # keys of executions that were begun: a repetition gets the same result
lock = threading.Lock()


class Failed(Exception):
    """A request that cannot be answered, with its status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def manifest(_body: Json) -> Json:
    """What this service can do."""
    return MANIFEST


def authenticate(body: Json) -> Json:
    """Whether the account is known. An expected failure is an answer, too: with status 200."""
    if body["connector"]["config"].get("apiKey") in KEYS:
        return {"outcome": "success"}
    return {"outcome": "error", "reason": "unauthenticated", "errorMessage": "This key is not known here."}


def score_lead(body: Json) -> Json:
    """Done at once."""
    email = str(body["config"]["email"])
    if "@" not in email:
        return {"outcome": "error", "reason": "noAddress", "errorMessage": f"{email!r} is not an e-mail address."}
    score = int(hashlib.sha256(email.encode()).hexdigest(), 16) % 101
    return {"outcome": "executed", "data": {"email": email, "score": score}, "title": f"{email}: {score}"}


def train_model(body: Json) -> Json:
    """Begun at the first request, done when it is asked again; the key tells one execution from another."""
    key = body["execution"]["idempotencyKey"]
    with lock:
        if key not in trained:
            trained.add(key)
            return {"outcome": "executing"}
    return {"outcome": "executed", "data": {"trained": True}, "title": "trained"}


def fetch(body: Json) -> Json:
    """A page of leads. What `meta` says comes back with the next request, until there are no more."""
    meta: Object = body.get("meta") or {}
    start = int(meta.get("start", 0))
    page = [] if body.get("isDryFetch") else LEADS[start : start + PAGE]
    columns = [{"slug": "id", "type": "string", "label": "Id"}, {"slug": "email", "type": "string", "label": "E-mail"}]
    return {
        "outcome": "fetched",
        "columns": [*columns, {"slug": "score", "type": "number", "label": "Score"}],
        "idColumnSlug": "id",
        "titleColumnSlug": "email",
        "data": {
            "kind": "records",
            "records": [{"action": "upsert", "override": False, "record": lead} for lead in page],
            "hasMore": start + PAGE < len(LEADS),
            "meta": {"start": start + PAGE},
        },
    }


def segments(_body: Json) -> Json:
    """The choices of a field."""
    return {"results": [{"label": name.title(), "value": name} for name in ("small", "large")]}


ROUTES = {
    "/authenticate": authenticate,
    "/actions/scoreLead/execute": score_lead,
    "/actions/trainModel/execute": train_model,
    "/model/fetch": fetch,
    "/autocomplete": segments,
}


class Handler(BaseHTTPRequestHandler):
    """JSON both ways."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The manifest; and the store, which has an OpenAPI document instead."""
        if self.path == "/manifest":
            self._answer(b"", manifest)
        elif self.path == "/openapi.json":
            self._send(200, OPENAPI)
        else:
            self._send(*self._lead())

    def do_POST(self) -> None:
        """Everything else of the protocol."""
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(raw, ROUTES.get(self.path))

    def _answer(self, raw: bytes, answer: Any) -> None:
        try:
            self._require_signature(raw)
            if answer is None:
                raise Failed(404, f"There is no {self.path} here.")
            self._send(200, answer(json.loads(raw) if raw else {}))
        except Failed as failed:
            self._send(failed.status, {"message": str(failed)})
        except (KeyError, TypeError, ValueError) as error:
            self._send(400, {"message": f"The request is not understood: {error!r}."})

    def _require_signature(self, raw: bytes) -> None:
        secret = os.environ.get("SIGNING_SECRET")
        if not secret:
            return
        timestamp, given = self.headers.get("x-cargo-timestamp", ""), self.headers.get("x-cargo-signature", "")
        expected = hmac.new(secret.encode(), timestamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(given, expected) or abs(time.time() - float(timestamp)) > 300:
            raise Failed(401, "The request is not signed with the secret that we agreed on.")

    def _lead(self) -> tuple[int, Json]:
        if self.headers.get("X-Api-Key") not in KEYS:
            return 401, {"message": "This key is not known here."}
        found = [lead for lead in LEADS if f"/leads/{lead['id']}" == self.path]
        return (200, found[0]) if found else (404, {"message": "There is no such lead."})

    def _send(self, status: int, body: Json) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def main() -> int:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="An example of a custom integration on the loopback.")
    parser.add_argument("--port", type=int, default=0, help="the port; 0 takes any free one (default)")
    parser.add_argument("--detach", action="store_true", help="return when it is ready, and go on in the background")
    options = parser.parse_args()
    with ThreadingHTTPServer(("127.0.0.1", options.port), Handler) as server:
        child = os.fork() if options.detach else None
        if child == 0:
            os.setsid()
            nowhere = os.open(os.devnull, os.O_RDWR)
            for number in range(3):
                os.dup2(nowhere, number)
        else:
            print(json.dumps({"url": f"http://127.0.0.1:{server.server_address[1]}", "pid": child or os.getpid()}), flush=True)
        if child:
            return 0
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
