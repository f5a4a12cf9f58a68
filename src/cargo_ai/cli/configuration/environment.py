"""Environment variables of the command line and the Python client, declared once and read through `variable`."""

from __future__ import annotations

import os

VARIABLES = {
    "CARGO_API_URL": "The server to talk to. --base-url wins over it.",
    "CARGO_API_TOKEN": "The token to sign in with. --token and --token-file win over it.",
    "CARGO_WORKSPACE_UUID": "The workspace to work in. --workspace-uuid wins over it.",
    "CARGO_MCP_SERVER_UUID": "The MCP server that `cargo-ai mcp` offers. --server wins over it.",
    "CARGO_AI_PROFILE": "The saved sign-in to use. --profile wins over it.",
    "CARGO_AI_PAGER": "The program that shows long text on a terminal. Default: PAGER, else less; cat for none.",
    "CARGO_AI_DATA_DIR": "The data folder whose running server is the default one.",
    "CARGO_AI_CLI_INDEX": "A folder with another command index than the installed one: for tests.",
}


def variable(name: str) -> str:
    """The value of a declared variable, empty when it is unset. KeyError for a name that is not declared here."""
    if name not in VARIABLES:
        raise KeyError(name)
    return os.environ.get(name, "")
