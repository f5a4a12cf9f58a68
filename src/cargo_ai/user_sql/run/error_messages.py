"""Errors of the database as sentences for users, without values of the data or physical names."""

from __future__ import annotations

import re

import psycopg

from cargo_ai.user_sql.run.roles import STATEMENT_SECONDS

OWN_SQLSTATE = "CAI01"
_GROUPED = re.compile(r'column "r\d+\.([^"]{1,63})"')
_SENTENCES = {
    "53200": "The query needs more memory than it may have. Filter more, or collect and sort less.",
    "54000": "The query makes a value that is too large.",
    "53400": "The query needs more disk than it may have. Filter more, or join and sort less.",
    "53100": "The database has no room for what the query has to sort.",
    "55P03": "The table is being changed right now. Try again in a moment.",
    "22012": "The query divides by zero: use NULLIF or SAFE_DIVIDE.",
    "22P02": "A value does not fit the type that it is compared with or cast to: correct it, or use SAFE_CAST where some do not fit.",
    "22007": "A value is not a date or time in the form that is expected.",
    "22008": "A date or time is out of the range that can be computed.",
    "22003": "A number is out of the range of its type.",
    "22023": "A function was given a value that it does not take (a time zone, a unit or a size).",
    "2201B": "A pattern cannot be read.",
    "2201E": "A logarithm is of a number above zero.",
    "2201F": "A power or root has no real result.",
    "22026": "A text is longer than its type allows.",
    "22001": "A text is longer than its type allows.",
    "21000": "A subquery that stands for one value gives more than one row.",
    "42803": "A column of the SELECT list, HAVING or ORDER BY is neither grouped by nor inside an aggregate.",
    "42883": "A function or an operator does not take values of these types: cast them first.",
    "42725": "It is not clear which types a function works on here: cast its arguments.",
    "42804": "Values of different types stand where they must be of one: cast them first.",
    "42846": "A value cannot be cast to that type.",
    "42P18": "The type of a value is not clear: cast it.",
    "42P20": "A window function cannot stand here.",
    "42P22": "It is not clear how a text is to be compared here.",
    "42P10": "With SELECT DISTINCT, ORDER BY takes columns of the SELECT list.",
    "42601": "The query has a form that the database does not take.",
    "0A000": "The query uses something that the database does not do.",
    "42P01": "The table was changed while the query began. Try again.",
    "42703": "The table was changed while the query began. Try again.",
    "42501": "The query uses something that is not allowed here.",
    "08P01": "A parameter cannot be used here.",
    "22P05": "A text has a character that cannot be shown.",
    "22021": "A text has a character that cannot be read.",
    "22030": "An object has one key twice.",
    "22034": "A JSON value has more than one item where one is expected.",
    "22P04": "The query has a form that the database does not take.",
    "2202E": "The arrays have different sizes.",
    "54001": "The query is too complicated.",
    "54011": "The query gives too many columns.",
    "54023": "A function is given too many arguments.",
}
_CLASSES = {
    "22": "A value does not fit what the query does with it.",
    "42": "The query has a form that the database does not take.",
    "53": "The database has too much to do right now. Try again in a moment.",
    "54": "The query is too large for the database.",
}


def sentence(error: psycopg.Error, seconds: int = STATEMENT_SECONDS) -> str | None:
    """What to tell the user; None when it is not about the query (a lost connection, a bug of ours). `seconds`: what it might take."""
    code = error.sqlstate or ""
    if code == "57014":
        return f"The query took longer than {seconds} seconds and was stopped. Filter more, or join and sort less."
    if code == OWN_SQLSTATE:
        return error.diag.message_primary or "The query cannot be run."
    if code == "42803" and (match := _GROUPED.search(error.diag.message_primary or "")):
        return f"The column {match[1]} is neither grouped by nor inside an aggregate."
    if not code:
        # What the driver cannot read, such as a date after the year 9999.
        return "The result holds a value that cannot be shown." if isinstance(error, psycopg.DataError) else None
    return _SENTENCES.get(code) or _CLASSES.get(code[:2])
