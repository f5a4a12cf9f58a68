"""Types of the generated index, for the type checker: nothing imports this module at run time."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

Arg = TypedDict(
    "Arg",
    {
        "wire": str,  # name in the request; dotted = nested object
        "in": str,  # path | query | body | cli (read by the command line itself, never sent)
        "type": str,  # string | integer | number | boolean | json | csv | path
        "flags": list[str],
        "positional": NotRequired[bool],
        "required": NotRequired[bool],
        "nullable": NotRequired[bool],
        "or": NotRequired[str],  # the option that may be given in its place
        "values": NotRequired[list[Any] | None],
        "help": NotRequired[str],
        "default": NotRequired[Any],
        "hidden": NotRequired[bool],  # accepted, left out of help
        "noun": NotRequired[str],  # what the uuid names, in _nouns.json: its name may stand there, too
        "takesUrl": NotRequired[bool],  # a URL in place of such a file is the value itself
        "fileFlags": NotRequired[list[str]],  # those of its flags whose value is the name of a file to read
    },
)


class Until(TypedDict):
    """How to wait until a piece of work ends."""

    words: list[str]
    path: str
    key: str
    field: str
    final: list[str]
    bad: NotRequired[list[str]]


class PlainText(TypedDict):
    """The option that prints one field of the reply as it is."""

    option: str
    field: str


class Table(TypedDict):
    """The list in the reply that a person sees as a table, and the fields of its entries that are the columns."""

    field: str
    columns: list[str]


class After(TypedDict):
    """How a list goes on after a row: the request field that takes the row's `key`."""

    field: str
    key: str


class Pages(TypedDict):
    """The request fields by which a list is read page by page, and the most rows of a page; `start` holds the values that `after` needs."""

    limit: str
    offset: str
    most: int
    after: NotRequired[After]
    start: NotRequired[dict[str, Any]]


class NounList(TypedDict):
    """A list of things that have names, and the fields with their names and with what an argument takes."""

    verb: str
    path: str
    rows: str
    value: str
    names: list[str]
    words: list[str]
    pages: NotRequired[Pages]


class Noun(TypedDict):
    """A kind of thing, by the lists in which it stands."""

    lists: list[NounList]


class Series(TypedDict):
    """The list of dates in the reply, and the list of counts in each of them."""

    field: str
    inner: str


class FailsWhen(TypedDict):
    """The value of a field of the reply that means exit code 1."""

    field: str
    value: str


class FileOf(TypedDict):
    """Where the file of `--file` is uploaded, in which field, the dotted wire field that then names it, and the values beside that."""

    wire: str
    beside: dict[str, str]
    path: str
    field: str


class Row(TypedDict):
    """One command."""

    words: list[str]
    summary: str
    args: list[Arg]
    aliases: NotRequired[list[list[str]]]
    operation: NotRequired[str]
    verb: NotRequired[str]
    path: NotRequired[str]
    examples: NotRequired[list[str]]
    writes: NotRequired[bool]
    reasons: NotRequired[dict[str, str]]
    until: NotRequired[Until | None]
    output: NotRequired[str]  # json | text | download
    urlWhen: NotRequired[list[str]]
    send: NotRequired[dict[str, Any]]
    upload: NotRequired[str | None]
    danger: NotRequired[str | None]
    binKind: NotRequired[str]  # what the command puts into the bin, about which the document at `previewPath` says what a person is asked
    previewPath: NotRequired[str]
    results: NotRequired[str | None]  # the path of the download that a waited batch's `results` come from
    text: NotRequired[PlainText | None]
    table: NotRequired[Table | None]
    rows: NotRequired[str]  # the list that the reply consists of
    pages: NotRequired[Pages]
    page: NotRequired[str | None]  # the reply field with the path of the text that a person sees instead
    failsWhen: NotRequired[FailsWhen | None]
    fileOf: NotRequired[FileOf]
    series: NotRequired[Series]
    announce: NotRequired[str]  # the reply field with a URL to open before waiting
    live: NotRequired[str | None]  # the reply field that `watch` shows again for every line after the reply's `url`


class Domain(TypedDict):
    """One file of the index."""

    domain: str
    summary: str
    groups: dict[str, str]
    commands: list[Row]


class RootEntry(TypedDict, total=False):
    """One first word: a domain with its file, or another name of one."""

    summary: str
    file: str
    alias_of: str
