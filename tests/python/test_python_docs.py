# SPDX-License-Identifier: Apache-2.0
"""docs/python.md: its blocks are one program that runs, and it names everything."""
import pathlib
import re
import subprocess
import sys

import memfabric
from memfabric import bm, shm
from ranks import free_url

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "python.md").read_text()


def test_the_blocks_run_in_order(tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.M | re.S)
    assert len(blocks) >= 7
    program = "\n".join(blocks)
    assert program.count("tcp://127.0.0.1:5588") == 2
    (tmp_path / "program.py").write_text(program.replace("tcp://127.0.0.1:5588", free_url()))
    result = subprocess.run([sys.executable, tmp_path / "program.py"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "code -2000" in result.stdout


def test_every_name_is_there():
    for name in [*memfabric.__all__, *bm.__all__, *shm.__all__]:
        assert re.search(rf"\b{name}\b", PAGE) or name.startswith("COPY_"), name
    for name in [*dir(bm.BigMemory), *dir(bm.BmConfig), *dir(shm.ShareMemory), *dir(shm.ShmConfig),
                 *dir(memfabric.TransferEngine)]:
        assert name.startswith("_") or name == "nic" or re.search(rf"\b{name}\b", PAGE), name
