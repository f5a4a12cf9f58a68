"""Run one command of the index: build the request, send it, wait where asked, print the reply."""

from __future__ import annotations

import sys
from urllib.parse import quote

from cargo_ai.cli import output
from cargo_ai.cli.client.api import Api, new_key
from cargo_ai.cli.client.query_string import encode
from cargo_ai.cli.configuration.settings import Settings
from cargo_ai.cli.failure import DONE, FAILED, INTERRUPTED, failure, shell_line, usage
from cargo_ai.cli.formats.reply import Form, need_no_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Row, Until


LONGEST_IN_PATH, LONGEST_QUERY = 1_000, 32_000
"""Characters of one value in the path of a request, and of all values in its query."""


class Request:
    """The HTTP request of a command and the values given for it."""

    def __init__(self, row: Row, parsed: Parsed) -> None:
        self.verb = row.get("verb", "GET")
        path = row.get("path", "")
        query: dict[str, Any] = {}
        body: dict[str, Any] = {}
        self.sent = query
        self.named = [str(value) for arg, value in parsed.values if arg["in"] == "path"]
        for arg, value in parsed.values:
            if arg["in"] == "path":
                path = path.replace("{" + arg["wire"] + "}", quote(str(value), safe=""))
            elif arg["in"] == "query" or self.verb == "GET":
                put_dotted(query, arg["wire"], value)
            elif arg["type"] != "path":
                put_dotted(body, arg["wire"], value)
        extra = query if self.verb == "GET" else body
        for name, value in row.get("send", {}).items():
            extra.setdefault(name, value)
        self.path = "/v1" + path
        self.query = encode(query)
        self.body = None if self.verb == "GET" or (self.verb == "DELETE" and not body) else body


def put_dotted(into: dict[str, Any], wire: str, value: Any) -> None:
    """Set the value at a dotted name, creating the objects on the way."""
    first, _, rest = wire.partition(".")
    if not rest:
        old = into.get(first)
        if isinstance(old, dict) and isinstance(value, dict):
            value = {**output.as_object(value), **output.as_object(old)}  # --icon {...} beside --icon-color: the narrow flag wins
        into[first] = value
        return
    inner = output.as_object(into.get(first))
    into[first] = inner
    put_dotted(inner, rest, value)


ASKED = frozenset({"remove", "rollback", "undo"})
"""The last words of commands that ask a person on a terminal, besides those that are declared to be dangerous."""


def run_row(row: Row, parsed: Parsed) -> int:
    """Send the command's request, print the reply and return the exit code. Raises Failure."""
    form = Form(parsed.options)
    if row.get("output") in ("text", "download"):
        prepare_file(row, parsed)
    settings = Settings(parsed.options, parsed.stdin)
    api = Api(settings, settings.need_token())
    need_uuids(parsed, api)
    if any(arg["type"] == "secrets" for arg, _ in parsed.values):
        from cargo_ai.cli.arguments import secret_values

        secret_values.ask(parsed, settings)
    if row.get("danger") and any(arg.get("noun") for arg, _ in parsed.values):
        need_known(parsed)
    uploading = row.get("fileOf")
    if uploading and parsed.options.get("file"):
        from cargo_ai.cli.arguments.parse import Parsed
        from cargo_ai.cli.client.row_file import send_row_file

        upload_row: Row = {"words": [], "summary": "", "args": [], "verb": "POST", "path": uploading["path"]}
        send_row_file(row, uploading, parsed, api, Request(upload_row, Parsed([], [])))
    request = Request(row, parsed)
    need_short(request, parsed)
    confirm(row, request, api, settings)
    key = parsed.options.get("idempotency-key") or (new_key() if row.get("writes") else None)
    headers = {"Idempotency-Key": key} if key else {}
    if parsed.options.get("all"):
        from cargo_ai.cli.formats.walk import print_all

        print_all(api, row, request, form)
        return DONE
    watched_field = row.get("live") if output.as_object(request.body).get("watch") else None
    if watched_field:
        return watch(api, request, watched_field, parsed, row)
    try:
        upload = row.get("upload")
        file = next((str(value) for arg, value in parsed.values if arg["type"] == "path"), None) if upload else None
        if upload and file:
            from cargo_ai.cli.client.upload import send_file

            document = send_file(api, request, upload, file, headers)
            if not row.get("until"):
                form.print(row, document)
                return DONE
        elif row.get("output") == "text" and request.verb == "GET":
            from cargo_ai.cli.client.download import stream_text

            return stream_text(api, request.path, request.query)
        else:
            # What waits for work that is there already holds on from its first question.
            waits = request.verb == "GET" and bool(parsed.options.get("wait-until-finished"))
            asked = (request.verb, request.path)
            answer = api.call(*asked, query=request.query, document=request.body, headers=headers, persistent=waits).check()
            if row.get("output") == "text":
                output.write(answer.body)
                return DONE
            document = answer.document()
    except KeyboardInterrupt:
        raise _interrupted(row, parsed, key) from None
    until = row.get("until")
    # A dry run starts nothing, so there is nothing to wait for.
    started = not until or output.as_object(document).get(until["key"].partition(".")[0], "") is not None
    if until and started and parsed.options.get("wait-until-finished"):
        return wait_and_print(row, until, parsed, form, api, document)
    return print_reply(row, parsed, form, api, document)


