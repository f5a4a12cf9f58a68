"""Compile a node's config once, and resolve its expressions and templates against each run's data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from cargo_ai.expression import field_schema, template
from cargo_ai.expression.errors import ExpressionError, NeedsEngine, quote, unknown_name
from cargo_ai.expression.native import path
from cargo_ai.expression.native.number import WHITE_SPACE
from cargo_ai.expression.native.path import Evaluate
from cargo_ai.expression.native.text import to_text
from cargo_ai.expression.native.values import UNDEFINED, JsonValue, Scope
from cargo_ai.expression.requests import EngineExpression, EngineResult
from cargo_ai.expression.rewrite import MAX_LENGTH

KINDS = frozenset({"templateExpression", "jsExpression"})
SKIPPED_KEYS = frozenset({"_nodes"})
NAMES = frozenset({"nodes", "parentNodes", "record", "now"})

MAX_EXPRESSIONS = 2_000
MAX_CHARACTERS = 500_000
"""Of all expressions and templates of one config together; each takes its time to be read, on the event loop."""
_MAX_DEPTH = 100  # levels of objects and arrays in a config; Python's stack is finite


class ScopeWithResults(dict[str, object]):
    """A scope with the engine's answers. A question without one is noted in `open_questions`, or is an error where that is None."""

    def __init__(
        self, scope: Scope, answers: Mapping[EngineExpression, EngineResult], open_questions: dict[EngineExpression, None] | None = None
    ) -> None:
        super().__init__(scope)
        self.answers = answers
        self.open_questions = open_questions


@dataclass(frozen=True, slots=True)
class Resolver:
    """A compiled config: call it with a run's context to get the config's values.

    `constant`: nothing in it is evaluated. `sources`: every expression, without braces, in the order of the config.
    `needs_engine`: those that only the engine can evaluate; `engine`: the same as questions, each once. `problems`: every error that is
    known without running, in the same order. `asks_model`: fields of it are filled by a language model.
    """

    constant: bool
    sources: tuple[str, ...]
    needs_engine: tuple[str, ...]
    problems: tuple[ExpressionError, ...]
    engine: tuple[EngineExpression, ...]
    asks_model: bool
    asks_all: bool
    """Whether it asks all of `engine` at once, whatever the data is."""
    _evaluate: Evaluate
    _with_answers: Evaluate

    def __call__(self, scope: Scope, warnings: list[str], answers: Mapping[EngineExpression, EngineResult] | None = None) -> JsonValue:
        """The config with every expression evaluated once, as JSON; what is evaluated is never evaluated again.

        `scope` holds JSON values. Constants and values read from the scope are shared, not copied: treat the result as immutable.
        Missing paths and values that JSON cannot hold are null and leave a sentence in `warnings`. Raises ExpressionError, and
        NeedsEngine for an expression that only the engine can evaluate and that `answers` has nothing for.
        """
        value = self._evaluate(scope, warnings) if answers is None else self._with_answers(ScopeWithResults(scope, answers), warnings)
        return None if value is UNDEFINED else cast(JsonValue, value)

    def questions(self, scope: Scope, answers: Mapping[EngineExpression, EngineResult] | None = None) -> tuple[EngineExpression, ...]:
        """What the engine must be asked before the config can be resolved with this scope, apart from what `answers` has.

        Raises ExpressionError where the config fails whatever the engine says.
        """
        if self.asks_all:
            return tuple(question for question in self.engine if question not in answers) if answers else self.engine
        asking = ScopeWithResults(scope, answers or {}, {})
        self._with_answers(asking, [])
        return tuple(asking.open_questions or ())


def compile_config(
    config: JsonValue,
    *,
    names: frozenset[str] = NAMES,
    skip: frozenset[str] = SKIPPED_KEYS,
    omit_undefined: bool = False,
    schema: Mapping[str, object] | None = None,
) -> Resolver:
    """Compile a config of any shape; never raises, what is wrong with it is in the resolver's `problems`.

    `names`: what its expressions may read. `skip`: object keys whose values are passed as they are, at any depth.
    `omit_undefined`: leave a key out whose value is undefined (as JSON.stringify does) instead of setting it to null.
    `schema`: of the config; without one, no field is filled by a language model.
    """
    compiler = _Compiler(names, skip, omit_undefined, schema=schema)
    evaluate = compiler.compile(config)
    if evaluate is None:

        def constant(scope: Scope, warnings: list[str]) -> object:
            return config

        return Resolver(True, (), (), (), (), False, True, constant, constant)
    # The second form looks for answers at every expression, which the first, that most configs stay with, need not.
    with_answers = _Compiler(names, skip, omit_undefined, asking=True, schema=schema).compile(config)
    assert with_answers is not None
    engine = tuple(question.source for question in compiler.engine)
    problems, questions = tuple(compiler.problems), tuple(dict.fromkeys(compiler.engine))
    asks_all = len(compiler.engine) == len(compiler.sources) and not problems and not compiler.asks_model
    return Resolver(False, tuple(compiler.sources), engine, problems, questions, compiler.asks_model, asks_all, evaluate, with_answers)


