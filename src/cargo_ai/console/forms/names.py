"""Names of form fields: the JSON Pointer of a value, and behind `~` what is known of it besides its text."""

from __future__ import annotations

from typing import Final, Literal

Suffix = Literal["choice", "rows", "key", "json", "stored"]
"""choice: which alternative. rows: the numbers of the rows. key: the name of a pair. json: the text is JSON."""

FIELD: Final = "~field"
"""The name under which a field says who it is, when it asks for its choices."""

ACTION: Final = "~do"
"""The name of buttons that change the form itself: `add:/rows`, `remove:/rows/2`, `refresh`; `write:/rows`, which shows a field as a text
for an expression or JSON, and `choose:/rows`, which shows it as it was."""


def below(name: str, key: str) -> str:
    """The name of a property or row of the value that has this name."""
    return f"{name}/{key.replace('~', '~0').replace('/', '~1')}"


def keys_of(name: str) -> list[str]:
    """The properties and rows on the way to the value that has this name."""
    return [part.replace("~1", "/").replace("~0", "~") for part in name.split("/")[1:]]


def beside(name: str, suffix: Suffix) -> str:
    """The name of what goes with a value. No value has it: in a pointer, 0 or 1 follows each `~`."""
    return f"{name}~{suffix}"


def id_of(name: str) -> str:
    """The id of its element: unlike a name, without characters that selectors have to escape."""
    return "f-" + "".join(letter if letter.isascii() and letter.isalnum() else f"_{ord(letter):x}_" for letter in name)


def name_of(path: str) -> str:
    """The name of what operations write as `config.rows[0].name`."""
    name = ""
    for part in path.replace("[", ".").replace("]", "").split("."):
        name = below(name, part)
    return name


def readable(name: str) -> str:
    """The path as people and operations write it: `auth.token`."""
    return ".".join(keys_of(name))