def need_uuids(parsed: Parsed, api: Api) -> None:
    """Replace the names that stand where uuids are asked for; the module that does it is loaded only where there may be some."""
    texts = [item for arg, value in parsed.values if arg.get("noun") for item in (value if output.is_list(value) else [value])]
    named = any(isinstance(text, str) and (len(text) != 36 or text.count("-") != 4) for text in texts)
    if named or any(arg["type"] == "json" for arg, _ in parsed.values):
        from cargo_ai.cli.arguments.names import replace_names

        replace_names(parsed, api)


def need_short(request: Request, parsed: Parsed) -> None:
    """Failure (2) for a value that fits in no address, before it is sent: proxies and servers cut the connection without a word on it."""
    in_path = [(arg, value) for arg, value in parsed.values if arg["in"] == "path" and len(str(value)) > LONGEST_IN_PATH]
    too_long = in_path or (parsed.values if len(request.query) > LONGEST_QUERY else [])
    if not too_long:
        return
    arg, value = max(too_long, key=lambda pair: len(str(pair[1])))
    name = f"<{arg['wire']}>" if arg.get("positional") or not arg["flags"] else arg["flags"][0]
    most = LONGEST_IN_PATH if in_path else LONGEST_QUERY
    meant = "a uuid or a name" if arg.get("noun") else "a value"
    text = ",".join(map(str, value)) if output.is_list(value) else str(value)
    sentence = f"{name}: {len(text):,} characters are too many for {meant}; at most {most:,} fit in the address of a request."
    raise usage("valueTooLong", sentence, shell_line([*parsed.words, "--help"]))


def need_known(parsed: Parsed) -> None:
    """Refuse a name that nothing has, before a person is asked whether to destroy it."""
    from cargo_ai.cli.arguments.names import need_found

    need_found(parsed)


def wait_and_print(row: Row, until: Until, parsed: Parsed, form: Form, api: Api, document: Any) -> int:
    """Wait for the work that the reply names, print its final state; the exit code."""
    from cargo_ai.cli.client.wait import wait

    announced = row.get("announce")
    if announced:
        output.say(f"Open this address in a browser: {output.as_object(document).get(announced)}")
    document, code = wait(api, until, document, parsed.options, shown=row.get("verb", "GET") == "GET")
    results = row.get("results")
    if results:
        from cargo_ai.cli.results import with_results

        document = with_results(api, results, document)
    form.print(row, document)
    return code


def print_reply(row: Row, parsed: Parsed, form: Form, api: Api, document: Any) -> int:
    """Print a reply, or the file that it names; the exit code."""
    if row.get("output") == "download" and not parsed.given.intersection(row.get("urlWhen", [])):
        from cargo_ai.cli.client.download import stream_document

        return stream_document(api, document)
    text = row.get("text")
    if text and parsed.options.get(text["option"]):
        output.print_text(str(output.as_object(document).get(text["field"], "")))
        return DONE
    if not shown_otherwise(row, parsed, form, api, document):
        form.print(row, document)
    bad = row.get("failsWhen")
    return FAILED if bad and output.as_object(document).get(bad["field"]) == bad["value"] else DONE


