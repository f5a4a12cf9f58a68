"""Errors of expressions: one that is wrong, and one that only the JavaScript engine can evaluate."""

_MAX_QUOTED = 200  # characters of an expression quoted in a sentence


def quote(expression: str) -> str:
    """The expression as a person wrote it, in braces and cut to a readable length."""
    text = " ".join(expression.split())
    return "{{" + (text if len(text) <= _MAX_QUOTED else text[: _MAX_QUOTED - 1] + "…") + "}}"


class ExpressionError(Exception):
    """An expression that cannot be evaluated; `message` is a sentence for the person who wrote it.

    `expression` is the source without braces; `position` is the zero-based offset in it, or None where the whole is meant.
    """

    def __init__(self, message: str, expression: str, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.expression = expression
        self.position = position


class NeedsEngine(ExpressionError):
    """An expression that only a full JavaScript engine can answer with certainty."""

    def __init__(self, expression: str) -> None:
        super().__init__(
            f"The expression {quote(expression)} needs the JavaScript engine, which cannot run here: "
            "use paths, comparisons and boolean operators.",
            expression,
        )


def unknown_name(name: str, expression: str) -> ExpressionError:
    """The error for a name that is neither in scope nor part of JavaScript."""
    return ExpressionError(
        f"The expression {quote(expression)} uses the name {name}, which does not exist here: "
        "read the output of a node as nodes.<slug>.<field>.",
        expression,
        expression.find(name),
    )
