# SPDX-License-Identifier: Apache-2.0
"""Run by test_wheel.py in a clean environment: two processes that write into each other's memory."""
import multiprocessing
import socket

import memfabric
from mf_smem import bm


def rank_main(rank, url, barrier, results):
    assert bm.initialize(url, 2, rank, 0, bm.BmConfig()) == 0, memfabric.get_last_err_msg()
    with bm.create(0, 2 << 20) as pool:
        pool.join()
        barrier.wait()
        pool.copy_data(f"from rank {rank}".encode(), pool.peer_rank_ptr(1 - rank))
        barrier.wait()
        results.put((rank, bytes(pool.buffer(size=11))))
        barrier.wait()
    barrier.wait()
    bm.uninitialize()


def main():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    spawn = multiprocessing.get_context("spawn")
    barrier, results = spawn.Barrier(2, timeout=60), spawn.Queue()
    processes = [spawn.Process(target=rank_main, args=(rank, url, barrier, results)) for rank in range(2)]
    for process in processes:
        process.start()
    print(memfabric.__version__)
    print([text for _, text in sorted(results.get(timeout=60) for _ in range(2))])
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]


if __name__ == "__main__":
    main()