@dataclass
class _Compiler:
    """Walks a config; each method returns a closure, or None where nothing below needs evaluation."""

    names: frozenset[str]
    skip: frozenset[str]
    omit_undefined: bool
    asking: bool = False
    schema: Mapping[str, object] | None = None
    asks_model: bool = False
    sources: list[str] = field(default_factory=list[str])
    engine: list[EngineExpression] = field(default_factory=list[EngineExpression])
    problems: list[ExpressionError] = field(default_factory=list[ExpressionError])
    depth: int = 0
    expressions: int = 0
    characters: int = 0
    refused: Evaluate | None = None

    def compile(self, config: JsonValue) -> Evaluate | None:
        if isinstance(config, str):
            if "{{" not in config:
                return None
            return self._refuse_many(config.count("{{"), len(config)) or self._template(config)
        if not isinstance(config, dict | list):
            return None
        if self.depth == _MAX_DEPTH:
            return self._refuse(ExpressionError(f"The config is nested more than {_MAX_DEPTH} levels deep.", ""))
        self.depth += 1
        run = self._array(config) if isinstance(config, list) else self._expression_or_object(config)
        self.depth -= 1
        return run

    def _field(self, config: JsonValue, schema: Mapping[str, object] | None) -> Evaluate | None:
        """Compile a part of the config, of which the schema is this one."""
        outer, self.schema = self.schema, None if self.schema is None else schema or {}
        run = self.compile(config)
        self.schema = outer
        return run

    def _expression_or_object(self, config: dict[str, JsonValue]) -> Evaluate | None:
        kind, expression = config.get("kind"), config.get("expression")
        if isinstance(kind, str) and kind in KINDS and isinstance(expression, str):
            return self._refuse_many(max(expression.count("{{"), 1), len(expression)) or self._expression(config, expression)
        return self._object(config)

    def _refuse_many(self, expressions: int, characters: int) -> Evaluate | None:
        self.expressions += expressions
        self.characters += characters
        if self.refused is None and self.expressions > MAX_EXPRESSIONS:
            self.refused = self._refuse(ExpressionError(f"The config has more than {MAX_EXPRESSIONS:,} expressions.", ""))
        elif self.refused is None and self.characters > MAX_CHARACTERS:
            self.refused = self._refuse(ExpressionError(f"The expressions of the config have more than {MAX_CHARACTERS:,} characters.", ""))
        return self.refused

    def _object(self, config: dict[str, JsonValue]) -> Evaluate | None:
        dynamic = {
            key: run
            for key, value in config.items()
            if key not in self.skip and (run := self._field(value, field_schema.of_key(self.schema, config, key))) is not None
        }
        if not dynamic:
            return None
        entries = tuple(dynamic.items())
        omit = self.omit_undefined

        def build(scope: Scope, warnings: list[str]) -> object:
            result: dict[str, object] = dict(config)  # keeps the order of the keys
            for key, run in entries:
                value = run(scope, warnings)
                if value is not UNDEFINED:
                    result[key] = value
                elif omit:
                    del result[key]
                else:
                    result[key] = None
            return result

        return build

    def _array(self, config: list[JsonValue]) -> Evaluate | None:
        dynamic = tuple(
            (index, run)
            for index, value in enumerate(config)
            if (run := self._field(value, field_schema.of_items(self.schema))) is not None
        )
        if not dynamic:
            return None

        def build(scope: Scope, warnings: list[str]) -> object:
            result: list[object] = list(config)
            for index, run in dynamic:
                value = run(scope, warnings)
                result[index] = None if value is UNDEFINED else value
            return result

        return build

    def _expression(self, config: Mapping[str, JsonValue], expression: str) -> Evaluate:
        if config.get("instructTo") == "ai":
            if self.schema is None:
                sentence = f'Only fields of nodes are filled by AI: "{_shorten(expression)}" cannot be evaluated here.'
                return self._refuse(ExpressionError(sentence, expression))
            return self._instruction(self._plain(config, expression), field_schema.text_of(self.schema))
        return self._plain(config, expression)

    def _plain(self, config: Mapping[str, JsonValue], expression: str) -> Evaluate:
        if config["kind"] == "templateExpression":
            return self._template(expression) or (lambda scope, warnings: expression)
        trimmed = expression.strip(WHITE_SPACE)
        if trimmed.startswith("{{") and trimmed.endswith("}}"):  # never JavaScript, which has no {{ at its start
            return self._template(trimmed) or (lambda scope, warnings: expression)
        return self._value(expression, body=True)

    def _instruction(self, run: Evaluate, schema: str) -> Evaluate:
        """What a language model answers to a text that is evaluated first, as a value that holds to the schema."""
        self.asks_model = True

        def evaluate(scope: Scope, warnings: list[str]) -> object:
            asking = scope if isinstance(scope, ScopeWithResults) else None
            before = len(asking.open_questions or ()) if asking is not None else 0
            text = to_text(run(scope, warnings))
            if asking is not None and len(asking.open_questions or ()) > before:
                return UNDEFINED
            if not text.strip():
                raise ExpressionError("A field that is filled by AI has no instruction: its text is empty.", "")
            question = EngineExpression(text, schema=schema)
            return (_with_result(question, None) if asking is not None else _needs_engine(text))(scope, warnings)

        return evaluate

    def _template(self, text: str) -> Evaluate | None:
        pieces = template.parse(text)
        if len(pieces) == 1:
            only = pieces[0]
            if isinstance(only, template.Source):
                return self._value(only.text)
            return None if only == text else lambda scope, warnings: only
        parts = tuple(piece if isinstance(piece, str) else self._source(piece.text) for piece in pieces)

        def join(scope: Scope, warnings: list[str]) -> object:
            return "".join([part if isinstance(part, str) else to_text(part(scope, warnings)) for part in parts])

        return _refuse_deep_values(join, text)

    def _value(self, source: str, *, body: bool = False) -> Evaluate:
        """An expression that stands alone: its value as it is, apart from numbers that JSON does not have."""
        run = self._source(source, body=body)

        def evaluate(scope: Scope, warnings: list[str]) -> object:
            value = run(scope, warnings)
            if type(value) is float and not math.isfinite(value):
                warnings.append(f"{quote(source)} is not a finite number, so the value is null.")
                return None
            return value

        return evaluate

    def _source(self, source: str, *, body: bool = False) -> Evaluate:
        source = source.strip(WHITE_SPACE)
        self.sources.append(source)
        if len(source) > MAX_LENGTH:
            sentence = f"The expression {quote(source)} has {len(source):,} characters, at most {MAX_LENGTH:,} go: use a script node."
            return self._refuse(ExpressionError(sentence, source))
        question = EngineExpression(source, body)
        try:
            compiled = path.compile(source, body=body)
        except ExpressionError as error:
            return self._refuse(error)
        if compiled is None:
            self.engine.append(question)
            return _with_result(question, None) if self.asking else _needs_engine(source)
        unknown = next((name for name in compiled.names if name not in self.names), None)
        if unknown is not None:
            self.problems.append(unknown_name(unknown, source))
        return _with_result(question, compiled.run) if self.asking else compiled.run

    def _refuse(self, error: ExpressionError) -> Evaluate:
        """An expression that fails whenever it is evaluated; other parts of the config do not matter to it."""
        self.problems.append(error)

        def fail(scope: Scope, warnings: list[str]) -> object:
            raise ExpressionError(error.message, error.expression, error.position)

        return fail


