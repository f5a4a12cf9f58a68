"""Help pages as plain text: short, examples first, at every level."""

from __future__ import annotations

import os

from cargo_ai.cli import output
from cargo_ai.cli.arguments.parse import GLOBALS, WAITING, WRITING, placeholder
from cargo_ai.cli.builtin import COMMANDS, LATER, builtin_module, run_server_command
from cargo_ai.cli.words.command_index import domains, spellings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cargo_ai.cli.shapes import Arg, Domain, Row
    from cargo_ai.cli.words.commands import Match

EXIT_CODES = (
    "0 done, 1 failed, 2 wrong usage, 4 not signed in or not allowed, 8 --timeout expired while the work continues, "
    "75 try again later, 130 Ctrl-C"
)
ENVIRONMENT = (
    "CARGO_API_TOKEN, CARGO_API_URL, CARGO_WORKSPACE_UUID, CARGO_AI_PROFILE; PAGER; HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE; NO_COLOR. "
    "Precedence: flags, environment, .cargo-ai.json of the folder, ~/.config/cargo-ai/credentials.json."
)


# The order of help: what most people look for comes first.
DOMAINS_FIRST = ("orchestration", "storage", "segmentation", "connection", "ai", "workspace")
GROUPS_FIRST = ("tool", "batch", "run", "draft-release", "release", "play", "node", "action", "model", "connector", "agent", "segment")
VERBS_FIRST = ("create", "execute", "list", "get", "update", "deploy", "download", "cancel", "remove")


class Page:
    """A page of help, with bold headings on a terminal."""

    def __init__(self, no_color: bool) -> None:
        self._bold = output.wants_bold(no_color)
        self._lines: list[str] = []
        try:
            self._width = min(110, os.get_terminal_size().columns)
        except OSError:
            self._width = 100

    def text(self, text: str) -> None:
        """A paragraph."""
        self._lines += _wrapped(text, self._width)

    def heading(self, text: str) -> None:
        """A heading after an empty line."""
        self._lines += ["", f"\x1b[1m{text}\x1b[0m" if self._bold else text]

    def plain(self, lines: list[str]) -> None:
        """Lines to copy, never wrapped."""
        self._lines += ["  " + line for line in lines]

    def table(self, rows: list[tuple[str, str]]) -> None:
        """Two columns; the right one wraps."""
        left = min(44, max((len(name) for name, _ in rows), default=0))
        for name, about in rows:
            pieces = _wrapped(about, max(30, self._width - left - 4))
            if len(name) > left:
                self._lines.append("  " + name)
                name = ""
            self._lines.append(f"  {name:<{left}}  {pieces[0]}".rstrip())
            self._lines += [" " * (left + 4) + piece for piece in pieces[1:]]

    def show(self) -> int:
        """Print the page."""
        output.print_text("\n".join(self._lines))
        return 0


def show(match: Match, no_color: bool, short: bool = False) -> int:
    """Print the help of a command or group; `short` leaves out what is the same for every command."""
    page = Page(no_color)
    if match.kind == "root":
        return _root(page, short)
    if match.kind == "builtin":
        module = builtin_module(match.words[0])
        if match.words == ["server"]:
            return run_server_command(["--help"])
        return _root(page, False) if module is None else _command(page, module.ROW, ["cargo-ai", *match.words])
    if match.row is not None:
        return _command(page, match.row, ["cargo-ai", *match.words])
    if match.domain is None:
        return _root(page, short)
    return _group(page, match.domain, match.words)


def _root(page: Page, short: bool) -> int:
    known = [(name, entry.get("summary", "")) for name, entry in domains().items() if "alias_of" not in entry]
    known.sort(key=_domain_order)
    page.text("cargo-ai: self-hosted revenue workflows, from the command line.")
    page.heading("Examples")
    page.plain(["cargo-ai server start", "cargo-ai login", "cargo-ai whoami", "cargo-ai help orchestration batch create"])
    page.heading("Start here")
    page.table([(name, summary) for name, summary in COMMANDS.items() if not (short and name in LATER)])
    if short:
        page.plain(["And: " + ", ".join(LATER)])
    if known:
        page.heading("Domains (cargo-ai DOMAIN --help)")
        page.table(known)
    if short:
        page.text("")
        page.text("Flags, exit codes, environment: cargo-ai --help")
        return page.show()
    page.heading("Flags of every command")
    always = [("-h, --help", "Help, at every level."), ("--version", "The version.")]
    page.table([(_usage(arg), arg.get("help", "")) for arg in GLOBALS if not arg.get("hidden")] + always)
    page.heading("Exit codes")
    page.text(EXIT_CODES)
    page.heading("Environment")
    page.text(ENVIRONMENT)
    return page.show()


