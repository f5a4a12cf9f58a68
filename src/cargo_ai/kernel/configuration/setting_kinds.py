"""Kinds of settings: what a variable of the environment may hold, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, cast, get_args, overload

from cargo_ai.kernel.configuration import prices

if TYPE_CHECKING:
    from cargo_ai.kernel.settings import Settings

PREFIX = "CARGO_AI_"
Reader = Literal["server", "api", "worker"]
"""Who reads a setting: `cargo-ai server` with its supervisor, the API process, the worker processes."""
EVERY_PROCESS: tuple[Reader, ...] = ("server", "api", "worker")
SmtpSecurity = Literal["starttls", "tls", "off"]

T = TypeVar("T")


class SettingsError(ValueError):
    """A setting cannot be used; the message names the variable and what it takes."""


@dataclass(slots=True)
class Setting(Generic[T]):
    """One variable. As an attribute of `Settings` it is its value: parsed, or the default where the variable is unset or empty.

    kind: the type as the settings page shows it. internal: set by the server for its own processes, or by tests; not for operators.
    """

    kind: str
    default: T
    meaning: str
    read_by: tuple[Reader, ...]
    parse: Callable[[str, str], T]
    shown_default: str = ""
    internal: bool = False
    variable: str = ""

    def __set_name__(self, owner: type[object], name: str) -> None:
        self.variable = self.variable or PREFIX + name.upper()
        SETTINGS[self.variable] = cast("Setting[object]", self)

    @overload
    def __get__(self, settings: None, owner: type[Settings]) -> Setting[T]: ...
    @overload
    def __get__(self, settings: Settings, owner: type[Settings]) -> T: ...
    def __get__(self, settings: Settings | None, owner: type[Settings]) -> Setting[T] | T:
        """The value in these settings. SettingsError when the variable holds something else."""
        if settings is None:
            return self
        raw = settings.environment.get(self.variable)
        return self.parse(settings.sources.get(self.variable, self.variable), raw) if raw else self.default


SETTINGS: dict[str, Setting[object]] = {}
"""Every declared setting by its variable, group by group."""


def text(meaning: str, read_by: tuple[Reader, ...], default: str = "", *, shown_default: str = "", internal: bool = False) -> Setting[str]:
    """A text as it is."""
    return Setting("text", default, meaning, read_by, lambda _, raw: raw, shown_default, internal)


def url(meaning: str, read_by: tuple[Reader, ...], *, shown_default: str) -> Setting[str]:
    """An address, without a slash at its end."""
    return Setting("URL", "", meaning, read_by, lambda _, raw: raw.rstrip("/"), shown_default)


def switch(meaning: str, read_by: tuple[Reader, ...], *, default: bool = False, internal: bool = False) -> Setting[bool]:
    """On or off."""
    shown = "on" if default else "off"
    return Setting("switch", default, meaning, read_by, lambda _, raw: raw.lower() in {"1", "true", "yes", "on"}, shown, internal)


def number_of(variable: str, raw: str, least: float) -> float:
    """A number. SettingsError for anything else, or for less than `least`."""
    try:
        value = float(raw)
    except ValueError:
        raise SettingsError(f"{variable} must be a number, not {raw!r}.") from None
    if not value >= least:
        raise SettingsError(f"{variable} must be at least {least:g}, not {raw}.")
    return value


def seconds(meaning: str, read_by: tuple[Reader, ...], default: float, *, least: float = 0, variable: str = "") -> Setting[float]:
    """A time in seconds."""
    return Setting("seconds", default, meaning, read_by, lambda name, raw: number_of(name, raw, least), f"{default:g}", variable=variable)


def integer(
    meaning: str,
    read_by: tuple[Reader, ...],
    default: int,
    *,
    least: int = 0,
    most: int | None = None,
    shown_default: str = "",
    internal: bool = False,
) -> Setting[int]:
    """A whole number."""
    parse = partial(integer_of, least=least, most=most)
    return Setting("whole number", default, meaning, read_by, parse, shown_default or str(default), internal)


def integer_of(variable: str, raw: str, least: int, most: int | None = None) -> int:
    """A whole number. SettingsError for anything else, or for more than `most`."""
    try:
        value = int(number_of(variable, raw, least))
    except OverflowError:
        raise SettingsError(f"{variable} must be a whole number, not {raw!r}.") from None
    if most is not None and value > most:
        raise SettingsError(f"{variable} must be at most {most:,}, not {raw}.")
    return value


def percent_of(variable: str, raw: str) -> int:
    """A whole number from 1 to 100."""
    value = integer_of(variable, raw, 1)
    if value > 100:
        raise SettingsError(f"{variable} must be at most 100, not {raw}.")
    return value


def currency_of(variable: str, raw: str) -> str:
    """A currency by its three letters, in small ones."""
    if not re.fullmatch(r"[A-Za-z]{3}", raw):
        raise SettingsError(f"{variable} must be a currency by its three letters, such as usd, not {raw!r}.")
    return raw.lower()


def addresses_of(variable: str, raw: str) -> Mapping[str, str]:
    """`slug=URL` pairs, by comma."""
    pairs = [part.strip().partition("=") for part in raw.split(",") if part.strip()]
    for slug, _, url in pairs:
        if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", url.strip()):
            raise SettingsError(f"{variable} must be like hubspot=https://proxy.example.com, not {slug}={url}.")
    return {slug.strip(): url.strip() for slug, _, url in pairs}


def credits_of(variable: str, raw: str) -> Decimal:
    """A number of credits."""
    if not re.fullmatch(prices.CREDITS, raw):
        raise SettingsError(f"{variable} must be a number of credits with at most six places, not {raw!r}.")
    return Decimal(raw)


def prices_of(variable: str, raw: str) -> Mapping[str, prices.Costs]:
    """Prices of actions."""
    try:
        return prices.parse(raw)
    except ValueError as error:
        raise SettingsError(f"{variable} {error}.") from None


def token_of(variable: str, raw: str) -> str:
    """A token that cannot be guessed."""
    if len(raw) < 16:
        raise SettingsError(f"{variable} must have 16 characters or more: `openssl rand -hex 16` makes one.")
    return raw


def path_of(raw: str) -> Path:
    """A path, with `~` put in."""
    return Path(raw).expanduser().absolute()


def smtp_security_of(variable: str, raw: str) -> SmtpSecurity:
    """How the mail server is spoken to."""
    if raw.lower() not in get_args(SmtpSecurity):
        raise SettingsError(f"{variable} must be one of {', '.join(get_args(SmtpSecurity))}, not {raw.lower()!r}.")
    return cast("SmtpSecurity", raw.lower())
