"""The Python client: `await Client.from_environment().call(operation, request)`, typed from end to end."""

from cargo_ai.kernel.refusal import Refusal
from cargo_ai.sdk.client import Client
from cargo_ai.sdk.exchange import Settings, Unfinished
from cargo_ai.sdk.sync import SyncClient

__all__ = ["Client", "Refusal", "Settings", "SyncClient", "Unfinished"]
