"""`cargo-ai open`: open the console's page of a thing in the browser; without a display, print its address."""

from __future__ import annotations

import os
import sys

from cargo_ai.cli import output
from cargo_ai.cli.arguments.json_names import UUID
from cargo_ai.cli.arguments.names import Thing, things
from cargo_ai.cli.client.api import Api
from cargo_ai.cli.configuration.settings import Settings
from cargo_ai.cli.failure import FAILED, Failure, failure, usage
from cargo_ai.cli.formats.reply import Form
from cargo_ai.cli.words.command_index import read_index
from cargo_ai.cli.words.similar import near, or_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Noun, Row

KINDS = {
    "run": ("/orchestration/runs/", "run", "runs"),
    "batch": ("/orchestration/batches/", "batch", "batches"),
    "tool": ("/orchestration/tools/", "tool", "tools"),
    "play": ("/orchestration/plays/", "play", "plays"),
    "model": ("/storage/models/", "model", "models"),
    "segment": ("/segmentation/segments/", "segment", "segments"),
    "agent": ("/ai/agents/", "agent", "agents"),
    "chat": ("/ai/chats/", "chat", "chats"),
    "connector": ("/connection/connectors/", "connector", "connectors"),
    "review": ("/orchestration/reviews/", "review", "reviews"),
    "change-set": ("/storage/changeSets/", "changeSet", "change-sets"),
}
"""Kind → where the API shows one, under which key, and where the console does. In the order in which an unknown uuid is tried."""
NAMED = {
    "tool": "orchestration.tool",
    "play": "orchestration.play",
    "model": "storage.model",
    "segment": "segmentation.segment",
    "agent": "ai.agent",
    "connector": "connection.connector",
}
"""The kinds that are found by name, by the nouns of the index."""
PAGES = (
    *("runs", "batches", "tools", "plays", "models", "segments", "sql", "agents", "reviews", "usage"),
    *("users", "tokens", "audit", "connectors", "integrations", "queue", "workspaces", "search"),
)

ROW: Row = {
    "words": ["open"],
    "summary": "Open the console in the browser, at a thing or a page.",
    "examples": [
        "cargo-ai open",
        "cargo-ai open 0198c5f0-0000-7000-8000-000000000001",
        'cargo-ai open "All companies" --kind model',
        "cargo-ai open runs",
        "cargo-ai open 0198c5f0-0000-7000-8000-000000000001 --print",
    ],
    "args": [
        {
            "wire": "thing",
            "in": "cli",
            "type": "string",
            "flags": [],
            "positional": True,
            "help": "The uuid of a run, batch, tool, play, model, …, the name or slug of a thing, the URL of one, or a page such as runs.",
        },
        {
            "wire": "kind",
            "in": "cli",
            "type": "string",
            "flags": ["--kind"],
            "values": list(KINDS),
            "help": "What it is, where the name alone does not say it; saves requests for a uuid.",
        },
        {"wire": "print", "in": "cli", "type": "boolean", "flags": ["--print"], "help": "Print the address only; do not open it."},
    ],
}


def run(parsed: Parsed) -> int:
    """Print `{url, kind, uuid, name, opened}`. Failure 1 for what there is not, with all candidates for a name that several have."""
    form = Form(parsed.options)
    settings = Settings(parsed.options, parsed.stdin)
    api = Api(settings, settings.need_token())
    text = str(parsed.options.get("thing") or "").strip()
    found = _find(api, text, parsed.options.get("kind"))
    url = f"{api.base_url}/console/{found.pop('path')}"
    opened = not parsed.options.get("print") and _has_display() and _open(url)
    form.print(None, {"url": url, **found, "opened": opened})
    return 0


def _find(api: Api, text: str, kind: str | None) -> dict[str, Any]:
    """`{path, kind, uuid, name}` of what is meant."""
    if "://" in text:
        text, kind = _of_url(api, text)
    if not text and kind:
        raise usage("missingArgument", f"Which {kind}? Give its uuid or name.")
    if not text or (text in PAGES and not kind):
        return {"path": text, "kind": "page", "uuid": None, "name": text or "home"}
    if UUID.fullmatch(text):
        return _by_uuid(api, text.lower(), [kind] if kind else list(KINDS))
    return _by_name(api, text, [kind] if kind in NAMED else [] if kind else list(NAMED))


