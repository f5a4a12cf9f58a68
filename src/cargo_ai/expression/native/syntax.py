"""The grammar of the fast path: a lexer and a parser from JavaScript to a small syntax tree."""

import re
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import NamedTuple, TypeAlias

from cargo_ai.expression.native.number import WHITE_SPACE, as_double
from cargo_ai.expression.native.values import UNDEFINED, property_key

_MAX_DEPTH = 40  # brackets within brackets; Python's stack is finite, and no one writes more
_MAX_TOKENS = 2000
_MAX_COMPARISONS = 8  # in one chain, as in a == b == c


class OutsideFastPath(Exception):
    """The source may be good JavaScript, but the fast path does not know it."""


class JavaScriptSyntaxError(Exception):
    """The source is not JavaScript at all; `message` says what is wrong at offset `position`."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal."""

    value: object


@dataclass(frozen=True, slots=True)
class Name:
    """A name in scope, such as nodes."""

    name: str


@dataclass(frozen=True, slots=True)
class Step:
    """One property read of a path; `optional` when written with ?. and `text` as people read it back."""

    key: "str | int | Node"
    optional: bool
    text: str


@dataclass(frozen=True, slots=True)
class Path:
    """Property reads on a base, left to right."""

    base: "Node"
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """!operand"""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values compared; `operator` is one of === !== == != < > <= >=."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Logical:
    """Two or more operands of && or || or ??, evaluated left to right until one decides."""

    operator: OneOf["&&", "||", "??"]
    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """condition ? value : ... : otherwise, with any number of conditions."""

    cases: tuple[tuple["Node", "Node"], ...]
    otherwise: "Node"


Node: TypeAlias = Constant | Name | Path | Not | Comparison | Logical | Choice


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


