# SPDX-License-Identifier: Apache-2.0
import enum
from collections.abc import Iterable
from types import TracebackType
from typing import Any, SupportsIndex, overload

import numpy
import numpy.typing
from typing_extensions import Self, TypeAlias

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

# An int, a ctypes pointer, or any object with a buffer: bytes, bytearray, memoryview, array, numpy and ctypes arrays.
_Address: TypeAlias = Any

ASYNC_COPY_FLAG: int
COPY_EXTEND_FLAG: int
COPY_FLAG_COLD: int
COPY_FLAG_HOT: int

class BmCopyType(enum.IntEnum):
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
    SDMA = 1
    ROCE = 2
    HOST_RDMA = 2
    HOST_TCP = 4
    DEVICE_RDMA = 8
    HOST_URMA = 16

class BmMemType(enum.IntEnum):
    LOCAL_DEVICE = 0
    LOCAL_HOST = 1
    DEVICE = 2
    HOST = 3

class BmConfig:
    init_timeout: int
    create_timeout: int
    operation_timeout: int
    start_store: bool
    start_store_only: bool
    dynamic_world_size: bool
    unified_address_space: bool
    auto_ranking: bool
    rank_id: int
    flags: int
    @property
    def nic(self) -> str: ...
    def __init__(self) -> None: ...
    def set_nic(self, nic: str) -> None: ...

class CopyData2DParams:
    src: _Address
    spitch: int
    dest: _Address
    dpitch: int
    width: int
    height: int
    def __init__(self, src: _Address = ..., spitch: int = ..., dest: _Address = ..., dpitch: int = ..., width: int = ...,
                 height: int = ...) -> None: ...

class BigMemory:
    @property
    def id(self) -> int: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, type: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None: ...
    def __int__(self) -> int: ...
    def join(self, flags: int = ...) -> int: ...
    def leave(self, flags: int = ...) -> None: ...
    def destroy(self) -> None: ...
    def local_mem_size(self, mem_type: int | None = ...) -> int: ...
    def peer_rank_ptr(self, peer_rank: int, mem_type: int | None = ...) -> int: ...
    def get_rank_id_by_gva(self, gva: _Address) -> int: ...
    def register(self, addr: _Address, size: int | None = ...) -> int: ...
    def unregister(self, addr: _Address) -> int: ...
    def copy_data(self, src_ptr: _Address, dst_ptr: _Address, size: int | None = ..., type: int = ..., flags: int = ...) -> int: ...
    def copy_data_2d(self, params: CopyData2DParams, type: int = ..., flags: int = ...) -> int: ...
    def copy_data_batch(self, src_addrs: Iterable[_Address], dst_addrs: Iterable[_Address], sizes: Iterable[int] | None = ...,
                        count: int | None = ..., type: int = ..., flags: int = ...) -> int: ...
    def wait(self) -> int: ...
    def view(self, rank: int | None = ..., offset: int = ..., size: int | None = ..., dtype: numpy.typing.DTypeLike = ...,
             shape: SupportsIndex | Iterable[SupportsIndex] | None = ...,
             mem_type: int | None = ...) -> numpy.ndarray[Any, numpy.dtype[Any]]: ...
    def buffer(self, rank: int | None = ..., offset: int = ..., size: int | None = ...,
               mem_type: int | None = ...) -> memoryview: ...

@overload
def initialize(store_url: str, world_size: int, device_id: int = ..., config: BmConfig | None = ...) -> int: ...
@overload
def initialize(store_url: str, world_size: int, rank_id: int | None, device_id: int = ..., config: BmConfig | None = ...) -> int: ...
def uninitialize(flags: int = ...) -> None: ...
def bm_rank_id() -> int: ...
def create(id: int, local_dram_size: int, local_hbm_size: int = ..., data_op_type: int = ..., flags: int = ...,
           member_size: int | None = ...) -> BigMemory: ...
