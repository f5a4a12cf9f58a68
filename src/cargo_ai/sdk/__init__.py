"""The Python client: `Cargo` and `AsyncCargo`, with a method for every command, and the errors that they raise."""

from cargo_ai.sdk.asynchronous import AsyncCargo
from cargo_ai.sdk.downloads import AsyncDownload, Download
from cargo_ai.sdk.errors import (
    CargoError,
    Conflict,
    InvalidRequest,
    NotEnoughCredits,
    NotFound,
    NotPermitted,
    NotSignedIn,
    Refused,
    ServerFailed,
    TooManyRequests,
    UnexpectedReply,
    Unfinished,
    Unreachable,
)
from cargo_ai.sdk.exchange import Settings
from cargo_ai.sdk.sync import Cargo

__all__ = [
    "AsyncCargo",
    "AsyncDownload",
    "Cargo",
    "CargoError",
    "Conflict",
    "Download",
    "InvalidRequest",
    "NotEnoughCredits",
    "NotFound",
    "NotPermitted",
    "NotSignedIn",
    "Refused",
    "ServerFailed",
    "Settings",
    "TooManyRequests",
    "UnexpectedReply",
    "Unfinished",
    "Unreachable",
]
