"""Console blocks of a page, run by one `sh` as a person would type them, each answer compared with what the page shows.

A block of another language that names a file, such as ```` ```python weather/actions.py ````, is that file: it is written where the shell
is.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

SECONDS = 180
_END = "END OF THE FILE"


@dataclass(frozen=True)
class Command:
    """What is typed after `$ ` (and `> ` on further lines), and the answer below it. `…` in an answer stands for anything."""

    line: int
    typed: str
    answer: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """The answer as a pattern: `…` alone on a line is any lines, within one any text."""
        parts = [r"(?s:.*)" if line == "…" else ".*".join(re.escape(part) for part in line.split("…")) for line in self.answer.splitlines()]
        return re.compile("\n".join(parts))


def commands(page: str) -> list[Command]:
    """The commands of a page's console blocks, and those that write its files, in order."""
    found: list[Command] = []
    typed: list[str] = []
    answer: list[str] = []
    inside, file, begun = False, False, 0

    def close() -> None:
        if typed:
            found.append(Command(begun, "\n".join(typed), "\n".join(answer)))
        typed.clear()
        answer.clear()

    for number, line in enumerate(page.splitlines(), 1):
        if line.startswith("```"):
            if file:
                typed.append(_END)
            close()
            inside = line == "```console"
            path = line.partition(" ")[2]
            file = bool(path)
            if file:
                begun = number
                typed += [f"mkdir -p {shlex.quote(str(Path(path).parent))} && cat > {shlex.quote(path)} <<'{_END}'"]
        elif file:
            typed.append(line)
        elif inside and line.startswith("$ "):
            close()
            begun = number
            typed.append(line[2:])
        elif inside and line.startswith("> ") and typed and not answer:
            typed.append(line[2:])
        elif inside:
            answer.append(line)
    return found


def run(page: Path, cwd: Path, environment: dict[str, str], log: Path) -> None:
    """Run all commands in one shell; AssertionError names the line of the page whose command fails or answers otherwise."""
    wanted = commands(page.read_text("utf-8"))
    mark = "--- what the next command answers ---"
    script = "set -eu\n" + "".join(f"printf '%s\\n' '{mark}'\n{command.typed}\n" for command in wanted)
    with log.open("w+", encoding="utf-8") as errors:
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            timeout=SECONDS,
            check=False,
        )
    answers = done.stdout.decode().split(mark + "\n")[1:]
    for command, answer in zip(wanted, answers, strict=False):
        assert command.pattern.fullmatch(answer.rstrip("\n")), (
            f"{page.name}:{command.line}: $ {command.typed}\n{answer}{log.read_text()[-2000:]}"
        )
    assert done.returncode == 0, f"{page.name}:{wanted[len(answers) - 1].line}: exit code {done.returncode}\n{log.read_text()[-2000:]}"
    assert len(answers) == len(wanted)
