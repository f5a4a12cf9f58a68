"""The native fast path: JavaScript paths, comparisons and boolean operators, compiled once to Python closures."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from cargo_ai.expression.errors import ExpressionError, NeedsEngine, quote, unknown_name
from cargo_ai.expression.native.number import MAX_SAFE, as_double
from cargo_ai.expression.native.syntax import (
    Choice,
    Comparison,
    Constant,
    JavaScriptSyntaxError,
    Logical,
    Name,
    Node,
    Not,
    OutsideFastPath,
    Path,
    Step,
    parse,
)
from cargo_ai.expression.native.values import (
    UNDEFINED,
    Scope,
    Uncertain,
    is_absent,
    is_number,
    is_rounded,
    is_text,
    loosely_equal,
    member,
    order_key,
    property_key,
    strictly_equal,
    to_number,
    truthy,
)

Evaluate: TypeAlias = Callable[[Scope, list[str]], object]
"""(scope, warnings) -> a JSON value or UNDEFINED; sentences about missing paths are appended to warnings."""

ALWAYS_THERE = frozenset({"nodes", "parentNodes"})
"""Names that read as undefined where the scope lacks them; any other name that is missing is an error."""

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class CompiledExpression:
    """An expression ready to run; `names` are the names that it reads from the scope, in the order they are written."""

    source: str
    names: tuple[str, ...]
    run: Evaluate

    def __call__(self, scope: Scope, warnings: list[str]) -> object:
        """Evaluate; the result may share structure with the scope and must not be changed. Raises ExpressionError."""
        return self.run(scope, warnings)


@lru_cache(maxsize=8192)
def compile(source: str, *, body: bool = False) -> CompiledExpression | None:
    """The compiled expression, or None where it lies outside the fast path; with `body`, `return expression` is accepted too.

    Raises ExpressionError where the source is certainly no JavaScript. A result that is not certain raises NeedsEngine when run.
    """
    try:
        tree = parse(source, body=body)
        builder = _Builder(source)
        run = builder.build(tree)
    except (OutsideFastPath, RecursionError):
        return None
    except JavaScriptSyntaxError as error:
        sentence = f"The expression {quote(source)} is not valid JavaScript: {error.message} (character {error.position + 1})."
        raise ExpressionError(sentence, source, error.position) from None
    return CompiledExpression(source, tuple(builder.names), _raise_uncertain(run, source) if _property_names(tree) is None else run)


def _property_names(node: Node) -> tuple[str, ...] | None:
    """The property names of a plain path such as nodes.start.email, None for any other tree."""
    if not (isinstance(node, Path) and isinstance(node.base, Name)):
        return None
    names = tuple(step.key for step in node.steps if isinstance(step.key, str))
    return names if len(names) == len(node.steps) else None


def _raise_uncertain(run: Evaluate, source: str) -> Evaluate:
    """The closure, raising NeedsEngine where it raises Uncertain or Python's stack runs out."""

    def evaluate(scope: Scope, warnings: list[str]) -> object:
        try:
            return run(scope, warnings)
        except (Uncertain, RecursionError):
            raise NeedsEngine(source) from None

    return evaluate


def _warn(warnings: list[str], sentence: str) -> None:
    if sentence not in warnings:
        warnings.append(sentence)


