"""The settings file: `settings.toml` in the data folder holds what need not be typed at each start. Environment and flags win over it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import cast

from cargo_ai.kernel.settings import PREFIX, SETTINGS, Settings, SettingsError

NAME = "settings.toml"


def with_file(settings: Settings) -> tuple[Settings, list[str]]:
    """The settings with what the file of their data folder adds, and a sentence for each of its names that is ignored.

    SettingsError when the file cannot be read, is not TOML, or holds a value that no setting can have. Processes of a running server do not
    call this: they have it all in their environment, and a file that is being edited must not keep one of them from being replaced.
    """
    path = settings.data_dir / NAME
    environment, sources, ignored = dict(settings.environment), dict(settings.sources), list[str]()
    variables = {_name(variable): variable for variable in SETTINGS}
    for name, value in _read(path).items():
        variable = variables.get(name, PREFIX + name.upper())
        problem = _ignored(name, path)
        if problem:
            ignored.append(problem)
        elif not environment.get(variable):
            environment[variable] = _text(name, value, path)
            sources[variable] = f"{name} in {path}"
    return replace(settings, environment=environment, sources=sources), ignored


def names() -> list[str]:
    """The names that the file may hold."""
    return [_name(variable) for variable, setting in SETTINGS.items() if not setting.internal and variable != Settings.data_dir_variable]


def _name(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower()


def _read(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            # It may hold passwords.
            if status.st_uid == os.geteuid() and status.st_mode & 0o077:
                os.fchmod(file.fileno(), 0o600)
            return tomllib.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(
            f'{path} is not TOML ({error}). A line of it looks like: port = 9000, or: outbound_allow = ["10.0.0.5"].'
        ) from None


def _ignored(name: str, path: Path) -> str | None:
    if name in names():
        return None
    if PREFIX + name.upper() == Settings.data_dir_variable:
        return f"{name} in {path} is ignored: the file lies in the data folder that it would name."
    near = get_close_matches(name.lower().removeprefix(PREFIX.lower()), names(), 1, 0.7)
    return f"{name} in {path} is not a setting and is ignored. {f'Did you mean {near[0]}?' if near else 'docs/settings.md lists all.'}"


def _text(name: str, value: object, path: Path) -> str:
    """The value as its variable would hold it: numbers and switches as text, a list by comma."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (int, float, str)):
        text = str(value)
        if "\0" in text:
            raise SettingsError(f"{name} in {path} holds a character that no setting can have.")
        return text
    if isinstance(value, list):
        return ",".join(_text(name, item, path) for item in cast("list[object]", value))
    raise SettingsError(f"{name} in {path} must be a text, a number, true, false, or a list of texts.")
