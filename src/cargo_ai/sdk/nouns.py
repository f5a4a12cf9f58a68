"""Nouns of the Python client: `client.orchestration.batch.create` found in the generated index, and its arguments checked."""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

from pydantic import ValidationError

from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.schemas.validation_errors import errors_of
from cargo_ai.kernel.wire import Wire
from cargo_ai.sdk.errors import refused
from cargo_ai.sdk.pages import Paging

INDEX = Path(__file__).with_name("operations.json")


class Entry(TypedDict):
    """A method in the index. `call`: `module:attribute` of its operation. `kind`: how it is called. `positionals`: arguments that need
    no name."""

    call: str
    kind: str
    positionals: list[str]
    paging: NotRequired[Paging]


@functools.cache
def index() -> Mapping[str, Any]:
    """The generated index: domains, nouns and methods by name."""
    return json.loads(INDEX.read_text("utf-8"))


class Method:
    """A method of a noun; `operation` is what it calls."""

    def __init__(self, path: str, entry: Entry, invoke: Callable[[Method, Sequence[Any], dict[str, Any]], Any]) -> None:
        self.path, self.entry, self._invoke = path, entry, invoke

    @functools.cached_property
    def operation(self) -> AnyOperation:
        """The declared operation; its module of the contract is imported now."""
        module, _, attribute = self.entry["call"].partition(":")
        operation: AnyOperation = getattr(importlib.import_module(f"cargo_ai.contract.{module}"), attribute)
        return operation

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._invoke(self, args, kwargs)

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self.operation.summary

    @property
    def __signature__(self) -> inspect.Signature:
        first, fields = self.entry["positionals"], self.operation.request.model_fields
        kinds = [(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in first]
        kinds += [(name, inspect.Parameter.KEYWORD_ONLY) for name in fields if name not in first]
        return inspect.Signature([inspect.Parameter(name, kind) for name, kind in kinds])

    def __repr__(self) -> str:
        return f"<{self.path}: {self.operation.summary}>"

    def arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by name. TypeError as Python has it, with the name that was probably meant."""
        first = self.entry["positionals"]
        if len(args) > len(first):
            takes = f"at most {len(first)}: {', '.join(first)}" if first else "none"
            raise TypeError(f"{self.path}() got {len(args)} arguments without a name; it takes {takes}. Name the others.")
        given = dict(zip(first, args, strict=False))
        names = self.operation.request.model_fields
        for name, value in kwargs.items():
            if name in given:
                raise TypeError(f"{self.path}() got {name} twice.")
            if name not in names:
                raise TypeError(f'{self.path}() has no argument "{name}"{_meant(name, names)}')
            given[name] = value
        if missing := [name for name, field in names.items() if field.is_required() and name not in given]:
            raise TypeError(f"{self.path}() needs {', '.join(missing)}.")
        return given

    def request(self, arguments: Mapping[str, Any]) -> Wire:
        """The request with these arguments. InvalidRequest for values that the operation does not take, before anything is sent."""
        try:
            request: Wire = self.operation.request.model_validate(dict(arguments))
        except ValidationError as error:
            invalid = invalid_input(errors_of(error))
            raise refused(invalid.status, invalid.reason, f"{self.path}(): {invalid.message}", invalid.details) from None
        return request


class Branch:
    """A domain or a noun: what is below it is found when it is asked for."""

    def __init__(self, path: str, below: Mapping[str, Any], invoke: Callable[[Method, Sequence[Any], dict[str, Any]], Any]) -> None:
        self._path, self._below, self._invoke = path, below, invoke

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._below:
            raise AttributeError(f'{self._path} has no "{name}"{_meant(name, self._below)}', name=name, obj=self)
        below, path = self._below[name], f"{self._path}.{name}"
        found = Method(path, cast("Entry", below), self._invoke) if "call" in below else Branch(path, below, self._invoke)
        self.__dict__[name] = found
        return found

    def __dir__(self) -> list[str]:
        return sorted(self._below)

    def __repr__(self) -> str:
        return f"<{self._path}: {', '.join(self._below)}>"


class Root:
    """What both clients have in common: their domains."""

    _tree: Branch

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._tree, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._tree)})


def take(kwargs: dict[str, Any], *names: str) -> list[Any]:
    """The values of arguments that are not the operation's own; None for one that is not given."""
    return [kwargs.pop(name, None) for name in names]


def _meant(name: str, names: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(names), 1, 0.6)
    return f"; did you mean {close[0]}?" if close else f". It has: {', '.join(names)}." if names else "."
