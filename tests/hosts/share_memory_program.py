# SPDX-License-Identifier: Apache-2.0
"""A rank of test_python_shm.py: `share_memory_program.py STORE RANK RANKS_OF_A_HOST RANKS`. Exchanges memory with every other rank."""
import sys

import memfabric
import numpy as np
from memfabric import shm

SIZE = 2 << 20


def main(store, rank, local, count):
    code = shm.initialize(store, count, rank, 0, shm.ShmConfig())
    assert code == 0, memfabric.get_last_err_msg()
    with shm.create(0, count, rank, SIZE) as memory:
        for peer in range(count):
            far = peer // local != rank // local
            assert memory.reach(peer) == (shm.ShmDataOpType.ROCE if far else shm.ShmDataOpType.MTE | shm.ShmDataOpType.SDMA)
            assert memory.put(memory.peer_rank_ptr(peer) + 4096 * rank, np.full(512, 100 * rank + peer)) == 0
            if far:
                try:
                    memory.view(peer)
                    raise AssertionError("a view of another host's memory")
                except memfabric.Error as error:
                    assert "lives on another host" in str(error), error
        memory.barrier()
        mine = memory.view(dtype=np.int64)
        for peer in range(count):
            assert (mine[512 * peer : 512 * (peer + 1)] == 100 * peer + rank).all()
            got = np.zeros(512, dtype=np.int64)
            assert memory.get(got, memory.peer_rank_ptr(peer) + 4096 * rank) == 0
            assert (got == 100 * rank + peer).all()
        memory.register_exit(lambda status: print("exit", status, flush=True))
        memory.barrier()
        if rank == count - 1:
            memory.global_exit(7)
        sys.stdin.readline()
    shm.uninitialize()
    print("done", flush=True)


main(sys.argv[1], *map(int, sys.argv[2:]))
