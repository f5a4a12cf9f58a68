"""`cargo-ai api VERB PATH`: send any request to the API, signed in."""

from __future__ import annotations

from cargo_ai.cli import output
from cargo_ai.cli.client.api import Api, new_key
from cargo_ai.cli.configuration.settings import Settings
from cargo_ai.cli.failure import usage
from cargo_ai.cli.formats.reply import Form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Row

ROW: Row = {
    "words": ["api"],
    "summary": "Send any request to the API, signed in, and print the reply. PATH is relative to /v1.",
    "examples": [
        "cargo-ai api GET /orchestration/tools/list",
        "cargo-ai api POST /orchestration/batches --data @batch.json",
        "cargo-ai api GET /orchestration/runs/list --query workflowUuid=$WORKFLOW limit=10",
    ],
    "writes": True,
    "args": [
        {
            "wire": "verb",
            "in": "cli",
            "type": "string",
            "flags": [],
            "positional": True,
            "required": True,
            "help": "GET, POST, PUT, PATCH or DELETE.",
        },
        {
            "wire": "path",
            "in": "cli",
            "type": "string",
            "flags": [],
            "positional": True,
            "required": True,
            "help": "For example /orchestration/tools/list.",
        },
        {"wire": "data", "in": "cli", "type": "json", "flags": ["--data"], "help": "The request body, as JSON."},
        {"wire": "query", "in": "cli", "type": "texts", "flags": ["--query"], "help": "A k=v pair of the query string; may be repeated."},
        {"wire": "more", "in": "cli", "type": "texts", "flags": [], "positional": True, "hidden": True},
    ],
}
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
OUTSIDE = ("/healthz", "/readyz", "/openapi.json", "/docs")


def run(parsed: Parsed) -> int:
    """Print the body of the response, indented when it is JSON. Exit codes as for any command."""
    form = Form(parsed.options)
    settings = Settings(parsed.options, parsed.stdin)
    verb = str(parsed.options["verb"]).upper()
    if verb not in VERBS:
        raise usage("invalidValue", f"VERB is one of {', '.join(VERBS)}.", "cargo-ai api GET /orchestration/tools/list")
    path, query = _target(str(parsed.options["path"]), settings)
    query = "&".join(part for part in (query, *_pairs(parsed)) if part)
    headers = {} if verb in ("GET", "HEAD") else {"Idempotency-Key": parsed.options.get("idempotency-key") or new_key()}
    token = settings.token if path.startswith(OUTSIDE) else settings.need_token()
    if token:
        settings.need_trusted_server()
    data: Any = parsed.options.get("data")
    answer = Api(settings, token).call(verb, path, query=query, document=data, headers=headers).check()
    if form.is_plain:
        output.write(_indented(answer.body))
    else:
        form.print(None, answer.document())
    return 0


def _target(path: str, settings: Settings) -> tuple[str, str]:
    """The path below the server's URL and its own query string."""
    from urllib.parse import quote

    if path.startswith(("http://", "https://")):
        if not path.startswith(settings.base_url + "/"):
            raise usage("invalidValue", f"PATH is on another server than {settings.base_url}, which your token is for.")
        path = path[len(settings.base_url) :]
    path, _, query = path.partition("?")
    path = "/" + path.lstrip("/")
    if not path.startswith(("/v1/", *OUTSIDE)):
        path = "/v1" + path
    return quote(path, safe="/%:@!$&'()*+,;=~"), quote(query, safe="/%:@!$&'()*+,;=~[]?")


def _pairs(parsed: Parsed) -> list[str]:
    from urllib.parse import quote

    pairs: list[str] = []
    texts: list[str] = [*parsed.options.get("query", ()), *parsed.options.get("more", ())]
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise usage("invalidValue", f'"{text}" is not of the form k=v.')
        pairs.append(f"{quote(name, safe='[]')}={quote(value, safe='')}")
    return pairs


def _indented(body: bytes) -> bytes:
    """JSON indented, anything else unchanged."""
    import json

    if not body.strip():
        return b"{}\n"
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False).encode() + b"\n"
    except ValueError:
        return body
