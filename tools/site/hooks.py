"""Hooks of MkDocs: arrange the pages, add those that lie outside of docs/ or are made here, and keep links between them."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.site import flowchart, python_reference  # noqa: E402

FROM_ROOT = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
PYTHON = "reference/python.md"
TUTORIALS = ("first-workflow", "your-data", "plays", "your-first-agent", "sdk")
EXPLANATION = ("architecture", "glossary", "threat-model", "benchmarks", "rate-limits", "licences")
REFERENCE = ("command-line", "exit-codes", "settings")
Nav = list[Any]

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc="?((?:https?:)?//[^" >]+)|<link\b[^>]*stylesheet[^>]*href="?(?:https?:)?//"""
)
_NAMED_FILE = re.compile(r"^```(\w+) (\S+)$", re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Arrange the pages: what to learn, what to do, what to look up, why. A new guide or decision appears by itself."""
    config.nav = nav(ROOT / "docs")
    return config


def nav(docs: Path) -> Nav:
    """The navigation, from the files that there are."""
    guides = [path.stem for path in sorted((docs / "guide").glob("*.md"))]
    commands = [path.name for path in sorted((docs / "reference").glob("*.md")) if path.name != "README.md"]
    decisions = [f"decisions/{path.name}" for path in sorted((docs / "decisions").glob("*.md"))]
    single = {path.stem for path in docs.glob("*.md")}
    others = sorted(single - {*EXPLANATION, *REFERENCE, "upgrading"})
    return [
        {"Home": "index.md"},
        {"Learn": [f"guide/{name}.md" for name in TUTORIALS if name in guides]},
        {"Do": [*(f"guide/{name}.md" for name in guides if name not in TUTORIALS), "upgrading.md"]},
        {
            "Look up": [
                {"Commands": ["reference/README.md", *(f"reference/{name}" for name in commands)]},
                {"Python": PYTHON},
                *(f"{name}.md" for name in REFERENCE if name in single),
                {"Changes": "changelog.md"},
            ]
        },
        {
            "Understand": [
                *(f"{name}.md" for name in [*EXPLANATION, *others] if name in single),
                {"Security": "security.md"},
                {"Contributing": "contributing.md"},
                {"Decisions": decisions},
            ]
        },
    ]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository's root, and the reference of the Python client."""
    for name, page in FROM_ROOT.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text("utf-8")))
    files.append(File.generated(config, PYTHON, content=python_reference.page()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links as the site has them, flowcharts as pictures, and the names of files above their content."""
    source = {page_name: name for name, page_name in FROM_ROOT.items()}.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    known = {f"docs/{file.src_uri}": file.src_uri for file in files} | FROM_ROOT
    drawn = re.sub(r"^```mermaid\n(.*?)^```$", lambda block: flowchart.picture(block[1]), markdown, flags=re.MULTILINE | re.DOTALL)
    return _NAMED_FILE.sub(r'```\1 title="\2"', linked(drawn, source, page.file.src_uri, known))


def on_post_build(config: MkDocsConfig) -> None:
    """Fail when a page would fetch something from another host."""
    for path in sorted(Path(config.site_dir).rglob("*.html")):
        if fetched := _FETCHED.search(path.read_text("utf-8")):
            raise PluginError(f"{path.name} fetches {fetched[1]} from another host")


def linked(markdown: str, source: str, page: str, known: Mapping[str, str]) -> str:
    """The links of a file of the repository, from where its page is. One to a file that has no page becomes its text."""

    def link(match: re.Match[str]) -> str:
        image, text, target = match.groups()
        path, _, anchor = target.partition("#")
        if not path or "://" in target or target.startswith("mailto:"):
            return match[0]
        where = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if where in known:
            relative = posixpath.relpath(known[where], posixpath.dirname(page) or ".")
            return f"{image}[{text}]({relative}{'#' + anchor if anchor else ''})"
        # What lies in the repository and is not a page; a page that is missing stays a broken link, which fails the build.
        return match[0] if (where.startswith("docs/") and where.endswith(".md")) or not (ROOT / where).exists() else text

    return _LINK.sub(link, markdown)
