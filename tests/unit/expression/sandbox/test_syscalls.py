"""The tables of system calls: right for both machines, whichever the tests run on."""

from __future__ import annotations

import pytest

from cargo_ai.expression.sandbox import syscalls
from tests.kit.processes import refusing
from tests.kit.processes.kernel_headers import system_calls

machines = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


@machines
def test_the_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    real = system_calls(machine)
    named = syscalls.NUMBERS[machine]
    assert named == {name: real[name] for name in named}


@machines
def test_what_the_tables_lack_the_machine_has_not(machine: str) -> None:
    missing = (syscalls.PYTHON | syscalls.JAVASCRIPT) - syscalls.NUMBERS[machine].keys()
    assert not missing & system_calls(machine).keys()


@machines
def test_the_calls_that_tests_refuse_are_those_of_the_kernels_headers(machine: str) -> None:
    real = system_calls(machine)
    refused = refusing.CALLS[machine]
    assert refused == {name: real[name] for name in refused}
