# SPDX-License-Identifier: Apache-2.0
"""Big memory: the DRAM and device memory of all ranks as one pool behind global virtual addresses.

    bm.initialize(store_url, world_size, rank_id, device_id, bm.BmConfig())
    with bm.create(0, 64 << 20) as pool:
        pool.join()
        pool.copy_data(data, pool.peer_rank_ptr(1))
"""
import enum

from . import _core
from ._core import BigMemory, BmConfig, CopyData2DParams

__all__ = [
    "ASYNC_COPY_FLAG",
    "COPY_EXTEND_FLAG",
    "COPY_FLAG_COLD",
    "COPY_FLAG_HOT",
    "BigMemory",
    "BmConfig",
    "BmCopyType",
    "BmDataOpType",
    "BmMemType",
    "CopyData2DParams",
    "bm_rank_id",
    "create",
    "initialize",
    "uninitialize",
]

ASYNC_COPY_FLAG = 1 << 0
COPY_EXTEND_FLAG = 1 << 1
COPY_FLAG_COLD = 1 << 16
COPY_FLAG_HOT = 1 << 17


class BmCopyType(enum.IntEnum):
    """Direction of a copy. L: device memory of this process, G: the pool, H: host memory of this process, GH: the pool's DRAM."""

    L2G = 0
    G2L = 1
    G2H = 2
    H2G = 3
    L2GH = 4
    GH2L = 5
    GH2H = 6
    H2GH = 7
    G2G = 8
    AUTO = 9


class BmDataOpType(enum.IntEnum):
    """Hints; the fastest path that reaches the peer is taken."""

    SDMA = 1
    ROCE = 2
    HOST_RDMA = 2
    HOST_TCP = 4
    DEVICE_RDMA = 8
    HOST_URMA = 16


class BmMemType(enum.IntEnum):
    """Kinds of memory: of the calling rank (LOCAL), or of any."""

    LOCAL_DEVICE = 0
    LOCAL_HOST = 1
    DEVICE = 2
    HOST = 3


_FORMS = (("store_url", "world_size", "device_id", "config"), ("store_url", "world_size", "rank_id", "device_id", "config"))
_LARGEST_WORLD = 1024

# What create() takes for member_size; 0 before initialize(), of which the first takes effect.
_world_size = 0


def _is_rank_form(args, kwargs):
    """Whether the third value by position, or a keyword, is a rank."""
    if "rank_id" in kwargs or len(args) == 5:
        return True
    if len(args) == 4:
        return not isinstance(args[3], BmConfig)
    return len(args) == 3 and "device_id" in kwargs


def _bind_initialize(args, kwargs):
    names = _FORMS[_is_rank_form(args, kwargs)]
    if len(args) > len(names):
        raise TypeError(f"initialize() takes at most {len(_FORMS[1])} arguments, {len(args)} were given")
    given = dict(zip(names, args))
    for name, value in kwargs.items():
        if name not in names:
            raise TypeError(f"initialize() got an unexpected keyword argument '{name}'")
        if name in given:
            raise TypeError(f"initialize() got multiple values for argument '{name}'")
        given[name] = value
    missing = [name for name in names if name not in given and name not in ("device_id", "config")]
    if missing:
        raise TypeError(f"initialize() is missing the arguments {', '.join(missing)}")
    return given


def initialize(*args, **kwargs):
    """initialize(store_url, world_size, device_id=0, config=BmConfig()) -> int
    initialize(store_url, world_size, rank_id, device_id=0, config=BmConfig()) -> int

    Connects to the config store at "tcp://host:port" (or starts it) and takes a rank.

    A rank_id that is given overrides config.rank_id and switches auto_ranking off; None and -1 mean: not given. A second call
    while initialised changes nothing. Returns 0 or an error code.
    """
    global _world_size
    given = _bind_initialize(args, kwargs)
    config = given.get("config")
    if config is None:
        config = BmConfig()
    rank = given.get("rank_id")
    code = _core.bm_initialize(given["store_url"], given["world_size"], None if rank == -1 else rank,
                               given.get("device_id", 0), config)
    if code == 0 and _world_size == 0:
        _world_size = _LARGEST_WORLD if config.dynamic_world_size else given["world_size"]
    return code


def uninitialize(flags=0):
    """Leaves and destroys what is left, says goodbye to the store. A second call does nothing. flags is reserved."""
    global _world_size
    _core.bm_uninitialize(flags)
    _world_size = 0


def bm_rank_id():
    """This process's rank; 4294967295 before initialize()."""
    return _core.bm_rank_id()


def create(id, local_dram_size, local_hbm_size=0, data_op_type=BmDataOpType.SDMA, flags=0, member_size=None):
    """Creates this rank's handle of object `id` (0 to 63); waits for no other rank.

    Sizes are bytes that each rank contributes from join() on: multiples of 2 MiB, not both 0, the same at every rank. At most
    member_size ranks (default, and 0: the world) may join. data_op_type is a hint, flags is reserved. Raises memfabric.Error.
    """
    members = _world_size if member_size is None else member_size
    return _core.bm_create(id, members, data_op_type, local_dram_size, local_hbm_size, flags)
