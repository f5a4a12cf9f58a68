"""Parse the text of a query in one of three spellings, within limits of length and depth."""

from __future__ import annotations

import re
from typing import Any, ClassVar, cast

from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.dialects.clickhouse import ClickHouse
from sqlglot.dialects.dialect import Dialect
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import SqlglotError
from sqlglot.parser import Parser
from sqlglot.tokenizer_core import Token, TokenType

from cargo_ai.user_sql.errors import SqlRefused, shorten
from cargo_ai.user_sql.translate.shapes import Spelling

MAX_CHARACTERS = 20_000
MAX_TOKENS = 6_000
MAX_DEPTH = 100
MAX_REREADS = 30
"""How often the parser may read a word again, on average."""

_OPENS = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE}
_CLOSES = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END}
_PREFIXES = {TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE}
_BEGINS = {TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN}
_SPECIAL_FUNCTIONS = ("ARRAY", "CAST", "TRY_CAST", "SAFE_CAST", "EXTRACT", "SUBSTRING", "TRIM", "POSITION", "STRING_AGG")
"""Functions with a grammar of their own. Every other one is read as a name with arguments, exactly as it was written."""

_ONLY_BIGQUERY = re.compile(
    r"`|\b(?:SAFE_\w+|DATE_(?:ADD|SUB|DIFF)|TIMESTAMP_\w+|DATETIME_\w+|FORMAT_(?:DATE|TIMESTAMP|DATETIME)|PARSE_(?:DATE|TIMESTAMP|JSON)|COUNTIF"
    r"|IFNULL|IF|STRUCT|QUALIFY|APPROX_\w+|JSON_VALUE|JSON_QUERY|JSON_EXTRACT\w*|REGEXP_(?:CONTAINS|EXTRACT)\w*|GENERATE_\w*ARRAY\w*|SPLIT"
    r"|CONTAINS_SUBSTR|LOGICAL_(?:OR|AND)|TO_JSON_STRING|UNIX_\w+|LAST_DAY|ENDS_WITH|CURRENT_DATETIME|ARRAY_CONCAT|FARM_FINGERPRINT)\s*\("
    r"|\bINTERVAL\s+\d|\*\s*EXCEPT\s*\(|\*\s*REPLACE\s*\(|\bQUALIFY\b|\b(?:IGNORE|RESPECT)\s+NULLS\b|\bWITH\s+OFFSET\b|\bIN\s+UNNEST\b"
    r"|\b(?:EXCEPT|INTERSECT|UNION)\s+DISTINCT\b|\b(?:INT64|FLOAT64|BIGNUMERIC)\b|\b(?:SAFE_)?(?:OFFSET|ORDINAL)\s*\(|\b[rR]['\"]",
    re.IGNORECASE,
)


def _special_parsers(parser: Any) -> dict[str, Any]:
    return {name: rule for name, rule in parser.FUNCTION_PARSERS.items() if name in _SPECIAL_FUNCTIONS}


class _BoundedParser(Parser):
    """A parser that gives up when it goes back too often: some nestings are otherwise tried in exponentially many ways."""

    _again = 0

    def _retreat(self, index: int) -> None:
        self._again += self._index - index
        if self._again > MAX_REREADS * (self._tokens_size + 100):
            raise SqlRefused("The query is too complicated.")
        super()._retreat(index)


class _PlainBigQuery(BigQuery):
    """BigQuery's grammar without its knowledge of functions."""

    class Parser(_BoundedParser, BigQuery.Parser):
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = _special_parsers(BigQuery.Parser)


class _PlainPostgres(Postgres):
    """Postgres' grammar without its knowledge of functions."""

    class Parser(_BoundedParser, Postgres.Parser):
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = _special_parsers(Postgres.Parser)


class _PlainClickHouse(ClickHouse):
    """ClickHouse's grammar without its knowledge of functions, apart from the second parentheses that some aggregates have."""

    class Parser(_BoundedParser, ClickHouse.Parser):
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = _special_parsers(ClickHouse.Parser)


_dialects: dict[Spelling, Dialect] = {"postgres": _PlainPostgres(), "bigquery": _PlainBigQuery(), "clickhouse": _PlainClickHouse()}


