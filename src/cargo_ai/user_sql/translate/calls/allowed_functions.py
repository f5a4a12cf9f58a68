"""The functions of PostgreSQL that queries may call by their own names, with their arguments and results."""

from __future__ import annotations

from typing import NamedTuple

from cargo_ai.user_sql.translate.shapes import Kind


class Signature(NamedTuple):
    """A function that means the same in both spellings, or only exists in one. `name`: what it is called in the database."""

    least: int
    most: int
    kind: Kind = ""
    name: str = ""


SCALARS: dict[str, Signature] = {
    # numbers
    "abs": Signature(1, 1, "number"),
    "ceil": Signature(1, 1, "number"),
    "ceiling": Signature(1, 1, "number"),
    "floor": Signature(1, 1, "number"),
    "sqrt": Signature(1, 1, "number"),
    "cbrt": Signature(1, 1, "number"),
    "exp": Signature(1, 1, "number"),
    "ln": Signature(1, 1, "number"),
    "log10": Signature(1, 1, "number"),
    "power": Signature(2, 2, "number"),
    "pow": Signature(2, 2, "number", "power"),
    "sign": Signature(1, 1, "number"),
    "degrees": Signature(1, 1, "number"),
    "radians": Signature(1, 1, "number"),
    "sin": Signature(1, 1, "number"),
    "cos": Signature(1, 1, "number"),
    "tan": Signature(1, 1, "number"),
    "asin": Signature(1, 1, "number"),
    "acos": Signature(1, 1, "number"),
    "atan": Signature(1, 1, "number"),
    "atan2": Signature(2, 2, "number"),
    "pi": Signature(0, 0, "number"),
    "random": Signature(0, 0, "number"),
    "rand": Signature(0, 0, "number", "random"),
    "mod": Signature(2, 2, "", "bq.mod"),
    "round": Signature(1, 2, "", "bq.round"),
    "trunc": Signature(1, 2, "", "bq.trunc"),
    "div": Signature(2, 2, "integer", "bq.div"),
    "width_bucket": Signature(4, 4, "integer"),
    # texts
    "lower": Signature(1, 1, "string"),
    "upper": Signature(1, 1, "string"),
    "initcap": Signature(1, 1, "string"),
    "length": Signature(1, 1, "integer"),
    "char_length": Signature(1, 1, "integer"),
    "character_length": Signature(1, 1, "integer"),
    "octet_length": Signature(1, 1, "integer"),
    "reverse": Signature(1, 1, "string"),
    "replace": Signature(3, 3, "string"),
    "translate": Signature(3, 3, "string"),
    "ltrim": Signature(1, 2, "string"),
    "rtrim": Signature(1, 2, "string"),
    "btrim": Signature(1, 2, "string"),
    "left": Signature(2, 2, "string"),
    "right": Signature(2, 2, "string"),
    "strpos": Signature(2, 2, "integer"),
    "instr": Signature(2, 2, "integer", "strpos"),
    "starts_with": Signature(2, 2, "boolean"),
    "ends_with": Signature(2, 2, "boolean", "bq.ends_with"),
    "split_part": Signature(3, 3, "string"),
    "concat_ws": Signature(2, 100, "string"),
    "ascii": Signature(1, 1, "integer"),
    "md5": Signature(1, 1, "string"),
    "repeat": Signature(2, 2, "string", "bq.repeat"),
    "lpad": Signature(2, 3, "string", "bq.lpad"),
    "rpad": Signature(2, 3, "string", "bq.rpad"),
    "soundex": Signature(1, 1, "string", "bq.soundex"),
    "regexp_like": Signature(2, 3, "boolean"),
    "regexp_count": Signature(2, 2, "integer"),
    "regexp_substr": Signature(2, 2, "string"),
    "regexp_replace": Signature(3, 4, "string"),
    # moments
    "now": Signature(0, 0, "timestamp"),
    "age": Signature(1, 2, "interval"),
    "make_date": Signature(3, 3, "date"),
    "to_char": Signature(2, 2, "string"),
    "to_date": Signature(2, 2, "date"),
    "to_timestamp": Signature(1, 2, "timestamp"),
    "justify_days": Signature(1, 1, "interval"),
    "justify_hours": Signature(1, 1, "interval"),
    # objects and arrays
    "to_jsonb": Signature(1, 1, "json"),
    "to_json": Signature(1, 1, "json", "to_jsonb"),
    "jsonb_typeof": Signature(1, 1, "string"),
    "json_typeof": Signature(1, 1, "string", "jsonb_typeof"),
    "jsonb_array_length": Signature(1, 1, "integer"),
    "json_array_length": Signature(1, 1, "integer", "jsonb_array_length"),
    "jsonb_extract_path": Signature(2, 20, "json"),
    "json_extract_path": Signature(2, 20, "json", "jsonb_extract_path"),
    "jsonb_extract_path_text": Signature(2, 20, "string"),
    "json_extract_path_text": Signature(2, 20, "string", "jsonb_extract_path_text"),
    "jsonb_build_object": Signature(0, 100, "json"),
    "json_build_object": Signature(0, 100, "json", "jsonb_build_object"),
    "jsonb_build_array": Signature(0, 100, "json"),
    "json_build_array": Signature(0, 100, "json", "jsonb_build_array"),
    "jsonb_strip_nulls": Signature(1, 1, "json"),
    "cardinality": Signature(1, 1, "integer"),
    "array_to_string": Signature(2, 3, "string"),
    "array_position": Signature(2, 2, "integer"),
    "array_reverse": Signature(1, 1, "array", "bq.array_reverse"),
    "string_to_array": Signature(2, 3, "array"),
    # whichever
    "nullif": Signature(2, 2),
    "coalesce": Signature(1, 100),
    "ifnull": Signature(2, 2, "", "coalesce"),
    "nvl": Signature(2, 2, "", "coalesce"),
    # vectors
    "cosine_distance": Signature(2, 2, "number", "bq.cosine_distance"),
    "euclidean_distance": Signature(2, 2, "number", "bq.euclidean_distance"),
    "l2_distance": Signature(2, 2, "number", "bq.euclidean_distance"),
    "inner_product": Signature(2, 2, "number", "bq.inner_product"),
    "vector_dims": Signature(1, 1, "integer", "bq.vector_dims"),
}

