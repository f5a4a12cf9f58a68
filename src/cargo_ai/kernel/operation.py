"""Operations: one declaration each, from which REST, CLI, SDK, OpenAPI and reference pages are derived."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, LiteralString, NoReturn, TypeVar

from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import Wire

Req = TypeVar("Req", bound=Wire)
Res = TypeVar("Res", bound=Wire)
Reason = TypeVar("Reason", bound=LiteralString)
Verb = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Output = Literal["json", "text", "download"]

_PATH_FIELD = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True)
class RefusalSpec:
    """A declared refusal: its status and its sentence, with `{named}` fields that `refuse` fills."""

    status: int
    sentence: str


def refusal(status: int, sentence: str) -> RefusalSpec:
    """Declare a refusal."""
    return RefusalSpec(status, sentence)


@dataclass(frozen=True, slots=True)
class Until:
    """How a client waits: ask `operation` for the uuid found at `key` until `field` is one of `final`.

    `bad` are the final values that make `--exit-status` exit 1.
    """

    operation: str
    key: str
    field: str
    final: frozenset[str]
    bad: frozenset[str] = frozenset({"error", "cancelled"})


@dataclass(frozen=True, slots=True)
class Waits:
    """On a GET: `Prefer: wait=N` holds the reply until `field` is one of `final`. `key` is where the reply names its uuid."""

    key: str
    field: str
    final: frozenset[str]


@dataclass(frozen=True, slots=True)
class FileOf:
    """A file that the command line uploads by `operation`. Its key goes into the dotted field `wire`, beside the values of `beside`."""

    operation: str
    wire: str
    beside: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Cli:
    """What the command line does differently from what is derived.

    words: the command's own words when they are not derived from the name. aliases: other full spellings.
    flags: dotted wire field → its flags, first one shown (`{"icon.color": ("--icon-color",)}`); () hides a field.
    positionals: wire fields that also come without a flag, in order (path fields always do).
    send: body values always sent unless given. url_when: flags that print {"url"} instead of streaming a download.
    bin_kind: it puts a thing of this kind into the bin; a person is asked with what `bin preview` says about it.
    results: the download whose rows a waited batch shows as `results`. text: (flag, reply field): the flag prints that field as it is.
    table: (reply field, columns): on a terminal, this list of the reply is shown as a table.
    page: the reply field with the path of a text that is shown instead on a terminal.
    goes_on: (request field, key of a row): the list goes on after the row with that value, when it has the order of `goes_on_with`.
    files: wire fields whose second and further flags name a file to read the value from, or a URL where the field takes a text.
    live: the reply field that `watch` shows again for every line after the reply's `url`.
    secrets: wire fields of secrets by name, whose flag takes them from a file, a variable, standard input or a prompt.
    announce: the reply field with a URL that a person has to open before what is waited for can happen.
    fails_when: (reply field, value): the reply is printed as it is, and the exit code is 1.
    file_of: `--file` uploads a file of rows first, and the request names it.
    series: (reply field, inner field): a list of dates, each with a list of counts. `--output csv` prints a line for each count, `--chart`
    draws them as bars on stderr.
    """

    words: tuple[str, ...] | None = None
    aliases: tuple[tuple[str, ...], ...] = ()
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    csv: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    positionals: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    send: Mapping[str, Any] = field(default_factory=dict[str, Any])
    url_when: tuple[str, ...] = ()
    upload: str | None = None
    file_of: FileOf | None = None
    danger: str | None = None
    bin_kind: str | None = None
    results: str | None = None
    text: tuple[str, str] | None = None
    table: tuple[str, tuple[str, ...]] | None = None
    page: str | None = None
    files: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    live: str | None = None
    announce: str | None = None
    fails_when: tuple[str, str] | None = None
    series: tuple[str, str] | None = None
    goes_on: tuple[str, str] | None = None
    goes_on_with: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Operation(Generic[Req, Res, Reason]):
    """name: the contract's operationId. request: path, query and body merged. permission: `None` admits any signed-in caller.

    evaluates: it evaluates filters of users. queries: it runs SQL of users. One of the workspace's turns for these is taken before it
    begins, so that what waits holds nothing. refuses_unknown: a field that it does not know is refused, since without a filter it would
    end more than was meant.
    """

    name: str
    verb: Verb
    path: str
    request: type[Req]
    response: type[Res]
    summary: str
    permission: str | None
    refusals: Mapping[Reason, RefusalSpec] = field(default_factory=dict[Reason, RefusalSpec])
    until: Until | None = None
    waits: Waits | None = None
    cli: Cli = Cli()
    output: Output = "json"
    reads: bool = False
    evaluates: bool = False
    queries: bool = False
    agent_safe: bool = True
    ends_with_client: bool = False
    refuses_unknown: bool = False

    @property
    def writes(self) -> bool:
        """Whether it changes anything: every verb but GET writes, unless the operation is declared to only read."""
        return self.verb != "GET" and not self.reads

    @property
    def path_fields(self) -> tuple[str, ...]:
        """The fields that travel in the path, in order."""
        return tuple(_PATH_FIELD.findall(self.path))

    def refuse(self, reason: Reason, *, fix: str | None = None, details: Mapping[str, Any] | None = None, **values: object) -> NoReturn:
        """Raise a Refusal for a reason that this operation declares. `values` fill its sentence, `fix` is the command to run next."""
        declared = self.refusals[reason]
        sentence = declared.sentence.format(**values) if values else declared.sentence
        more = dict(details or {})
        if fix:
            more["fix"] = fix
        raise Refusal(declared.status, reason, sentence, more)


AnyOperation = Operation[Any, Any, Any]


class Registry:
    """Every operation by name. Declared once, at import; a duplicate is a bug."""

    def __init__(self) -> None:
        self._rows: dict[str, AnyOperation] = {}

    def add(self, operation: Operation[Req, Res, Reason]) -> Operation[Req, Res, Reason]:
        """Declare an operation and return it."""
        if operation.name in self._rows:
            raise ValueError(f"operation declared twice: {operation.name}")
        self._rows[operation.name] = operation
        return operation

    def __iter__(self) -> Iterator[AnyOperation]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def __getitem__(self, name: str) -> AnyOperation:
        return self._rows[name]
