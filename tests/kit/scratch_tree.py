"""A copy of the repository that a test may change: it writes files, runs the generator and the lints, and runs code in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("src", "tests", "tools", "docs", "examples", "requirements", "pyproject.toml", "README.md")
TIMEOUT_SECONDS = 300


class ScratchTree:
    """The copy in `root`; paths are relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in COPIED:
            source, target = ROOT / name, root / name
            if source.is_dir():
                # With the bytecode, which is valid as long as size and time of its source are: else every program would compile everything.
                shutil.copytree(source, target)
            else:
                shutil.copy2(source, target)

    def text(self, path: str) -> str:
        """The content of a file."""
        return (self.root / path).read_text("utf-8")

    def write(self, path: str, text: str) -> None:
        """A new file, with its folders. A recipe that means to add a file must not replace one."""
        target = self.root / path
        assert not target.exists(), path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace the only place where a text stands in a file."""
        before = self.text(path)
        assert before.count(old) == 1, f"{path} has {before.count(old)} times: {old}"
        (self.root / path).write_text(before.replace(old, new), "utf-8")

    def append(self, path: str, text: str) -> None:
        """Add text at the end of a file."""
        (self.root / path).write_text(self.text(path) + text, "utf-8")

    def add_line(self, path: str, line: str) -> None:
        """Add a line to a sorted list of names."""
        (self.root / path).write_text("".join(f"{name}\n" for name in sorted({*self.text(path).split(), line})), "utf-8")

    def run(self, *words: str) -> str:
        """What a Python program prints on stdout; it must end with 0. `words` as behind `python`."""
        environment = {**os.environ, "PYTHONPATH": f"{self.root / 'src'}{os.pathsep}{self.root}", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        said = "\n".join(line for line in done.stdout.splitlines() if ": warning: " not in line)
        assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}\n{said[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def python(self, code: str, *arguments: str) -> str:
        """What code prints that imports from the copy."""
        return self.run("-c", code, *arguments)

    def generate(self) -> None:
        """`make gen`, and no lint has anything against the copy."""
        self.run("tools/gen.py", "--root", str(self.root))
        self.run("-m", "tools.lint")

    def test(self, *words: str) -> None:
        """Some tests of the copy pass; `words` as behind `pytest`."""
        self.run("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *words)
