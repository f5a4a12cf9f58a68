"""Public interface of expression: evaluate an expression over variables."""

from cargo_ai.domains.expression.trial import Tried, evaluate

__all__ = ["Tried", "evaluate"]