def _of_url(api: Api, url: str) -> tuple[str, str | None]:
    """What a URL of this server names, the API's or the console's: a uuid with its kind, or a page."""
    from urllib.parse import unquote, urlsplit

    ours, given = urlsplit(api.base_url), urlsplit(url)
    if given.netloc.lower() != ours.netloc.lower():
        sentence = f"{output.clean(url)} is not of {api.base_url}. Another server is named by --base-url or --profile."
        raise failure(FAILED, "otherServer", sentence)
    words = [unquote(word) for word in given.path.removeprefix(ours.path).split("/") if word]
    uuid = next((word for word in words if UUID.fullmatch(word)), None)
    where = words[words.index(uuid) - 1] if uuid and words.index(uuid) else ""
    kind = next((kind for kind, (path, _, page) in KINDS.items() if where in (page, path.strip("/").rpartition("/")[2])), None)
    if uuid:
        return uuid, kind
    page = next((word for word in words if word in PAGES), "")
    return page, None


def _by_uuid(api: Api, uuid: str, kinds: list[str]) -> dict[str, Any]:
    """Ask each kind for it, one after the other: at most as many requests as there are kinds, and two for a workflow's uuid."""
    for kind in kinds:
        path, key, _ = KINDS[kind]
        answer = api.call("GET", f"/v1{path}{uuid}")
        if answer.status in (403, 404):
            continue
        return _found(kind, uuid, output.as_object(output.as_object(answer.check().document()).get(key)))
    if len(kinds) > 1:
        for kind in ("tool", "play"):
            for thing in _rows(api, kind):
                if thing.get("workflowUuid") == uuid:
                    return _found(kind, str(thing.get("uuid")), thing)
    what = kinds[0] if len(kinds) == 1 else f"{or_list(kinds)} that you may see"
    raise failure(FAILED, "notFound", f"There is no {what} with uuid {uuid} in this workspace.")


def _rows(api: Api, kind: str) -> list[dict[str, Any]]:
    page = KINDS[kind][2]
    rows = output.as_object(api.call("GET", f"/v1/orchestration/{page}/list").check().document()).get(page)
    return [output.as_object(row) for row in rows] if output.is_list(rows) else []


def _by_name(api: Api, name: str, kinds: list[str]) -> dict[str, Any]:
    matching: list[tuple[str, Thing]] = []
    names: list[str] = []
    nouns: dict[str, Noun] = read_index("_nouns.json")
    for kind in kinds:
        try:
            known = list(things(nouns[NAMED[kind]], api))
        except Failure as refused:
            if len(kinds) > 1 and refused.document.get("reason") == "forbidden":
                continue  # what the token may not list is not meant
            raise
        matching += [(kind, thing) for thing in known if name in thing.names]
        names += [known_name for thing in known for known_name in thing.names]
    if len(matching) == 1:
        kind, thing = matching[0]
        return _found(kind, thing.uuid, {"name": thing.names[-1]})
    if matching:
        shown = "; ".join(f"{thing.uuid} ({kind} {output.clean(thing.names[-1])})" for kind, thing in matching[:10])
        candidates = [{"uuid": thing.uuid, "kind": kind, "name": thing.names[-1]} for kind, thing in matching[:10]]
        sentence = f'{len(matching)} have the name "{output.clean(name)}": {shown}. Give the uuid, or --kind.'
        raise failure(FAILED, "ambiguousName", sentence, candidates=candidates)
    close = near(name, sorted({*names, *PAGES}))
    guess = f" Did you mean {or_list([output.clean(word) for word in close])}?" if close else ""
    what = or_list(kinds) if kinds else "thing of that kind, which is opened by its uuid,"
    raise failure(FAILED, "nameNotFound", f'There is no {what} with the name "{output.clean(name)}".{guess}')


def _found(kind: str, uuid: str, document: dict[str, Any]) -> dict[str, Any]:
    name = document.get("name") or document.get("title")
    return {"path": f"{KINDS[kind][2]}/{uuid}", "kind": kind, "uuid": uuid, "name": name if isinstance(name, str) else None}


def _has_display() -> bool:
    """Whether a browser could show something to a person here."""
    if sys.platform in ("darwin", "win32"):
        return not os.environ.get("SSH_CONNECTION")
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"))


def _open(url: str) -> bool:
    """Whether a browser took it. What a browser prints goes to stderr: stdout is the command's."""
    import webbrowser

    output.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False
    finally:
        os.dup2(kept, 1)
        os.close(kept)
