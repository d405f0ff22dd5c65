# SPDX-License-Identifier: Apache-2.0
"""The examples of the package shmem, under mf run."""
import os
import pathlib
import re
import subprocess
import sys

import memfabric
import pytest

pytest.importorskip("shmem")

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
MF = pathlib.Path(memfabric.__file__).parent / "bin" / "mf"


def run(name, count):
    result = subprocess.run([MF, "run", "-n", str(count), "--no-prefix", "--", sys.executable, EXAMPLES / name], capture_output=True,
                            text=True, timeout=120, env=dict(os.environ))
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("count", [1, 2, 4])
def test_ring(count):
    total = 3 * sum(range(count))
    assert run("shmem_ring.py", count) == f"the token went round 3 times through {count} PEs and is {total}, expected {total}\n"


@pytest.mark.parametrize("count", [1, 4])
def test_heat(count):
    output = run("shmem_heat.py", count)
    found = re.fullmatch(r"200 steps on (\d) PEs: mean temperature ([\d.]+), largest difference from one PE ([\d.e+-]+)\n", output)
    assert int(found[1]) == count and 0 < float(found[2]) < 100 and float(found[3]) <= 1e-12


@pytest.mark.parametrize("count", [2, 4])
def test_histogram(count):
    assert run("shmem_histogram.py", count) == f"{20000 * count} numbers of {count} PEs in {8 * count} bins: right\n"