def _group(page: Page, domain: Domain, words: list[str]) -> int:
    at = len(words)
    rows = [(way, row) for way, row in spellings(domain, words[0]).items() if list(way[:at]) == words]
    own = [(way, row) for way, row in rows if tuple(row["words"]) == way or words[0] != domain["domain"]]
    own.sort(key=_commonness)
    page.text(domain["summary"] if at == 1 else domain["groups"].get(" ".join(words[1:]), ""))
    examples = [example for _, row in own for example in row.get("examples", [])[:1]]
    if examples:
        page.heading("Examples")
        page.plain(_spread(examples, own, at))
    inner: dict[str, list[str]] = {}
    commands: list[tuple[str, str]] = []
    seen: set[int] = set()
    for way, row in own:
        if id(row) in seen:
            continue
        seen.add(id(row))
        if len(way) <= at + 1:
            commands.append((" ".join(way[at:]), row["summary"]))
        else:
            inner.setdefault(way[at], []).append(" ".join(way[at + 1 :]))
    typed = " ".join(["cargo-ai", *words])
    if inner:
        page.heading(f"Groups ({typed} GROUP --help)")
        page.table(
            [
                (name, f"{domain['groups'].get(' '.join([*words[1:], name]), '')} {', '.join(verbs)}".strip())
                for name, verbs in inner.items()
            ]
        )
    if commands:
        page.heading(f"Commands ({typed} COMMAND --help)")
        page.table(commands)
    return page.show()


def _domain_order(entry: tuple[str, str]) -> int:
    return DOMAINS_FIRST.index(entry[0]) if entry[0] in DOMAINS_FIRST else len(DOMAINS_FIRST)


def _commonness(command: tuple[tuple[str, ...], Row]) -> tuple[int, int]:
    """Common groups and verbs first; the rest stays as the index has it."""
    words = command[0]
    group = GROUPS_FIRST.index(words[1]) if words[1] in GROUPS_FIRST else len(GROUPS_FIRST)
    return group, VERBS_FIRST.index(words[-1]) if words[-1] in VERBS_FIRST else len(VERBS_FIRST)


def _spread(examples: list[str], rows: list[tuple[tuple[str, ...], Row]], at: int) -> list[str]:
    """At most four examples, of different groups before several of one."""
    first: dict[str, str] = {}
    for way, row in rows:
        for example in row.get("examples", [])[:1]:
            first.setdefault(" ".join(way[at : at + 1]), example)
    return list(dict.fromkeys([*first.values(), *examples]))[:4]


def _command(page: Page, row: Row, typed: list[str]) -> int:
    page.text(row["summary"])
    if row.get("examples"):
        page.heading("Examples")
        page.plain(row.get("examples", []))
    page.heading("Usage")
    page.plain([" ".join([*typed, *_synopsis(row)])])
    shown = [arg for arg in row["args"] if not arg.get("hidden")]
    if shown:
        page.heading("Arguments")
        page.table([(_usage(arg), _about(arg)) for arg in shown])
    added = [*(WAITING if row.get("until") else []), *(WRITING if row.get("writes") else [])]
    if row.get("until"):
        page.heading("Waiting")
        timeout = ("--timeout NUMBER", "Stop waiting after this many seconds, with exit code 8; the work continues.")
        page.table([(_usage(arg), arg.get("help", "")) for arg in WAITING] + [timeout])
    if row.get("writes"):
        page.heading("Writing")
        extra = [("--yes", f"Do not ask. {row.get('danger')}")] if row.get("danger") else []
        page.table([(_usage(arg), arg.get("help", "")) for arg in added if arg in WRITING] + extra)
    if row.get("reasons"):
        page.heading("May be refused with reason")
        page.table(list(row.get("reasons", {}).items()))
    if any(arg["type"] == "json" for arg in shown):
        page.text("")
        page.text("JSON flags take JSON in single quotes, @FILE, or - for standard input.")
    page.text("")
    page.text("Flags of every command, exit codes, environment: cargo-ai --help")
    return page.show()


def _synopsis(row: Row) -> list[str]:
    parts: list[str] = []
    for arg in row["args"]:
        if arg.get("positional") and not arg.get("hidden"):
            parts.append(f"<{arg['wire']}>" if arg.get("required") else f"[{arg['wire']}]")
    named = [arg for arg in row["args"] if arg.get("required") and not arg.get("positional")]
    parts += [f"{arg['flags'][0]} {placeholder(arg)}" for arg in named if "or" not in arg]
    replaced = " ".join(f"{arg['flags'][0]} {placeholder(arg)}" for arg in named if "or" in arg)
    if replaced:
        parts.append(f"({replaced} | --file FILE)")
    return [*parts, "[flags]"]


def _usage(arg: Arg) -> str:
    names = [f"<{arg['wire']}>"] if arg.get("positional") else []
    flags = ", ".join([*names, *arg["flags"]])
    if arg["type"] == "boolean" or not arg["flags"]:
        return flags
    return f"{flags} {placeholder(arg) if len(placeholder(arg)) < 20 else 'TEXT'}"


def _about(arg: Arg) -> str:
    notes: list[str] = []
    if arg.get("required"):
        notes.append(f"required, or --{arg['or']}" if "or" in arg else "required")
    if arg.get("values"):
        notes.append(("any of: " if arg["type"] == "csv" else "one of: ") + ", ".join(str(value) for value in arg.get("values") or []))
    if arg.get("default") is not None:
        default = arg.get("default")
        notes.append(f"default: {str(default).lower() if isinstance(default, bool) else default}")
    about = arg.get("help", "")
    return f"{about} ({'; '.join(notes)})".strip() if notes else about


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return lines
