"""The memory limit of a statement: the system calls it is set with."""

from __future__ import annotations

import pytest

from cargo_ai.user_sql.run import memory_limit
from tests.kit.processes.kernel_headers import system_calls


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_calls_that_change_the_user_are_those_of_the_kernels_headers(machine: str) -> None:
    real = system_calls(machine)
    become_group, become_user = memory_limit._SET_IDS[machine]  # pyright: ignore[reportPrivateUsage]
    assert (become_group, become_user) == (real["setresgid"], real["setresuid"])
