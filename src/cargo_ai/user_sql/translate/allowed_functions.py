"""Allowed: every function of the database that a query may call under its own name: how many arguments, and what comes out."""

from __future__ import annotations

from typing import NamedTuple

from cargo_ai.user_sql.translate.shapes import Kind


class Plain(NamedTuple):
    """A function that means the same in both spellings, or only exists in one. `name`: what it is called in the database."""

    least: int
    most: int
    kind: Kind = ""
    name: str = ""


SCALARS: dict[str, Plain] = {
    # numbers
    "abs": Plain(1, 1, "number"),
    "ceil": Plain(1, 1, "number"),
    "ceiling": Plain(1, 1, "number"),
    "floor": Plain(1, 1, "number"),
    "sqrt": Plain(1, 1, "number"),
    "cbrt": Plain(1, 1, "number"),
    "exp": Plain(1, 1, "number"),
    "ln": Plain(1, 1, "number"),
    "log10": Plain(1, 1, "number"),
    "power": Plain(2, 2, "number"),
    "pow": Plain(2, 2, "number", "power"),
    "sign": Plain(1, 1, "number"),
    "degrees": Plain(1, 1, "number"),
    "radians": Plain(1, 1, "number"),
    "sin": Plain(1, 1, "number"),
    "cos": Plain(1, 1, "number"),
    "tan": Plain(1, 1, "number"),
    "asin": Plain(1, 1, "number"),
    "acos": Plain(1, 1, "number"),
    "atan": Plain(1, 1, "number"),
    "atan2": Plain(2, 2, "number"),
    "pi": Plain(0, 0, "number"),
    "random": Plain(0, 0, "number"),
    "rand": Plain(0, 0, "number", "random"),
    "mod": Plain(2, 2, "", "bq.mod"),
    "round": Plain(1, 2, "", "bq.round"),
    "trunc": Plain(1, 2, "", "bq.trunc"),
    "div": Plain(2, 2, "integer", "bq.div"),
    "width_bucket": Plain(4, 4, "integer"),
    # texts
    "lower": Plain(1, 1, "string"),
    "upper": Plain(1, 1, "string"),
    "initcap": Plain(1, 1, "string"),
    "length": Plain(1, 1, "integer"),
    "char_length": Plain(1, 1, "integer"),
    "character_length": Plain(1, 1, "integer"),
    "octet_length": Plain(1, 1, "integer"),
    "reverse": Plain(1, 1, "string"),
    "replace": Plain(3, 3, "string"),
    "translate": Plain(3, 3, "string"),
    "ltrim": Plain(1, 2, "string"),
    "rtrim": Plain(1, 2, "string"),
    "btrim": Plain(1, 2, "string"),
    "left": Plain(2, 2, "string"),
    "right": Plain(2, 2, "string"),
    "strpos": Plain(2, 2, "integer"),
    "instr": Plain(2, 2, "integer", "strpos"),
    "starts_with": Plain(2, 2, "boolean"),
    "ends_with": Plain(2, 2, "boolean", "bq.ends_with"),
    "split_part": Plain(3, 3, "string"),
    "concat_ws": Plain(2, 100, "string"),
    "ascii": Plain(1, 1, "integer"),
    "md5": Plain(1, 1, "string"),
    "repeat": Plain(2, 2, "string", "bq.repeat"),
    "lpad": Plain(2, 3, "string", "bq.lpad"),
    "rpad": Plain(2, 3, "string", "bq.rpad"),
    "soundex": Plain(1, 1, "string", "bq.soundex"),
    "regexp_like": Plain(2, 3, "boolean"),
    "regexp_count": Plain(2, 2, "integer"),
    "regexp_substr": Plain(2, 2, "string"),
    "regexp_replace": Plain(3, 4, "string"),
    # moments
    "now": Plain(0, 0, "timestamp"),
    "age": Plain(1, 2, "interval"),
    "make_date": Plain(3, 3, "date"),
    "to_char": Plain(2, 2, "string"),
    "to_date": Plain(2, 2, "date"),
    "to_timestamp": Plain(1, 2, "timestamp"),
    "justify_days": Plain(1, 1, "interval"),
    "justify_hours": Plain(1, 1, "interval"),
    # objects and arrays
    "to_jsonb": Plain(1, 1, "json"),
    "to_json": Plain(1, 1, "json", "to_jsonb"),
    "jsonb_typeof": Plain(1, 1, "string"),
    "json_typeof": Plain(1, 1, "string", "jsonb_typeof"),
    "jsonb_array_length": Plain(1, 1, "integer"),
    "json_array_length": Plain(1, 1, "integer", "jsonb_array_length"),
    "jsonb_extract_path": Plain(2, 20, "json"),
    "json_extract_path": Plain(2, 20, "json", "jsonb_extract_path"),
    "jsonb_extract_path_text": Plain(2, 20, "string"),
    "json_extract_path_text": Plain(2, 20, "string", "jsonb_extract_path_text"),
    "jsonb_build_object": Plain(0, 100, "json"),
    "json_build_object": Plain(0, 100, "json", "jsonb_build_object"),
    "jsonb_build_array": Plain(0, 100, "json"),
    "json_build_array": Plain(0, 100, "json", "jsonb_build_array"),
    "jsonb_strip_nulls": Plain(1, 1, "json"),
    "cardinality": Plain(1, 1, "integer"),
    "array_to_string": Plain(2, 3, "string"),
    "array_position": Plain(2, 2, "integer"),
    "array_reverse": Plain(1, 1, "array", "bq.array_reverse"),
    "string_to_array": Plain(2, 3, "array"),
    # whichever
    "nullif": Plain(2, 2),
    "coalesce": Plain(1, 100),
    "ifnull": Plain(2, 2, "", "coalesce"),
    "nvl": Plain(2, 2, "", "coalesce"),
    # vectors
    "cosine_distance": Plain(2, 2, "number", "bq.cosine_distance"),
    "euclidean_distance": Plain(2, 2, "number", "bq.euclidean_distance"),
    "l2_distance": Plain(2, 2, "number", "bq.euclidean_distance"),
    "inner_product": Plain(2, 2, "number", "bq.inner_product"),
    "vector_dims": Plain(1, 1, "integer", "bq.vector_dims"),
}

