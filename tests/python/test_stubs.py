# SPDX-License-Identifier: Apache-2.0
"""The .pyi files say what is there."""
import importlib.util
import os
import pathlib
import subprocess
import sys

import memfabric
import pytest

PACKAGES = ["memfabric", "mf_smem", "mf_adapter", "memfabric_hybrid"]
if importlib.util.find_spec("shmem") is not None:
    PACKAGES.append("shmem")
FOLDER = str(pathlib.Path(memfabric.__file__).parents[1])


def run(*arguments, cwd):
    return subprocess.run([sys.executable, "-m", *arguments], cwd=cwd, capture_output=True, text=True, timeout=300,
                          env={**os.environ, "MYPYPATH": FOLDER, "PYTHONPATH": FOLDER})


def test_stubs_match_the_packages(tmp_path):
    result = run("mypy.stubtest", "--allowlist", str(pathlib.Path(__file__).with_name("stubtest_allowlist.txt")),
                 "--ignore-unused-allowlist", *PACKAGES, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


PROGRAM = """
import memfabric
from memfabric_hybrid import bm
import mf_smem.bm
from mf_smem import shm

def main() -> int:
    config: bm.BmConfig = bm.BmConfig()
    config.rank_id = -1
    code: int = bm.initialize("tcp://127.0.0.1:5000", 2, 0, config)
    code = bm.initialize("tcp://127.0.0.1:5000", 2, 1, 0, config)
    code = bm.initialize(store_url="tcp://127.0.0.1:5000", world_size=2, rank_id=1, device_id=0, config=config)
    with mf_smem.bm.create(0, 1 << 21) as pool:
        address: int = pool.join()
        code = pool.copy_data(b"abc", address, 3, bm.BmCopyType.H2G, 0)
        pool.view(0)[:] = 1
    code = shm.initialize("tcp://127.0.0.1:5000", 2, 1, 0, shm.ShmConfig())
    with shm.create(0, 2, 1, 1 << 21, shm.ShmDataOpType.MTE) as memory:
        gathered: bytes = memory.all_gather(b"abc")
        memory.view(0)[:] = len(gathered)
        code = memory.register_exit(lambda status: None)
    return code + memfabric.ErrorCode.OK
"""


@pytest.mark.parametrize("extra, good", [("", True), ("bm.create('x')", False), ("bm.BmConfig().no_such = 1", False)])
def test_a_typed_program_is_checked(tmp_path, extra, good):
    (tmp_path / "program.py").write_text(f"{PROGRAM}\n{extra}\n")
    result = run("mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "program.py", cwd=tmp_path)
    assert (result.returncode == 0) is good, result.stdout + result.stderr
