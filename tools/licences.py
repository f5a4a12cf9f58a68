"""The page docs/licences.md: everything that is pinned, with its licence; and which licences may not come in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path("docs/licences.md")
EXTRAS = ("server", "sdk", "ai", "billing", "clouds", "otel", "dev")
BY_FILE = {"quickjs-ng": "MIT", "axe-playwright-python": "MIT"}
"""Packages whose metadata name no licence, by the licence file that comes with them."""

FORBIDDEN = re.compile(
    r"\b(?:A|)GPL|GNU (?:Affero )?General Public|SSPL|Server Side Public|BUSL|Business Source|Commons Clause|Elastic", re.IGNORECASE
)
"""Licences that would bind who runs or changes cargo-ai. The LGPL of the database driver does not: it is imported, and can be replaced."""

HEAD = """# Licences

What `requirements/*.txt` pin, and under which licence, as the packages say themselves. cargo-ai is under Apache-2.0.
`make gen` writes this page. A test refuses licences that would bind those who run or change cargo-ai: GPL, AGPL, SSPL, BUSL, without
an exception.

"""


@dataclass(frozen=True, slots=True)
class Package:
    """One pinned package. `extras`: the files that pin it."""

    name: str
    version: str
    licence: str
    extras: tuple[str, ...]

    @property
    def line(self) -> str:
        """Its line of the page."""
        return f"| {self.name} | {self.version} | {self.licence} | {', '.join(self.extras)} |"


def page(root: Path = ROOT) -> str:
    """The page. Of what is pinned for other platforms only, the line stays that is there."""
    packages = list(pinned(root))
    known = _lines(root / PAGE)
    lines = [package.line if package.licence else known.get(package.name, package.line) for package in packages]
    return HEAD + "| Package | Version | Licence | Extra |\n|---|---|---|---|\n" + "\n".join(lines) + "\n"


def pinned(root: Path = ROOT) -> Iterator[Package]:
    """Everything that is pinned, by name; with an empty licence where it is not installed."""
    installed = {canonical(distribution.name): distribution for distribution in distributions()}
    versions: dict[str, str] = {}
    extras: dict[str, list[str]] = {}
    for extra in EXTRAS:
        text = (root / "requirements" / f"{extra}.txt").read_text("utf-8")
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE):
            versions[canonical(name)] = version
            extras.setdefault(canonical(name), []).append(extra)
    for name in sorted(versions):
        distribution = installed.get(name)
        yield Package(name, versions[name], licence_of(distribution) if distribution else "", tuple(extras[name]))


def licence_of(distribution: Distribution) -> str:
    """The licence that a package declares; "unknown" where it declares none."""
    metadata = distribution.metadata
    classified = [
        line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or () if line.startswith("License :: OSI Approved ::")
    ]
    text, expression = (next(iter(metadata.get_all(name) or ()), "").strip() for name in ("License", "License-Expression"))
    short = " ".join(text.split()) if len(text) < 100 and "\n" not in text.strip() else ""
    return expression or short or " or ".join(classified) or text.partition("\n")[0] or BY_FILE.get(canonical(distribution.name), "unknown")


def is_forbidden(licence: str) -> bool:
    """Whether a licence may not come in: there is no choice of another one (`OR`), and no exception (`WITH`)."""
    choices = re.split(r"\s+or\s+", licence, flags=re.IGNORECASE)
    return all(FORBIDDEN.search(choice) and not re.search(r"\bwith\b", choice, re.IGNORECASE) for choice in choices)


def canonical(name: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _lines(path: Path) -> dict[str, str]:
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return {line.split("|")[1].strip(): line for line in lines if line.startswith("| ")}