AGGREGATES: dict[str, Plain] = {
    "sum": Plain(1, 1),
    "avg": Plain(1, 1, "number"),
    "min": Plain(1, 1),
    "max": Plain(1, 1),
    "bool_and": Plain(1, 1, "boolean"),
    "bool_or": Plain(1, 1, "boolean"),
    "every": Plain(1, 1, "boolean"),
    "logical_and": Plain(1, 1, "boolean", "bool_and"),
    "logical_or": Plain(1, 1, "boolean", "bool_or"),
    "any_value": Plain(1, 1),
    "stddev": Plain(1, 1, "number"),
    "stddev_samp": Plain(1, 1, "number"),
    "stddev_pop": Plain(1, 1, "number"),
    "variance": Plain(1, 1, "number"),
    "var_samp": Plain(1, 1, "number"),
    "var_pop": Plain(1, 1, "number"),
    "corr": Plain(2, 2, "number"),
    "covar_pop": Plain(2, 2, "number"),
    "covar_samp": Plain(2, 2, "number"),
    "regr_slope": Plain(2, 2, "number"),
    "regr_intercept": Plain(2, 2, "number"),
    "array_agg": Plain(1, 1, "array"),
    "jsonb_agg": Plain(1, 1, "json"),
    "json_agg": Plain(1, 1, "json", "jsonb_agg"),
    "jsonb_object_agg": Plain(2, 2, "json"),
    "json_object_agg": Plain(2, 2, "json", "jsonb_object_agg"),
}
COLLECTING = frozenset({"array_agg", "string_agg", "jsonb_agg", "json_agg", "jsonb_object_agg", "json_object_agg"})
"""Aggregates that keep all of their input in memory."""

WITHIN = {"percentile_cont": "number", "percentile_disc": "", "mode": ""}
"""Aggregates with WITHIN GROUP."""

WINDOWS: dict[str, Plain] = {
    "row_number": Plain(0, 0, "integer"),
    "rank": Plain(0, 0, "integer"),
    "dense_rank": Plain(0, 0, "integer"),
    "percent_rank": Plain(0, 0, "number"),
    "cume_dist": Plain(0, 0, "number"),
    "ntile": Plain(1, 1, "integer"),
    "lag": Plain(1, 3),
    "lead": Plain(1, 3),
    "first_value": Plain(1, 1),
    "last_value": Plain(1, 1),
    "nth_value": Plain(2, 2),
}

SAME_KIND = frozenset({"min", "max", "any_value", "lag", "lead", "first_value", "last_value", "nth_value", "nullif", "abs", "sum"})
"""What comes out is of the kind that goes in."""

IMPOSSIBLE: dict[str, str] = {
    "farm_fingerprint": "the database cannot compute BigQuery's value",
    "format": "write CONCAT or FORMAT_DATE",
    "percentile_approx": "write APPROX_QUANTILES",
    "session_user": "queries have no user",
    "hll_count": "write COUNT(DISTINCT …)",
    "regexp_matches": "write REGEXP_EXTRACT_ALL",
    "timestamp_bucket": "write TIMESTAMP_TRUNC",
    "array_concat_agg": "write ARRAY_AGG",
    "st_distance": "there are no geographies",
}
"""Functions that are refused by name, and why."""
