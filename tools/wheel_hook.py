"""The manual pages, written while the wheel is built: they follow from the command index, which is in it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualPages(BuildHookInterface[Any]):
    """Puts `share/man/man1/*.1` where an installer of wheels leaves them for `man`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the pages into a folder of the build. A wheel for development has none."""
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root) / "src"))
        from cargo_ai.cli import manual

        folder = Path(self.directory) / "man"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in manual.pages().items():
            (folder / name).write_text(text, "utf-8")
            build_data["shared_data"][str(folder / name)] = f"share/man/man1/{name}"
