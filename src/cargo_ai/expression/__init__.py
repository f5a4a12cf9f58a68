"""Templates and JavaScript in node configs and computed columns, evaluated against the data of a run.

`compile_config(config)` gives a `Resolver`, once per node and release; `resolver(scope, warnings)` gives the config's values, once per
execution. Paths, comparisons and boolean operators are evaluated here, on the native fast path. `resolver.questions(scope)` gives the
expressions that need a JavaScript engine; an `Evaluator` has them evaluated in a sandbox; `resolver(scope, warnings, results)` uses that.
"""

from cargo_ai.expression.coerce import VARIABLE_TYPES, VariableType, coerce, condition
from cargo_ai.expression.errors import ExpressionError, NeedsEngine
from cargo_ai.expression.native.text import to_text
from cargo_ai.expression.native.values import JsonValue, Scope
from cargo_ai.expression.requests import EngineExpression, EngineRequest, EngineResult, ScriptResult
from cargo_ai.expression.resolve import Resolver, compile_config

__all__ = [
    "VARIABLE_TYPES",
    "EngineExpression",
    "EngineRequest",
    "EngineResult",
    "ExpressionError",
    "JsonValue",
    "NeedsEngine",
    "Resolver",
    "Scope",
    "ScriptResult",
    "VariableType",
    "coerce",
    "compile_config",
    "condition",
    "to_text",
]
