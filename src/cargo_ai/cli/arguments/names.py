"""Names in place of uuids: find the one thing of a noun that has the name. What is a uuid already costs no request."""

from __future__ import annotations

import re

from cargo_ai.cli import output
from cargo_ai.cli.arguments.json_names import in_json, is_name, may_hold_names
from cargo_ai.cli.client.query_string import encode
from cargo_ai.cli.failure import FAILED, failure, shell_line
from cargo_ai.cli.words.command_index import read_index
from cargo_ai.cli.words.similar import near, or_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.client.api import Api
    from cargo_ai.cli.shapes import Noun, NounList

MAX_PAGES = 20
MAX_SHOWN = 10


def replace_names(parsed: Parsed, api: Api) -> None:
    """Put uuids in place of the names that stand where a uuid is asked for, inside of JSON as well. A name that nothing has stays: the
    server refuses it.

    Failure (1) for a name that several things have, with all of them, and for one that is almost right."""
    known = Known(api)
    for at, (arg, value) in enumerate(parsed.values):
        noun = arg.get("noun")
        if noun is not None:
            texts: list[Any] = value if output.is_list(value) else [value]
            found = [known.uuid_of(text, noun) if is_name(text) else text for text in texts]
            parsed.values[at] = (arg, found if output.is_list(value) else found[0])
        elif may_hold_names(parsed, arg):
            parsed.values[at] = (arg, in_json(value, known))


class Known:
    """The things of nouns, asked for once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lists: dict[str, list[Thing]] = {}

    def uuid_of(self, text: str, noun: str) -> str:
        """The uuid of the thing of a noun with that name; the name itself, when nothing has it. Failure as of `replace_names`."""
        if noun not in self._lists:
            known: Noun | None = read_index("_nouns.json").get(noun)
            self._lists[noun] = list(things(known, self._api)) if known else []
        return _uuid_of(text, self._lists[noun], noun)


def need_found(parsed: Parsed) -> None:
    """Failure (1) for a name that `replace_names` has found nothing for."""
    for arg, value in parsed.values:
        texts: list[Any] = value if output.is_list(value) else [value]
        unknown = next((text for text in texts if is_name(text)), None) if arg.get("noun") else None
        if unknown is not None:
            what = spoken(arg.get("noun", ""))
            where = "There is nothing in the bin" if what == "bin" else f"There is no {what}"
            raise failure(FAILED, "nameNotFound", f'{where} with the name or uuid "{output.clean(unknown)}".')


class Thing:
    """One thing that has names. `uuid`: what the argument takes, such as the uuid of its workflow."""

    def __init__(self, uuid: str, names: list[str], listed: NounList) -> None:
        self.uuid = uuid
        self.names = names
        self.listed = listed


def things(noun: Noun, api: Api, seconds: float | None = None) -> Iterator[Thing]:
    """All things of a noun."""
    for listed in noun["lists"]:
        for row in _rows(listed, api, seconds):
            uuid = output.as_object(row).get(listed["value"])
            names = [str(name) for field in listed["names"] if (name := output.as_object(row).get(field))]
            if isinstance(uuid, str):
                yield Thing(uuid, names, listed)


def _rows(listed: NounList, api: Api, seconds: float | None) -> Iterator[Any]:
    pages = listed.get("pages")
    values: dict[str, Any] = {pages["limit"]: pages["most"]} if pages else {}
    for page in range(MAX_PAGES):
        if pages:
            values[pages["offset"]] = page * pages["most"]
        path = "/v1" + listed["path"]
        is_get = listed["verb"] == "GET"
        once = seconds is not None
        answer = api.call(
            listed["verb"],
            path,
            query=encode(values) if is_get else "",
            document=None if is_get else values,
            seconds=seconds,
            once=once,
        )
        rows = output.as_object(answer.check().document()).get(listed["rows"])
        entries: list[Any] = rows if output.is_list(rows) else []
        yield from entries
        if not pages or len(entries) < pages["most"]:
            return


def _uuid_of(text: str, known: list[Thing], noun: str) -> str:
    matching = {thing.uuid: thing for thing in known if text in thing.names}
    if len(matching) == 1:
        return next(iter(matching))
    word = spoken(noun)
    if matching:
        shown = [f"{uuid} ({' '.join(thing.listed['words'][1:2])} {output.clean(thing.names[-1])})" for uuid, thing in matching.items()]
        listed = "; ".join(shown[:MAX_SHOWN]) + (f"; and {len(shown) - MAX_SHOWN} more" if len(shown) > MAX_SHOWN else "")
        candidates = [{"uuid": uuid, "name": thing.names[-1]} for uuid, thing in matching.items()][:MAX_SHOWN]
        sentence = f'{len(matching)} have the name "{text}" where one {word} is meant: {listed}. Give the uuid of one of them.'
        raise failure(FAILED, "ambiguousName", sentence, candidates=candidates)
    close = near(text, sorted({name for thing in known for name in thing.names}))
    if close:
        fix = shell_line(known[0].listed["words"])
        guesses = or_list([f'"{name}"' for name in close])
        raise failure(FAILED, "nameNotFound", f'There is no {word} with the name "{text}". Did you mean {guesses}?', fix)
    return text


def spoken(noun: str) -> str:
    """A noun as it reads in a sentence: `custom integration`."""
    return re.sub(r"(?<=[a-z])([A-Z])", r" \1", noun.rpartition(".")[2]).lower()
