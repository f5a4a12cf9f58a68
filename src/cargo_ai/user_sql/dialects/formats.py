"""Translate BigQuery's time formats, regular expressions and JSON paths; what has no equivalent is refused."""

from __future__ import annotations

import re

from cargo_ai.user_sql.errors import refuse, shorten

_ELEMENTS = {
    "Y": "YYYY",
    "y": "YY",
    "m": "MM",
    "d": "DD",
    "e": "FMDD",
    "H": "HH24",
    "I": "HH12",
    "M": "MI",
    "S": "SS",
    "p": "AM",
    "B": "FMMonth",
    "b": "Mon",
    "h": "Mon",
    "A": "FMDay",
    "a": "Dy",
    "j": "DDD",
    "G": "IYYY",
    "V": "IW",
    "Q": "Q",
    "F": "YYYY-MM-DD",
    "T": "HH24:MI:SS",
    "R": "HH24:MI",
    "D": "MM/DD/YY",
}
_PATH = re.compile(r"""\.([A-Za-z_][\w-]*)|\.?\[(\d+)\]|\.?\[?(?:"([^"\\]*)"|'([^'\\]*)')\]?""")


def timestamp_template(format: str) -> str:
    """A format of FORMAT_DATE and its like as a template of to_char. SqlRefused for an element without an equal."""
    parts: list[str] = []
    at = 0
    while at < len(format):
        character = format[at]
        if character != "%":
            end = format.find("%", at)
            end = len(format) if end < 0 else end
            words = format[at:end]
            # Letters and quotes would be taken for elements.
            parts.append('"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"' if re.search(r"[A-Za-z\"\\]", words) else words)
            at = end
            continue
        element = format[at + 1 : at + 2]
        if element == "%":
            parts.append("%")
        elif element in _ELEMENTS:
            parts.append(_ELEMENTS[element])
        else:
            refuse(f"The format element %{shorten(element)} has no equivalent here.")
        at += 2
    return "".join(parts)


def regex_pattern(regex: str, *, greed: bool) -> str:
    """A pattern of RE2 as the database's engine takes it. `greed`: whether what exactly is matched counts, not only whether.

    SqlRefused for what the two engines understand differently and cannot be said otherwise.
    """
    prefix, dots, rest = "", False, regex
    if (flags := re.match(r"\(\?([a-z]+)\)", rest)) is not None:
        if set(flags[1]) - {"i", "s"}:
            refuse(f"The flags (?{flags[1]}) of a pattern have no equivalent here.")
        prefix, dots, rest = "(?i)" if "i" in flags[1] else "", "s" in flags[1], rest[flags.end() :]
    out: list[str] = []
    lazy = eager = False
    at = 0
    while at < len(rest):
        character, pair = rest[at], rest[at : at + 2]
        if character == "\\":
            out.append(_escape(pair))
            at += 2
            continue
        if character == "[":
            end = _end_of_class(rest, at)
            out.append(rest[at:end].replace("\\", "\\"))
            at = end
            continue
        if pair == "(?" and rest[at : at + 3] != "(?:":
            refuse("Groups of a pattern that begin with (? have no equivalent here, except (?:.")
        if character == "." and not dots:
            out.append("[^\\n]")
        else:
            out.append(character)
        if character in "*+?}" and at and not (character == "?" and rest[at - 1] == "("):
            if rest[at + 1 : at + 2] == "?":
                lazy = True
                out.append("?")
                at += 1
            else:
                eager = True
        at += 1
    if greed and lazy and eager:
        refuse("A pattern with greedy and lazy repetitions matches differently here: use one kind of them.")
    return prefix + "".join(out)


def _escape(pair: str) -> str:
    letter = pair[1:]
    if letter == "b":
        return "\\y"
    if letter == "B":
        return "\\Y"
    if letter == "z":
        return "\\Z"
    if letter.isalpha() and letter not in "dDsSwWntrfvA":
        refuse(f"The escape \\{shorten(letter)} of a pattern has no equivalent here.")
    if letter.isdigit() or not letter:
        refuse("A pattern cannot refer back to its groups.")
    return pair


def _end_of_class(regex: str, at: int) -> int:
    end = at + 1
    if regex[end : end + 1] == "^":
        end += 1
    if regex[end : end + 1] == "]":
        end += 1
    while end < len(regex) and regex[end] != "]":
        if regex[end] == "\\":
            if regex[end + 1 : end + 2].isalpha() and regex[end + 1] not in "dDsSwWntrfv":
                refuse(f"The escape \\{shorten(regex[end + 1])} of a pattern has no equivalent here.")
            end += 1
        elif regex.startswith("[:", end):
            end = regex.find(":]", end) + 1
            if end <= 0:
                refuse("A class of a pattern is not closed.")
        end += 1
    if end >= len(regex):
        refuse("A class of a pattern is not closed.")
    return end + 1


def regex_replacement(text: str) -> str:
    """What REGEXP_REPLACE puts in: `\\0` is the whole match."""
    return re.sub(r"\\(.)", lambda match: "\\&" if match[1] == "0" else match[0], text)


def json_path_steps(path: str) -> list[str]:
    """The steps of `$.a.b[0]`. SqlRefused for wildcards and filters."""
    if not path.startswith("$"):
        refuse(f"A JSON path begins with $, not {shorten(path)}.")
    steps, at = list[str](), 1
    while at < len(path):
        match = _PATH.match(path, at)
        if match is None:
            refuse(f"The JSON path {shorten(path)} cannot be used here: steps are .name and [number].")
        steps.append(next(part for part in match.groups() if part is not None))
        at = match.end()
    return steps
