# SPDX-License-Identifier: Apache-2.0
"""One pool of the memory of many processes, behind addresses that are the same in each of them.

memfabric.bm is big memory: pool DRAM and device memory of all ranks, copy between any two addresses, see ranges of the pool
as numpy arrays. memfabric.shm is shared memory: memory of the same size at every rank, with barrier, allgather and exit
broadcast. TransferEngine registers any memory and moves it between sessions, as prefill and decode servers do. The functions here are what all interfaces share.
"""
from . import bm, shm
from ._core import (
    create_config_store,
    get_and_clear_last_err_msg,
    get_last_err_msg,
    initialize,
    register_decrypt_handler,
    set_conf_store_tls,
    set_extern_logger,
    set_log_level,
    uninitialize,
    version as __version__,
)
from ._errors import Error, ErrorCode
from ._paths import get_include_path, get_lib_path
from .bm import CopyData2DParams
from .transfer import TransferEngine, TransferOpcode

__all__ = [
    "CopyData2DParams",
    "Error",
    "ErrorCode",
    "TransferEngine",
    "TransferOpcode",
    "bm",
    "create_config_store",
    "get_and_clear_last_err_msg",
    "get_include_path",
    "get_last_err_msg",
    "get_lib_path",
    "initialize",
    "register_decrypt_handler",
    "set_conf_store_tls",
    "set_extern_logger",
    "set_log_level",
    "shm",
    "uninitialize",
]