def spellings(text: str) -> tuple[Spelling, Spelling]:
    """The spellings to try, the likelier first: BigQuery's when something in the text is only BigQuery's."""
    return ("bigquery", "postgres") if _ONLY_BIGQUERY.search(text) else ("postgres", "bigquery")


def parse_query(text: str, spelling: Spelling) -> exp.Expr:
    """The one statement of the text. SqlRefused when it is too long or too deep, no query, or not in that spelling."""
    tokens = _tokenize(text, spelling)
    first = tokens[0]
    if first.token_type not in _BEGINS:
        sentence = f"Only one SELECT can be run here (it may begin with WITH), not {shorten(first.text.upper())}."
        raise SqlRefused(sentence, "syntax", "denied")
    trees = _parse(tokens, text, spelling, None)
    if len(trees) != 1:
        raise SqlRefused("Only one statement can be run at a time.", about="denied")
    return _anonymize_aggregates(trees[0]) if spelling == "clickhouse" else trees[0]


def _anonymize_aggregates(tree: exp.Expr) -> exp.Expr:
    """The tree with aggregates that ClickHouse's grammar tells apart as what every other function is: a name with arguments."""
    for node in list(tree.walk()):
        if type(node) in {exp.AnonymousAggFunc, exp.CombinedAggFunc}:
            node.replace(exp.Anonymous(this=node.this, expressions=node.expressions))
    return tree


def parse_condition(text: str, spelling: Spelling) -> exp.Expr:
    """The one expression of the text; refused like a query."""
    trees = _parse(_tokenize(text, spelling), text, spelling, exp.Condition)
    if len(trees) != 1:
        raise SqlRefused("Only one condition can stand here.")
    return trees[0]


def _tokenize(text: str, spelling: Spelling) -> list[Token]:
    if len(text) > MAX_CHARACTERS:
        raise SqlRefused(f"The query is too long: at most {MAX_CHARACTERS:,} characters are allowed.")
    if "\0" in text:
        raise SqlRefused("The query has a NUL character.")
    try:
        tokens = _dialects[spelling].tokenize(text)
    except (SqlglotError, ValueError, IndexError, RecursionError):
        raise SqlRefused("The query cannot be read: a quote or a comment is not closed, or a character has no meaning.", "syntax") from None
    if not tokens:
        raise SqlRefused("The query is empty.")
    if len(tokens) > MAX_TOKENS:
        raise SqlRefused(f"The query is too long: at most {MAX_TOKENS:,} words are allowed.")
    _refuse_depth(tokens)
    if any(token.text == "<=>" for token in tokens):
        # The parser takes it for another database's null-safe equality.
        raise SqlRefused("Write cosine_distance(a, b) instead of a <=> b.")
    return tokens


def _refuse_depth(tokens: list[Token]) -> None:
    depth = prefixes = 0
    for token in tokens:
        kind = token.token_type
        depth += (kind in _OPENS) - (kind in _CLOSES)
        prefixes = prefixes + 1 if kind in _PREFIXES else 0
        if depth + prefixes > MAX_DEPTH:
            raise SqlRefused(f"The query is nested too deeply: at most {MAX_DEPTH} levels are allowed.")


def _parse(tokens: list[Token], text: str, spelling: Spelling, into: type[exp.Expr] | None) -> list[exp.Expr]:
    parser = _dialects[spelling].parser()
    try:
        trees = cast("list[Any]", parser.parse(tokens, text) if into is None else parser.parse_into(into, tokens, text))
    except SqlRefused:
        raise
    except RecursionError:
        raise SqlRefused("The query is too complicated.") from None
    except Exception as error:
        # Whatever a parser trips over is not a query: it must never come through.
        raise SqlRefused(_syntax_sentence(error, text), "syntax") from None
    return [tree for tree in trees if tree is not None]


def _syntax_sentence(error: Exception, text: str) -> str:
    """Where the parser stopped, in our words: its own repeat the query with colours."""
    details: list[dict[str, Any]] = getattr(error, "errors", None) or []
    if not details or not details[0].get("line"):
        return "The query cannot be read: it is not a complete SELECT."
    word = shorten(str(details[0].get("highlight") or ""))
    near = f" near {word!r}" if word.strip() else ""
    return f"The query cannot be read: line {details[0]['line']}, column {details[0]['col']}{near}."
