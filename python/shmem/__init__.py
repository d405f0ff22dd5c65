# SPDX-License-Identifier: Apache-2.0
"""SHMEM: a symmetric heap, and puts, gets, atomics and collectives between processing elements (PEs).

    shmem.shmem_init(mype, npes, 64 << 20)
    numbers = shmem.array(100, "int64")            # at every PE
    numbers.put((shmem.my_pe() + 1) % shmem.pe_count(), shmem.my_pe())
    shmem.barrier_all()
    shmem.shmem_finalize()

Besides the names below there are, for each C type of OpenSHMEM, shmem_TYPE_p(dst, value, pe), shmem_TYPE_g(src, pe) and
shmem_TYPE_atomic_OPERATION(...).
"""
from memfabric import (
    get_and_clear_last_err_msg,
    get_last_err_msg,
    register_decrypt_handler,
    set_conf_store_tls,
    set_extern_logger,
    set_log_level,
)

from . import _shmem
from ._array import SymmetricArray, array
from ._documented import *
from ._documented import __all__ as _documented
from ._start import *
from ._start import __all__ as _start
from ._together import *
from ._together import __all__ as _together
from ._types import ErrorCode, InitAttr, InitStatus, OpEngineType, OptionalAttr, TeamConfig

_typed = [name for name in dir(_shmem) if name.startswith("shmem_")]
globals().update({name: getattr(_shmem, name) for name in _typed})

__all__ = [
    "ErrorCode",
    "InitAttr",
    "InitStatus",
    "OpEngineType",
    "OptionalAttr",
    "SymmetricArray",
    "TeamConfig",
    "array",
    "get_and_clear_last_err_msg",
    "get_last_err_msg",
    "register_decrypt_handler",
    "set_conf_store_tls",
    "set_extern_logger",
    "set_log_level",
    *_documented,
    *_start,
    *_together,
    *_typed,
]
