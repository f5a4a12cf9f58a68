"""Expressions: templates and JavaScript in node configs and computed columns, evaluated against the data of a run.

`compile_config(config)` gives a `Resolver`, once per node and release; `resolver(scope, warnings)` gives the config's values, once per
execution. Paths, comparisons and boolean operators are evaluated here (the path lane); what needs more JavaScript raises `NeedsEngine`
and is listed in `resolver.needs_engine` before anything runs.
"""

from cargo_ai.expression.coerce import VARIABLE_TYPES, VariableType, coerce, condition
from cargo_ai.expression.errors import ExpressionError, NeedsEngine
from cargo_ai.expression.resolve import Resolver, compile_config
from cargo_ai.expression.text import to_text
from cargo_ai.expression.values import JsonValue, Scope

__all__ = [
    "VARIABLE_TYPES",
    "ExpressionError",
    "JsonValue",
    "NeedsEngine",
    "Resolver",
    "Scope",
    "VariableType",
    "coerce",
    "compile_config",
    "condition",
    "to_text",
]
