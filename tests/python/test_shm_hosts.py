# SPDX-License-Identifier: Apache-2.0
"""memfabric.shm with ranks of two hosts: two host identities on one machine share no memory."""
import ctypes
import os

import memfabric
import numpy as np
import pytest
from memfabric import ErrorCode, shm
from ranks import run_ranks
from test_shm_ranks import BOTH, SIZE, memory_of

ROCE = shm.ShmDataOpType.ROCE


def other_hosts_rank(rank):
    return (rank.rank + 1) % rank.count


def live_apart(rank, fabric="auto"):
    """Even ranks on one host, odd ones on the other."""
    os.environ.update(MF_HOST_ID=["left", "right"][rank.rank % 2], MF_FABRIC=fabric)


def copy_between_hosts(rank):
    live_apart(rank)
    with memory_of(rank) as memory:
        peer = other_hosts_rank(rank)
        place = memory.peer_rank_ptr(peer)
        mask = ctypes.c_uint32()
        assert memory.topology_can_reach(peer, mask) == 0 and mask.value == memory.reach(peer) == ROCE
        assert memory.reach(rank.rank) == BOTH and memory.query_support_data_operation() == BOTH | ROCE
        sent = np.arange(SIZE // 8) + rank.rank
        assert memory.put(place, sent) == 0
        memory.barrier()
        assert (memory.view(dtype=np.int64) == np.arange(SIZE // 8) + (rank.rank - 1) % rank.count).all()
        got = bytearray(4096)
        assert memory.get(got, place + SIZE - len(got)) == 0
        assert got == sent[-len(got) // 8 :].tobytes()
        memory.barrier()
        # From a rank of another host straight into what is mapped here.
        assert memory.get(memory.peer_rank_ptr(rank.rank) + SIZE // 2, place, 64) == 0
        assert (memory.view(offset=SIZE // 2, dtype=np.int64)[:8] == sent[:8]).all()


@pytest.mark.parametrize("count", [2, 4])
def test_put_and_get_reach_ranks_of_other_hosts(count):
    run_ranks(count, copy_between_hosts)


def view_the_other_host(rank):
    live_apart(rank)
    with memory_of(rank) as memory:
        peer = other_hosts_rank(rank)
        for view in (memory.view, memory.buffer):
            with pytest.raises(memfabric.Error, match=f"rank {peer}, which lives on another host.*put and get") as error:
                view(peer)
            assert error.value.code == ErrorCode.NOT_SUPPORTED
            assert memoryview(view(rank.rank)).nbytes == SIZE
        if rank.count == 4:
            assert not memory.view((rank.rank + 2) % 4).any()


@pytest.mark.parametrize("count", [2, 4])
def test_views_of_ranks_of_other_hosts_are_refused(count):
    run_ranks(count, view_the_other_host)


def copy_without_the_fabric(rank):
    live_apart(rank, "off")
    with memory_of(rank) as memory:
        peer = other_hosts_rank(rank)
        assert memory.reach(peer) == 0
        for copy in (lambda place: memory.put(place, b"12345678"), lambda place: memory.get(bytearray(8), place)):
            with pytest.raises(memfabric.Error, match="MF_FABRIC is off") as error:
                copy(memory.peer_rank_ptr(peer))
            assert error.value.code == ErrorCode.NOT_SUPPORTED
        memory.barrier()
        assert not memory.view().any()


def test_copies_to_other_hosts_say_that_the_fabric_is_off():
    run_ranks(2, copy_without_the_fabric)
