"""Public interface of the protocol of custom integrations: serve an integration of this server by it."""

from __future__ import annotations

from cargo_ai.domains.connection.custom.protocol.remote import SIGNATURE, TIMESTAMP, signature
from cargo_ai.domains.connection.custom.serving.lists import count, fetch
from cargo_ai.domains.connection.custom.serving.manifest import NotServable
from cargo_ai.domains.connection.custom.serving.served import Served, ServedError

__all__ = ["SIGNATURE", "TIMESTAMP", "NotServable", "Served", "ServedError", "count", "fetch", "signature"]
