"""Public interface of the protocol of custom integrations: serve an integration of this server by it."""

from __future__ import annotations

from cargo_ai.domains.connection.custom.announcing import NotServable
from cargo_ai.domains.connection.custom.remote import SIGNATURE, TIMESTAMP, signature
from cargo_ai.domains.connection.custom.serving import Served, ServedError
from cargo_ai.domains.connection.custom.serving_lists import count, fetch

__all__ = ["SIGNATURE", "TIMESTAMP", "NotServable", "Served", "ServedError", "count", "fetch", "signature"]