def shown_otherwise(row: Row, parsed: Parsed, form: Form, api: Api, document: Any) -> bool:
    """Whether the reply was shown in another form than the one that every reply can have."""
    series = row.get("series")
    if series:
        from cargo_ai.cli.formats.series import show

        return show(series, parsed, form, document)
    if row.get("table") or row.get("page"):
        from cargo_ai.cli.formats import page

        return page.show(row, form, api, document)
    return False


def prepare_file(row: Row, parsed: Parsed) -> None:
    """A command that prints a text or a file: `--output` names the format of the file. Failure (2) for flags that shape documents."""
    if row.get("output") == "text":
        need_no_form(parsed.options, "this command prints a text")
        return
    need_no_form(parsed.options, "this command prints a file, whose format --output names")
    asked = parsed.options.get("output")
    wanted = {"csv": "csv", "jsonl": "ndjson"}.get(str(asked))
    arg = next((arg for arg in row["args"] if arg["wire"] == "format"), None)
    if asked in (None, "json"):
        return
    if arg is None or wanted not in (arg.get("values") or []):
        raise usage("invalidValue", f"This command prints a file, which does not come as {asked}.", shell_line([*row["words"], "--help"]))
    parsed.values.append((arg, wanted))


def watch(api: Api, request: Request, field: str, parsed: Parsed, row: Row) -> int:
    """Send the request and show its reply at every change until it is final; the exit code."""
    from cargo_ai.cli.client.watch import Watch, on_terminal

    text = row.get("text")
    if on_terminal():
        output.as_object(request.body).setdefault("format", "ascii")

    def ask() -> Any:
        return api.call(request.verb, request.path, query=request.query, document=request.body, persistent=True).check().document()

    document = api.call(request.verb, request.path, query=request.query, document=request.body).check().document()
    raw = bool(text and parsed.options.get(text["option"]))
    return Watch(api, field, raw, parsed.argv).run(document, ask)


def _interrupted(row: Row, parsed: Parsed, key: str | None) -> Exception:
    if not row.get("writes"):
        return failure(INTERRUPTED, "interrupted", "Interrupted before the server had answered.")
    sentence = "Interrupted before the server had answered: it may have been done. Run again with the same key, it is done once."
    again = [*parsed.argv, *([] if parsed.options.get("idempotency-key") else ["--idempotency-key", str(key)])]
    output.say(sentence)
    return failure(INTERRUPTED, "interrupted", sentence, shell_line(again))


def confirm(row: Row, request: Request, api: Api, settings: Settings) -> None:
    """Ask a person before something is removed or undone; Failure (1) for a no. Where no one can be asked, what destroys more than one
    thing or removes forever is refused (2): whether to add --yes is for a person to decide, hence no `fix` names it."""
    danger = row.get("danger")
    is_asked = row.get("writes") and row["words"][-1] in ASKED and not output.as_object(request.body).get("dryRun")
    if settings.yes or not (danger or is_asked):
        return
    named = f" ({', '.join(request.named)})" if request.named else ""
    sentence = danger or f"{row['summary'].rstrip('. ')}{named}"
    previewed = preview(row, request, api)
    if previewed:
        sentence = str(previewed["sentence"])
        danger = sentence if previewed["restoreUntil"] is None else None
    sentence = sentence.rstrip(". ") + "."
    if settings.no_input or not (output.is_terminal(sys.stdin) and output.is_terminal(sys.stderr)):
        if danger is None:
            return
        raise usage("confirmationNeeded", f"{sentence} It needs the confirmation of a person: --yes.")
    sys.stderr.write(f"{sentence} Go on? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise failure(FAILED, "notConfirmed", "Nothing was done.")


def preview(row: Row, request: Request, api: Api) -> dict[str, Any]:
    """What the server says about a thing that a command puts into the bin; {} where it says nothing: the command then hears why."""
    path, kind = row.get("previewPath"), row.get("binKind")
    if not path or not kind or not request.named:
        return {}
    answer = api.call("GET", "/v1" + path, query=encode({"kind": kind, "uuid": request.named[0]}))
    return output.as_object(answer.document()) if answer.status == 200 else {}