class _Builder:
    """Turns a tree into closures, noting the names that it reads."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.names: dict[str, None] = {}

    def build(self, node: Node) -> Evaluate:
        match node:
            case Constant(value):
                return lambda scope, warnings: value
            case Name(name):
                return self._name(name)
            case Path():
                return self._path(node)
            case Not(operand):
                inner = self.build(operand)
                return lambda scope, warnings: not truthy(inner(scope, warnings))
            case Comparison(symbol, left, right):
                return _comparison(symbol, self.build(left), self.build(right))
            case Logical(symbol, operands):
                return _logical(symbol, tuple(self.build(operand) for operand in operands))
            case Choice(cases, otherwise):
                pairs = tuple((self.build(condition), self.build(value)) for condition, value in cases)
                return _choice(pairs, self.build(otherwise))

    def _name(self, name: str) -> Evaluate:
        self.names[name] = None
        source = self._source

        def read(scope: Scope, warnings: list[str]) -> object:
            value = scope.get(name, UNDEFINED)
            if value is UNDEFINED and name not in ALWAYS_THERE:
                raise unknown_name(name, source)
            return as_double(value) if is_number(value) else value

        return read

    def _path(self, path: Path) -> Evaluate:
        keys = tuple(step.key if isinstance(step.key, str | int) else self.build(step.key) for step in path.steps)
        label = path.base.name if isinstance(path.base, Name) else "(…)"
        walk = _walk(label, self.build(path.base), path.steps, keys)
        names = _property_names(path)
        return walk if names is None else _name_path(label, names, walk, self._source)


def _walk(label: str, base: Evaluate, steps: tuple[Step, ...], keys: tuple[str | int | Evaluate, ...]) -> Evaluate:
    """A path read step by step under all of JavaScript's rules, except that a missing value reads as undefined, with a warning."""
    plan = tuple((key, step.optional) for key, step in zip(keys, steps, strict=True))

    def shown(count: int) -> str:
        return label + "".join(step.text for step in steps[:count])

    def walk(scope: Scope, warnings: list[str]) -> object:
        value = base(scope, warnings)
        optional = False
        for count, (key, optional) in enumerate(plan):
            if value is None or value is UNDEFINED:
                if not optional:
                    reason = f"{shown(count)} is null" if value is None else f"there is no {shown(count)}"
                    _warn(warnings, f"{shown(len(steps))} is undefined: {reason}.")
                return UNDEFINED
            value = member(value, key if isinstance(key, str | int) else property_key(key(scope, warnings)))
            if is_number(value):
                if is_rounded(value):
                    _warn(warnings, f"{shown(count + 1)} is a whole number beyond 2^53 and was rounded, as JavaScript does.")
                value = as_double(value)
        if value is UNDEFINED and not optional:
            _warn(warnings, f"{shown(len(steps))} is undefined.")
        return value

    return walk


def _name_path(root: str, names: tuple[str, ...], walk: Evaluate, source: str) -> Evaluate:
    """The common path, property names only: plain indexing first, the slow walk for whatever indexing does not settle."""
    careful = _raise_uncertain(walk, source)

    def read_two(scope: Any, warnings: list[str]) -> object:
        try:
            value: object = scope[root][first][second]
        except (KeyError, TypeError, IndexError):
            return careful(scope, warnings)
        if type(value) is float or (type(value) is int and not -MAX_SAFE <= value <= MAX_SAFE):
            return careful(scope, warnings)
        return value

    def read(scope: Any, warnings: list[str]) -> object:
        try:
            held = scope[root]
            for name in names:
                held = held[name]
        except (KeyError, TypeError, IndexError):
            return careful(scope, warnings)
        value: object = held
        if type(value) is float or (type(value) is int and not -MAX_SAFE <= value <= MAX_SAFE):
            return careful(scope, warnings)
        return value

    if len(names) != 2:
        return read
    first, second = names
    return read_two


def _comparison(symbol: str, left: Evaluate, right: Evaluate) -> Evaluate:
    if symbol in _ORDERS:
        return _order(_ORDERS[symbol], left, right)
    equal = strictly_equal if symbol in ("===", "!==") else loosely_equal
    if symbol in ("===", "=="):
        return lambda scope, warnings: equal(left(scope, warnings), right(scope, warnings))
    return lambda scope, warnings: not equal(left(scope, warnings), right(scope, warnings))


def _order(holds: Callable[[Any, Any], bool], left: Evaluate, right: Evaluate) -> Evaluate:
    def compare(scope: Scope, warnings: list[str]) -> object:
        first, second = left(scope, warnings), right(scope, warnings)
        if is_text(first) and is_text(second):
            return holds(first, second) if first.isascii() and second.isascii() else holds(order_key(first), order_key(second))
        return holds(to_number(first), to_number(second))

    return compare


def _logical(symbol: str, operands: tuple[Evaluate, ...]) -> Evaluate:
    *earlier, last = operands

    def conjunction(scope: Scope, warnings: list[str]) -> object:
        for operand in earlier:
            if not truthy(value := operand(scope, warnings)):
                return value
        return last(scope, warnings)

    def alternative(scope: Scope, warnings: list[str]) -> object:
        for operand in earlier:
            if truthy(value := operand(scope, warnings)):
                return value
        return last(scope, warnings)

    def coalesce(scope: Scope, warnings: list[str]) -> object:
        for operand in earlier:
            if not is_absent(value := operand(scope, warnings)):
                return value
        return last(scope, warnings)

    return {"&&": conjunction, "||": alternative, "??": coalesce}[symbol]


def _choice(cases: tuple[tuple[Evaluate, Evaluate], ...], otherwise: Evaluate) -> Evaluate:
    def choose(scope: Scope, warnings: list[str]) -> object:
        for condition, value in cases:
            if truthy(condition(scope, warnings)):
                return value(scope, warnings)
        return otherwise(scope, warnings)

    return choose
