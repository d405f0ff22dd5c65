# SPDX-License-Identifier: Apache-2.0
"""memfabric.shm between hosts."""
import pathlib
import sys

PROGRAM = pathlib.Path(__file__).parent / "share_memory_program.py"


def test_ranks_of_two_hosts_put_get_and_hear_the_exit(make_cluster, python_packages):
    cluster = make_cluster(2)
    environment = {"PYTHONPATH": str(python_packages)}
    ranks = [
        cluster.hosts[rank // 2].start(
            [sys.executable, PROGRAM, cluster.url, rank, 2, 4], f"rank{rank}", environment
        )
        for rank in range(4)
    ]
    for rank in ranks:
        assert rank.read_line(60) == "exit 7"
    for rank in ranks[::-1]:  # the store's last
        rank.write_line("end")
        assert rank.read_line() == "done"
        assert rank.wait() == 0
