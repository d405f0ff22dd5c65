# SPDX-License-Identifier: Apache-2.0
"""Shared memory: memory of the same size at every rank, seen by all, with barrier, allgather and exit broadcast.

    shm.initialize(store_url, world_size, rank_id, device_id, shm.ShmConfig())
    with shm.create(0, world_size, rank_id, 2 << 20) as memory:
        memory.view()[:] = rank_id
        memory.barrier()
        print(memory.view(rank=1)[0])
"""
import enum

from . import _core
from ._core import ShareMemory, ShmConfig

__all__ = [
    "ShareMemory",
    "ShmConfig",
    "ShmDataOpType",
    "create",
    "initialize",
    "uninitialize",
]


class ShmDataOpType(enum.IntEnum):
    """Ways to reach a rank's memory: loads and stores, the copy engine, the network fabric. Bits of a mask."""

    MTE = 1
    SDMA = 2
    ROCE = 4
    RDMA = 4


def initialize(store_url, world_size, rank_id, device_id=0, config=None):
    """Connects to the config store at "tcp://host:port" (rank 0 starts it, unless it runs) and takes the rank.

    A second call while initialised changes nothing. Returns 0 or an error code.
    """
    return _core.shm_initialize(store_url, world_size, rank_id, device_id, ShmConfig() if config is None else config)


def uninitialize(flags=0):
    """Destroys what is left, says goodbye to the store. A second call does nothing. flags is reserved."""
    _core.shm_uninitialize(flags)


def create(id, rank_size, rank_id, local_mem_size, data_op_type=ShmDataOpType.MTE, flags=0):
    """Creates object `id` (0 to 63) together with its other ranks: returns when all rank_size have called it.

    rank_id is the caller's rank in the object; local_mem_size, a multiple of 2 MiB, is what each rank contributes, zeroed.
    Where the ranks disagree, or one is lost, it raises memfabric.Error at every rank. data_op_type is a hint, flags is reserved.
    """
    return _core.shm_create(id, rank_size, rank_id, local_mem_size, data_op_type, flags)
