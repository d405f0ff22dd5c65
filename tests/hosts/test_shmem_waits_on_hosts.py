# SPDX-License-Identifier: Apache-2.0
"""What PEs say in the log that wait for long for PEs of another host."""
import re
import threading

import pytest

from actors import wait_for
from shmem_job import jobs_on
from test_shmem_conformance import PROGRAMS, build

QUICK = {"MF_WAIT_NOTICE": "200ms", "MF_LOG_LEVEL": "info"}
BARRIER = "barrier of all PEs"
BROADCAST = "shmem_int_broadcast"


class Job:
    """late.c with two PEs on each of two hosts, whose last PE is late."""

    def __init__(self, process):
        self.process = process
        self.said = []
        self._reader = threading.Thread(target=lambda: self.said.extend(process.stderr), daemon=True)
        self._reader.start()

    def lines(self, text):
        return [line for line in self.said if re.search(r"waiting for \d+\.\d s: " + text, line)]

    def end(self):
        code = self.process.wait(60)
        self._reader.join(10)
        self.process.stdout.close()
        self.process.stderr.close()
        assert code == 0, "".join(self.said)


@pytest.fixture(name="start", scope="module")
def _start(tmp_path_factory):
    folder = tmp_path_factory.mktemp("waits")
    build(PROGRAMS / "late.c", folder / "late", "c")
    with jobs_on(2, tmp_path_factory.mktemp("hosts")) as jobs:
        yield lambda wait, file: Job(jobs.start("2x2", folder / "late", wait, file, variables=QUICK))


@pytest.fixture(name="waiting")
def _waiting(start, tmp_path):
    """waiting(what) is the job; it ends with the test."""
    file = tmp_path / "go on"
    job = None

    def waiting(what):
        nonlocal job
        job = start(what, file)
        return job

    yield waiting
    file.touch()
    job.end()


@pytest.mark.parametrize(
    "wait,text,warns",
    [
        ("barrier", f"PE 2 in {BARRIER}: PE 3$", True),
        ("barrier", f"PE 0 in {BARRIER}: PE 2 on another host$", True),
        ("barrier", rf"PE 1 in {BARRIER}: PE 0 \(which waits for PE 2\)$", True),
        ("broadcast", f"PE 0 in {BROADCAST}: PE 3 on another host$", True),
        ("lock", "PE 0 in shmem_set_lock: the PE that has the lock at 0x", True),
        ("variable", "PE 0 in shmem_int_wait_until: a PE that changes the variable at 0x", False),
    ],
)
def test_whom_a_pe_waits_for_is_said_again_and_again(waiting, wait, text, warns):
    job = waiting(wait)
    wait_for(lambda: len(job.lines(text)) >= 2, "a word on whom it waits for", 30)
    assert all(("warn" in line.lower()) == warns for line in job.lines(text)), job.lines(text)