def _needs_engine(source: str) -> Evaluate:
    def fail(scope: Scope, warnings: list[str]) -> object:
        raise NeedsEngine(source)

    return fail


def _with_result(question: EngineExpression, run: Evaluate | None) -> Evaluate:
    """The expression by the fast path where that is certain, else the result of the engine."""

    def evaluate(scope: Scope, warnings: list[str]) -> object:
        assert isinstance(scope, ScopeWithResults)
        answer = scope.answers.get(question)
        if answer is not None:
            warnings.extend(warning for warning in answer.warnings if warning not in warnings)
            if answer.error is not None:
                raise ExpressionError(answer.error.message, answer.error.expression, answer.error.position)
            return answer.value
        if run is not None:
            noted: list[str] = []
            try:
                value = run(scope, noted)
            except NeedsEngine:
                pass
            else:
                warnings.extend(warning for warning in noted if warning not in warnings)
                return value
        if scope.open_questions is None:
            raise NeedsEngine(question.source)
        scope.open_questions[question] = None
        return UNDEFINED

    return evaluate


def _refuse_deep_values(run: Evaluate, text: str) -> Evaluate:
    """The closure, with a sentence where a value is nested too deeply to be printed."""

    def evaluate(scope: Scope, warnings: list[str]) -> object:
        try:
            return run(scope, warnings)
        except RecursionError:
            raise ExpressionError(f'A value in the template "{_shorten(text)}" is nested too deeply to be put into text.', text) from None

    return evaluate


def _shorten(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