AGGREGATES: dict[str, Signature] = {
    "sum": Signature(1, 1),
    "avg": Signature(1, 1, "number"),
    "min": Signature(1, 1),
    "max": Signature(1, 1),
    "bool_and": Signature(1, 1, "boolean"),
    "bool_or": Signature(1, 1, "boolean"),
    "every": Signature(1, 1, "boolean"),
    "logical_and": Signature(1, 1, "boolean", "bool_and"),
    "logical_or": Signature(1, 1, "boolean", "bool_or"),
    "any_value": Signature(1, 1),
    "stddev": Signature(1, 1, "number"),
    "stddev_samp": Signature(1, 1, "number"),
    "stddev_pop": Signature(1, 1, "number"),
    "variance": Signature(1, 1, "number"),
    "var_samp": Signature(1, 1, "number"),
    "var_pop": Signature(1, 1, "number"),
    "corr": Signature(2, 2, "number"),
    "covar_pop": Signature(2, 2, "number"),
    "covar_samp": Signature(2, 2, "number"),
    "regr_slope": Signature(2, 2, "number"),
    "regr_intercept": Signature(2, 2, "number"),
    "array_agg": Signature(1, 1, "array"),
    "jsonb_agg": Signature(1, 1, "json"),
    "json_agg": Signature(1, 1, "json", "jsonb_agg"),
    "jsonb_object_agg": Signature(2, 2, "json"),
    "json_object_agg": Signature(2, 2, "json", "jsonb_object_agg"),
}
COLLECTING = frozenset({"array_agg", "string_agg", "jsonb_agg", "json_agg", "jsonb_object_agg", "json_object_agg"})
"""Aggregates that keep all of their input in memory."""

WITHIN = {"percentile_cont": "number", "percentile_disc": "", "mode": ""}
"""Aggregates with WITHIN GROUP."""

WINDOWS: dict[str, Signature] = {
    "row_number": Signature(0, 0, "integer"),
    "rank": Signature(0, 0, "integer"),
    "dense_rank": Signature(0, 0, "integer"),
    "percent_rank": Signature(0, 0, "number"),
    "cume_dist": Signature(0, 0, "number"),
    "ntile": Signature(1, 1, "integer"),
    "lag": Signature(1, 3),
    "lead": Signature(1, 3),
    "first_value": Signature(1, 1),
    "last_value": Signature(1, 1),
    "nth_value": Signature(2, 2),
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
