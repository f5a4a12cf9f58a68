"""The database's clock in this process: near, bounded by what was seen, and moved at once when either clock is set."""

from __future__ import annotations

from cargo_ai.engine.limits.database_clock import DatabaseClock


def test_a_slow_answer_does_not_move_it_and_a_clock_that_was_set_does() -> None:
    clock = DatabaseClock()
    assert clock.now(5.0) is None
    clock.learn(1000.0, 10.0, 10.002)
    assert abs(clock.here(1000.0) - 10.002) < 1e-9
    clock.learn(1010.1, 20.0, 20.4)
    assert abs(clock.here(1010.0) - 20.002) < 1e-9
    clock.learn(1025.0, 30.0, 30.001)
    assert abs(clock.here(1025.0) - 30.001) < 1e-9
    clock.learn(1000.0, 40.0, 40.001)
    assert abs(clock.here(1000.0) - 40.0) < 0.002
