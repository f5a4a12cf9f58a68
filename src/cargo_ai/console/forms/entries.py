"""The entries of a form for templates: each field with its text, its error and its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cargo_ai.console.forms import expressions
from cargo_ai.console.forms.fields import Choices, Field, Kind, Option
from cargo_ai.console.forms.names import ACTION, below, beside, id_of
from cargo_ai.console.forms.reading import Posted, branch_posted, rows_of
from cargo_ai.console.forms.texts import HIDDEN, MAX_ROWS, Texts

Json = Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One field as it is shown. inside: the fields of a group or of the chosen alternative, or the rows. stored: a secret is kept here.
    is_short: its JSON is one line. account: the account says what is inside of it. turns: it can be shown as a text for an expression.
    """

    name: str
    kind: Kind
    label: str
    description: str
    required: bool
    text: str
    texts: tuple[str, ...]
    error: str
    options: tuple[Option, ...]
    inside: tuple[Entry, ...]
    choices: Choices | None
    chosen: int | None = None
    branches: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    key: str = ""
    stored: bool = False
    is_short: bool = False
    account: Choices | None = None
    turns: bool = False

    @property
    def place(self) -> str:
        """The name of its value."""
        return self.name.removesuffix("~json")

    @property
    def is_written(self) -> bool:
        """Whether it is shown as a text for JSON or an expression, although it has fields."""
        return self.name != self.place

    @property
    def id(self) -> str:
        """The id of its element."""
        return id_of(self.name)

    @property
    def place_id(self) -> str:
        """The id of what surrounds it, in whichever way it is shown."""
        return f"{id_of(self.place)}-place"

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The ids of the fields beside it by which the account says what is inside of it."""
        above = self.name.removesuffix("~json").rpartition("/")[0]
        return tuple(id_of(below(above, key)) for key in self.account.params.values()) if self.account else ()

    @property
    def is_used(self) -> bool:
        """Whether something is entered in it or inside of it, has to be, or is wrong."""
        return bool(self.text or self.error or self.required or self.rows) or any(entry.is_used for entry in self.inside)

    @property
    def names(self) -> set[str]:
        """Its name, and those of all that is inside of it."""
        return {self.name}.union(*(entry.names for entry in self.inside))


def entries_of(form: Field, posted: Posted, errors: dict[str, str] | None = None, current: Json = None, name: str = "") -> Entry:
    """The form with the texts that it shows; nothing of a secret is among them."""
    return _entry(form, posted, errors or {}, current, name, as_json=bool(posted.get(beside(name, "json"))))


def changed(posted: Posted) -> Texts:
    """What the form shows next: with a row more or less where its button was pressed."""
    texts = {name: list(values) for name, values in posted.items() if name != ACTION}
    action, _, name = (posted.get(ACTION) or [""])[0].partition(":")
    if action == "add":
        numbers = rows_of(posted, name)
        following = max(map(int, numbers), default=-1) + 1
        if len(numbers) < MAX_ROWS and following < 99_999:
            texts[beside(name, "rows")] = [",".join([*numbers, str(following)])]
    elif action == "remove":
        rows, _, gone = name.rpartition("/")
        texts[beside(rows, "rows")] = [",".join(number for number in rows_of(posted, rows) if number != gone)]
        texts = {key: values for key, values in texts.items() if key != name and not key.startswith((f"{name}/", f"{name}~"))}
    return texts


def _entry(form: Field, posted: Posted, errors: dict[str, str], current: Json, name: str, *, as_json: bool = False, key: str = "") -> Entry:
    kind = "json" if as_json else form.kind
    texts = tuple(posted.get(beside(name, "json") if as_json else name) or ())
    text = texts[0] if texts else ""
    stored = kind == "secret" and current == HIDDEN
    if kind == "secret":
        text, texts = "", ()
    if kind == "text" and "\n" in text:
        kind = "area"
    chosen = branch_posted(form, posted, name) if kind == "either" else None
    return Entry(
        name=beside(name, "json") if as_json else name,
        kind=kind,
        label=form.label,
        description=form.description,
        required=form.required,
        text=text,
        texts=texts,
        error=errors.get(name, ""),
        options=form.options,
        inside=() if as_json else _inside(form, posted, errors, current, name, chosen),
        choices=form.choices,
        chosen=chosen,
        branches=tuple(branch.label for branch in form.branches),
        rows=tuple(rows_of(posted, name)) if kind in ("rows", "pairs") else (),
        key=key,
        stored=stored,
        is_short=kind == "json" and not as_json and isinstance(form.schema.get("type"), list) and "\n" not in text,
        account=form.account,
        turns=form.expressions and form.kind in expressions.CHOSEN,
    )


def _inside(form: Field, posted: Posted, errors: dict[str, str], current: Json, name: str, chosen: int | None) -> tuple[Entry, ...]:
    if form.kind == "either":
        return () if chosen is None else (_child(form.branches[chosen], posted, errors, current, name),)
    if form.kind == "group":
        return tuple(
            _child(field, posted, errors, _below(current, field.key), below(name, field.key))
            for field in form.fields
            if field.kind != "fixed"
        )
    if form.item is None or form.kind not in ("rows", "pairs"):
        return ()
    rows: list[Entry] = []
    for number in rows_of(posted, name):
        row = below(name, number)
        key = (posted.get(beside(row, "key")) or [""])[0]
        stored = _below(current, key if form.kind == "pairs" else number)
        rows.append(_child(form.item, posted, errors, stored, row, key=key))
    return tuple(rows)


def _child(form: Field, posted: Posted, errors: dict[str, str], current: Json, name: str, key: str = "") -> Entry:
    return _entry(form, posted, errors, current, name, as_json=bool(posted.get(beside(name, "json"))) and form.kind != "json", key=key)


def _below(current: Json, key: str) -> Json:
    if isinstance(current, dict):
        return current.get(key)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    rows = current if isinstance(current, list) else []  # pyright: ignore[reportUnknownVariableType]
    return rows[int(key)] if key.isdigit() and int(key) < len(rows) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
