"""How many examples a property test tries: all in `make test-slow`, a tenth in `make test`, which runs it as well."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

ALL, SOME = "all examples", "a tenth of the examples"
LEAST = 5
_PERCENT = 100


def register_profiles() -> None:
    """Name both to Hypothesis, and begin with the few (`--hypothesis-profile="all examples"` is the other)."""
    # How long an example takes says more of the machine than of the code: what is to be fast is measured in tests of its own.
    settings.register_profile(ALL, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=_PERCENT)
    settings.register_profile(SOME, settings.get_profile(ALL), max_examples=_PERCENT // 10)
    settings.load_profile(SOME)


def examples(most: int) -> int:
    """For `max_examples`: `most`, or a tenth of it."""
    return max(min(most, LEAST), most * settings().max_examples // _PERCENT)
