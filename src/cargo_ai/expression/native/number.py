"""JavaScript numbers over Python's int and float: reading them from text, printing them, rounding them to a double."""

import math
import re

MAX_SAFE = 2**53 - 1
"""The largest n for which every whole number from -n to n is a double."""

WHITE_SPACE = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""What JavaScript's trim() removes."""

_DECIMAL = re.compile(r"[+-]?(?:Infinity|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_RADIX = re.compile(r"0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")


def as_double(value: int | float) -> int | float:
    """The value as JavaScript holds it: a whole number within ±2^53 as int, everything else as float."""
    if isinstance(value, int):
        if -MAX_SAFE <= value <= MAX_SAFE:
            return value
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return int(value) if value.is_integer() and -MAX_SAFE <= value <= MAX_SAFE else value


def text_to_number(text: str) -> int | float:
    """JavaScript's Number(text): '' is 0, '0x1f' is 31, '1e3' is 1000, what is not a number is NaN."""
    text = text.strip(WHITE_SPACE)
    if text == "":
        return 0
    if _RADIX.fullmatch(text):
        return as_double(int(text, 0))
    if not _DECIMAL.fullmatch(text):
        return math.nan
    return as_double(float(text.replace("Infinity", "inf")))


def number_to_text(value: int | float) -> str:
    """JavaScript's String(number): 2.0 is '2', 1e-7 is '1e-7', 1e21 is '1e+21'."""
    value = as_double(value)
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    sign = "-" if value < 0 else ""
    # repr gives the shortest digits that read back as the same double, which are JavaScript's digits too; only their layout differs.
    mantissa, _, exponent = repr(abs(float(value))).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    return sign + _format_digits(digits.rstrip("0"), point)


def _format_digits(digits: str, point: int) -> str:
    """Digits with the decimal point after the first `point` of them, in the notation that JavaScript chooses."""
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    mantissa = digits if count == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{point - 1:+d}"
