# SPDX-License-Identifier: Apache-2.0
"""PEs and ranks of SHM that start processes with Python's multiprocessing."""
import os
import pathlib
import subprocess
import sys

import memfabric
import pytest

pytest.importorskip("shmem")

PROGRAM = pathlib.Path(__file__).with_name("shmem_children.py")
MF = pathlib.Path(memfabric.__file__).parent / "bin" / "mf"


@pytest.mark.parametrize("case", ["fork", "pool", "spawn", "shm"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_children(tmp_path, case, count):
    environment = {**os.environ, "MF_RUNTIME_DIR": str(tmp_path / "run")}
    result = subprocess.run([MF, "run", "-n", str(count), "--no-prefix", "--", sys.executable, PROGRAM, case], capture_output=True,
                            text=True, timeout=120, env=environment, check=False)
    assert (result.returncode, result.stdout) == (0, "ok\n" * count), result.stderr
    assert list((tmp_path / "run").iterdir()) == []
