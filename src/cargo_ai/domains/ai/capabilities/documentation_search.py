"""The capability `documentationSearch`: a search in the documentation of this server: its operations and its integrations."""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai import contract
from cargo_ai.domains.ai.chats.calling.offer import BuiltIn, Given, Offer, Opening
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Tool

MAX = 8
LONGEST = 2_000
"""Characters of one section that are shown."""
_WORD = re.compile(r"[a-z0-9]+")
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_HEADING = re.compile(r"^#+ ", re.MULTILINE)
_K, _B = 1.2, 0.75
_TOOL = Tool(
    "search_documentation",
    "Searches the documentation of this platform: its commands and operations, and how each integration is connected and used.",
    {
        "type": "object",
        "properties": {"query": {"type": "string", "minLength": 2, "maxLength": 500}},
        "required": ["query"],
        "additionalProperties": False,
    },
)


async def offer(opening: Opening, _db: AsyncSession) -> Offer:
    """The tool that searches."""
    return Offer([BuiltIn(_TOOL, _search)]) if "documentationSearch" in opening.plan.capabilities else Offer()


async def _search(arguments: JsonObject, _key: str) -> Given:
    sections = await asyncio.to_thread(search, arguments["query"])
    if not sections:
        return Given({"sections": [], "note": "Nothing fits; try other words."})
    shown = [{"title": section.title, "text": section.text[:LONGEST]} for section in sections]
    return Given({"sections": shown}, parts=[_source(section) for section in sections])


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of documentation under a title. page: the operation or the file that it is of, position: where in that."""

    title: str
    text: str
    page: str
    position: Mapping[str, str | int]


def _source(section: Section) -> JsonObject:
    """The part of the answer that cites a section."""
    return {
        "type": "source-document",
        "sourceId": f"documentation/{section.page}#{section.position.get('line', '')}".rstrip("#"),
        "mediaType": "text/markdown",
        "title": section.title,
        "filename": section.page,
        "providerMetadata": {"cargo": {"position": dict(section.position)}},
    }


def search(query: str) -> list[Section]:
    """The sections that fit best, by BM25."""
    sections, counts, frequencies = _index()
    asked = set(_words(query))
    average = sum(sum(count.values()) for count in counts) / max(len(counts), 1)

    def score(count: Counter[str]) -> float:
        length = sum(count.values())
        total = 0.0
        for word in asked & count.keys():
            rarity = math.log(1 + (len(counts) - frequencies[word] + 0.5) / (frequencies[word] + 0.5))
            total += rarity * count[word] * (_K + 1) / (count[word] + _K * (1 - _B + _B * length / average))
        return total

    ranked = sorted(((score(count), number) for number, count in enumerate(counts)), reverse=True)[:MAX]
    return [sections[number] for points, number in ranked if points > 0]


@cache
def _index() -> tuple[Sequence[Section], Sequence[Counter[str]], Counter[str]]:
    sections = [*_operations(), *_integrations()]
    counts = [Counter(_words(f"{section.title} {section.title} {section.text}")) for section in sections]
    return sections, counts, Counter(word for count in counts for word in count)


def _words(text: str) -> list[str]:
    words = _WORD.findall(_CAPITAL.sub(" ", text).lower())
    return [word.removesuffix("s") if len(word) > 3 else word for word in words]


def _operations() -> Iterator[Section]:
    for operation in contract.load():
        examples = "\n".join(operation.cli.examples)
        fields = [
            f"- {info.alias or name}: {info.description}" for name, info in operation.request.model_fields.items() if info.description
        ]
        lines = [operation.summary, f"{operation.verb} /v1{operation.path}", examples, *fields]
        yield Section(operation.name, "\n".join(line for line in lines if line), operation.name, {"operation": operation.name})


def _integrations() -> Iterator[Section]:
    """The pages of integrations, read as files: no integration is loaded for it."""
    for folder in files("cargo_ai.integrations").iterdir():
        page = folder.joinpath("documentation.md")
        if not page.is_file():
            continue
        content = page.read_text("utf-8")
        starts = [match.start() for match in _HEADING.finditer(content)]
        for start, end in pairwise([*starts, len(content)]):
            heading, _, text = content[start:end].lstrip("# ").partition("\n")
            if text.strip():
                position = {"heading": heading.strip(), "line": content.count("\n", 0, start) + 1}
                yield Section(f"{folder.name}: {heading.strip()}", text.strip(), f"{folder.name}/documentation.md", position)
