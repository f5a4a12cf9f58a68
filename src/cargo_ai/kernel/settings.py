"""Settings: the one place that reads the environment, with the defaults of a machine of one's own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

PREFIX = "CARGO_AI_"


class SettingsError(ValueError):
    """A setting cannot be used; the message names the variable and what it takes."""


def _default_data_dir(environment: dict[str, str]) -> Path:
    base = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "cargo-ai"


@dataclass(frozen=True)
class Settings:
    """Everything that the environment may say. Immutable; `read()` makes it once per process."""

    environment: dict[str, str] = field(default_factory=dict[str, str])

    def text(self, name: str, default: str = "") -> str:
        """`CARGO_AI_<name>` or the default."""
        return self.environment.get(PREFIX + name) or default

    def number(self, name: str, default: float, *, least: float = 0) -> float:
        """A number from `CARGO_AI_<name>`; SettingsError when it is none or too small."""
        raw = self.text(name)
        if not raw:
            return default
        try:
            value = float(raw)
        except ValueError:
            raise SettingsError(f"{PREFIX}{name} must be a number, not {raw!r}.") from None
        if value < least:
            raise SettingsError(f"{PREFIX}{name} must be at least {least:g}, not {raw}.")
        return value

    def flag(self, name: str) -> bool:
        """True for 1, true, yes, on."""
        return self.text(name).lower() in {"1", "true", "yes", "on"}

    @cached_property
    def data_dir(self) -> Path:
        """Where everything of this server lives."""
        raw = self.text("DATA_DIR")
        return Path(raw).expanduser().absolute() if raw else _default_data_dir(self.environment)

    @property
    def database_url(self) -> str:
        """The database that was named; empty means the embedded one."""
        return self.text("DATABASE_URL")

    @property
    def files_url(self) -> str:
        """Where files are kept: empty means `<data dir>/files`."""
        return self.text("FILES_URL")

    @property
    def public_url(self) -> str:
        """The base of signed URLs; empty means the request's own host."""
        return self.text("PUBLIC_URL").rstrip("/")

    @property
    def strict(self) -> bool:
        """Unknown fields are refused instead of warned about."""
        return self.flag("STRICT")

    @property
    def port(self) -> int:
        """The API's port; 0 takes any free one."""
        return int(self.number("PORT", 8420))

    @property
    def host(self) -> str:
        """The address that the API binds."""
        return self.text("HOST", "127.0.0.1")

    @property
    def stalled_after(self) -> float:
        """Seconds without a heartbeat after which a worker's work is given to another."""
        return self.number("STALLED_AFTER_SECONDS", 30, least=1)

    @property
    def max_concurrent_runs(self) -> int:
        """How many runs of one workspace may go at once; 0: any number."""
        return int(self.number("MAX_CONCURRENT_RUNS", 0))

    @property
    def drain_seconds(self) -> float:
        """How long a worker that was told to stop may take to finish or park its effects."""
        return self.number("DRAIN_SECONDS", 30)


def read() -> Settings:
    """The settings of this process's environment."""
    return Settings(dict(os.environ))  # noqa: TID251
