# SPDX-License-Identifier: Apache-2.0
"""PEs that go without shmem_finalize, where no launcher looks after them: PE 0 serves the store."""
import os
import signal
import sys

import pytest
from ranks import SPAWN, free_url

shmem = pytest.importorskip("shmem")

HEAP = 4 << 20
TIMEOUT = 60
ENDS = {
    "_exit": (lambda: os._exit(0), 0),
    "exit": (lambda: sys.exit(4), 4),
    "kill": (lambda: os.kill(os.getpid(), signal.SIGKILL), -9),
    "global exit": (lambda: shmem.shmem_global_exit(9), 9),
}


def pe_that_may_go(me, count, url, folder, who, how):
    os.environ["MF_RUNTIME_DIR"] = folder
    attributes = shmem.InitAttr()
    assert shmem.shmem_set_attributes(me, count, HEAP, url, attributes) == 0
    assert shmem.shmem_init(attributes) == 0
    shmem.barrier_all()
    if me == who:
        ENDS[how][0]()
    shmem.barrier_all()  # for ever, if nobody told


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("who", [0, 2])
def test_all_end_with_the_pe_that_goes(tmp_path, who, how):
    url, folder = free_url(), tmp_path / "run"
    processes = [SPAWN.Process(target=pe_that_may_go, args=(me, 3, url, str(folder), who, how), daemon=True) for me in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(TIMEOUT)
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
        process.join()
    own = ENDS[how][1]
    others = own if how == "global exit" else 1
    assert codes == [own if me == who else others for me in range(3)]
    if how == "global exit":
        assert list(folder.iterdir()) == []
