# SPDX-License-Identifier: Apache-2.0
"""What PEs that wait for long say in the log."""
import re

import pytest

from actors import wait_for
from test_shmem_conformance import BUILD, PROGRAMS, build

pytestmark = pytest.mark.skipif(not (BUILD / "bin/oshrun").exists(), reason="this build has no OpenSHMEM")

PES = 3
QUICK = {"MF_WAIT_NOTICE": "200ms", "MF_LOG_LEVEL": "info"}


@pytest.fixture(name="start")
def _start(harness, tmp_path):
    program, file = tmp_path / "program", tmp_path / "go on"
    build(PROGRAMS / "late.c", program, "c")
    job = None

    def started(wait):
        nonlocal job
        job = harness.start([BUILD / "bin/oshrun", "-np", PES, program, wait, file], environment=QUICK)
        return job

    yield started
    file.touch()
    assert job.wait(60) == 0, job.stderr()


def lines(job, text):
    return [line for line in job.stderr().splitlines() if re.search(r"waiting for \d+\.\d s: " + text, line)]


def is_warning(line):
    return "warn" in line.lower()


@pytest.mark.parametrize("wait,call", [("barrier", "barrier of all PEs"), ("broadcast", "shmem_int_broadcast")])
def test_who_does_not_come_to_a_collective_is_named(start, wait, call):
    job = start(wait)
    for pe in range(PES - 1):
        wait_for(lambda pe=pe: len(lines(job, f"PE {pe} in {call}: PE {PES - 1}$")) >= 2, "a word on whom they wait for", 30)
    assert all(is_warning(line) for line in lines(job, f"PE 0 in {call}"))
    assert not any(is_warning(line) for line in lines(job, f"PE 1 in {call}")), "one warns for all"


def test_a_lock_that_another_pe_has_is_named(start):
    job = start("lock")
    wait_for(lambda: lines(job, "PE 0 in shmem_set_lock: the PE that has the lock at 0x"), "a word on the lock", 30)


def test_a_variable_that_nobody_changes_is_named_and_no_warning(start):
    job = start("variable")
    found = lambda: lines(job, "PE 1 in shmem_int_wait_until: a PE that changes the variable at 0x")
    wait_for(found, "a word on the variable", 30)
    assert not any(is_warning(line) for line in found())
