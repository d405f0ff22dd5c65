# SPDX-License-Identifier: Apache-2.0
import enum
from collections.abc import Callable

from . import bm as bm
from . import shm as shm
from .bm import CopyData2DParams as CopyData2DParams
from .transfer import TransferEngine as TransferEngine
from .transfer import TransferOpcode as TransferOpcode

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

__version__: str

class ErrorCode(enum.IntEnum):
    OK = 0
    ERROR = -1
    STORE_INVALID_MESSAGE = -400
    STORE_INVALID_KEY = -401
    STORE_NOT_EXIST = -404
    STORE_TIMEOUT = -601
    STORE_SOCKET = -602
    INVALID_PARAM = -2000
    MALLOC_FAILED = -2001
    NEW_OBJECT_FAILED = -2002
    NOT_STARTED = -2003
    TIMEOUT = -2004
    REPEAT_CALL = -2005
    DUPLICATED_OBJECT = -2006
    OBJECT_NOT_EXISTS = -2007
    NOT_INITIALIZED = -2008
    RESOURCE_IN_USE = -2009
    RECONNECT = -2010
    GET_OBJECT = -2011
    PEER_LOST = -2012
    EVICTED = -2013
    NOT_SUPPORTED = -2014
    REFUSED = -2015

class Error(RuntimeError):
    code: int
    """An ErrorCode, or a plain int where it is none of them."""

    def __init__(self, message: str, code: int) -> None: ...

def initialize(flags: int = ...) -> int: ...
def uninitialize() -> None: ...
def set_log_level(level: int) -> int: ...
def set_extern_logger(log_fn: Callable[[int, str], object] | None) -> int: ...
def get_last_err_msg() -> str: ...
def get_and_clear_last_err_msg() -> str: ...
def register_decrypt_handler(py_decrypt_func: Callable[[str], str | bytes] | None) -> int: ...
def set_conf_store_tls(enable: bool, tls_info: str = ...) -> int: ...
def create_config_store(store_url: str) -> int: ...
def get_include_path() -> str: ...
def get_lib_path() -> str: ...
