"""Plain syntax: recognize expressions that are certainly valid JavaScript, so that no sandbox has to be started to see it.

Errs towards no: what is not recognized (statements, assignments, patterns, `function`, `async`, `**`, `in`) is for the engine to judge.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from cargo_ai.expression.rewrite import strip_semicolons
from cargo_ai.expression.tokens import Token, TokenizeError, tokenize

MAX_LENGTH = 1_000
"""Characters of a source that is looked at, on the event loop."""
_MAX_DEPTH = 30

_NUMBER = re.compile(r"(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_TEXT = re.compile(r"(?:[^\\]|\\[nrtbfv'\"`\\])*+")
_LINE_ENDS = re.compile("[\n\r\u2028\u2029]")
_VALUES = frozenset({"true", "false", "null"})
_RESERVED = _VALUES | frozenset(
    """
    arguments async await break case catch class const continue debugger default delete do else enum eval export extends finally for
    function if implements import in instanceof interface let new of package private protected public return static super switch this
    throw try typeof var void while with yield
    """.split()  # noqa: SIM905 - a table of words
)
_UNARY = frozenset("! - + ~".split())  # noqa: SIM905
_LEVELS = tuple(frozenset(signs.split()) for signs in ("|", "^", "&", "=== !== == !=", "< > <= >=", "<< >> >>>", "+ -", "* / %"))
"""Signs between two operands, from those that bind least on; `&&`, `||` and `??` bind less than all of them."""


class _Unsure(Exception):
    """Not recognized; it may be valid all the same."""


@lru_cache(maxsize=8192)
def is_plain(source: str) -> bool:
    """Whether the source is certainly a valid expression of JavaScript. False says nothing."""
    if len(source) > MAX_LENGTH:
        return False
    text = strip_semicolons(source)
    try:
        _Reader(tokenize(text), one_line=_LINE_ENDS.search(text) is None, depth=0).whole()
    except (_Unsure, TokenizeError, RecursionError):
        return False
    return True


class _Reader:
    """Recursive descent over the tokens, one method per level of precedence."""

    def __init__(self, tokens: list[Token], *, one_line: bool, depth: int) -> None:
        for token, behind in pairwise(tokens):
            if token.kind == "number" and behind.kind in ("name", "number"):
                raise _Unsure
        self._tokens = [token for token in tokens if token.kind != "space"]
        self._at, self._depth, self._one_line = 0, depth, one_line

    def whole(self) -> None:
        self._expression()
        if self._at != len(self._tokens):
            raise _Unsure

    def _sign(self, ahead: int = 0) -> str:
        """The sign that comes next, '' where something else does."""
        position = self._at + ahead
        if position >= len(self._tokens):
            return ""
        token = self._tokens[position]
        return token.text if token.kind == "sign" else ""

    def _accept(self, sign: str) -> bool:
        if self._sign() != sign:
            return False
        self._at += 1
        return True

    def _expect(self, sign: str) -> None:
        if not self._accept(sign):
            raise _Unsure

    def _next(self) -> Token:
        if self._at >= len(self._tokens):
            raise _Unsure
        self._at += 1
        return self._tokens[self._at - 1]

    def _name(self, reserved: frozenset[str] = frozenset()) -> str:
        token = self._next()
        if token.kind != "name" or not _NAME.fullmatch(token.text) or token.text in reserved:
            raise _Unsure
        return token.text

    def _expression(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _Unsure
        if not self._arrow():
            self._alternatives()
            if self._accept("?"):
                self._expression()
                self._expect(":")
                self._expression()
        self._depth -= 1

    def _arrow(self) -> bool:
        """Whether a function `x => …` or `(x, y) => …` comes next, which is read then."""
        begin, names = self._at, list[str]()
        try:
            if self._accept("("):
                while not self._accept(")"):
                    names.append(self._name(_RESERVED))
                    if self._sign() != ")":
                        self._expect(",")
            else:
                names.append(self._name(_RESERVED))
            self._expect("=>")
        except _Unsure:
            self._at = begin
            return False
        if not self._one_line or len(set(names)) < len(names) or self._sign() == "{":
            raise _Unsure
        self._expression()
        return True

    def _alternatives(self) -> None:
        ands = self._conjunction()
        if self._sign() == "??":
            while self._accept("??"):
                ands += self._conjunction()
            if ands or self._sign() == "||":
                raise _Unsure
        while self._accept("||"):
            self._conjunction()
        if self._sign() == "??":
            raise _Unsure

    def _conjunction(self) -> int:
        """How many `&&` were read."""
        count = 0
        self._binary(0)
        while self._accept("&&"):
            count += 1
            self._binary(0)
        return count

    def _binary(self, level: int) -> None:
        if level == len(_LEVELS):
            self._unary()
            return
        self._binary(level + 1)
        while self._sign() in _LEVELS[level]:
            self._at += 1
            self._binary(level + 1)

    def _unary(self) -> None:
        while self._sign() in _UNARY or self._is_word("typeof"):
            self._at += 1
        self._member()

    def _is_word(self, word: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at].kind == "name" and self._tokens[self._at].text == word

    def _member(self) -> None:
        if self._is_word("new"):
            self._at += 1
            self._name(_RESERVED)
            while self._accept("."):
                self._name()
            self._expect("(")
            self._list(")")
        else:
            self._primary()
        while True:
            optional = self._accept("?.")
            if self._accept("("):
                self._list(")")
            elif self._accept("["):
                self._expression()
                self._expect("]")
            elif optional or self._accept("."):
                self._name()
            else:
                break
        if self._at < len(self._tokens) and self._tokens[self._at].kind == "template":
            raise _Unsure  # a call of a tag

    def _list(self, end: str) -> None:
        while not self._accept(end):
            self._expression()
            if self._sign() != end:
                self._expect(",")

    def _primary(self) -> None:
        token = self._next()
        match token.kind:
            case "number" if _NUMBER.fullmatch(token.text):
                return
            case "string" if _TEXT.fullmatch(token.text):
                return
            case "name" if token.text in _VALUES or (_NAME.fullmatch(token.text) and token.text not in _RESERVED):
                return
            case "template":
                self._template(token)
            case "sign" if token.text == "(":
                self._expression()
                self._expect(")")
            case "sign" if token.text == "[":
                self._list("]")
            case "sign" if token.text == "{":
                self._object()
            case _:
                raise _Unsure

    def _template(self, token: Token) -> None:
        for part in token.inside:
            if isinstance(part, str):
                if not _TEXT.fullmatch(part):
                    raise _Unsure
            else:
                _Reader(part, one_line=self._one_line, depth=self._depth).whole()

    def _object(self) -> None:
        while not self._accept("}"):
            token = self._next()
            is_name = token.kind == "name" and _NAME.fullmatch(token.text) is not None
            if "__proto__" in token.text or not (is_name or (token.kind == "string" and _TEXT.fullmatch(token.text))):
                raise _Unsure
            if self._sign() == ":":
                self._at += 1
                self._expression()
            elif not is_name or token.text in _RESERVED:
                raise _Unsure
            if self._sign() != "}":
                self._expect(",")
