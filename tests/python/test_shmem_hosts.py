# SPDX-License-Identifier: Apache-2.0
"""The Python package shmem with PEs of two host identities on one machine, which share no memory."""
import os

import pytest
from ranks import run_ranks

shmem = pytest.importorskip("shmem")

import test_shmem  # noqa: E402
from test_shmem import started  # noqa: E402


def on_hosts(rank, name):
    """The function of test_shmem, PEs 0 and 1 on one host, all others on another."""
    os.environ["MF_HOST_ID"] = f"host{min(rank.rank // 2, 1)}"
    return getattr(test_shmem, name)(rank)


@pytest.mark.parametrize("name", ["ring", "single_values", "collectives", "teams"])
def test_as_on_one_host(name):
    run_ranks(4, on_hosts, name)


def test_atomics_of_many_pes():
    tickets = run_ranks(3, on_hosts, "atomics")
    assert sorted(sum(tickets, [])) == list(range(300))


def arrays(rank):
    os.environ["MF_HOST_ID"] = f"host{rank.rank}"
    with started(rank) as (other, _):
        grid = shmem.array((4, 8), "float32", fill=rank.rank)
        assert shmem.shmem_ptr(grid, other) == 0 and shmem.shmem_ptr(grid, rank.rank) != 0
        with pytest.raises(ValueError, match=f"PE {other} .* another host .*put"):
            grid.on(other)
        shmem.barrier_all()
        assert (grid.get(other) == other).all()
        shmem.barrier_all()
        grid[3].put(other, 7)
        grid[0, 2:4].put(other, [rank.rank + 0.5, 1])
        shmem.barrier_all()
        assert (grid[3] == 7).all() and grid[0, 2:4].tolist() == [other + 0.5, 1]


def test_arrays_of_other_hosts_are_copied():
    run_ranks(2, arrays)
