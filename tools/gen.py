"""Write what is generated: the command index, the Python client's signatures, the pages of the reference, settings and skills, and what
of the contract is not served yet.

`--check` only says what would change.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import licences
from generate import index, parity, reference, sdk_types, settings_page, skills

from cargo_ai.server.api import rest

ROOT = Path(__file__).resolve().parents[1]
INDEX = Path("src/cargo_ai/cli/index")
REFERENCE = Path("docs/reference")
SDK = Path("src/cargo_ai/sdk")
SKILLS = Path("skills")
SETTINGS = Path("docs/settings.md")
SURFACE = Path("tests/contract/surface.json")
PENDING = Path("tests/contract/pending.txt")
COMMANDS = Path("tests/contract/commands.json")
UNSERVED = Path("tests/contract/unserved_commands.txt")
MAX_PENDING = Path("tests/contract/most_pending.txt")


def generate(root: Path) -> dict[Path, str]:
    """Every generated file with its content, paths relative to the repository at `root`."""
    operations = rest.public_operations()
    files = index.index(operations)
    pages = reference.pages(files, {operation.name: operation for operation in operations})
    generated = {INDEX / name: json.dumps(file, indent=1, ensure_ascii=False) + "\n" for name, file in files.items()}
    generated |= {REFERENCE / name: page for name, page in pages.items()}
    generated |= {SKILLS / name: table for name, table in skills.tables(files).items()}
    generated |= {SDK / name: text for name, text in sdk_types.files(operations).items()}
    generated[SETTINGS] = settings_page.page()
    generated[licences.PAGE] = licences.page()
    pending_names = pending({operation.name for operation in operations})
    contract = json.loads((ROOT / COMMANDS).read_text("utf-8"))
    planned = {"commands": sorted({*index.planned(pending_names.split()), *parity.unserved_commands(contract, files)})}
    generated[UNSERVED] = parity.unserved(contract, files)
    generated[INDEX / "_planned.json"] = json.dumps(planned, indent=1) + "\n"
    return generated | {PENDING: pending_names, MAX_PENDING: f"{most_pending(root, len(pending_names.split()))}\n"}


def pending(served: set[str]) -> str:
    """The operations of the contract that are not served yet, one per line."""
    surface: dict[str, object] = json.loads((ROOT / SURFACE).read_text("utf-8"))
    return "".join(f"{name}\n" for name in sorted(set(surface) - served))


def most_pending(root: Path, now: int) -> int:
    """How many operations may be pending: as many as now, and never more than before."""
    before = root / MAX_PENDING
    return min(int(before.read_text("utf-8")), now) if before.is_file() else now


def stale(root: Path, files: dict[Path, str]) -> list[Path]:
    """The generated files that are missing, differ or are left over, sorted."""
    differ = {path for path, text in files.items() if not (root / path).is_file() or (root / path).read_text("utf-8") != text}
    existing = {
        path.relative_to(root)
        for folder, ending in ((INDEX, "*.json"), (REFERENCE, "*.md"), (SDK, "typed/**/*.pyi"), (SKILLS, "*/references/commands.md"))
        for path in (root / folder).glob(ending)
    }
    return sorted(differ | (existing - set(files)))


def grown(root: Path, files: dict[Path, str]) -> list[str]:
    """The operations, commands and flags that were served before and are not any more: the lists of what is not served may only shrink."""
    lists = [path for path in (PENDING, UNSERVED) if (root / path).is_file()]
    return sorted({line for path in lists for line in set(files[path].splitlines()) - set((root / path).read_text("utf-8").splitlines())})


def write(root: Path, files: dict[Path, str]) -> list[Path]:
    """Bring the generated files up to date; the paths that changed."""
    changed = stale(root, files)
    for path in changed:
        if path in files:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(files[path], "utf-8")
        else:
            (root / path).unlink()
    return changed


def main() -> int:
    """Exit code: 1 when `--check` finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when something would change")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository to write into")
    options = parser.parse_args()
    files = generate(options.root)
    if removed := grown(options.root, files):
        print(f"no longer served: {', '.join(removed)}; {PENDING} and {UNSERVED} may only shrink", file=sys.stderr)
        return 1
    changed = stale(options.root, files) if options.check else write(options.root, files)
    for path in changed:
        print(f"{'stale' if options.check else 'wrote'} {path}")
    return 1 if options.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