_SKIPPED = re.compile(rf"(?:[{WHITE_SPACE}]|//[^\n\r\u2028\u2029]*+|/\*[\s\S]*?\*/)*+")
_TOKEN = re.compile(
    r"""(?P<number>(?:0[xX][0-9a-fA-F]+|(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![\w$.]))
    |(?P<string>'(?:[^'\\\n\r]|\\[^\n\r])*+'|"(?:[^"\\\n\r]|\\[^\n\r])*+")
    |(?P<name>(?:[^\W\d]|\$)[\w$]*)
    |(?P<operator>===|!==|==|!=|<=|>=|&&|\|\||\?\?|\?\.(?![0-9])|[.\[\]()!<>?:;-])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\s\S]))")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v"}
_LITERALS = {"true": True, "false": False, "null": None, "undefined": UNDEFINED, "NaN": float("nan"), "Infinity": float("inf")}
_ELSEWHERE = frozenset(
    """
    arguments async await break case catch class const continue debugger default delete do else enum eval export extends finally for
    function if implements import in instanceof interface let new of package private protected public return static super switch this
    throw try typeof var void while with yield
    AggregateError Array ArrayBuffer Atomics BigInt BigInt64Array BigUint64Array Boolean DataView Date Error EvalError FinalizationRegistry
    Float16Array Float32Array Float64Array Function Int16Array Int32Array Int8Array Intl Iterator JSON Map Math Number Object Promise Proxy
    RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer String Symbol SyntaxError TypeError URIError URL URLSearchParams
    Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet atob btoa console decodeURI decodeURIComponent encodeURI
    encodeURIComponent escape globalThis isFinite isNaN parseFloat parseInt queueMicrotask structuredClone unescape
    """.split()  # noqa: SIM905 - a table of words, easier to read than quoted ones
)
"""Words that mean something in JavaScript that the fast path does not know."""


def parse(source: str, *, body: bool = False) -> Node:
    """The tree of an expression; with `body`, a leading return is accepted as well.

    An empty source is undefined. Raises OutsideLane, or JavaScriptSyntaxError where the source is certainly wrong.
    """
    tokens = _lex(source)
    end = tokens.pop()
    while tokens and tokens[-1].text == ";" and tokens[-1].kind == "operator":
        end = tokens.pop()
    end = _Token("end", "", end.position)
    if body and tokens and tokens[0].text == "return" and tokens[0].kind == "name":
        following = tokens[1].position if len(tokens) > 1 else end.position
        if any(mark in source[tokens[0].position : following] for mark in "\n\r\u2028\u2029"):
            raise OutsideFastPath  # JavaScript ends the statement at the line's end
        tokens = tokens[1:]
    if not tokens:
        return Constant(UNDEFINED)
    return _Parser([*tokens, end], one_line="\n" not in source).whole()


def _lex(source: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = _end_of_skipped(source, 0)
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None or len(tokens) == _MAX_TOKENS:
            raise OutsideFastPath
        kind, text = str(match.lastgroup), match.group()
        if kind == "name" and not text.replace("$", "_").isidentifier():
            raise OutsideFastPath
        tokens.append(_Token(kind, text, position))
        position = _end_of_skipped(source, match.end())
    tokens.append(_Token("end", "", len(source)))
    return tokens


def _end_of_skipped(source: str, position: int) -> int:
    match = _SKIPPED.match(source, position)
    return match.end() if match else position


def _string(token: _Token) -> str:
    inner = token.text[1:-1]
    if "\\" not in inner:
        return inner
    text = _ESCAPE.sub(_unescape, inner)
    try:  # joins the two halves of a character that was written as \ud83d\ude00
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise OutsideFastPath from None


def _unescape(match: re.Match[str]) -> str:
    code_point = match[1] or match[2] or match[3]
    if code_point:
        number = int(code_point, 16)
        if number > 0x10FFFF:
            raise OutsideFastPath
        return chr(number)
    if match[4] in "ux0123456789\u2028\u2029":
        raise OutsideFastPath
    return _ESCAPED.get(match[4], match[4])


def _number(token: _Token) -> int | float:
    text = token.text
    return as_double(int(text, 16) if text[:2] in ("0x", "0X") else float(text))


def _conjunction(operands: list[Node]) -> Node:
    return Logical("&&", tuple(operands)) if len(operands) > 1 else operands[0]


class _Parser:
    """Recursive descent over the tokens, one method per level of precedence."""

    def __init__(self, tokens: list[_Token], one_line: bool) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._one_line = one_line

    def whole(self) -> Node:
        node = self._choice()
        rest = self._tokens[self._at]
        if rest.kind == "end":
            return node
        if rest.kind in ("number", "string") and self._one_line:
            raise JavaScriptSyntaxError(f"{rest.text} is unexpected", rest.position)
        raise OutsideFastPath

    def _accept(self, *operators: str) -> str | None:
        token = self._tokens[self._at]
        if token.kind == "operator" and token.text in operators:
            self._at += 1
            return token.text
        return None

    def _expect(self, operator: str) -> None:
        if self._accept(operator):
            return
        token = self._tokens[self._at]
        if token.kind == "end":
            raise JavaScriptSyntaxError(f'it ends where "{operator}" is missing', token.position)
        raise OutsideFastPath

    def _choice(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise OutsideFastPath
        cases: list[tuple[Node, Node]] = []
        node = self._alternatives()
        while self._accept("?"):
            value = self._choice()
            self._expect(":")
            cases.append((node, value))
            node = self._alternatives()
        self._depth -= 1
        return Choice(tuple(cases), node) if cases else node

    def _alternatives(self) -> Node:
        first = self._conjoined()
        position = self._tokens[self._at].position
        operator = self._accept("||", "??")
        if operator is None:
            return _conjunction(first)
        operands = [first, self._conjoined()]
        while self._accept(operator):
            operands.append(self._conjoined())
        if self._accept("||", "??") or (operator == "??" and any(len(operand) > 1 for operand in operands)):
            raise JavaScriptSyntaxError("?? next to || or && needs parentheses", position)
        return Logical("||" if operator == "||" else "??", tuple(_conjunction(operand) for operand in operands))

    def _conjoined(self) -> list[Node]:
        operands = [self._equality()]
        while self._accept("&&"):
            operands.append(self._equality())
        return operands

    def _equality(self) -> Node:
        node = self._relation()
        for _ in range(_MAX_COMPARISONS):
            operator = self._accept("===", "!==", "==", "!=")
            if operator is None:
                return node
            node = Comparison(operator, node, self._relation())
        raise OutsideFastPath

    def _relation(self) -> Node:
        node = self._unary()
        for _ in range(_MAX_COMPARISONS):
            operator = self._accept("<", ">", "<=", ">=")
            if operator is None:
                return node
            node = Comparison(operator, node, self._unary())
        raise OutsideFastPath

    def _unary(self) -> Node:
        negations = 0
        while self._accept("!"):
            negations += 1
        if negations > _MAX_COMPARISONS:
            raise OutsideFastPath
        node = self._negative() if self._accept("-") else self._path()
        for _ in range(negations):
            node = Not(node)
        return node

    def _negative(self) -> Node:
        token = self._next()
        if token.kind != "number":
            raise OutsideFastPath
        return Constant(as_double(-_number(token)))

    def _path(self) -> Node:
        base = self._primary()
        steps: list[Step] = []
        while operator := self._accept(".", "?.", "["):
            steps.append(self._step(operator))
        if self._tokens[self._at].text == "(" and self._tokens[self._at].kind == "operator":
            raise OutsideFastPath  # a call
        return Path(base, tuple(steps)) if steps else base

    def _step(self, operator: str) -> Step:
        optional = operator == "?."
        if operator == "[" or (optional and self._accept("[")):
            key = self._choice()
            self._expect("]")
            if isinstance(key, Constant):
                position = property_key(key.value)
                return Step(position, optional, f"[{position!r}]")
            return Step(key, optional, "[…]")
        token = self._next()
        if token.kind != "name":
            raise OutsideFastPath
        return Step(token.text, optional, f".{token.text}")

    def _primary(self) -> Node:
        token = self._next()
        if token.kind == "number":
            return Constant(_number(token))
        if token.kind == "string":
            return Constant(_string(token))
        if token.kind == "name":
            if token.text in _LITERALS:
                return Constant(_LITERALS[token.text])
            if token.text in _ELSEWHERE:
                raise OutsideFastPath
            return Name(token.text)
        if token.text != "(":
            raise OutsideFastPath
        node = self._choice()
        self._expect(")")
        return node

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        if token.kind == "end":
            raise JavaScriptSyntaxError("it ends too early", token.position)
        self._at += 1
        return token
